"""What no teacher knows of a doc is unknown: no loss, no gradient, whatever is learnt."""

import numpy
import parsers
import pytest
import spacy
from all_components import EACH, bare, build, gold_examples
from conftest import train
from spacy.training import Example
from taught import lesson, student_of
from thinc.api import SGD

from spacy_skd.transfer.annealing import as_schedule
from spacy_skd.transfer.beliefs import Pooled


@pytest.fixture(scope="module")
def taught():
    """A student, docs, and of each component what its teacher believes of them."""
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 4)
    student = student_of(nlp)
    examples = lesson(nlp, student)
    beliefs = {n: p.believe([eg.reference for eg in examples]) for n, p in nlp.components[1:]}
    return student, [Example(eg.predicted, bare(eg.predicted)) for eg in examples], beliefs


def learn(pipe, examples, beliefs):
    """Nats, and the gradients of all parameters."""
    docs, made = [eg.predicted for eg in examples], pipe.task.lesson(examples, beliefs)
    scores, backprop = pipe.model.begin_update(pipe.task.inputs(docs, made))
    loss, d_scores = pipe.task.loss(made, scores)
    backprop(d_scores)
    nodes = [node for node in pipe.model.walk() if node.grad_names]
    found = [node.get_grad(name).ravel() for node in nodes for name in node.grad_names]
    found = numpy.concatenate(found).copy()
    pipe.model.finish_update(SGD(0.0))
    return loss, found


def pooled(beliefs, known, *, weights=(1.0,)):
    """known: per doc, which of the teachers know it."""
    return [
        Pooled(belief.n_tokens, tuple(belief if j in who else None for j in range(len(weights))),
               tuple(weights))
        for belief, who in zip(beliefs, known)
    ]  # fmt: skip


def close(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-6)
    scale = numpy.abs(expected[1]).max()
    numpy.testing.assert_allclose(found[1], expected[1], atol=1e-4 * scale)


@pytest.mark.parametrize("name", EACH)
def test_unknown_docs_add_nothing(taught, name):
    student, docs, by_name = taught
    pipe, beliefs = student.get_pipe(name), by_name[name]
    some = [0, 2, 3]
    alone = learn(pipe, [docs[i] for i in some], [beliefs[i] for i in some])
    assert numpy.abs(alone[1]).max() > 0
    who = [[0] if i in some else [] for i in range(len(docs))]
    close(learn(pipe, docs, pooled(beliefs, who)), alone)
    half = learn(pipe, docs, pooled(beliefs, who, weights=(0.5,)))
    close(half, (alone[0] / 2, alone[1] / 2))
    nothing = learn(pipe, docs, pooled(beliefs, [[]] * len(docs)))
    assert nothing[0] == 0
    assert not nothing[1].any()


@pytest.mark.parametrize("name", EACH)
def test_each_doc_is_taught_by_those_that_know_it(taught, name):
    """Of two teachers of the same, each knows some; one doc is known to both, by their shares."""
    student, docs, by_name = taught
    pipe, beliefs = student.get_pipe(name), by_name[name]
    who = [[0], [1], [0, 1], [1], [], [0]]
    found = learn(pipe, docs, pooled(beliefs, who, weights=(1.0, 1.0)))
    some = [i for i, known in enumerate(who) if known]
    close(found, learn(pipe, [docs[i] for i in some], [beliefs[i] for i in some]))


def test_a_parser_of_tags_learns_gold_of_docs_that_nobody_knows():
    """In the sentences of the reference; those of the other docs are the teacher's."""
    nlp = parsers.trained("offset_tags", steps=2)
    pipe, examples = nlp.get_pipe("parser"), parsers.gold_examples(nlp)
    beliefs = pipe.believe(parsers.with_sentences(nlp))
    pipe.distill_weight = as_schedule(0.4)
    known = [i % 2 == 0 for i in range(len(examples))]
    found = learn(pipe, examples, pooled(beliefs, [[0] if is_known else [] for is_known in known]))
    taught = [
        learn(pipe, [examples[i]], [beliefs[i]] if is_known else None)
        for i, is_known in enumerate(known)
    ]
    close(found, (sum(loss for loss, _ in taught), sum(gradient for _, gradient in taught)))
