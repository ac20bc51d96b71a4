"""Beliefs as plain bytes and back, to be stored: `pack`, `unpack` and what all docs share.

What is exact. Scores are float16 *below the best of their row* (a token's labels, a token's heads):
a constant per token is in every structure, and float16 is finest at 0, where probability is. All
possible arcs are kept, so trees are exact; so are tags of spans, whose legal sequences may need
improbable tags. Of independent labels (tags, deprels given the arc) those of a probability below
`least` may be left out: they unpack as `IMPOSSIBLE`, so what is left is the teacher given that they
do not occur, a proper distribution. At a temperature T it is about least^(1 / T) that is left out.
"""

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import numpy
from thinc.types import Floats2d, FloatsXd, Ints2d

from ..codecs.bioes import are_span_tags, labels_of_tags
from ..structures import (
    IMPOSSIBLE,
    HeadSelection,
    IndependentLabels,
    LinearChain,
    ProjectiveTrees,
    SpanningTrees,
    Structure,
)
from ..structures.numerics import POSSIBLE_ABOVE
from .belief import Belief, ChainBelief, HeadLabelBelief, TokenBelief, TreeBelief

Array = Tuple[str, Tuple[int, ...], bytes]  # dtype, shape, data
Packed = Dict[str, Array]

_LOWEST = -60_000.0  # float16 ends at -65504
_STRUCTURES: Dict[str, Type[Structure]] = {
    cls.__name__: cls
    for cls in (IndependentLabels, LinearChain, HeadSelection, SpanningTrees, ProjectiveTrees)
}


@dataclass(frozen=True, eq=False)
class Form:
    """What the beliefs of one component have in common, whatever the doc.

    kind (str): "tokens", "chain", "trees" or "head_labels".
    labels (Tuple[str, ...]): the teacher's inventory.
    transition (Optional[Floats2d]): (tags, tags), nats, of a chain.
    """

    kind: str
    structure: Structure
    labels: Tuple[str, ...]
    transition: Optional[Floats2d] = None

    @property
    def annotated(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels that the component annotates with: of spans, where
        its own are tags of tokens."""
        return labels_of_tags(self.labels) if are_span_tags(self.labels) else self.labels

    def to_json(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): for JSON; an impossible transition is null."""
        table = None if self.transition is None else self.transition.tolist()
        return {
            "kind": self.kind,
            "structure": type(self.structure).__name__,
            "settings": asdict(self.structure),  # type: ignore[call-overload]
            "labels": list(self.labels),
            "transition": table and [[_possible(score) for score in row] for row in table],
        }

    @staticmethod
    def from_json(data: Dict[str, Any]) -> "Form":
        """RAISES (ValueError): for a structure that does not exist."""
        name, table = data["structure"], data["transition"]
        if name not in _STRUCTURES:
            raise ValueError(f"expected one of {', '.join(_STRUCTURES)}, got {name!r}")
        structure = _STRUCTURES[name](**data["settings"])
        if table is not None:
            rows = [[IMPOSSIBLE if score is None else score for score in row] for row in table]
            table = numpy.asarray(rows, dtype="float32")
        return Form(data["kind"], structure, tuple(data["labels"]), table)


def form_of(belief: Belief) -> Form:
    """What the beliefs of a component share, read from one of a doc with a token or more."""
    if isinstance(belief, TreeBelief):
        return Form("trees", belief.structure, belief.labels)
    if isinstance(belief, ChainBelief):
        return Form("chain", belief.structure, belief.labels, belief.transition)
    kind = "head_labels" if isinstance(belief, HeadLabelBelief) else "tokens"
    return Form(kind, belief.structure, belief.labels)


def pack(belief: Belief, *, least: float) -> Packed:
    """One doc's belief as bytes.

    least (float): the probability below which an independent label is left out; 0 keeps all.
    """
    if isinstance(belief, TreeBelief):
        return _pack_trees(belief, least=least)
    if isinstance(belief, ChainBelief) or are_span_tags(belief.labels):
        least = 0.0
    rows = _pack_rows("score", belief.scores, least=least)
    return {**_pack_units(belief.units), **rows} if isinstance(belief, HeadLabelBelief) else rows


def unpack(packed: Packed, form: Form) -> Belief:
    """The belief of a doc. RAISES (ValueError): if the bytes do not fit the form."""
    try:
        if form.kind == "trees":
            return _unpack_trees(packed, form)
        scores = _unpack_rows("score", packed, n_columns=len(form.labels))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            f"a stored belief of {form.kind} is damaged or of other labels: {error!r}"
        ) from error
    if form.kind == "chain":
        none = numpy.zeros((0, 0), dtype="float32")
        transition = none if form.transition is None else form.transition
        return ChainBelief(form.structure, form.labels, scores, transition)
    if form.kind == "head_labels":
        return HeadLabelBelief(form.structure, form.labels, _unpack_units(packed), scores)
    return TokenBelief(form.structure, form.labels, scores)


# Trees


def _pack_units(units: Ints2d) -> Packed:
    starts, ends = units.T
    return {"starts": _pack_array(_smallest(starts)), "ends": _pack_array(_smallest(ends))}


def _unpack_units(packed: Packed) -> Ints2d:
    """(U, 2) start and end token."""
    ends = [_unpack_array(packed[key]).astype("int32") for key in ("starts", "ends")]
    return numpy.stack(ends, axis=1)


def _pack_trees(belief: TreeBelief, *, least: float) -> Packed:
    """Sentences by their lengths; a pair by its dependent and the distance to its head."""
    order = numpy.lexsort((belief.pairs[:, 1], belief.pairs[:, 0]))
    dependents, heads = belief.pairs[order].astype("int64").T
    distances = numpy.where(heads < 0, 0, heads - dependents)
    values = [_below_best(_without_self(arc)) for arc in belief.arcs]
    kept = [value > _LOWEST * 2 for value in values]
    flat = [value[keep] for value, keep in zip(values, kept)]
    n = int(belief.units[-1, 1]) if len(belief.units) else 0
    return {
        **_pack_units(belief.units),
        "arc_kept": _pack_array(numpy.packbits(_join([keep.ravel() for keep in kept], "bool"))),
        "arcs": _pack_halves(_join(flat, "float32")),
        "n_heads": _pack_array(_smallest(numpy.bincount(dependents, minlength=n))),
        "distances": _pack_array(_smallest(distances)),
        **_pack_rows("label", belief.label_scores[order], least=least),
    }


def _unpack_trees(packed: Packed, form: Form) -> TreeBelief:
    units = _unpack_units(packed)
    lengths = (units[:, 1] - units[:, 0]).tolist()
    sizes = [n * (n + 1) for n in lengths]
    kept = numpy.unpackbits(_unpack_array(packed["arc_kept"]), count=sum(sizes)).astype(bool)
    flat = _spread(kept, _unpack_halves(packed["arcs"]))
    cuts = numpy.cumsum([0, *sizes])
    arcs = [flat[cuts[i] : cuts[i + 1]].reshape(n, n + 1) for i, n in enumerate(lengths)]
    n_heads = _unpack_array(packed["n_heads"]).astype("int64")
    dependents = numpy.repeat(numpy.arange(len(n_heads)), n_heads)
    distances = _unpack_array(packed["distances"]).astype("int64")
    heads = numpy.where(distances == 0, -1, dependents + distances)
    return TreeBelief(
        structure=form.structure,
        labels=form.labels,
        units=units,
        arcs=tuple(arcs),
        pairs=numpy.stack([dependents, heads], axis=1).astype("int32"),
        label_scores=_unpack_rows("label", packed, n_columns=len(form.labels)),
    )


def _without_self(arc: Floats2d) -> Floats2d:
    """No token is its own head, whatever its score."""
    n = len(arc)
    masked = arc.astype("float32")
    masked[numpy.arange(n), numpy.arange(1, n + 1)] = IMPOSSIBLE
    return masked


# Rows of scores


def _pack_rows(name: str, scores: Floats2d, *, least: float) -> Packed:
    """A bit for each label, a half for each that is kept. scores: (rows, labels), nats."""
    below = _below_best(scores)
    kept = below > 2 * _LOWEST
    if least > 0 and below.size:
        log_sums = numpy.log(numpy.exp(below).sum(axis=1, keepdims=True))
        kept &= (below - log_sums >= numpy.log(least)) | (below == 0)
    bits = numpy.packbits(kept, axis=1)
    return {f"{name}_kept": _pack_array(bits), f"{name}_values": _pack_halves(below[kept])}


def _unpack_rows(name: str, packed: Packed, *, n_columns: int) -> Floats2d:
    bits = _unpack_array(packed[f"{name}_kept"])
    kept = numpy.unpackbits(bits, axis=1, count=n_columns).astype(bool)
    return _spread(kept, _unpack_halves(packed[f"{name}_values"]))


def _spread(kept: "numpy.ndarray", values: FloatsXd) -> FloatsXd:
    """The values where `kept`, IMPOSSIBLE elsewhere. RAISES (ValueError): if they do not fit."""
    if int(kept.sum()) != len(values):
        raise ValueError(f"expected {int(kept.sum())} values, found {len(values)}")
    scores = numpy.full(kept.shape, IMPOSSIBLE, dtype="float32")
    scores[kept] = values
    return scores


def _below_best(scores: Floats2d) -> Floats2d:
    """Each row's best is 0; what is impossible is IMPOSSIBLE."""
    if not scores.size:
        return scores.astype("float32")
    possible = scores > POSSIBLE_ABOVE
    below = scores.astype("float32") - scores.max(axis=1, keepdims=True)
    return numpy.where(possible, numpy.maximum(below, _LOWEST), IMPOSSIBLE).astype("float32")


# Arrays


def _pack_halves(values: FloatsXd) -> Array:
    """float16, all high bytes before all low ones: zlib finds more in them so."""
    halves = numpy.ascontiguousarray(values, dtype="<f2")
    planes = halves.view("uint8").reshape(-1, 2).T[::-1]
    return ("<f2", halves.shape, planes.tobytes())


def _unpack_halves(array: Array) -> FloatsXd:
    planes = numpy.frombuffer(array[2], dtype="uint8").reshape(2, -1)[::-1]
    return numpy.ascontiguousarray(planes.T).view("<f2").ravel().astype("float32")


def _pack_array(array: "numpy.ndarray") -> Array:
    array = array.astype(array.dtype.newbyteorder("<"))
    return (array.dtype.str, array.shape, array.tobytes())


def _unpack_array(array: Array) -> "numpy.ndarray":
    dtype, shape, data = array
    return numpy.frombuffer(data, dtype=dtype).reshape(shape)


def _smallest(values: "numpy.ndarray") -> "numpy.ndarray":
    """Integers in the smallest signed type that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for dtype in ("int8", "int16", "int32"):
        if numpy.iinfo(dtype).min <= low and high <= numpy.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype("int64")


def _join(arrays: Sequence["numpy.ndarray"], dtype: str) -> "numpy.ndarray":
    parts: List["numpy.ndarray"] = [array.ravel() for array in arrays]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype=dtype)


def _possible(score: float) -> Optional[float]:
    return score if score > POSSIBLE_ABOVE else None
