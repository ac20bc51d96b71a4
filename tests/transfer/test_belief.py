import numpy
import pytest

from spacy_skd.codecs.bioes import legality, match_tags, span_tags
from spacy_skd.structures import FlatSegments, IndependentLabels, LinearChain, Parts
from spacy_skd.transfer import ChainBelief, Posterior, SegmentBelief, TokenBelief, convert
from spacy_skd.transfer.belief import best_only

TAGS = span_tags(["A"], scheme="BIO")  # O, B-A, I-A


def test_the_best_guess_of_independent_tags_is_a_legal_sequence():
    """Each token's best tag is I-A; the best legal sequence is B-A I-A."""
    scores = numpy.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]], dtype="float32")
    best = best_only(TokenBelief(IndependentLabels(), TAGS, scores))
    assert best.scores.argmax(axis=1).tolist() == [1, 2]
    posterior = Posterior(best.structure, Parts({"unary": best.scores[None]}, numpy.array([2])))
    match = match_tags(teacher=TAGS, student=TAGS)
    target = convert(posterior, LinearChain(), match=match, rules=legality(TAGS))
    assert target.marginals.arrays["unary"][0].argmax(axis=1).tolist() == [1, 2]
    assert target.marginals.arrays["transition"][0, 1, 2] == pytest.approx(1.0)


def test_the_best_guess_of_a_chain_is_its_best_sequence():
    unary = numpy.array([[1.0, 0.0, -9.0], [1.0, 0.0, 0.5]], dtype="float32")
    transition = numpy.array([[-5, 0, -9e9], [0, 0, 3], [0, 0, 0]], dtype="float32")
    best = best_only(ChainBelief(LinearChain(), TAGS, unary, transition))
    assert best.scores.argmax(axis=1).tolist() == [1, 2]
    assert (best.transition == 0).all()


def test_the_best_guess_of_segments_is_certain_at_any_temperature():
    scores = numpy.full((3, 2, 1), -2.0, dtype="float32")
    scores[0, 1, 0], scores[1, 0, 0], scores[2, 0, 0] = 3.0, 2.0, 0.5
    belief = SegmentBelief(FlatSegments(max_width=2), ("A",), scores)
    parts = Parts({"span": best_only(belief).scores[None]}, numpy.array([3]))
    for temperature in (1.0, 30.0):
        _, found = belief.structure.infer(parts * (1 / temperature))
        assert numpy.argwhere(found.arrays["span"][0] == 1).tolist() == [[0, 1, 0], [2, 0, 0]]
        assert found.arrays["span"].sum() == 2


def test_other_labels_are_each_tokens_best():
    scores = numpy.array([[0.0, 2.0], [3.0, 0.0]], dtype="float32")
    best = best_only(TokenBelief(IndependentLabels(), ("O", "NOUN"), scores))
    assert best.scores.argmax(axis=1).tolist() == [1, 0]


def test_docs_without_tokens():
    none = numpy.zeros((0, 3), dtype="float32")
    assert best_only(TokenBelief(IndependentLabels(), TAGS, none)).scores.shape == (0, 3)
    belief = ChainBelief(LinearChain(), TAGS, none, numpy.zeros((3, 3), dtype="float32"))
    assert best_only(belief).scores.shape == (0, 3)
    segments = SegmentBelief(FlatSegments(max_width=2), ("A",), numpy.zeros((0, 2, 1)))
    assert best_only(segments).scores.shape == (0, 2, 1)
