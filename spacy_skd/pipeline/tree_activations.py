"""Probabilities of a parser's arcs and deprels, doc by doc."""

from collections.abc import Sequence

import numpy

from ..arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ..codecs.words import Words
from ..structures.numerics import softmax
from .activations import Activations


def on_tokens(activations: Activations, words: Words) -> Activations:
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
    found: list[Activations] = []
    offset = 0
    for mine, (heads, labels) in zip(units, best):
        arcs = [marginals[int(start) + offset] for start in mine[:, 0]]
        given_arc = label_marginals[offset : offset + len(heads)]
        of_label = given_arc[numpy.arange(len(labels)), labels]
        found.append(
            {
                "units": mine,
                "marginals": arcs,
                "label_ids": labels,
                "label_marginals": given_arc.copy(),
                "confidences": _of_arcs(arcs, units=mine, heads=heads) * of_label,
            }
        )
        offset += len(heads)
    return found


def tag_on_tokens(activations: Activations, words: Words) -> Activations:
    """See `on_tokens`."""
    fills = {"marginals": 0.0, "label_ids": -1, "confidences": 1.0}
    moved = {name: words.to_tokens(activations[name], fill) for name, fill in fills.items()}
    return {**moved, "units": words.units_to_tokens(activations["units"])}


def tag_activations(units: Ints2d, scores: Floats2d, tags: Ints1d) -> Activations:
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
