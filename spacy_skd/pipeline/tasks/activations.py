"""`doc._.activations`: the probabilities behind a component's annotation, on request."""

from collections.abc import Mapping, Sequence

import numpy
from spacy.tokens import Doc

from ...arrays import Array, Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.bioes import TypedSpan, encode_spans, scheme_of
from ...codecs.lemma_options import LemmaScores
from ...codecs.units import Bucket
from ...codecs.words import Words
from ...structures import LinearChain, Parts, Run, to_numpy
from ...structures.parts import softmax
from .predictions import Activations
from .scored_spans import ScoredSpans

EXTENSION = "activations"


def register_extension() -> None:
    """Let docs hold activations. spaCy v4 has `Doc.activations` for it; spaCy 3.8 has no such
    attribute, so it is an extension, which `Doc.to_bytes` and processes carry along."""
    if not Doc.has_extension(EXTENSION):
        Doc.set_extension(EXTENSION, default={})


def keep_activations(doc: Doc, component: str, activations: Activations) -> None:
    """Let a doc hold what a component says. RAISES (ValueError): if the extension of that name is
    somebody else's."""
    of_doc = doc._.get(EXTENSION)
    if not isinstance(of_doc, dict):
        raise ValueError(
            f"{component}: save_activations: expected a dict in doc._.{EXTENSION}, which is an "
            f"extension of your own, got {of_doc!r}. Give yours another name, or take confidences"
        )
    of_doc[component] = activations


# Tokens


def lemma_activations(lemmas: LemmaScores, chances: Floats2d, words: Words) -> Activations:
    """Return those of one doc. chances: (words, slots), the probability of each lemma."""
    marginals, applies = lemmas.backprop(chances), lemmas.options.has_any
    ids = marginals.argmax(axis=1) if marginals.size else numpy.zeros(len(chances), "int64")
    best = numpy.where(applies, chances.max(axis=1, initial=0), 0)
    return {
        "marginals": words.to_tokens(marginals, fill=0.0),
        "label_ids": words.to_tokens(numpy.where(applies, ids, -1), fill=-1),
        "confidences": words.to_tokens(best, fill=1.0),
    }


# Trees


def arcs_by_row(buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> dict[int, Floats2d]:
    """Each unit's own (n, n + 1) array, by its first row.

    arcs (Sequence[Parts]): per bucket, arc (B, N, N + 1), NumPy arrays.
    """
    by_row: dict[int, Floats2d] = {}
    for bucket, parts in zip(buckets, arcs):
        array = parts.arrays["arc"]
        for i, (row, n) in enumerate(zip(bucket.rows.tolist(), bucket.lengths.tolist())):
            by_row[row] = array[i, :n, : n + 1].copy()
    return by_row


def arcs_on_tokens(activations: Activations, words: Words) -> Activations:
    """Activations of a doc's words as those of its tokens: of whitespace marginals of 0, the label
    -1 and the confidence 1. Sentences, which are of words, as those of tokens; the marginals of
    their arcs stay those of their words."""
    fills = {"label_ids": -1, "label_marginals": 0.0, "confidences": 1.0}
    moved = {name: words.to_tokens(activations[name], fill) for name, fill in fills.items()}
    return {**activations, **moved, "units": words.units_to_tokens(activations["units"])}


def tree_activations(
    units: Sequence[Ints2d],
    best: Sequence[tuple[Ints1d, Ints1d]],
    *,
    marginals: dict[int, Floats2d],
    label_marginals: Floats2d,
) -> list[Activations]:
    """units (Sequence[Ints2d]): per doc (U, 2) start and end word.
    best (Sequence[tuple[Ints1d, Ints1d]]): per doc the offset of each token's head, 0 for a root,
        and the index of its deprel.
    marginals (dict[int, Floats2d]): (n, n + 1) of each unit, by its first row in the batch.
    label_marginals (Floats2d): (tokens of the batch, deprels), given the chosen arc.
    """
    of_docs: list[Activations] = []
    offset = 0
    for of_doc, (heads, labels) in zip(units, best):
        arcs = [marginals[int(start) + offset] for start in of_doc[:, 0]]
        given_arc = label_marginals[offset : offset + len(heads)]
        of_label = given_arc[numpy.arange(len(labels)), labels]
        of_docs.append(
            {
                "units": of_doc,
                "marginals": arcs,
                "label_ids": labels,
                "label_marginals": given_arc.copy(),
                "confidences": _of_arcs(arcs, units=of_doc, heads=heads) * of_label,
            }
        )
        offset += len(heads)
    return of_docs


def head_tags_on_tokens(activations: Activations, words: Words) -> Activations:
    """See `arcs_on_tokens`."""
    fills = {"marginals": 0.0, "label_ids": -1, "confidences": 1.0}
    moved = {name: words.to_tokens(activations[name], fill) for name, fill in fills.items()}
    return {**moved, "units": words.units_to_tokens(activations["units"])}


def head_tag_activations(units: Ints2d, scores: Floats2d, tags: Ints1d) -> Activations:
    """One doc's, of a parser by tags.

    units (Ints2d): (U, 2). scores (Floats2d): (tokens, tags), nats.
    tags (Ints1d): (tokens,) the tag of each token's chosen arc, -1 for none.
    """
    marginals = softmax(scores)[1]
    chosen = marginals[numpy.arange(len(tags)), numpy.maximum(tags, 0)]
    confidences = numpy.where(tags < 0, 0, chosen).astype("float32")
    return {
        "units": units,
        "marginals": marginals,
        "label_ids": tags,
        "confidences": confidences,
    }


def _of_arcs(arcs: Sequence[Floats2d], *, units: Ints2d, heads: Ints1d) -> Floats1d:
    """(tokens,) the marginal of each token's chosen arc."""
    chosen = numpy.zeros(len(heads), dtype="float32")
    for arc, (start, end) in zip(arcs, units.tolist()):
        offsets, tokens = heads[start:end], numpy.arange(end - start)
        chosen[start:end] = arc[tokens, numpy.where(offsets == 0, 0, tokens + offsets + 1)]
    return chosen


# Spans


def no_activations(n_tags: int) -> Activations:
    """Of a doc without tokens."""
    return _row(numpy.zeros((0, n_tags), "float32"), numpy.zeros(0, "int64"), [], [], ())


def span_activations(
    scores: Parts, spans: Sequence[ScoredSpans], *, tags: Sequence[str], labels: Sequence[str]
) -> list[Activations]:
    """scores (Parts): of linear chains, one unit a doc. spans (Sequence[ScoredSpans]): of each.
    tags, labels: names of tags and of spans.
    """
    marginals = to_numpy(LinearChain().infer(scores)[1].arrays["unary"])
    index, scheme = {tag: i for i, tag in enumerate(tags)}, scheme_of(tags)
    rows = []
    for row, n, of_doc in zip(marginals, scores.lengths.tolist(), spans):
        ids = [index[tag] for tag in encode_spans(of_doc, n=n, scheme=scheme)]
        chances = [] if of_doc.chances is None else of_doc.chances.tolist()
        rows.append(_row(row[:n], numpy.asarray(ids, dtype="int64"), of_doc, chances, labels))
    return rows


def spans_on_tokens(activations: Activations, words: Words) -> Activations:
    """Activations of a doc's words as those of its tokens: of whitespace marginals of 0 and the
    label -1. Spans, which are of words, as those of tokens."""
    if words.whole:
        return activations
    fills = {"marginals": 0.0, "label_ids": -1}
    moved = {name: words.to_tokens(activations[name], fills[name]) for name in fills
             if name in activations}  # fmt: skip
    spans = activations["spans"].copy()
    if len(spans):
        spans[:, :2] = numpy.stack(
            [words.tokens[spans[:, 0]], words.tokens[spans[:, 1] - 1] + 1], 1
        )
    return {**activations, **moved, "spans": spans}


def run_of(unit: int, span: TypedSpan, index: Mapping[str, int]) -> Run:
    """Return the tags of a span. In BIO it could go on: the next tag must not be its I.
    index (Mapping[str, int]): the number of each tag."""
    start, end, label = span
    inner, last = f"I-{label}", f"E-{label}"
    if last not in index:
        names = [f"B-{label}", *[inner] * (end - start - 1)]
        return Run(unit, start, tuple(index[name] for name in names), (index[inner],))
    names = (
        [f"B-{label}", *[inner] * (end - start - 2), last] if end - start > 1 else [f"S-{label}"]
    )
    return Run(unit, start, tuple(index[name] for name in names))


def _row(
    marginals: Floats2d,
    ids: Ints1d,
    spans: Sequence[TypedSpan],
    chances: Sequence[float],
    labels: Sequence[str],
) -> Activations:
    rows, of_spans = span_rows(spans, labels), numpy.asarray(chances, dtype="float64")
    return as_activations(marginals.copy(), rows, of_spans, label_ids=ids.copy())


def span_rows(spans: Sequence[TypedSpan], labels: Sequence[str]) -> Ints2d:
    """Return (S, 3), start and end word and index of the label of each span."""
    index = {label: i for i, label in enumerate(labels)}
    rows = [(start, end, index[label]) for start, end, label in spans]
    return numpy.asarray(rows, dtype="int64").reshape(-1, 3)


def as_activations(
    marginals: Array, rows: Ints2d, confidences: Floats1d, **others: Array
) -> Activations:
    """Return the activations of a doc. rows: see `span_rows`. confidences: (S,)."""
    return {"marginals": marginals, **others, "spans": rows, "confidences": confidences}
