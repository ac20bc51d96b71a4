"""Beliefs as plain bytes and back, to be stored: `pack`, `unpack` and what all docs share.

What is exact. Scores are float16 *below the best of their row* (a token's labels, a token's heads):
a constant per token is in every structure, and float16 is finest at 0, where probability is. All
possible arcs are kept, so trees are exact; so are tags of spans, whose legal sequences may need
improbable tags. Of independent labels (tags, deprels given the arc) those of a probability below
`least` may be left out: they unpack as `IMPOSSIBLE`, so what is left is the teacher given that they
do not occur, a proper distribution. At a temperature T it is about least^(1 / T) that is left out.
The same holds of spans scored against "not a span": P(span) is at most the odds exp(score), so
those of a score below log(least) may be left out; what is kept is float16 below the best span from
the same token, or below 0 where that is higher, and this best is float32.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy

from ..arrays import Floats2d
from ..codecs.bioes import are_span_tags, labels_of_tags
from ..structures import IMPOSSIBLE, ArcStructure, FlatSegments, Structure
from ..structures.numerics import POSSIBLE_ABOVE
from .belief import (
    Belief,
    ChainBelief,
    HeadLabelBelief,
    Mixture,
    SegmentBelief,
    TokenBelief,
    TreeBelief,
)
from .candidates import LabelCandidates, TreeCandidates
from .packing import (
    LOWEST,
    Packed,
    below_best,
    join,
    pack_array,
    pack_halves,
    pack_rows,
    pack_units,
    smallest,
    spread,
    unpack_array,
    unpack_halves,
    unpack_rows,
    unpack_units,
)
from .store_candidates import (
    pack_labels,
    pack_listed_trees,
    unpack_labels,
    unpack_listed_trees,
)


@dataclass(frozen=True, eq=False)
class Form:
    """What the beliefs of one component have in common, whatever the doc.

    kind (str): "tokens", "chain", "segments", "trees", "head labels", or of candidates "listed
        labels", "listed trees".
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

    def to_json(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): for JSON; an impossible transition is null."""
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
        """RAISES (ValueError): for a structure that does not exist."""
        name, table = data["structure"], data["transition"]
        kinds = Structure.registered
        if name is not None and name not in kinds:
            raise ValueError(f"expected one of {', '.join(kinds)}, got {name!r}")
        structure = None if name is None else kinds[name](**data["settings"])
        if table is not None:
            rows = [[IMPOSSIBLE if score is None else score for score in row] for row in table]
            table = numpy.asarray(rows, dtype="float32")
        return Form(data["kind"], structure, tuple(data["labels"]), table)


def form_of(belief: Belief) -> Form:
    """What the beliefs of a component share, read from one of a doc with a token or more.

    RAISES (ValueError): for a mixture: a store holds the beliefs of one teacher.
    """
    if isinstance(belief, Mixture):
        raise ValueError("expected the belief of one teacher, got those of several")
    if isinstance(belief, LabelCandidates):
        return Form("listed labels", None, belief.labels)
    if isinstance(belief, TreeCandidates):
        return Form("listed trees", None, belief.labels)
    if isinstance(belief, TreeBelief):
        return Form("trees", belief.structure, belief.labels)
    if isinstance(belief, ChainBelief):
        return Form("chain", belief.structure, belief.labels, belief.transition)
    if isinstance(belief, SegmentBelief):
        return Form("segments", belief.structure, belief.labels)
    kind = "head labels" if isinstance(belief, HeadLabelBelief) else "tokens"
    return Form(kind, belief.structure, belief.labels)


def pack(belief: Belief, *, least: float) -> Packed:
    """One doc's belief as bytes.

    least (float): the probability below which an independent label, or a span, is left out; 0
        keeps all.
    RAISES (ValueError): for a mixture.
    """
    if isinstance(belief, Mixture):
        raise ValueError("expected the belief of one teacher, got those of several")
    if isinstance(belief, LabelCandidates):
        return pack_labels(belief)
    if isinstance(belief, TreeCandidates):
        return pack_listed_trees(belief)
    if isinstance(belief, TreeBelief):
        return _pack_trees(belief, least=least)
    if isinstance(belief, SegmentBelief):
        return _pack_segments(belief, least=least)
    if isinstance(belief, ChainBelief) or are_span_tags(belief.labels):
        least = 0.0
    rows = pack_rows("score", belief.scores, least=least)
    return {**pack_units(belief.units), **rows} if isinstance(belief, HeadLabelBelief) else rows


def unpack(packed: Packed, form: Form) -> Belief:
    """The belief of a doc. RAISES (ValueError): if the bytes do not fit the form."""
    try:
        if form.kind == "listed labels":
            return unpack_labels(packed, form.labels)
        if form.kind == "listed trees":
            return unpack_listed_trees(packed, form.labels)
        if form.structure is None:
            raise ValueError("no structure")
        if form.kind == "trees":
            return _unpack_trees(packed, ArcStructure.of(form.structure), form.labels)
        if form.kind == "segments":
            return _unpack_segments(packed, form)
        scores = unpack_rows("score", packed, n_columns=len(form.labels))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            f"a stored belief of {form.kind} is damaged or of other labels: {error!r}"
        ) from error
    if form.kind == "chain":
        none = numpy.zeros((0, 0), dtype="float32")
        transition = none if form.transition is None else form.transition
        return ChainBelief(form.structure, form.labels, scores, transition)
    if form.kind == "head labels":
        return HeadLabelBelief(form.structure, form.labels, unpack_units(packed), scores)
    return TokenBelief(form.structure, form.labels, scores)


# Trees


def _pack_trees(belief: TreeBelief, *, least: float) -> Packed:
    """Sentences by their lengths; a pair by its dependent and the distance to its head."""
    order = numpy.lexsort((belief.pairs[:, 1], belief.pairs[:, 0]))
    dependents, heads = belief.pairs[order].astype("int64").T
    distances = numpy.where(heads < 0, 0, heads - dependents)
    values = [below_best(_without_self(arc)) for arc in belief.arcs]
    kept = [value > LOWEST * 2 for value in values]
    flat = [value[keep] for value, keep in zip(values, kept)]
    n = int(belief.units[-1, 1]) if len(belief.units) else 0
    return {
        **pack_units(belief.units),
        "arc_kept": pack_array(numpy.packbits(join([keep.ravel() for keep in kept], "bool"))),
        "arcs": pack_halves(join(flat, "float32")),
        "n_heads": pack_array(smallest(numpy.bincount(dependents, minlength=n))),
        "distances": pack_array(smallest(distances)),
        **pack_rows("label", belief.label_scores[order], least=least),
    }


def _unpack_trees(packed: Packed, structure: ArcStructure, labels: tuple[str, ...]) -> TreeBelief:
    units = unpack_units(packed)
    lengths = (units[:, 1] - units[:, 0]).tolist()
    sizes = [n * (n + 1) for n in lengths]
    kept = numpy.unpackbits(unpack_array(packed["arc_kept"]), count=sum(sizes)).astype(bool)
    flat = spread(kept, unpack_halves(packed["arcs"]))
    cuts = numpy.cumsum([0, *sizes])
    arcs = [flat[cuts[i] : cuts[i + 1]].reshape(n, n + 1) for i, n in enumerate(lengths)]
    n_heads = unpack_array(packed["n_heads"]).astype("int64")
    dependents = numpy.repeat(numpy.arange(len(n_heads)), n_heads)
    distances = unpack_array(packed["distances"]).astype("int64")
    heads = numpy.where(distances == 0, -1, dependents + distances)
    return TreeBelief(
        structure=structure,
        labels=labels,
        units=units,
        arcs=tuple(arcs),
        pairs=numpy.stack([dependents, heads], axis=1).astype("int32"),
        label_scores=unpack_rows("label", packed, n_columns=len(labels)),
    )


def _pack_segments(belief: SegmentBelief, *, least: float) -> Packed:
    """By first token, width and label: a bit for each span, a half for each that is kept."""
    n, widths, n_labels = belief.scores.shape
    ends = numpy.arange(n)[:, None] + numpy.arange(widths)
    rows = numpy.where((ends < n)[..., None], belief.scores, IMPOSSIBLE)
    rows = rows.reshape(n, widths * n_labels)
    best = numpy.maximum(rows.max(axis=1, initial=0.0), 0.0).astype("float32")
    kept = rows > (numpy.log(least) if least > 0 else POSSIBLE_ABOVE)
    below = numpy.maximum(rows - best[:, None], LOWEST)
    return {
        "width": pack_array(smallest(numpy.asarray([widths]))),
        "best": pack_array(best),
        "span_kept": pack_array(numpy.packbits(kept, axis=1)),
        "spans": pack_halves(below[kept]),
    }


def _unpack_segments(packed: Packed, form: Form) -> SegmentBelief:
    """Docs of one teacher may have spans of other widths, which a suggester decides."""
    width = int(unpack_array(packed["width"])[0])
    best, bits = unpack_array(packed["best"]), unpack_array(packed["span_kept"])
    n_columns = width * len(form.labels)
    kept = numpy.unpackbits(bits, axis=1, count=n_columns).astype(bool)
    rows = spread(kept, unpack_halves(packed["spans"]))
    rows = numpy.where(kept, rows + best[:, None], rows)
    scores = rows.reshape(len(best), width, len(form.labels))
    return SegmentBelief(FlatSegments(max_width=width), form.labels, scores)


def _without_self(arc: Floats2d) -> Floats2d:
    """No token is its own head, whatever its score."""
    n = len(arc)
    masked = arc.astype("float32")
    masked[numpy.arange(n), numpy.arange(1, n + 1)] = IMPOSSIBLE
    return masked


def _possible(score: float) -> float | None:
    return score if score > POSSIBLE_ABOVE else None
