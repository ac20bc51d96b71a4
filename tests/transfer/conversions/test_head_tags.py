"""Between trees and tags of heads: the enumerated expectation under the conditioned teacher."""

import itertools

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.head_labels import HeadLabels, parse_head_label
from spacy_skd.structures import (
    IMPOSSIBLE,
    HeadSelection,
    IndependentLabels,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.transfer import HeadLabelBelief, Posterior, convert
from spacy_skd.transfer.beliefs import TreeCandidates
from spacy_skd.transfer.beliefs.head_tags import tags_to_arcs
from spacy_skd.transfer.beliefs.listed_trees import expect_head_labels
from spacy_skd.transfer.conversions.head_tags import LabelledArcs, arcs_to_tags

OUTPUTS = {
    HeadSelection(): oracle.head_choices,
    SpanningTrees(): oracle.trees,
    ProjectiveTrees(): oracle.projective_trees,
}
# Two of these in another order than the teacher's, one that it lacks; "c" is the teacher's alone.
TEACHER = ("a", "c", "b")
each_structure = pytest.mark.parametrize("structure", OUTPUTS, ids=lambda s: type(s).__name__)


def offset_of(token, head):
    return 0 if head == 0 else head - 1 - token


def inventory(rng, n, *, share):
    """Some of all tags of n tokens, in any order, and one that no arc has."""
    offsets = range(-n + 1, n)
    every = [f"{o}:{d}" for o in offsets for d in ("b", "x", "a")]
    kept = [tag for tag in every if rng.random() < share]
    return tuple(rng.permutation([*kept, f"{n + 3}:a"]).tolist())


def expected(structure, arc, labelled, tags, temperature):
    """Marginals of the tags and the mass left, over all heads and deprels of one unit."""
    n = len(arc)
    found = oracle.enumerate_unit(OUTPUTS[structure], arc / temperature)
    given_arc = {}
    for (_, token, head), scores in zip(labelled.where.tolist(), labelled.scores):
        p = numpy.exp(scores / temperature - (scores / temperature).max())
        given_arc[token, head] = dict(zip(labelled.labels, p / p.sum()))
    marginals, mass = numpy.zeros((n, len(tags))), 0.0
    for y, log_p in zip(found.outputs, found.log_probs):
        heads = y.argmax(axis=1).tolist()
        choices = []
        for token, head in enumerate(heads):
            deprels = given_arc.get((token, head), {})
            of_tags = [(tags.index(f"{offset_of(token, head)}:{d}"), p) for d, p in deprels.items()
                       if f"{offset_of(token, head)}:{d}" in tags]  # fmt: skip
            choices.append(of_tags)
        for chosen in itertools.product(*choices):
            p = numpy.exp(log_p) * numpy.prod([p for _, p in chosen])
            mass += p
            marginals[numpy.arange(n), [tag for tag, _ in chosen]] += p
    return (marginals / mass if mass > 0 else marginals), mass


def labelled_arcs(rng, lengths, *, share):
    where = [
        (unit, token, head)
        for unit, n in enumerate(lengths)
        for token in range(n)
        for head in range(n + 1)
        if head != token + 1 and rng.random() < share
    ]
    where = numpy.array(where, dtype="int64").reshape(-1, 3)
    return LabelledArcs(where, TEACHER, rng.normal(0, 2, (len(where), 3)))


def of_unit(labelled, unit):
    mine = labelled.where[:, 0] == unit
    return LabelledArcs(labelled.where[mine], labelled.labels, labelled.scores[mine])


@each_structure
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    lengths=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    share=st.sampled_from([0.6, 0.9, 1.0]),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_arcs_to_tags(structure, seed, lengths, share, temperature):
    rng = numpy.random.default_rng(seed)
    n = max(lengths)
    tags = inventory(rng, n, share=share)
    arc = rng.normal(0, 2, (len(lengths), n, n + 1))
    labelled = labelled_arcs(rng, lengths, share=share)
    target = arcs_to_tags(
        Posterior(structure, Parts({"arc": arc}, numpy.array(lengths))),
        labelled,
        tags=HeadLabels(tags),
        temperature=temperature,
    )
    for unit, k in enumerate(lengths):
        mine = arc[unit, :k, : k + 1]
        want, mass = expected(structure, mine, of_unit(labelled, unit), tags, temperature)
        found, silent = target.marginals[unit, :k], target.silent[unit]
        assert not silent[k:].any()
        if isinstance(structure, HeadSelection):
            check_selection(target, unit, mine, of_unit(labelled, unit), tags, temperature)
            continue
        assert silent[:k].all() == (mass == 0) == silent[:k].any()
        assert target.lost[unit] == pytest.approx(1 - mass, abs=1e-9)
        if mass > 0:
            numpy.testing.assert_allclose(found, want, atol=1e-9)


def check_selection(target, unit, arc, labelled, tags, temperature):
    """Each token chooses on its own, so each is conditioned on its own."""
    lost = []
    for token in range(len(arc)):
        p = numpy.exp(arc[token] / temperature)
        p[token + 1] = 0
        p /= p.sum()
        row, mass = numpy.zeros(len(tags)), 0.0
        for (_, t, head), scores in zip(labelled.where.tolist(), labelled.scores):
            deprels = numpy.exp(scores / temperature)
            for deprel, q in zip(labelled.labels, deprels / deprels.sum()):
                tag = f"{offset_of(token, head)}:{deprel}"
                if t == token and tag in tags:
                    row[tags.index(tag)] += p[head] * q
                    mass += p[head] * q
        lost.append(1 - mass)
        assert target.silent[unit, token] == (mass == 0)
        if mass > 0:
            numpy.testing.assert_allclose(target.marginals[unit, token], row / mass, atol=1e-9)
    assert target.lost[unit] == pytest.approx(numpy.mean(lost), abs=1e-9)


@each_structure
def test_certain_and_impossible_arcs(structure):
    """A teacher of one tree alone: with all its tags they are certain, without one it says nothing
    of the unit (head selection: of that token); the units beside it are as ever."""
    heads = [2, 0]
    arc = numpy.full((2, 2, 3), IMPOSSIBLE)
    arc[0, [0, 1], heads] = 0.0
    arc[1] = 1.0
    where = numpy.array(
        [[u, t, h] for u in (0, 1) for t in (0, 1) for h in (0, 1, 2) if h != t + 1]
    )
    labelled = LabelledArcs(where, ("a",), numpy.zeros((len(where), 1)))
    posterior = Posterior(structure, Parts({"arc": arc}, numpy.array([2, 2])))
    whole = arcs_to_tags(posterior, labelled, tags=HeadLabels(("1:a", "0:a", "-1:a")))
    numpy.testing.assert_allclose(whole.marginals[0], [[1, 0, 0], [0, 1, 0]])
    assert not whole.silent.any()
    numpy.testing.assert_allclose(whole.lost, 0)
    some = arcs_to_tags(posterior, labelled, tags=HeadLabels(("0:a", "-1:a")))
    alone = isinstance(structure, HeadSelection)
    assert some.silent.tolist() == [[True, not alone], [False, False]]
    assert some.lost[0] == pytest.approx(0.5 if alone else 1.0)
    numpy.testing.assert_allclose(some.marginals[1], [[1, 0], [0.5, 0.5] if alone else [0, 1]])


def belief_of(rng, lengths, tags, scale=2.0):
    ends = numpy.cumsum(lengths)
    units = numpy.stack([ends - lengths, ends], axis=1).astype("int32").reshape(-1, 2)
    scores = rng.normal(0, scale, (int(sum(lengths)), len(tags))).astype("float32")
    return HeadLabelBelief(IndependentLabels(), tags, units, scores)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31), lengths=st.lists(st.integers(1, 4), max_size=3),
    floor=st.sampled_from([0.0, 0.2]), share=st.sampled_from([0.6, 1.0])
)  # fmt: skip
def test_tags_to_arcs(seed, lengths, floor, share):
    """P(arc) is the sum of P(tag) over its tags, given that the head is in the sentence; P(deprel |
    arc) is a tag's share of it."""
    rng = numpy.random.default_rng(seed)
    tags = inventory(rng, max([1, *lengths]), share=share)
    belief = belief_of(rng, lengths, tags)
    found, lost = tags_to_arcs(belief, floor=floor)
    assert found.structure == HeadSelection()
    pairs = {tuple(pair): row for pair, row in zip(found.pairs.tolist(), found.label_scores)}
    assert len(pairs) == len(found.pairs)
    for (start, end), arc in zip(found.units.tolist(), found.arcs):
        for token in range(end - start):
            p = numpy.exp(belief.scores[start + token].astype("float64"))
            p /= p.sum()
            inside = {tag: q for tag, q in zip(tags, p)
                      if parse_head_label(tag)[0] == 0 or
                      0 <= token + parse_head_label(tag)[0] < end - start}  # fmt: skip
            inside = {tag: q for tag, q in inside.items() if q > 0}
            assert lost[start + token] == pytest.approx(1 - sum(inside.values()), abs=1e-5)
            mine = [pair for pair in pairs if pair[0] == start + token]
            assert mine
            weights = numpy.where(arc[token] > -1e6, numpy.exp(arc[token]), 0)
            for head in range(end - start + 1):
                of_arc = {parse_head_label(tag)[1]: q for tag, q in inside.items()
                          if parse_head_label(tag)[0] == offset_of(token, head) and
                          head != token + 1}  # fmt: skip
                if not of_arc:
                    assert weights[head] == 0
                    continue
                share_of = sum(of_arc.values()) / sum(inside.values())
                assert weights[head] / weights.sum() == pytest.approx(share_of, abs=1e-5)
                pair = (start + token, -1 if head == 0 else start + head - 1)
                if share_of > floor + 1e-6:
                    row = pairs[pair]
                    row = numpy.exp(row - row.max()) / numpy.exp(row - row.max()).sum()
                    given_arc = [of_arc.get(d, 0) / sum(of_arc.values()) for d in found.labels]
                    numpy.testing.assert_allclose(row, given_arc, atol=1e-5)
                elif share_of < floor - 1e-6 and len(mine) > 1:
                    assert pair not in pairs or share_of >= max(
                        w / weights.sum() for w in weights
                    ) - 1e-6  # fmt: skip


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("student", list(OUTPUTS)[1:], ids=lambda s: type(s).__name__)
def test_a_teacher_of_tags_teaches_trees_given_that_they_are_trees(student, temperature):
    """The lifted teacher, conditioned on the student's structure: over all choices of tags, whose
    scores are divided by the temperature."""
    rng = numpy.random.default_rng(0)
    tags = inventory(rng, 3, share=1.0)
    belief = belief_of(rng, [3], tags)
    lifted, _ = tags_to_arcs(belief, floor=0.0, temperature=temperature)
    parts = Parts({"arc": lifted.arcs[0][None].astype("float64")}, numpy.array([3]))
    target = convert(Posterior(lifted.structure, parts), student, temperature=temperature)
    want, total = numpy.zeros((3, 4)), 0.0
    p = numpy.exp(belief.scores.astype("float64") / temperature)
    support = {y.tobytes() for y in OUTPUTS[student](3, 4)}
    for chosen in itertools.product(range(len(tags)), repeat=3):
        offsets = [parse_head_label(tags[tag])[0] for tag in chosen]
        heads = tuple(0 if o == 0 else t + o + 1 for t, o in enumerate(offsets))
        ok = all(0 <= h <= 3 and (o == 0) == (h == 0) for h, o in zip(heads, offsets))
        if ok and oracle.arcs(heads).tobytes() in support:
            weight = numpy.prod(p[range(3), list(chosen)])
            want += weight * oracle.arcs(heads)
            total += weight
    numpy.testing.assert_allclose(target.marginals.arrays["arc"][0], want / total, atol=1e-5)


def test_no_tokens():
    tags = ("0:a", "1:a")
    empty, lost = tags_to_arcs(belief_of(numpy.random.default_rng(0), [], tags), floor=0.1)
    assert (empty.arcs, len(empty.pairs), len(lost)) == ((), 0, 0)
    assert empty.label_scores.shape == (0, 1)


def test_the_best_guesses():
    """Trees, where the best tags are none; with an arc without a tag only if there is no other."""
    tags = ("1:a", "0:r", "-1:b", "-1:c")
    scores = numpy.array([[3.0, 2.5, 0, 0], [0, 0, 2.9, 3.0]], dtype="float32")  # a cycle
    units = numpy.array([[0, 2]], "int32")
    belief = HeadLabelBelief(IndependentLabels(), tags, units, scores)
    found = belief.best(k=4)
    assert found.labels == ("a", "b", "c", "r")
    assert found.heads[:2].tolist() == [[-1, 0], [1, -1]]
    assert found.deprels[:2].tolist() == [[3, 2], [0, 3]]
    assert found.weights.tolist() == [[1, 1, 0, 0]]
    no_root = HeadLabelBelief(IndependentLabels(), tags[2:], units, scores[:, 2:])
    found = no_root.best(k=2)
    assert found.heads[0].tolist() == [-1, 0]
    assert found.weights.tolist() == [[1, 0]]
    none = HeadLabelBelief(IndependentLabels(), tags, units[:0], scores[:0])
    found = none.best(k=2)
    assert found.n_tokens == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), lengths=st.lists(st.integers(1, 3), min_size=1, max_size=3),
       temperature=st.sampled_from([1.0, 2.0]))  # fmt: skip
def test_weighted_trees_to_tags(seed, lengths, temperature):
    """Each token's mean of the candidates' tags, by weight^(1 / T), given that there is one."""
    rng = numpy.random.default_rng(seed)
    tags = inventory(rng, 3, share=0.7)
    beliefs, want, lost = [], [], []
    for n in lengths:  # a doc of one sentence each
        k = int(rng.integers(1, 4))
        heads = numpy.array([[rng.choice([h for h in range(-1, n) if h != t]) for t in range(n)]
                             for _ in range(k)])  # fmt: skip
        deprels, weights = rng.integers(-1, 3, (k, n)), rng.random((1, k))
        units = numpy.array([[0, n]])
        beliefs.append(TreeCandidates(TEACHER, units, heads, deprels, weights))
        w = weights[0] ** (1 / temperature) / (weights[0] ** (1 / temperature)).sum()
        for token in range(n):
            row = numpy.zeros(len(tags))
            for head, deprel, share in zip(heads[:, token], deprels[:, token], w):
                name = f"{offset_of(token, head + 1)}:{TEACHER[deprel]}"
                if deprel >= 0 and name in tags:
                    row[tags.index(name)] += share
            want.append(row)
            lost.append(1 - row.sum())
    target = expect_head_labels(beliefs, HeadLabels(tags), temperature=temperature)
    numpy.testing.assert_allclose(target.lost, lost, atol=1e-9)
    for i, row in enumerate(want):
        is_empty = target.empty is not None and target.empty[i]
        assert is_empty == (row.sum() == 0)
        if not is_empty:
            found = target.marginals.arrays["unary"][i, 0]
            numpy.testing.assert_allclose(found, row / row.sum(), atol=1e-6)


def test_temperature_must_be_positive():
    parts = Parts({"arc": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    labelled = LabelledArcs(numpy.array([[0, 0, 0]]), ("a",), numpy.zeros((1, 1)))
    with pytest.raises(ValueError, match="temperature"):
        arcs_to_tags(
            Posterior(HeadSelection(), parts), labelled, tags=HeadLabels(("0:a",)), temperature=0
        )
