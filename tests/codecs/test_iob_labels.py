"""Labels of somebody else's model, by each spelling, and its probabilities as those of tags."""

from itertools import product

import numpy
import pytest

from spacy_skd.codecs.bioes import decode_spans, encode_spans
from spacy_skd.codecs.iob_labels import read_iob_labels

X = ("O", "B-X", "I-X")


def spans_of_iob1(tags):
    """Of IOB1: "I-X" begins a span unless one of X is before; "B-X" always."""
    fixed = []
    for i, tag in enumerate(tags):
        before = tags[i - 1] if i else "O"
        begins = tag[0] == "I" and before[2:] != tag[2:]
        fixed.append(f"B{tag[1:]}" if begins else tag)
    return decode_spans(fixed)


@pytest.mark.parametrize("labels", [("O", "I-X", "B-X", "I-Y"), ("I-X", "O")])
def test_iob1_has_the_chances_of_bio_by_enumeration(labels):
    rng = numpy.random.default_rng(0)
    p = rng.dirichlet(numpy.ones(len(labels)), size=3)
    read = read_iob_labels(labels, scheme="iob1")
    expected = numpy.zeros((3, len(read.tags)))
    for choice in product(range(len(labels)), repeat=3):
        chance = numpy.prod([p[i, k] for i, k in enumerate(choice)])
        tags = encode_spans(spans_of_iob1([labels[k] for k in choice]), n=3, scheme="BIO")
        for i, tag in enumerate(tags):
            expected[i, read.tags.index(tag)] += chance
    assert numpy.allclose(numpy.exp(read.scores(numpy.log(p))), expected)


def test_labels_are_found_by_name_whatever_their_spelling_and_order():
    read = read_iob_labels(["U_X", "L_X", "M_X", "B_X", "O"])
    assert read.tags == ("O", "B-X", "I-X", "E-X", "S-X")
    assert read.columns == (4, 3, 2, 1, 0)
    assert read_iob_labels(["I-X", "O"]).is_iob1
    assert not read_iob_labels(X).is_iob1
    lacking = read_iob_labels(["O", "B-X"])  # no word goes on
    assert lacking.tags == X
    assert lacking.scores(numpy.log([[0.5, 0.5]]))[0, 2] < -1e4


@pytest.mark.parametrize(
    ("labels", "scheme", "message"),
    [
        (["O", "B-X", "I-X", "B_X"], "auto", "one label of each kind, got B-X and B_X"),
        (["O", "I-X", "B-Y"], "bio", "expected B-X among the labels"),
        (["O", "B-X", "I-X", "S-Y"], "auto", "expected B-X and E-X among the labels"),
    ],
)
def test_labels_by_which_no_span_can_be_are_refused(labels, scheme, message):
    with pytest.raises(ValueError, match=message):
        read_iob_labels(labels, scheme=scheme)


def test_words_of_one_piece_have_one_span_and_words_without_one_are_outside():
    bio = read_iob_labels(X)
    log_p = numpy.log([[0.2, 0.7, 0.1], [0.2, 0.7, 0.1], [numpy.nan] * 3])
    scores = bio.scores(log_p, shared=numpy.array([False, True, False]))
    assert numpy.allclose(numpy.exp(scores), [[0.2, 0.7, 0.1], [0.2, 0, 0.8], [1, 0, 0]])
    bioes = read_iob_labels(["O", "B-X", "I-X", "E-X", "S-X"])
    single = numpy.log([[0.1, 0.01, 0.01, 0.01, 0.87]] * 3)
    best = bioes.scores(single, shared=numpy.array([False, True, True])).argmax(axis=1)
    assert [bioes.tags[i] for i in best] == ["B-X", "I-X", "E-X"]


@pytest.mark.parametrize(
    ("labels", "scheme", "message"),
    [
        (["NOUN", "O"], "auto", "expected IOB labels .* --layer pos"),
        (["O", "PER"], "auto", "spans without a prefix, rename X to I-X in .* config.json"),
        (["B-X", "I-X"], "auto", "expected IOB labels"),
        (["O"], "auto", "expected IOB labels"),
        (["O", "B-X", "E-X"], "bio", "expected bioes"),
        (X, "iob", "scheme: expected one of auto, bio, iob1, bioes"),
    ],
)
def test_other_labels_are_refused(labels, scheme, message):
    with pytest.raises(ValueError, match=message):
        read_iob_labels(labels, scheme=scheme)
