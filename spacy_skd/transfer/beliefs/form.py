"""How beliefs are stored: what those of one component have in common, which a manifest says; of
each its arrays as bytes: halves where scores are kept, a bit for whether they are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy

from ...arrays import Array, Floats2d, FloatsXd, Ints2d
from ...codecs.bioes import are_span_tags, labels_of_tags
from ...structures import IMPOSSIBLE, Structure
from ...structures.parts import POSSIBLE_ABOVE

if TYPE_CHECKING:
    from .base import Belief

PackedArray = tuple[str, tuple[int, ...], bytes]  # dtype, shape, data
Packed = dict[str, PackedArray]

UNITS = ("starts", "ends")
LOWEST = -60_000.0  # float16 ends at -65504


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
        scored = KINDS[data["kind"]].scored if data["kind"] in KINDS else object
        if not isinstance(structure, scored):
            raise ValueError(f"{data['kind']}: expected a {scored.__name__}, got {name}")
        if table is not None:
            rows = [[IMPOSSIBLE if score is None else score for score in row] for row in table]
            table = numpy.asarray(rows, dtype="float32")
        return Form(data["kind"], structure, tuple(data["labels"]), table)


def _possible(score: float) -> float | None:
    return score if score > POSSIBLE_ABOVE else None


# Arrays


def pack_rows(name: str, scores: Floats2d, *, least: float) -> Packed:
    """Pack a bit for each label, a half for each that is kept. scores: (rows, labels), nats."""
    below = below_best(scores)
    kept = below > 2 * LOWEST
    if least > 0 and below.size:
        log_sums = numpy.log(numpy.exp(below).sum(axis=1, keepdims=True))
        kept &= (below - log_sums >= numpy.log(least)) | (below == 0)
    bits = numpy.packbits(kept, axis=1)
    return {f"{name}_kept": pack_array(bits), f"{name}_values": pack_halves(below[kept])}


def unpack_rows(name: str, packed: Packed, *, n_columns: int) -> Floats2d:
    bits = unpack_array(packed[f"{name}_kept"])
    kept = numpy.unpackbits(bits, axis=1, count=n_columns).astype(bool)
    return unpack_scores(kept, packed[f"{name}_values"])


def pack_units(units: Ints2d) -> Packed:
    """Pack units. units: (U, 2) start and end token."""
    return {key: pack_array(smallest(tokens)) for key, tokens in zip(UNITS, units.T)}


def unpack_units(packed: Packed) -> Ints2d:
    return numpy.stack([unpack_array(packed[key]).astype("int32") for key in UNITS], axis=1)


def below_best(scores: Floats2d) -> Floats2d:
    """Make each row's best 0; what is impossible is IMPOSSIBLE."""
    if not scores.size:
        return scores.astype("float32")
    possible = scores > POSSIBLE_ABOVE
    below = scores.astype("float32") - scores.max(axis=1, keepdims=True)
    return numpy.where(possible, numpy.maximum(below, LOWEST), IMPOSSIBLE).astype("float32")


def without_self(arc: Floats2d) -> Floats2d:
    """Let no word be its own head, whatever its score. arc (Floats2d): (n, n + 1), nats."""
    n = len(arc)
    masked = arc.astype("float32")
    masked[numpy.arange(n), numpy.arange(1, n + 1)] = IMPOSSIBLE
    return masked


def pack_halves(values: FloatsXd) -> PackedArray:
    """Pack as float16, all high bytes before all low ones: zlib finds more in them so."""
    halves = numpy.ascontiguousarray(values, dtype="<f2")
    planes = halves.view("uint8").reshape(-1, 2).T[::-1]
    return ("<f2", halves.shape, planes.tobytes())


def unpack_scores(kept: Array, halves: PackedArray) -> FloatsXd:
    """Return the scores where `kept`, IMPOSSIBLE elsewhere. RAISES (ValueError): if they do not
    fit."""
    planes = numpy.frombuffer(halves[2], dtype="uint8").reshape(2, -1)[::-1]
    values = numpy.ascontiguousarray(planes.T).view("<f2").ravel()
    if int(kept.sum()) != len(values):
        raise ValueError(f"expected {int(kept.sum())} values, found {len(values)}")
    scores = numpy.full(kept.shape, IMPOSSIBLE, dtype="float32")
    scores[kept] = values
    return scores


def pack_array(array: Array) -> PackedArray:
    array = array.astype(array.dtype.newbyteorder("<"))
    return (array.dtype.str, array.shape, array.tobytes())


def unpack_array(array: PackedArray) -> Array:
    dtype, shape, data = array
    return numpy.frombuffer(data, dtype=dtype).reshape(shape)


def smallest(values: Array) -> Array:
    """Return integers in the smallest signed type that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for dtype in ("int8", "int16", "int32"):
        if numpy.iinfo(dtype).min <= low and high <= numpy.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype("int64")


def join(arrays: Sequence[Array], dtype: str) -> Array:
    parts: list[numpy.ndarray] = [array.ravel() for array in arrays]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype=dtype)


# Candidates


def pack_weights(weights: FloatsXd) -> PackedArray:
    """Pack (units, K) as float32, of the heaviest 1."""
    highest = weights.max(axis=1, keepdims=True, initial=0.0)
    return pack_array((weights / numpy.where(highest > 0, highest, 1.0)).astype("float32"))


def unpack_weights(array: PackedArray) -> FloatsXd:
    return unpack_array(array).astype("float64")


def check_labels(rows: Array, *, low: int, high: int, n_candidates: int) -> None:
    """Raise ValueError if a label is not one of `low` to `high` - 1, or a weight is missing."""
    if len(rows) != n_candidates or (rows.size and not low <= rows.min() <= rows.max() < high):
        raise ValueError(f"expected {n_candidates} rows of labels {low} to {high - 1}")
