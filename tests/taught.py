"""Students of a teacher in memory, and what is taught to them."""

from typing import NamedTuple

import numpy
import spacy
from all_components import NAMES, bare_examples, build, gold_examples
from spacy.training import Example

from spacy_skd.models.biaffine import ParserScores
from spacy_skd.structures import Parts


def student_of(teacher):
    """Components with vectors of their own, so that they are updated alone."""
    spacy.util.fix_random_seed(1)
    nlp = build(shared=False)
    for name in NAMES:
        labels = list(teacher.get_pipe(name).labels)
        nlp.get_pipe(name).initialize(lambda: gold_examples(nlp), nlp=nlp, labels=labels)
    return nlp


def lesson(teacher, student):
    """The teacher's docs with vectors, the student's without anything but sentences."""
    taught, mine = bare_examples(teacher), bare_examples(student)
    docs = list(teacher.get_pipe("tok2vec").pipe([eg.reference for eg in taught]))
    return [Example(eg.predicted, doc) for eg, doc in zip(mine, docs)]


class KnownScores(NamedTuple):
    """A parser's scores, of which those of the deprels of a lesson's pairs are known."""

    buckets: list
    arcs: list
    pairs: numpy.ndarray
    rows: numpy.ndarray

    def deprels(self, pairs):
        return self.rows


def scores_of_lesson(pipe, docs, lesson):
    """What the model says of docs, as arrays, so that tests can change them."""
    scores = pipe.model.begin_update(pipe.task.inputs(docs, lesson))[0]
    if isinstance(scores, ParserScores):
        return KnownScores(scores.buckets, scores.arcs, lesson.pairs, scores.deprels(lesson.pairs))
    return scores


def scores_and_n(pipe, docs, beliefs):
    return scores_of_lesson(pipe, docs, pipe.task.lesson_without_gold(beliefs)), True


def map_scores(change, scores):
    """A model's output with its arrays of scores (and nothing else) changed."""
    if isinstance(scores, Parts):
        return Parts({k: change(v) for k, v in scores.arrays.items()}, scores.lengths)
    if isinstance(scores, KnownScores):
        return KnownScores(*(map_scores(change, part) for part in scores))
    if isinstance(scores, (list, tuple)):
        return type(scores)(map_scores(change, part) for part in scores)
    is_scores = isinstance(scores, numpy.ndarray) and scores.dtype.kind == "f"
    return change(scores) if is_scores else scores


def add_scores(scores, direction, factor):
    others = iter(leaves_of(direction))
    return map_scores(lambda array: array + factor * next(others), scores)


def leaves_of(scores):
    found = []
    map_scores(lambda array: found.append(array) or array, scores)
    return found
