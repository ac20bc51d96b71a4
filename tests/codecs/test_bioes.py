import itertools

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given

from spacy_skd.codecs.bioes import (
    are_span_tags,
    decode_spans,
    encode_chains,
    encode_spans,
    legality,
    scheme_of,
    span_tags,
)
from spacy_skd.structures import IMPOSSIBLE, Parts

schemes = st.sampled_from(["BIO", "BIOES"])


@st.composite
def spans_of(draw, n=9):
    cuts = sorted(draw(st.sets(st.integers(0, n))))
    pairs = list(zip(cuts, cuts[1:]))
    kept = [draw(st.booleans()) for _ in pairs]
    return [(a, b, draw(st.sampled_from("AB"))) for (a, b), keep in zip(pairs, kept) if keep]


@given(spans=spans_of(), scheme=schemes)
def test_round_trip(spans, scheme):
    tags = encode_spans(spans, n=9, scheme=scheme)
    assert set(tags) <= set(span_tags("AB", scheme=scheme))
    assert decode_spans(tags) == spans == oracle.parse_tags(tuple(tags), scheme)


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_legal_are_exactly_the_sequences_that_parse(scheme):
    tags = span_tags("AB", scheme=scheme)
    rules = legality(tags)
    for n in (1, 2, 3):
        for y in itertools.product(range(len(tags)), repeat=n):
            score = rules.start[y[0]] + rules.end[y[-1]]
            score += sum(rules.transition[a, b] for a, b in zip(y, y[1:]))
            parsed = oracle.parse_tags(tuple(tags[c] for c in y), scheme)
            assert (score == 0) == (parsed is not None)


def test_rules_are_added_at_the_ends_of_each_unit():
    tags = span_tags("A", scheme="BIOES")  # O B I E S
    arrays = {"unary": numpy.zeros((3, 3, 5)), "transition": numpy.zeros((3, 5, 5))}
    scores = legality(tags).add_to(Parts(arrays, numpy.array([3, 1, 0])))
    gone = scores.arrays["unary"] <= IMPOSSIBLE / 2
    assert gone[0].tolist() == [[0, 0, 1, 1, 0], [0] * 5, [0, 1, 1, 0, 0]]
    assert gone[1].tolist() == [[0, 1, 1, 1, 0], [0] * 5, [0] * 5]
    assert not gone[2].any()
    assert arrays["unary"].sum() == 0


@pytest.mark.parametrize("spans", [[(0, 2, "A"), (1, 3, "B")], [(2, 5, "A")], [(2, 2, "A")]])
def test_spans_that_overlap_or_lie_outside_are_refused(spans):
    with pytest.raises(ValueError, match="do not overlap, got"):
        encode_spans(spans, n=4, scheme="BIO")


def test_unknown_scheme():
    with pytest.raises(ValueError, match="expected one of BIO, BIOES, got 'IOB1'"):
        span_tags(["A"], scheme="IOB1")


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_an_inventory_of_spans_is_told_from_that_of_a_tagger(scheme):
    assert are_span_tags(span_tags(["B", "O", "A-B"], scheme=scheme))
    for tags in (["O"], ["O", "S-bar"], ["B-NP", "I-NP", "O"], ["O", "OUT"], ["NN"], [], ["O", ""]):
        assert not are_span_tags(tags)


def test_gold_of_chains_with_unknown_tokens_and_pairs():
    tags = span_tags("A", scheme="BIOES")
    gold, illegal = encode_chains(
        [["O", "B-A", "E-A"], ["S-A", None, "nonsense"], ["O", "B-A", "O"], []],
        tags,
        legality(tags),
    )
    assert illegal == 1
    assert gold.known.tolist() == [[True] * 3, [True, False, False], [False] * 3, [False] * 3]
    assert gold.indicators.lengths.tolist() == [3, 3, 3, 0]
    unary, pairs = gold.indicators.arrays["unary"], gold.indicators.arrays["transition"]
    assert unary.argmax(axis=-1)[0].tolist() == [0, 1, 3]
    assert unary.sum(axis=(1, 2)).tolist() == [3, 1, 0, 0]
    assert pairs[0, 0, 1] == pairs[0, 1, 3] == 1
    assert pairs.sum(axis=(1, 2)).tolist() == [2, 0, 0, 0]


@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "E-A", "S-A", None]), min_size=1, max_size=4))
def test_a_unit_is_dropped_only_where_no_legal_sequence_agrees(tags):
    inventory = span_tags("A", scheme="BIOES")
    choices = [[t] if t else inventory for t in tags]
    legal = any(oracle.parse_tags(y, "BIOES") is not None for y in itertools.product(*choices))
    _, illegal = encode_chains([tags], inventory, legality(inventory))
    assert illegal == (not legal)


def test_the_scheme_of_an_inventory():
    assert scheme_of(span_tags(["EU"], scheme="BIO")) == "BIO"
    assert scheme_of(span_tags(["EU"], scheme="BIOES")) == "BIOES"
