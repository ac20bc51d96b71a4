"""The k likeliest analyses of the units of a doc, with their exact probabilities."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span

from ...arrays import Floats1d, Floats2d
from ...codecs.bioes import TypedSpan
from ...codecs.words import Words
from ...structures import IMPOSSIBLE, Parts, Structure
from ...structures.k_best import top
from ...structures.parts import POSSIBLE_ABOVE

MOST = 10_000


class Analysis(NamedTuple):
    """One of the k likeliest annotations of a unit: the doc for spans and categories, a sentence
    for trees, a word for labels and lemmas.

    start, end (int): tokens of the unit. probability (float): exact, given the component's scores.
    annotation: of spans a list of `Span`; of a tree (head, deprel) of each of its words, the head
        as a token of the doc, itself for the root; of a word its label or lemma; of categories a
        dict of 1 for those that hold and 0 for the others.
    """

    start: int
    end: int
    probability: float
    annotation: Any


def check_k(k: int) -> int:
    """Return k. RAISES (ValueError): if it is no whole number from 1 to 10,000."""
    if type(k) is not int or not 1 <= k <= MOST:
        raise ValueError(f"k: expected a whole number from 1 to {MOST}, got {k!r}")
    return k


def count_up_to(structure: Structure, scores: Parts, k: int) -> int:
    """Return how many structures the one unit has, at most k: where all that is possible scores 0,
    log Z is the log of their number. scores (Parts): nats."""
    xp = scores.xp
    arrays: dict[str, Any] = {
        name: xp.where(array > POSSIBLE_ABOVE, 0.0, IMPOSSIBLE)
        for name, array in scores.arrays.items()
    }
    log_count = float(structure.infer(Parts(arrays, scores.lengths))[0][0])
    return k if log_count > math.log(k) + 0.1 else min(k, round(math.exp(log_count)))


def of_words(
    words: Words, chances: Floats2d, name: Callable[[int, int], str], *, k: int
) -> list[Analysis]:
    """Return the analyses of each word of a doc.

    chances (Floats2d): (words, choices), 0 for what is none. name (Callable): of the choice of a
        word.
    """
    k = min(k, chances.shape[1])
    if not chances.size:
        return []
    best = top(numpy, chances, k)
    tokens = range(len(words)) if words.whole else words.tokens.tolist()
    return [
        Analysis(token, token + 1, float(chances[word, choice]), name(word, choice))
        for word, (token, choices) in enumerate(zip(tokens, best.tolist()))
        for choice in choices
        if chances[word, choice] > 0
    ]


def of_spans(
    doc: Doc, words: Words, sets: Sequence[Sequence[TypedSpan]], log_chances: Floats1d
) -> list[Analysis]:
    """Return the analyses of a doc. sets: of spans of words. log_chances: (sets,), nats."""
    found = []
    for spans, chance in zip(sets, numpy.exp(numpy.minimum(log_chances, 0.0)).tolist()):
        of_doc = [Span(doc, a, b, label=label) for a, b, label in words.spans_to_tokens(spans)]
        found.append(Analysis(0, len(doc), chance, of_doc))
    return found
