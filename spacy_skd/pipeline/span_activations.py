"""Probabilities of tags and of whole spans, doc by doc."""

from collections.abc import Sequence
from typing import Any

import numpy

from ..arrays import Array, Floats1d, Ints2d
from ..codecs.bioes import TypedSpan, encode_spans, scheme_of
from ..codecs.words import Words
from ..structures import LinearChain, Parts, Run, run_probabilities
from .activations import Activations


def no_activations(n_tags: int) -> Activations:
    """Of a doc without tokens."""
    return _row(numpy.zeros((0, n_tags), "float32"), numpy.zeros(0, "int64"), [], [], ())


def span_activations(
    scores: Parts,
    ids: Ints2d,
    spans: Sequence[Sequence[TypedSpan]],
    *,
    tags: Sequence[str],
    labels: Sequence[str],
) -> list[Activations]:
    """scores (Parts): of linear chains, one unit a doc. ids (Ints2d): (B, N) the best tags.
    spans (Sequence[Sequence[TypedSpan]]): of each doc. tags, labels: names of tags and of spans.
    """
    marginals = _numpy(LinearChain().infer(scores)[1].arrays["unary"])
    runs = [run_of(unit, span, tags) for unit, found in enumerate(spans) for span in found]
    chances = iter(_numpy(run_probabilities(scores, runs)).tolist())
    return [
        _row(marginals[unit, :n], ids[unit, :n], found, [next(chances) for _ in found], labels)
        for unit, (n, found) in enumerate(zip(scores.lengths.tolist(), spans))
    ]


def on_tokens(activations: Activations, words: Words) -> Activations:
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


def run_of(unit: int, span: TypedSpan, tags: Sequence[str]) -> Run:
    """The tags of a span. In BIO it could go on: the next tag must not be its I."""
    start, end, label = span
    scheme = scheme_of(tags)
    names = encode_spans([(0, end - start, label)], n=end - start, scheme=scheme)
    going_on = (tags.index(f"I-{label}"),) if scheme == "BIO" else ()
    return Run(unit, start, tuple(tags.index(name) for name in names), going_on)


def _row(
    marginals: Any,
    ids: Any,
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


def _numpy(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else array
