"""`Parts`: scores, marginals, indicators, targets and gradients are all this one type. Of scores in
nats also what counts as impossible, and sums in log space."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from thinc.api import Ops

from ..arrays import Array, ArrayModule, Floats1d, Floats2d, FloatsXd, Ints1d, array_module
from ..errors import DamagedError

# Of units in one padded batch, how many times as long as the shortest the longest may be.
GROWTH = 1.25
# What the axes are; names of the arrays that a family may have.
AXES = {
    "unary": "(B, N, C)",
    "arc": "(B, N, N + 1)",
    "transition": "(B, C, C)",
    "span": "(B, N, W, L)",
}


_COLUMNS: dict[str, Callable[[int], int]] = {"arc": lambda n: n + 1, "transition": lambda c: c}


@dataclass(frozen=True, eq=False)
class Parts:
    """Numbers for the substructures ("parts") of a batch of B units, padded to N tokens.

    arrays (dict[str, FloatsXd]): unary (B, N, C): label c of token i. arc (B, N, N + 1): head h of
        dependent i, where head 0 is ROOT and head j + 1 is token j. transition (B, C, C): label p
        of a token and label q of the next; as scores the same for all units (`tie`), as marginals
        and indicators the number of times that each pair is expected or occurs in a unit. span
        (B, N, W, L): label l of the w + 1 tokens from token i on; spans that reach past the end of
        their unit are padding.
    lengths (Ints1d): (B,) tokens of each unit; what lies beyond is padding.
    xp (ArrayModule): of the arrays, numpy or cupy. n_units, n_tokens (int): B and N.
    RAISES (ValueError): if an array has another shape than these.
    """

    arrays: dict[str, FloatsXd]
    lengths: Ints1d
    xp: ArrayModule = field(init=False, repr=False)
    n_units: int = field(init=False, repr=False)
    n_tokens: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if name not in AXES:
                raise ValueError(f"Parts: expected arrays named {', '.join(AXES)}, got {name!r}")
            good = array.ndim == AXES[name].count(",") + 1 and len(array) == len(self.lengths)
            if good and name in _COLUMNS:
                good = array.shape[2] == _COLUMNS[name](array.shape[1])
            if not good:
                raise ValueError(
                    f"Parts: expected {name} of shape {AXES[name]} with B = {len(self.lengths)}, "
                    f"got {array.shape}"
                )
        first, n = next((a, a.shape[1]) for name, a in self.arrays.items() if name != "transition")
        vars(self).update(xp=array_module(first), n_units=len(self.lengths), n_tokens=n)
        if len(self.lengths) and int(self.lengths.max()) > n:
            raise ValueError(f"Parts: a unit of {int(self.lengths.max())} tokens in arrays of {n}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy without the module."""
        return Parts, (self.arrays, self.lengths)

    @property
    def mask(self) -> Array:
        """RETURNS: (B, N) bool, False in the padding."""
        return self.xp.arange(self.n_tokens)[None] < self.xp.asarray(self.lengths)[:, None]

    def dot(self, other: "Parts") -> Floats1d:
        """Return (B,) sum over all parts of the products, float64."""
        xp, total = self.xp, self.xp.zeros(self.n_units, dtype="float64")
        for name, array in self.arrays.items():
            both = (array, other.arrays[name])
            a, b = (x.reshape(*x.shape[:2], math.prod(x.shape[2:])) for x in both)
            with numpy.errstate(invalid="ignore"):
                sums = xp.einsum("bij,bij->b", a, b, dtype="float64")
                if not xp.isfinite(sums).all():  # -inf scores of parts that do not occur count 0
                    products = xp.where((a == 0) | (b == 0), 0.0, a.astype("float64") * b)
                    sums = products.sum(axis=(1, 2))
            total += sums
        return total

    def __add__(self, other: "Parts") -> "Parts":
        return self._with(lambda a, b: a + b, other.arrays)

    def __sub__(self, other: "Parts") -> "Parts":
        return self._with(lambda a, b: a - b, other.arrays)

    def __mul__(self, factor: float | Floats1d) -> "Parts":
        """By one number, or by one number for each unit."""
        if isinstance(factor, (int, float)):
            number = float(factor)
            return self if number == 1 else self._with(lambda a, _: a * number, self.arrays)
        numbers = self.xp.asarray(factor)
        arrays: dict[str, FloatsXd] = {
            name: a * numbers.astype(a.dtype).reshape(-1, *(1,) * (a.ndim - 1))
            for name, a in self.arrays.items()
        }
        return Parts(arrays, self.lengths)

    def __getitem__(self, units: Any) -> "Parts":
        """Return some units (a slice, or an array of indices or bools)."""
        lengths = self.lengths[units]
        arrays = {
            name: tie(array[0], len(lengths)) if is_tied(array) else array[units]
            for name, array in self.arrays.items()
        }
        return Parts(arrays, lengths)

    def placed(self, units: Ints1d, lengths: Ints1d) -> "Parts":
        """Return these as units of a larger batch, with zeros in its other units.

        units (Ints1d): (B,) the place of each. lengths (Ints1d): of all units of the larger batch.
        """
        xp, n = self.xp, max(self.n_tokens, int(lengths.max(initial=0)))
        arrays: dict[str, FloatsXd] = {}
        for name, array in self.arrays.items():
            shape = [len(lengths), *array.shape[1:]]
            if name != "transition":
                shape[1] = n
            if name == "arc":
                shape[2] = n + 1
            place: Any = (xp.asarray(units), *map(slice, array.shape[1:]))
            arrays[name] = xp.zeros(shape, dtype=array.dtype)
            arrays[name][place] = array
        return Parts(arrays, xp.asarray(lengths))

    def on_device(self, ops: Ops) -> "Parts":
        """Return the same as arrays of a model's device."""
        arrays = {name: ops.asarray(array) for name, array in self.arrays.items()}
        return Parts(arrays, ops.asarray(self.lengths))

    def on_cpu(self) -> "Parts":
        """Return the same as NumPy arrays."""
        arrays = {name: to_numpy(array) for name, array in self.arrays.items()}
        return Parts(arrays, to_numpy(self.lengths))

    def _with(
        self, change: Callable[[FloatsXd, FloatsXd], FloatsXd], others: dict[str, FloatsXd]
    ) -> "Parts":
        arrays = {}
        for name, array in self.arrays.items():
            if is_tied(array) and is_tied(others[name]):
                arrays[name] = tie(change(array[0], others[name][0]), len(array))
            else:
                arrays[name] = change(array, others[name])
        return Parts(arrays, self.lengths)

    @staticmethod
    def of_arcs(arcs: Sequence[Floats2d]) -> "Parts":
        """Return scores of heads, (n, n + 1) of each unit, in one batch, padded with 0."""
        lengths = numpy.asarray([len(arc) for arc in arcs])
        n = int(lengths.max())
        batch = numpy.zeros((len(arcs), n, n + 1), dtype=arcs[0].dtype)
        for row, arc in zip(batch, arcs):
            row[: len(arc), : len(arc) + 1] = arc
        return Parts({"arc": batch}, lengths)


def tie(scores: FloatsXd, n_units: int) -> FloatsXd:
    """Return the same scores for all units, without a copy: (C, C) to (n_units, C, C)."""
    return array_module(scores).broadcast_to(scores, (n_units, *scores.shape))


def is_tied(array: FloatsXd) -> bool:
    """Whether all units of an array are the same memory."""
    return len(array) > 1 and array.strides[0] == 0


# Scores

# The score of a part that no structure may contain. A finite number, so that 0 * IMPOSSIBLE is 0.
IMPOSSIBLE = -1e9
# Scores at or below this are impossible: IMPOSSIBLE stays so after adding a score to it, and after
# dividing by a temperature of up to 1000.
POSSIBLE_ABOVE = -1e6


def clean_scores(scores: FloatsXd, *, what: str) -> FloatsXd:
    """-inf to `IMPOSSIBLE`.

    scores (FloatsXd): (units, ...), nats.
    RAISES (ValueError): naming the first unit with a score that is NaN or +inf.
    """
    xp = array_module(scores)
    if not scores.size or xp.isfinite(scores).all():
        return scores
    wrong = xp.isnan(scores) | (scores == xp.inf)
    if wrong.any():
        unit = int(xp.nonzero(wrong)[0][0])
        value = float(scores[unit][wrong[unit]][0])
        raise DamagedError(
            f"{what}: expected scores that are finite or -inf, got {value} in unit {unit} of the "
            f"batch; the model's weights are damaged or training diverged"
        )
    return xp.maximum(scores, xp.asarray(IMPOSSIBLE, dtype=scores.dtype))


def check_scores(scores: FloatsXd, *, name: str) -> None:
    """scores (FloatsXd): any shape, what a model returned. name (str): of the component.
    RAISES (ValueError): if one is NaN or +inf.
    """
    if scores.size and not scores.max() < numpy.inf:  # the maximum of what has a NaN is NaN
        value = "NaN" if array_module(scores).isnan(scores).any() else "infinite"
        raise DamagedError(f"{name}: the model's scores are {value}; its weights are damaged")


def to_numpy(array: Any) -> Array:
    """Return the array on the CPU, itself if it is there."""
    return array.get() if hasattr(array, "get") else numpy.asarray(array)


def softmax(scores: FloatsXd) -> tuple[Floats1d, FloatsXd]:
    """Over the last axis.

    scores (FloatsXd): (..., C), finite.
    RETURNS (tuple[FloatsXd, FloatsXd]): log of the sum, (...), float64; probabilities (..., C) in
        the dtype of the scores.
    """
    xp = array_module(scores)
    if not scores.size:
        return xp.zeros(scores.shape[:-1], dtype="float64"), xp.zeros_like(scores)
    highest = scores.max(axis=-1, keepdims=True)
    weights = xp.exp(scores - highest)
    total = weights.sum(axis=-1, keepdims=True)
    log_sum = xp.log(total[..., 0].astype("float64")) + highest[..., 0]
    return log_sum, weights / total


def no_structure(what: str, unit: int, reason: str) -> ValueError:
    """Return the error of a unit whose structures are all impossible."""
    return ValueError(f"{what}: unit {unit} of the batch has no possible structure: {reason}")


def check_rows(what: str, rows: FloatsXd, mask: Any, reason: str) -> None:
    """Raise ValueError if some token has no possible column. rows: (B, N, C)."""
    if not rows.shape[0] or not mask.any():
        return
    if not rows.shape[2]:
        raise no_structure(what, 0, "there are no labels")
    if rows.min() > POSSIBLE_ABOVE:  # numpy is slow at a short axis: not for all that is possible
        return
    empty = (rows.max(axis=-1) <= POSSIBLE_ABOVE) & mask
    if empty.any():
        raise no_structure(what, int(empty.any(axis=1).argmax()), reason)
