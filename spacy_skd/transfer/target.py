"""What a student learns of what its teacher believes: the structural target, and the baselines of
Wang et al. (2021), section 4."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from ..arrays import FloatsXd
from ..codecs.bioes import Legality, TagMatch
from ..errors import check_applied, check_one_of, check_temperature
from ..structures import IndependentLabels, Parts, Structure
from .conversions.table import Posterior, Target, convert
from .loss import TeacherLoss, emissions, position_loss, structural_loss, token_loss
from .posterior import Match

TARGETS = ("structural", "top1", "topk", "token", "position", "gold")
KINDS = ("global", "local")


@dataclass(frozen=True)
class Objective:
    """The target and its temperature.

    target (str): "structural", the teacher's distribution over whole structures; "top1", its best
        structure as if it were gold; "topk", the mean of its k best, each of the same weight;
        "token", independent labels (or heads) by the emissions alone, the teacher's and the
        student's; "position", the cross-entropy between the marginals of tokens; "gold", nothing:
        the linked teacher is not asked. (`distill` and `rehearse`, which have no gold, are then
        structural.)
    k (int): of "topk" alone, at least 1.
    temperature (float): T > 0, on both sides. Guesses have none: "top1" and "topk" ignore it.
    temperature_kind (str): "global" divides the teacher's scores by T, then infers; "local" infers
        at T = 1, then tempers the distribution of every token. Tempered marginals of structures
        contradict each other, so "local" is for independent parts alone.
    RAISES (ValueError): if a setting is none of these.
    """

    target: str = "structural"
    k: int = 5
    temperature: float = 1.0
    temperature_kind: str = "global"

    def __post_init__(self) -> None:
        check_one_of("target", self.target, TARGETS)
        check_one_of("temperature_kind", self.temperature_kind, KINDS)
        check_temperature(self.temperature)
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise ValueError(f"k: expected a whole number of at least 1, got {self.k!r}")

    @classmethod
    def of_config(
        cls, target: str, k: int, temperature: float, temperature_kind: str
    ) -> "Objective":
        """Return an objective of settings that a user has written.

        RAISES (ValueError): also if one does not apply to the target and is not its default.
        """
        objective = cls(target, k, temperature, temperature_kind)
        given = {"k": k, "temperature": temperature, "temperature_kind": temperature_kind}
        applied = {"k"} if target == "topk" else set[str]()
        applied |= given.keys() - {"k"} if objective.n_best is None else set()
        defaults = {name: getattr(cls, name) for name in given}
        check_applied(given, defaults, applied=applied, of=f"target {target!r}")
        return objective

    def check(self, structure: Structure) -> None:
        """Raise ValueError if the student's structure has no such target or temperature."""
        name = type(structure).__name__
        if self.is_of_tokens:
            _ = structure.emissions
        if self.target == "position" and not structure.has_positions:
            known = ", ".join(structure.having_positions())
            raise ValueError(
                f"target 'position' is there for {known}, whose marginals have a "
                f"derivative here; got a student of structure {name}. Take 'structural', or "
                f"another structure"
            )
        if self.temperature_kind == "local" and not structure.independent:
            kinds = Structure.registered.items()
            known = ", ".join(name for name, kind in kinds if kind.independent)
            raise ValueError(
                f"temperature_kind 'local' is there for {known}: marginals of "
                f"{name} that are tempered one by one are those of no distribution, and the loss "
                f"has no minimum. Take 'global'"
            )

    @cached_property
    def asks(self) -> bool:
        """Whether a linked teacher counts."""
        return self.target != "gold"

    @cached_property
    def is_of_tokens(self) -> bool:
        """Whether tokens are learnt one by one, by the emissions alone, the teacher's and the
        student's: of heads, both are inferred with `Structure.emissions`."""
        return self.target == "token"

    @cached_property
    def n_best(self) -> int | None:
        """How many of the teacher's best structures are learnt; None for its distribution."""
        return {"top1": 1, "topk": self.k}.get(self.target)

    @cached_property
    def loss_temperature(self) -> float:
        """T of the loss."""
        return 1.0 if self.n_best else self.temperature

    @cached_property
    def inference_temperature(self) -> float:
        """T of the teacher's scores."""
        return 1.0 if self.temperature_kind == "local" else self.loss_temperature

    @cached_property
    def tempers(self) -> bool:
        """Whether what is inferred of the teacher is tempered: at a local temperature."""
        return self.inference_temperature != self.loss_temperature

    @cached_property
    def loss(self) -> TeacherLoss:
        """Of the student's scores and the target."""
        return _LOSSES.get(self.target, structural_loss)

    @property
    def convert_spans(self) -> Callable[..., Target]:
        """How what a teacher says of spans is converted to the student's: as `convert`."""
        return token_target if self.is_of_tokens else convert

    def temper(self, target: Target) -> Target:
        """Return the target at a local temperature: P^(1 / T), normalised for each token."""
        power = 1.0 / self.loss_temperature
        arrays = {k: _tempered(v, power) for k, v in target.marginals.arrays.items()}
        return replace(target, marginals=Parts(arrays, target.marginals.lengths), inferred=None)


STRUCTURAL = Objective()
_LOSSES = {"token": token_loss, "position": position_loss}


def token_target(
    posterior: Posterior,
    structure: Structure,
    *,
    match: Match,
    rules: Legality | None,
    temperature: float = 1.0,
) -> Target:
    """Return the target "token" of tags of spans: each token's tags by the teacher's emissions
    alone. Of the student's `rules`, those of first and last tags are kept, which are emissions too.
    Arguments as of `convert`.

    RAISES (ValueError): if the student's tags tell apart what the teacher's do not (BIO to BIOES):
        which it is depends on the neighbours.
    """
    if not isinstance(match, TagMatch) or rules is None:
        raise ValueError(
            "target 'token': the teacher scores spans, and has no scores of tokens; set target = "
            '"structural"'
        )
    if match.coarser:
        raise ValueError(
            "target 'token': the student's scheme is BIOES, the teacher's BIO, whose tags do not "
            'say on their own where a span ends. Set scheme = "BIO", or target = "structural"'
        )
    free = replace(rules, transition=rules.transition * 0)
    alone = Posterior(IndependentLabels(), emissions(posterior.scores))
    return convert(alone, IndependentLabels(), match=match, rules=free, temperature=temperature)


def _tempered(rows: FloatsXd, power: float) -> FloatsXd:
    """Temper `rows`, (..., C) probabilities; 0 in the padding, where they stay so."""
    highest = rows.max(axis=-1, keepdims=True)
    powers = (rows / (highest + (highest == 0))) ** power
    total = powers.sum(axis=-1, keepdims=True)
    result: FloatsXd = powers / (total + (total == 0))
    return result
