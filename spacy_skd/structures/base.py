"""What every structure has: log Z, marginals, the best and samples; the rest follows from them."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy

from ..arrays import Floats1d, Floats2d, FloatsXd
from .parts import GROWTH, Parts

LEAST = 1e-30  # a probability that is as good as 0

if TYPE_CHECKING:
    from typing_extensions import Self


class Structure(ABC):
    """A family of output structures y over which P(y) = exp(sum of its parts' scores) / Z.

    A frozen dataclass of settings; it never holds arrays or labels, so the same object serves the
    teacher, the student's gradient and the decoder.

    family (str): of those with the same arrays among `Parts`. name (str): in settings and tables;
        a class that has one of its own is registered. annotates (str): what is read from a
        structure: between two that annotate other things no belief is converted. parts (tuple[str,
        ...]): names of the arrays. independent (bool): whether the parts of each token are a
        distribution of their own. has_positions (bool): whether there is `positions`.
        growth (float): of units in one padded batch of predictions, see `make_buckets`.
    """

    family: ClassVar[str]
    name: ClassVar[str]
    annotates: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    independent: ClassVar[bool] = False
    has_positions: ClassVar[bool] = False
    growth: ClassVar[float] = GROWTH
    registered: ClassVar[dict[str, type["Structure"]]] = {}  # by the name of the class

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        if "name" in vars(cls):
            Structure.registered[cls.__name__] = cls

    @classmethod
    def of(cls, structure: "Structure") -> "Self":
        """Return the structure, as one of this class. RAISES (ValueError): if it is another."""
        if isinstance(structure, cls):
            return structure
        raise ValueError(f"expected {cls.__name__}, got {type(structure).__name__}")

    @property
    def emissions(self) -> "Structure":
        """The structure over the scores of tokens alone, without those of pairs.

        RAISES (ValueError): if it has none.
        """
        kinds = Structure.registered.values()
        emitting = (kind for kind in kinds if kind.emissions is not Structure.emissions)
        raise ValueError(
            f"target 'token': expected a structure with scores of tokens (families "
            f"{', '.join(dict.fromkeys(kind.family for kind in emitting))}), got "
            f"{type(self).__name__}; set target = 'structural'"
        )

    def positions(self, scores: Parts, target: Parts) -> tuple[Floats1d, Parts]:
        """Cross-entropy between the target's and P's marginals of single tokens.

        scores (Parts): nats. target (Parts): marginals of tokens.
        RETURNS (tuple[Floats1d, Parts]): (B,) nats, float64; its gradient at the scores.
        RAISES (ValueError): as `infer`; if the marginals have no derivative here (trees).
        """
        if not self.independent:
            known = ", ".join(self.having_positions())
            raise ValueError(f"position loss: expected one of {known}, got {type(self).__name__}")
        log_z, marginals = self.infer(scores)
        return log_z - target.dot(scores), marginals - target

    @staticmethod
    def having_positions() -> list[str]:
        """Return the names of the classes that have `positions`."""
        return [name for name, kind in Structure.registered.items() if kind.has_positions]

    @abstractmethod
    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        """log Z of each unit, (B,) float64 nats, and the marginals P(part), in the scores' dtype;
        0 in the padding and for impossible parts. The marginals are the gradient of log Z.

        RAISES (ValueError): naming the unit, if a score is NaN or +inf, or if no structure is
            possible.
        """

    @abstractmethod
    def argmax(self, scores: Parts) -> Parts:
        """0/1 indicators of the structure with the highest score of each unit.

        RAISES (ValueError): as `infer`.
        """

    @abstractmethod
    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        """Return the k structures with the highest scores of each unit, all different.

        k (int): at least 1.
        RETURNS (tuple[Floats2d, list[Parts]]): (B, k) float64 scores in nats, highest first, -inf
            where a unit has fewer structures; k indicators, all 0 where it has fewer.
        RAISES (ValueError): as `infer`, or if k is below 1.
        """

    @abstractmethod
    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        """0/1 indicators of one structure of each unit, drawn from P exactly and independently of
        other units and other calls.

        rng (Generator): the same state, scores and order of units give the same structures,
            whatever the padding.
        RAISES (ValueError): as `infer`.
        """

    def odds(self, marginals: Parts) -> dict[str, FloatsXd]:
        """Return by array what the score of each part would be if no other part depended on it, up
        to a constant of each choice: the log of its marginal. What is impossible has some low one.
        NumPy, float64."""
        return {name: log_of(array) for name, array in marginals.arrays.items()}

    def log_prob(self, scores: Parts, indicators: Parts) -> Floats1d:
        """Return (B,) log P(y), in nats, of the structures y that are indicated."""
        return indicators.dot(scores) - self.infer(scores)[0]

    def entropy(self, scores: Parts) -> Floats1d:
        """Return (B,) - sum_y P(y) log P(y), in nats."""
        log_z, marginals = self.infer(scores)
        return log_z - marginals.dot(scores)

    def cross_entropy(self, target: Parts, scores: Parts) -> Floats1d:
        """Return (B,) - sum_y Q(y) log P(y) in nats, for the marginals of Q."""
        return self.infer(scores)[0] - target.dot(scores)

    def kl(self, teacher: Parts, student: Parts) -> Floats1d:
        """Return (B,) sum_y Q(y) log(Q(y) / P(y)) in nats; Q and P by their scores."""
        log_z, marginals = self.infer(teacher)
        return self.cross_entropy(marginals, student) - log_z + marginals.dot(teacher)


def log_of(chances: FloatsXd) -> FloatsXd:
    """Return logs in float64, of 0 a low one."""
    logs: FloatsXd = numpy.log(numpy.maximum(chances.astype("float64"), LEAST))
    return logs


def check_k(what: str, k: int) -> None:
    """Raise ValueError if k is below 1."""
    if k < 1:
        raise ValueError(f"{what}: expected k of at least 1, got {k}")
