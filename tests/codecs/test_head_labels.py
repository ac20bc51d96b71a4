"""Tags of heads: offsets and deprels, arcs and back."""

from collections import Counter

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.head_labels import (
    UNTAGGED,
    HeadLabels,
    choose_head_labels,
    decode_head_labels,
    deprels_of,
    head_label,
    parse_head_label,
)
from spacy_skd.codecs.units import ROOT_HEAD

TAGS = ("1:det", "0:root", "-2:obj", "-1:obj", "1:nsubj:pass", "2:det", "-1:det")
LABELS = HeadLabels(TAGS)


def test_tags_are_read_and_written():
    for tag in TAGS:
        assert head_label(*parse_head_label(tag)) == tag
    assert parse_head_label("1:nsubj:pass") == (1, "nsubj:pass")
    for wrong in ("det", "+1:det", "-0:det", "01:det", "1:", "1", ":det", "1.5:det", "", "--1:a"):
        assert parse_head_label(wrong) is None
        with pytest.raises(ValueError, match="expected tags of heads"):
            HeadLabels((wrong,))
    assert deprels_of([*TAGS, "det", "x:y"]) == ("det", "root", "obj", "nsubj:pass", "x:y")


def test_the_inventory_by_count_and_length():
    counts = Counter({(1, "det"): 5, (-9, "obj"): 4, (0, "root"): 1, (2, "det"): 2})
    chosen = choose_head_labels(counts, min_count=1, max_offset=0)
    assert chosen == ["-9:obj", "0:root", "1:det", "2:det"]
    assert choose_head_labels(counts, min_count=2, max_offset=0) == ["-9:obj", "1:det", "2:det"]
    assert choose_head_labels(counts, min_count=1, max_offset=2) == ["0:root", "1:det", "2:det"]


def test_encode_is_the_tag_by_name():
    """Of every offset within and beyond reach, and every deprel."""
    for offset in range(-7, 8):
        for i, deprel in enumerate(LABELS.deprels):
            tag = head_label(offset, deprel)
            expected = TAGS.index(tag) if tag in TAGS else -1
            assert LABELS.encode(numpy.array([offset]), numpy.array([i])).tolist() == [expected]
        assert LABELS.encode(numpy.array([offset]), numpy.array([-1])).tolist() == [-1]


def scores_of(seed, n, scale=3.0):
    return numpy.random.default_rng(seed).normal(0, scale, (n, len(TAGS)))


def offset_of(token, head):
    """head: 0 is ROOT, i + 1 is token i."""
    return 0 if head == 0 else head - 1 - token


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_arcs_of_a_batch_by_definition(seed, lengths):
    ends = numpy.cumsum(lengths)
    rows, n = ends - lengths, max(lengths)
    scores = scores_of(seed, int(ends[-1]))
    index = rows[:, None] + numpy.minimum(numpy.arange(n)[None], numpy.array(lengths)[:, None] - 1)
    best = LABELS.best_arcs(scores, index, numpy.array(lengths))
    summed = LABELS.summed_arcs(scores, index, numpy.array(lengths))
    for unit, length in enumerate(lengths):
        for token in range(length):
            row = scores[rows[unit] + token]
            for head in range(length + 1):
                if head == token + 1:
                    continue
                of_arc = [s for tag, s in zip(TAGS, row)
                          if parse_head_label(tag)[0] == offset_of(token, head)]  # fmt: skip
                if of_arc:
                    assert best[unit, token, head] == pytest.approx(max(of_arc) - row.max())
                    expected = numpy.log(numpy.exp(of_arc).sum())
                    assert summed[unit, token, head] == pytest.approx(expected)
                else:
                    assert best[unit, token, head] == UNTAGGED
                    assert summed[unit, token, head] == -1e9
            assert best[unit, token, token + 1] == UNTAGGED
            assert summed[unit, token, token + 1] == -1e9
            assert (summed[unit, token, length + 1 :] == -1e9).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(0, 3))
def test_decoding_is_the_best_tree_under_the_tags_scores(seed, n, row):
    scores = scores_of(seed, row + n)
    pairs = decode_head_labels(LABELS, scores, rows=numpy.array([row]), lengths=numpy.array([n]))
    assert pairs[:, 0].tolist() == list(range(row, row + n))
    heads = tuple(0 if h == ROOT_HEAD else h - row + 1 for h in pairs[:, 1].tolist())
    assert oracle.forms_tree(heads, single_root=True)

    def total(tree):
        return sum(best_of(scores[row + d], offset_of(d, h)) for d, h in enumerate(tree))

    def best_of(row_scores, offset):
        fits = [s for tag, s in zip(TAGS, row_scores) if parse_head_label(tag)[0] == offset]
        return max(fits, default=row_scores.max() + UNTAGGED)

    trees = [t for t in oracle.all_heads(n) if oracle.forms_tree(t, single_root=True)]
    assert total(heads) == pytest.approx(max(map(total, trees)))


@pytest.mark.parametrize("tag", ["5:det", "-5:obj", "0:root", "1:det"])
def test_there_is_a_tree_whatever_the_inventory(tag):
    labels = HeadLabels((tag,))
    for n in (1, 2, 7):
        scores = numpy.zeros((n, 1), dtype="float32")
        pairs = decode_head_labels(labels, scores, rows=numpy.array([0]), lengths=numpy.array([n]))
        heads = tuple(0 if h == ROOT_HEAD else h + 1 for h in pairs[:, 1].tolist())
        assert oracle.forms_tree(heads, single_root=True)


def test_impossible_tags_leave_a_tree_too():
    scores = numpy.full((3, len(TAGS)), -1e9)
    scores[:, TAGS.index("1:det")] = 0  # the third token has no such head
    pairs = decode_head_labels(LABELS, scores, rows=numpy.array([0]), lengths=numpy.array([3]))
    heads = tuple(0 if h == ROOT_HEAD else h + 1 for h in pairs[:, 1].tolist())
    assert heads == (2, 3, 0)


def test_the_deprel_of_an_arc_and_what_stands_in_for_it():
    def of(offset, **best):
        scores = numpy.zeros((1, len(TAGS)))
        for tag, score in best.items():
            scores[0, TAGS.index(tag.replace("_", ":").replace("m", "-", 1))] = score
        tag, deprel = LABELS.of_arcs(scores, numpy.array([offset]))
        return (None if tag[0] < 0 else TAGS[tag[0]]), LABELS.deprels[deprel[0]]

    assert of(1, **{"1_det": 1, "2_det": 9}) == ("1:det", "det")
    assert of(-1, m1_obj=-1) == ("-1:det", "det")
    # without a tag: the best tag that is no root's, of a root the best that is one
    assert of(9, **{"0_root": 9, "m2_obj": 5}) == (None, "obj")
    assert HeadLabels(("1:a", "2:b")).of_arcs(
        numpy.array([[1.0, 2.0]]), numpy.array([0])
    )[1].tolist() == [1]  # fmt: skip


def test_a_nan_is_named():
    scores = numpy.full((2, len(TAGS)), numpy.nan)
    with pytest.raises(ValueError, match="nan in unit 0"):
        decode_head_labels(LABELS, scores, rows=numpy.array([0]), lengths=numpy.array([2]))
