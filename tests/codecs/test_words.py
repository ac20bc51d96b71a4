"""From tokens to words and back, with whitespace anywhere."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.codecs.bioes import decode_spans, encode_spans
from spacy_skd.codecs.units import ROOT_HEAD, UNKNOWN_HEAD, Heads
from spacy_skd.codecs.words import Words, space_tag

SPACES = st.lists(st.booleans(), max_size=9)


def words_in(spaces):
    return Words(len(spaces), numpy.asarray(spaces, dtype=bool))


def at(string):
    """ "a_b": "_" is whitespace."""
    return words_in([char == "_" for char in string])


@given(SPACES)
def test_rows_come_back(spaces):
    words = words_in(spaces)
    rows = numpy.arange(2 * len(words)).reshape(-1, 2)
    on_tokens = words.to_tokens(rows, fill=-7)
    assert words.of_tokens(on_tokens).tolist() == rows.tolist()
    assert on_tokens[numpy.asarray(spaces, bool)].tolist() == [[-7, -7]] * sum(spaces)
    assert words.spaces == [i for i, space in enumerate(spaces) if space]
    assert words.items_of_tokens([*map(str, range(len(spaces)))]) == [
        str(i) for i, space in enumerate(spaces) if not space
    ]


@given(SPACES, st.data())
def test_sentences_come_back_and_whitespace_starts_none(spaces, data):
    words = words_in(spaces)
    starts = numpy.asarray(data.draw(st.lists(st.booleans(), min_size=9, max_size=9)))[: len(words)]
    starts[:1] = True
    on_tokens = words.starts_to_tokens(starts)
    found = words.starts_of_tokens(on_tokens)
    assert found.tolist() == starts.tolist()
    assert on_tokens[:1].all()
    assert not on_tokens[1:][numpy.asarray(spaces, bool)[1:]].any()
    assert on_tokens.sum() == max(starts.sum(), min(1, len(spaces)))


@pytest.mark.parametrize(
    ("doc", "starts", "expected"),
    [
        ("ab_c", [0, 2], [0, 2]),
        ("_ab__cd", [0, 3, 4], [0, 2]),
        ("ab__", [0, 2], [0]),
        ("__", [0], []),
    ],
)
def test_a_start_on_whitespace_moves_to_the_next_word(doc, starts, expected):
    flags = numpy.isin(numpy.arange(len(doc)), starts)
    assert numpy.flatnonzero(at(doc).starts_of_tokens(flags)).tolist() == expected


def test_units_without_words_vanish_and_whitespace_follows_its_unit():
    words = at("_ab_c__")
    units = words.units_of_tokens(numpy.asarray([[0, 3], [3, 4], [4, 6], [6, 7]]))
    assert units.tolist() == [[0, 2], [2, 3]]
    assert words.units_to_tokens(units).tolist() == [[0, 4], [4, 7]]


@given(SPACES, st.data())
def test_spans_never_begin_or_end_with_whitespace(spaces, data):
    words = words_in(spaces)
    cut = sorted(data.draw(st.sets(st.integers(0, len(words)), max_size=4)))
    spans = [(a, b, "X") for a, b in zip(cut[::2], cut[1::2])]
    on_tokens = words.spans_to_tokens(spans)
    assert all(not spaces[a] and not spaces[b - 1] for a, b, _ in on_tokens)
    for scheme in ("BIOES", "BIO"):
        tags = encode_spans(on_tokens, n=len(spaces), scheme=scheme)
        assert decode_spans(words.tags_of_tokens(tags)) == spans


@given(SPACES, st.data())
def test_a_span_of_tokens_is_that_of_its_words(spaces, data):
    words, n = words_in(spaces), len(spaces)
    cut = sorted(data.draw(st.sets(st.integers(0, n), max_size=6)))
    spans = [(a, b, label) for a, b, label in zip(cut[::2], cut[1::2], "XYX")]
    before = numpy.cumsum([0, *(not space for space in spaces)]).tolist()
    expected = [(before[a], before[b], label) for a, b, label in spans if before[a] < before[b]]
    for scheme in ("BIOES", "BIO"):
        tags = encode_spans(spans, n=n, scheme=scheme)
        assert decode_spans(words.tags_of_tokens(tags)) == expected


def test_what_is_not_known_of_a_word_stays_unknown():
    tags = ["B-X", None, None, "E-X", "O", None, ""]
    assert at("_a_b_c_").tags_of_tokens(tags) == [None, "E-X", None]
    assert at("__ab").tags_of_tokens(["B-X", None, "I-X", "E-X"]) == ["B-X", "E-X"]


@given(SPACES, st.data())
def test_heads_come_back_and_whitespace_has_no_children_but_whitespace(spaces, data):
    words = words_in(spaces)
    heads = [data.draw(st.integers(-1, i - 1)) for i in range(len(words))]  # a tree: to the left
    offsets = numpy.asarray([0 if h < 0 else h - i for i, h in enumerate(heads)], dtype="int64")
    on_tokens = words.heads_to_tokens(offsets)
    deprels = words.to_tokens(numpy.arange(len(words)), fill=-1)
    found, kept = words.heads_of_tokens(Heads.of_offsets(on_tokens).rows, deprels)
    assert found.tolist() == heads
    assert kept.tolist() == list(range(len(words)))
    targets = numpy.arange(len(spaces)) + on_tokens
    first = words.of_tokens(numpy.arange(len(spaces)))[:1]
    for i in words.spaces:
        assert targets[i] == (
            first[0] if len(first) and i < first[0] else i - 1 if len(first) else 0
        )


def test_words_that_hang_on_whitespace():
    # a <- _ <- _ (root): a becomes the root; c hangs on _ which hangs on a; the circle is unknown
    heads = numpy.asarray([1, 2, ROOT_HEAD, 4, 0, 6, 5, 6, UNKNOWN_HEAD])
    found, deprels = at("a__c___de").heads_of_tokens(heads, numpy.arange(9))
    assert found.tolist() == [ROOT_HEAD, 0, UNKNOWN_HEAD, UNKNOWN_HEAD]
    assert deprels.tolist() == [-1, -1, -1, 8]


def test_of_words_that_hang_on_a_whitespace_root_one_is_the_root():
    # b and d hang on _ directly, e through another: b is the root of them; g hangs on a second root
    heads = numpy.asarray([1, 2, ROOT_HEAD, 2, 2, 4, ROOT_HEAD, 6, 7])
    found, deprels = at("ab_d_e_gh").heads_of_tokens(heads, numpy.arange(9))
    assert found.tolist() == [1, ROOT_HEAD, 1, 1, ROOT_HEAD, 4]
    assert deprels.tolist() == [0, -1, -1, -1, -1, 8]


def test_the_tag_of_whitespace_is_the_one_that_the_labels_have():
    assert space_tag(["NN", "SPACE"]) == "SPACE"
    assert space_tag(["NN", "SPACE", "_SP"]) == "_SP"
    assert space_tag(["NN"]) == "_SP"
