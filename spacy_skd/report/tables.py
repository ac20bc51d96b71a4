"""Scores by layer, label and slice, each with its difference from the pipeline that the others are
compared with, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from ..arrays import Array
from .bootstrap import Difference, difference, f1, resampling
from .counting import LABEL, Cell, Tally
from .evidence import Evidence
from .slices import order_of

SAMPLES = 1000
MOST_LABELS = 40
FEWEST_DOCS = 5  # of which a difference is shown: samples of fewer say nothing of others
OTHERS = "all others"


class Score(NamedTuple):
    """F1, 0 to 1, None where gold has no such facts. apart (Difference | None): from the base, None
    of itself, and where fewer than `FEWEST_DOCS` docs of gold have them. said (int): facts that the
    pipeline says.
    """

    f1: float | None
    apart: Difference | None
    said: int


class Row(NamedTuple):
    """Scores of the pipelines, None of one that lacks the layer. n (int): facts of gold."""

    title: str
    layer: str
    dimension: str
    value: str
    n: int
    scores: list[Score | None]


def score_rows(
    evidence: Evidence, *, against: str = "gold", samples: int = SAMPLES, seed: int = 0
) -> list[Row]:
    """Return all rows, score by score: everything, the most frequent labels, the slices.

    against (str): "gold", or "agreement", with what the base says.
    """
    tallies: dict[str, Tally] = {
        name: getattr(found, against) for name, found in evidence.found.items()
    }
    weights = resampling(evidence.n_docs, samples=samples, seed=seed, dtype="float32")
    rows: list[Row] = []
    for title in evidence.titles:
        counted = {name: _of_title(tally, title) for name, tally in tallies.items()}
        if any(counted.values()):
            rows.extend(_rows(evidence, title, counted, weights))
    return rows


Counted = Mapping[tuple[str, str], Array]


def _of_title(tally: Tally, title: str) -> Counted:
    """(docs, 3) by dimension and value."""
    cells = [cell for cell in tally.cells if cell.title == title]
    return {(cell.dimension, cell.value): tally.counts(cell) for cell in cells}


def _rows(
    evidence: Evidence, title: str, counted: Mapping[str, Counted], weights: Array
) -> Iterator[Row]:
    counted = _most_frequent(counted)
    places = sorted({place for of_one in counted.values() for place in of_one}, key=_place)
    nothing = numpy.zeros((weights.shape[1], 3), dtype="float32")
    total = Cell(title)[1:]
    having = [name for name, of_one in counted.items() if total in of_one]
    stacked = numpy.stack(
        [[counted[name].get(place, nothing) for place in places] for name in having]
    )  # (pipelines, places, docs, 3)
    samples = numpy.einsum("sd,npdk->npsk", weights, stacked, optimize=True)
    is_there = samples[..., 1:].any(axis=-1)
    scores = numpy.where(is_there, f1(samples), numpy.nan)
    base = having.index(evidence.base) if evidence.base in having else None
    for p, (dimension, value) in enumerate(places):
        shown: dict[str, Score] = {}
        for i, name in enumerate(having):
            _, said, n_gold = (int(each) for each in samples[i, p, 0])
            apart = None
            n_docs = numpy.count_nonzero(stacked[i, p, :, 2])
            if base is not None and i != base and n_docs >= FEWEST_DOCS:
                apart = difference(scores[i, p], scores[base, p])
            f = float(scores[i, p, 0]) if n_gold else None
            shown[name] = Score(f, apart if n_gold else None, said)
        n = max(int(samples[i, p, 0, 2]) for i in range(len(having)))
        of_all = [shown.get(name) for name in evidence.found]
        yield Row(title, evidence.layers[title], dimension, value, n, of_all)


def _most_frequent(counted: Mapping[str, Counted]) -> dict[str, dict[tuple[str, str], Array]]:
    """With one value for all labels but the most frequent ones."""
    frequencies: dict[str, float] = {}
    for of_one in counted.values():
        for (dimension, value), counts in of_one.items():
            if dimension == LABEL:
                n = float(counts[:, 1:].sum())
                frequencies[value] = max(n, frequencies.get(value, 0))
    kept = {label for label, _ in sorted(frequencies.items(), key=lambda each: (-each[1], each[0]))[
        :MOST_LABELS]}  # fmt: skip
    joined: dict[str, dict[tuple[str, str], Array]] = {}
    for name, of_one in counted.items():
        joined[name] = {}
        for (dimension, value), counts in of_one.items():
            if dimension == LABEL and value not in kept:
                value = OTHERS
            before = joined[name].get((dimension, value))
            joined[name][dimension, value] = counts if before is None else before + counts
    return joined


def _place(place: tuple[str, str]) -> tuple[Any, ...]:
    """Everything first, then labels, then the slices, in their order."""
    dimension, value = place
    return bool(dimension), dimension != LABEL, dimension, value == OTHERS, *order_of(value)


def agreement(evidence: Evidence) -> dict[str, dict[str, float]]:
    """Return of each pipeline but the base by title how far it agrees with that, F1, 0 to 1."""
    rows = overall(score_rows(evidence, against="agreement", samples=1))
    return {
        name: {
            row.title: score.f1
            for row in rows
            if (score := row.scores[i]) is not None and score.f1 is not None
        }
        for i, name in enumerate(evidence.found)
        if name != evidence.base
    }


def overall(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of everything."""
    return [row for row in rows if not row.dimension]
