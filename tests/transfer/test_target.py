"""Objectives: their settings, temperatures, losses and the token target."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import encode_chains, legality, match_tags, span_tags
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    SpanningTrees,
)
from spacy_skd.transfer import Posterior, convert, mixed_loss, structural_loss
from spacy_skd.transfer.loss import position_loss, token_loss
from spacy_skd.transfer.posterior import Target
from spacy_skd.transfer.target import TARGETS, Objective, token_target

SEEDS = st.integers(0, 2**31)
TAGS = span_tags(["A"], scheme="BIOES")
RULES = legality(TAGS)
C, N = len(TAGS), 3


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"target": "best"}, "target: expected one of structural, top1, .*got 'best'"),
        ({"temperature_kind": "warm"}, "temperature_kind: expected one of global, local"),
        ({"temperature": 0.0}, "temperature: expected a number above 0"),
        ({"temperature": -1.0}, "temperature: expected a number above 0"),
        ({"temperature": float("nan")}, "temperature: expected a number above 0"),
        ({"temperature": float("inf")}, "temperature: expected a number above 0, at most 1000"),
        ({"k": 0}, "k: expected a whole number of at least 1, got 0"),
        ({"k": 2.5}, "k: expected a whole number"),
        ({"k": True}, "k: expected a whole number"),
    ],
)
def test_settings_that_are_none(kwargs, message):
    with pytest.raises(ValueError, match=message):
        Objective(**kwargs)


@pytest.mark.parametrize("structure", [LinearChain(), SpanningTrees()])
def test_a_local_temperature_is_for_independent_parts(structure):
    with pytest.raises(ValueError, match=f"'local' is there for .*{type(structure).__name__}"):
        Objective(temperature_kind="local").check(structure)
    for fine in (IndependentLabels(), HeadSelection()):
        Objective(temperature_kind="local").check(fine)


def test_positions_are_for_structures_whose_marginals_have_a_derivative():
    with pytest.raises(ValueError, match="'position' is there for .*SpanningTrees"):
        Objective("position").check(SpanningTrees())
    for fine in (IndependentLabels(), HeadSelection(), LinearChain()):
        Objective("position").check(fine)


def test_segments_have_no_scores_of_tokens():
    with pytest.raises(ValueError, match="target 'token': .*FlatSegments; set target = 'structu"):
        Objective("token").check(FlatSegments(2))


def test_guesses_have_no_temperature():
    for target in TARGETS:
        objective = Objective(target, temperature=3.0)
        expected = 1.0 if target in ("top1", "topk") else 3.0
        assert objective.loss_temperature == objective.inference_temperature == expected
    local = Objective(temperature=3.0, temperature_kind="local")
    assert (local.loss_temperature, local.inference_temperature) == (3.0, 1.0)
    assert [Objective(t, k=7).n_best for t in ("structural", "top1", "topk")] == [None, 1, 7]


def chain_scores(rng, units=2):
    arrays = {"unary": rng.normal(size=(units, N, C)), "transition": rng.normal(size=(units, C, C))}
    return Parts(arrays, numpy.array([3, 2, 1][:units]))


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_a_local_temperature_tempers_marginals_and_a_global_one_scores(seed):
    """Of a chain teacher and a student of independent labels they differ."""
    rng = numpy.random.default_rng(seed)
    scores = chain_scores(rng)
    local = Objective(temperature=2.0, temperature_kind="local")
    target = convert(
        Posterior(LinearChain(), scores), IndependentLabels(),
        temperature=local.inference_temperature,
    )  # fmt: skip
    found = local.temper(target).marginals.arrays["unary"]
    for unit, n in enumerate((3, 2)):
        both = [scores.arrays["unary"][unit, :n], scores.arrays["transition"][unit]]
        marginals = oracle.enumerate_unit(oracle.chains, numpy.concatenate(both)).marginals[:n]
        expected = numpy.sqrt(marginals) / numpy.sqrt(marginals).sum(axis=1, keepdims=True)
        numpy.testing.assert_allclose(found[unit, :n], expected, atol=1e-9)
        assert not found[unit, n:].any()
    wide = convert(Posterior(LinearChain(), scores), IndependentLabels(), temperature=2.0)
    assert numpy.abs(wide.marginals.arrays["unary"] - found).max() > 1e-6
    assert local.tempers
    assert not Objective(temperature=2.0).tempers


@pytest.mark.parametrize("structure", [IndependentLabels(), HeadSelection()])
def test_of_independent_teachers_both_temperatures_are_the_same(structure):
    rng = numpy.random.default_rng(0)
    name = "arc" if isinstance(structure, HeadSelection) else "unary"
    posterior = Posterior(structure, Parts({name: rng.normal(size=(1, 3, 4))}, numpy.array([3])))
    local = Objective(temperature=3.0, temperature_kind="local")
    found = local.temper(convert(posterior, structure)).marginals.arrays[name]
    expected = convert(posterior, structure, temperature=3.0).marginals.arrays[name]
    numpy.testing.assert_allclose(found, expected, atol=1e-9)


# Token


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, temperature=st.sampled_from([1.0, 2.0]))
def test_token_is_over_the_emissions_alone(seed, temperature):
    """Of a chain: softmax against softmax of each token; transitions do not count and learn
    nothing."""
    rng = numpy.random.default_rng(seed)
    scores, teacher = (RULES.add_to(chain_scores(rng)) for _ in "ab")
    target = token_target(
        Posterior(LinearChain(), teacher), LinearChain(), rules=RULES,
        match=match_tags(teacher=TAGS, student=TAGS), temperature=temperature,
    )  # fmt: skip
    loss, gradient = token_loss(LinearChain(), scores, target.marginals, temperature=temperature)
    expected = 0.0
    for unit, n in enumerate((3, 2)):
        for i in range(n):
            s, t = (p.arrays["unary"][unit, i] / temperature for p in (scores, teacher))
            log_p, log_q = (x - numpy.logaddexp.reduce(x) for x in (s, t))
            possible = log_q > -1e6
            q = numpy.exp(log_q[possible])
            expected -= temperature**2 * (q * log_p[possible]).sum()
            d = temperature * (numpy.exp(log_p) - numpy.exp(log_q))
            numpy.testing.assert_allclose(gradient.arrays["unary"][unit, i], d, atol=1e-6)
        assert not gradient.arrays["unary"][unit, n:].any()
    assert loss == pytest.approx(expected, rel=1e-6)
    assert not gradient.arrays["transition"].any()
    assert gradient.arrays["transition"].shape == (2, C, C)


def test_token_of_trees_is_head_selection():
    rng = numpy.random.default_rng(0)
    scores, target = (Parts({"arc": rng.normal(size=(1, 3, 4))}, numpy.array([3])) for _ in "ab")
    _, target = HeadSelection().infer(target)
    found = token_loss(SpanningTrees(), scores, target, temperature=2.0)
    expected = structural_loss(HeadSelection(), scores, target, temperature=2.0)
    assert found[0] == expected[0]
    assert (found[1].arrays["arc"] == expected[1].arrays["arc"]).all()


def test_token_between_schemes():
    """BIOES to BIO adds up; BIO to BIOES needs the neighbours."""
    rng = numpy.random.default_rng(0)
    bio = span_tags(["A"], scheme="BIO")
    unary = rng.normal(size=(1, 3, C))
    target = token_target(
        Posterior(IndependentLabels(), Parts({"unary": unary}, numpy.array([3]))), LinearChain(),
        match=match_tags(teacher=TAGS, student=bio), rules=legality(bio),
    )  # fmt: skip
    p = numpy.exp(unary[0]) / numpy.exp(unary[0]).sum(axis=1, keepdims=True)
    of = {tag: p[:, i] for i, tag in enumerate(TAGS)}
    expected = numpy.stack([of["O"], of["B-A"] + of["S-A"], of["I-A"] + of["E-A"]], axis=1)
    expected[0, 2] = 0  # no sequence begins inside a span
    expected[0] /= expected[0].sum()
    numpy.testing.assert_allclose(target.marginals.arrays["unary"][0], expected, atol=1e-6)
    assert target.lost[0] == pytest.approx(of["I-A"][0] + of["E-A"][0], abs=1e-6)
    with pytest.raises(ValueError, match='scheme is BIOES, the teacher\'s BIO.*scheme = "BIO"'):
        token_target(
            Posterior(IndependentLabels(), Parts({"unary": unary[..., :3]}, numpy.array([3]))),
            LinearChain(), match=match_tags(teacher=bio, student=TAGS), rules=RULES,
        )  # fmt: skip


# With gold


@settings(max_examples=15, deadline=None)
@given(
    seed=SEEDS,
    loss=st.sampled_from([token_loss, position_loss, structural_loss]),
    weight=st.sampled_from([0.0, 0.4, 1.0]),
    temperature=st.sampled_from([1.0, 2.0]),
)
def test_every_loss_is_mixed_with_whole_partial_and_no_gold(seed, loss, weight, temperature):
    """Gold is learnt over structures; of a unit that is silent the teacher does not count."""
    rng = numpy.random.default_rng(seed)
    arrays = {"unary": rng.normal(size=(4, N, C)), "transition": rng.normal(size=(4, C, C))}
    student = RULES.add_to(Parts(arrays, numpy.full(4, N)))
    _, target = LinearChain().infer(
        RULES.add_to(Parts({k: v * 2 for k, v in arrays.items()}, student.lengths))
    )
    gold, _ = encode_chains(
        [["O", "B-A", "E-A"], [None, "B-A", None], [None] * 3, [None] * 3], TAGS, RULES
    )
    silent = numpy.array([False, False, False, True])
    given_loss = {"teacher_loss": loss, "temperature": temperature}

    def loss_of(parts):
        return mixed_loss(
            LinearChain(), parts, gold=gold, weight=weight,
            target=Target(target, numpy.zeros(4), empty=silent), **given_loss,
        )  # fmt: skip

    found, gradient = loss_of(student)
    expected = 0.0
    for i, share in enumerate((weight, weight, 1.0)):
        unit, one = numpy.array([i]), loss(
            LinearChain(), student[numpy.array([i])], target[numpy.array([i])],
            temperature=temperature,
        )[0]  # fmt: skip
        mine = type(gold)(gold.indicators[unit], gold.known[unit])
        gold_loss, _ = mixed_loss(LinearChain(), student[unit], gold=mine, target=None, weight=0.0)
        expected += share * one + (1 - share) * gold_loss
    assert found == pytest.approx(expected, rel=1e-6)
    direction = {k: rng.normal(size=v.shape) for k, v in arrays.items()}
    step = Parts({k: v * 1e-5 for k, v in direction.items()}, student.lengths)
    slope = (loss_of(student + step)[0] - loss_of(student - step)[0]) / 2e-5
    along = sum(float((gradient.arrays[k] * v).sum()) for k, v in direction.items())
    assert along == pytest.approx(slope, abs=1e-5, rel=1e-4)
    assert not gradient.arrays["unary"][3].any()
    assert not gradient.arrays["transition"][3].any()
