"""Enumeration in float64, written without the package's own mathematics.

A structure's outputs are listed as 0/1 arrays; log Z, marginals and the best output follow from
their definition.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy

GONE = -1e6  # scores at or below this are impossible


def labellings(n: int, n_labels: int) -> Iterator[numpy.ndarray]:
    """(n, n_labels) indicators of all labellings of n tokens."""
    for labels in itertools.product(range(n_labels), repeat=n):
        y = numpy.zeros((n, n_labels))
        y[numpy.arange(n), list(labels)] = 1
        yield y


def chains(rows: int, n_labels: int) -> Iterator[numpy.ndarray]:
    """(n + n_labels, n_labels): labels of n tokens, then how often each pair of labels occurs."""
    n = rows - n_labels
    for labels in itertools.product(range(n_labels), repeat=n):
        y = numpy.zeros((rows, n_labels))
        y[numpy.arange(n), list(labels)] = 1
        for before, after in zip(labels, labels[1:]):
            y[n + before, after] += 1
        yield y


def segmentations(n: int, columns: int, *, width: int) -> Iterator[numpy.ndarray]:
    """(n, columns) indicators of all sets of labelled spans of up to `width` tokens that do not
    overlap; the labels of spans of one token from token i on are the first columns of row i, then
    come those of two tokens."""
    n_labels = columns // width

    def from_token(i: int) -> Iterator[list[tuple[int, int]]]:
        if i == n:
            yield []
            return
        yield from from_token(i + 1)
        for end in range(i + 1, min(i + width, n) + 1):
            for column in range((end - i - 1) * n_labels, (end - i) * n_labels):
                yield from ([(i, column), *rest] for rest in from_token(end))

    for cells in from_token(0):
        y = numpy.zeros((n, columns))
        for cell in cells:
            y[cell] = 1
        yield y


def span_sets(n: int, columns: int, *, width: int, one_label: bool) -> Iterator[numpy.ndarray]:
    """(n, columns) indicators, as of `segmentations`, of all sets of labelled spans, whatever they
    overlap; `one_label`: those in which no span has two labels."""
    n_labels = columns // width
    spans = [(i, w * n_labels) for i in range(n) for w in range(min(width, n - i))]
    kinds = [
        labels
        for labels in itertools.product((0, 1), repeat=n_labels)
        if sum(labels) <= 1 or not one_label
    ]
    for chosen in itertools.product(kinds, repeat=len(spans)):
        y = numpy.zeros((n, columns))
        for (i, first), labels in zip(spans, chosen):
            y[i, first : first + n_labels] = labels
        yield y


def parse_tags(tags: tuple[str, ...], scheme: str) -> list[tuple[int, int, str]] | None:
    """Spans of a sequence of BIO or BIOES tags, None if it is illegal. Left to right."""
    spans, i = [], 0
    while i < len(tags):
        prefix, _, label = tags[i].partition("-")
        j = i + 1
        if prefix == "B":
            while j < len(tags) and tags[j] == f"I-{label}":
                j += 1
            if scheme == "BIOES":
                if j == len(tags) or tags[j] != f"E-{label}":
                    return None
                j += 1
        elif prefix not in ("O", "S"):
            return None
        if prefix != "O":
            spans.append((i, j, label))
        i = j
    return spans


def all_heads(n: int) -> Iterator[tuple[int, ...]]:
    """All choices of a head (0 = ROOT) for each of n tokens, never the token itself."""
    choices = [[h for h in range(n + 1) if h != d + 1] for d in range(n)]
    yield from itertools.product(*choices)


def forms_tree(heads: tuple[int, ...], *, single_root: bool) -> bool:
    """By walking up from every token."""
    if single_root and len(heads) and sum(h == 0 for h in heads) != 1:
        return False
    for token in range(1, len(heads) + 1):
        seen = set()
        while token != 0:
            if token in seen:
                return False
            seen.add(token)
            token = heads[token - 1]
    return True


def arcs(heads: tuple[int, ...]) -> numpy.ndarray:
    """(n, n + 1) indicators."""
    y = numpy.zeros((len(heads), len(heads) + 1))
    for d, h in enumerate(heads):
        y[d, h] = 1
    return y


def head_choices(n: int, _: int) -> Iterator[numpy.ndarray]:
    yield from map(arcs, all_heads(n))


def trees(n: int, _: int) -> Iterator[numpy.ndarray]:
    yield from (arcs(h) for h in all_heads(n) if forms_tree(h, single_root=True))


def forests(n: int, _: int) -> Iterator[numpy.ndarray]:
    yield from (arcs(h) for h in all_heads(n) if forms_tree(h, single_root=False))


def crossing(heads: tuple[int, ...]) -> bool:
    """Whether some arc, ROOT standing before all tokens, has one end inside another and one out."""
    arcs_ = [{d, h} for d, h in enumerate(heads, 1)]
    for one, two in itertools.permutations(arcs_, 2):
        between = set(range(min(one) + 1, max(one)))
        if len(two & between) == 1 and not two & one:
            return True
    return False


def projective_trees(n: int, _: int) -> Iterator[numpy.ndarray]:
    all_trees = (h for h in all_heads(n) if forms_tree(h, single_root=True))
    yield from (arcs(h) for h in all_trees if not crossing(h))


def projective_forests(n: int, _: int) -> Iterator[numpy.ndarray]:
    all_trees = (h for h in all_heads(n) if forms_tree(h, single_root=False))
    yield from (arcs(h) for h in all_trees if not crossing(h))


@dataclass(frozen=True)
class Enumerated:
    """log Z, marginals, the best score and the highest-scoring output of one unit; all the outputs
    with their log-probabilities."""

    log_z: float
    marginals: numpy.ndarray
    best_score: float
    best: numpy.ndarray
    outputs: list[numpy.ndarray]
    log_probs: numpy.ndarray


def enumerate_unit(outputs: Callable, scores: numpy.ndarray) -> Enumerated:
    """scores: (n, columns) of one unit, without padding."""
    scores = scores.astype("float64")
    kept = [y for y in outputs(*scores.shape) if not ((scores <= GONE) & (y > 0)).any()]
    totals = numpy.array([(numpy.where(y > 0, scores, 0.0) * y).sum() for y in kept])
    highest = totals.max()
    log_z = highest + numpy.log(numpy.exp(totals - highest).sum())
    log_probs = totals - log_z
    marginals = sum(numpy.exp(p) * y for p, y in zip(log_probs, kept))
    best = kept[int(totals.argmax())]
    return Enumerated(float(log_z), marginals, float(highest), best, kept, log_probs)
