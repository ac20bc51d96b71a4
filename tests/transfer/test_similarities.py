"""Pair-wise distillation: the loss by its formula, and its gradient by finite differences."""

import itertools

import numpy
import pytest

from spacy_skd.transfer.similarities import WordStates, similarity_loss

LENGTHS = (5, 1, 4, 3)
WINDOW, ARC_WEIGHT = 2, 0.5
UNKNOWN = 2  # word of the first doc
HEADS = (numpy.array([1, -1, 1, 4, 1]), numpy.array([-1]), None, numpy.array([1, 2, -1]))


def given():
    """Vectors of four docs, of the last of which nothing is known; a word without a vector."""
    rng = numpy.random.default_rng(0)
    vectors = [rng.normal(size=(n, 6)) for n in LENGTHS]
    columns = [rng.integers(-127, 128, size=(n, 3)).astype("int8") for n in LENGTHS]
    columns[0][UNKNOWN] = 0
    states = [WordStates(*both) for both in zip(columns, HEADS)]
    return vectors, [*states[:-1], None]


def cosine(a, b):
    return a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))


def by_formula(vectors, states):
    near, arcs = [], []
    for x, of in zip(vectors, states):
        if of is None:
            continue
        t = of.columns.astype("float64")
        for i, j in itertools.permutations(range(len(x)), 2):
            if not (t[i].any() and t[j].any()):
                continue
            error = (cosine(x[i], x[j]) - cosine(t[i], t[j])) ** 2
            near += [error] * (abs(i - j) <= WINDOW)
            share = of.heads is not None and (of.heads[i] == j or of.heads[j] == i)
            arcs += [error] * int(share)
    return numpy.mean(near) + ARC_WEIGHT * numpy.mean(arcs), len(near), len(arcs)


def loss_of(vectors, states):
    return similarity_loss(vectors, states, window=WINDOW, arc_weight=ARC_WEIGHT)


def test_the_loss_is_that_of_the_formula():
    vectors, states = given()
    expected, n_near, n_arcs = by_formula(vectors, states)
    assert (n_near, n_arcs) == (16, 6)
    assert loss_of(vectors, states)[0] == pytest.approx(expected, rel=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    vectors, states = given()
    _, gradients = loss_of(vectors, states)
    rng = numpy.random.default_rng(1)
    for x, gradient in zip(vectors, gradients):
        for _ in range(3):
            direction = rng.normal(size=x.shape)
            ends = []
            for step in (1e-6, -1e-6):
                x += step * direction
                ends.append(loss_of(vectors, states)[0])
                x -= step * direction
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(
                (gradient * direction).sum(), abs=1e-8
            )


def test_what_is_not_known_teaches_nothing():
    vectors, states = given()
    loss, gradients = loss_of(vectors, states)
    assert not gradients[0][UNKNOWN].any()
    assert gradients[0][0].any()
    assert not gradients[1].any()  # of one word
    assert not gradients[3].any()
    vectors[0][UNKNOWN] += 1
    assert loss_of(vectors, states)[0] == pytest.approx(loss, rel=1e-12)
    nothing = [WordStates(numpy.zeros((n, 3), "int8")) for n in LENGTHS]
    for each in (nothing, [None] * len(LENGTHS)):
        loss, gradients = loss_of(vectors, each)
        assert loss == 0
        assert not any(gradient.any() for gradient in gradients)
    assert similarity_loss([], [], window=0, arc_weight=0) == (0.0, [])


def test_the_loss_is_none_where_the_student_has_the_teachers_cosines():
    """Whatever their lengths, in float32, a vector of zeros beside."""
    _, states = given()
    alike = [numpy.random.default_rng(2).uniform(1, 9, size=(n, 1)) for n in LENGTHS]
    vectors = [
        (length * (numpy.zeros((len(length), 3)) if of is None else of.columns)).astype("float32")
        for length, of in zip(alike, states)
    ]
    loss, gradients = loss_of(vectors, states)
    assert loss < 1e-12
    assert max(abs(gradient).max() for gradient in gradients) < 1e-6
    assert {gradient.dtype for gradient in gradients} == {numpy.dtype("float32")}


def test_all_of_a_doc_or_no_arcs():
    vectors, states = given()
    whole, _ = similarity_loss(vectors, states, window=0, arc_weight=0)
    far, _ = similarity_loss(vectors, states, window=100, arc_weight=0)
    without = [None if of is None else WordStates(of.columns) for of in states]
    assert whole == far == similarity_loss(vectors, without, window=0, arc_weight=1)[0] > 0
