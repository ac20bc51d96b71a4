"""The loss over tag sequences, with whole, partial and no gold."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import encode_chains, legality, span_tags
from spacy_skd.structures import LinearChain, Parts, tie
from spacy_skd.transfer import mixed_loss
from spacy_skd.transfer.posterior import Target

TAGS = span_tags("A", scheme="BIOES")
C, N = len(TAGS), 4
RULES = legality(TAGS)


def random_scores(rng, units):
    arrays = {
        "unary": rng.normal(size=(units, N, C)),
        "transition": tie(rng.normal(size=(C, C)), units),
    }
    return Parts(arrays, numpy.full(units, N))


def enumerated(scores, i):
    legal = RULES.add_to(scores)
    unit = numpy.concatenate([legal.arrays["unary"][i], legal.arrays["transition"][i]])
    return oracle.enumerate_unit(oracle.chains, unit)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    weight=st.sampled_from([0.0, 0.4, 1.0]),
    temperature=st.sampled_from([1.0, 2.0]),
)
def test_loss_and_gradient_equal_enumeration(seed, weight, temperature):
    rng = numpy.random.default_rng(seed)
    student, teacher = random_scores(rng, 3), random_scores(rng, 3)
    gold, _ = encode_chains(
        [["O", "B-A", "E-A", "S-A"], [None, "B-A", None, None], [None] * 4], TAGS, RULES
    )
    marginals = LinearChain().infer(RULES.add_to(teacher) * (1 / temperature))[1]

    def loss_of(scores):
        return mixed_loss(
            LinearChain(), RULES.add_to(scores), gold=gold, weight=weight,
            target=Target(marginals, numpy.zeros(3)), temperature=temperature,
        )  # fmt: skip

    expected = 0.0
    for i in range(3):
        p, known = enumerated(student, i), gold.known[i]
        q = enumerated(teacher * (1 / temperature), i)
        s = enumerated(student * (1 / temperature), i)
        distil = -(temperature**2) * (numpy.exp(q.log_probs) * s.log_probs).sum()
        agree = [
            log_prob
            for y, log_prob in zip(p.outputs, p.log_probs)
            if (y[:N][known] == gold.indicators.arrays["unary"][i][known]).all()
        ]
        w = weight if known.any() else 1.0
        expected += (1 - w) * -numpy.logaddexp.reduce(agree) + w * distil
    loss, d_scores = loss_of(student)
    assert loss == pytest.approx(expected)
    for name in ("unary", "transition"):
        direction = rng.normal(size=student.arrays[name].shape[1:])
        shape = student.arrays[name].shape
        step = {k: numpy.zeros_like(v) for k, v in student.arrays.items()}
        step[name] = numpy.broadcast_to(direction, shape) * 1e-5
        step = Parts(step, student.lengths)
        slope = (loss_of(student + step)[0] - loss_of(student - step)[0]) / 2e-5
        found = float((d_scores.arrays[name] * direction).sum())
        assert found == pytest.approx(slope, abs=1e-6, rel=1e-5)
