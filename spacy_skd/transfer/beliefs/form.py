"""What the beliefs of one component have in common, whatever the doc: what a manifest says."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy

from ...arrays import Floats2d
from ...codecs.bioes import are_span_tags, labels_of_tags
from ...structures import IMPOSSIBLE, Structure
from ...structures.numerics import POSSIBLE_ABOVE
from .packing import Packed

if TYPE_CHECKING:
    from .base import Belief

# By the name under which a kind is stored; a class that has such a name enters itself.
KINDS: dict[str, type["Belief"]] = {}


@dataclass(frozen=True, eq=False)
class Form:
    """What the beliefs of one component have in common, whatever the doc.

    kind (str): of `KINDS`.
    structure (Structure | None): None of candidates. labels (tuple[str, ...]): the teacher's.
    transition (Floats2d | None): (tags, tags), nats, of a chain.
    """

    kind: str
    structure: Structure | None
    labels: tuple[str, ...]
    transition: Floats2d | None = None

    @property
    def annotated(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): the labels that the component annotates with: of spans, where
        its own are tags of tokens."""
        return labels_of_tags(self.labels) if are_span_tags(self.labels) else self.labels

    @property
    def needed_structure(self) -> Structure:
        """The structure. RAISES (ValueError): if there is none."""
        if self.structure is None:
            raise ValueError("no structure")
        return self.structure

    @property
    def of_trees(self) -> bool:
        """RETURNS (bool): whether the component annotates heads and deprels."""
        return self.kind in KINDS and KINDS[self.kind].of_trees

    @property
    def of_spans(self) -> bool:
        """RETURNS (bool): whether the component annotates spans."""
        return (self.kind in KINDS and KINDS[self.kind].of_spans) or are_span_tags(self.labels)

    def unpack(self, packed: Packed) -> "Belief":
        """Return the belief of a doc. RAISES (ValueError): if the bytes do not fit the form."""
        try:
            return KINDS[self.kind].unpack(packed, self)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise ValueError(
                f"a stored belief of {self.kind} is damaged or of other labels: {error!r}"
            ) from error

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold; an impossible transition is null."""
        table = None if self.transition is None else self.transition.tolist()
        name = None if self.structure is None else type(self.structure).__name__
        return {
            "kind": self.kind,
            "structure": name,
            "settings": {} if name is None else asdict(self.structure),  # type: ignore[call-overload]
            "labels": list(self.labels),
            "transition": table and [[_possible(score) for score in row] for row in table],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Form":
        """Read what `to_json` gave. RAISES (ValueError): for a structure that does not exist."""
        name, table = data["structure"], data["transition"]
        kinds = Structure.registered
        if name is not None and name not in kinds:
            raise ValueError(f"expected one of {', '.join(kinds)}, got {name!r}")
        structure = None if name is None else kinds[name](**data["settings"])
        if table is not None:
            rows = [[IMPOSSIBLE if score is None else score for score in row] for row in table]
            table = numpy.asarray(rows, dtype="float32")
        return Form(data["kind"], structure, tuple(data["labels"]), table)


def _possible(score: float) -> float | None:
    return score if score > POSSIBLE_ABOVE else None
