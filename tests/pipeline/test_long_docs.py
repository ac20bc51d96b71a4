"""What a student's pipeline costs grows with the length of a doc, no faster."""

import sys
import tracemalloc

import numpy
import spacy
from spacy.tokens import Doc

WORDS = "Ann sees the dogs . They sleep well . Go !".split()


def long_doc(nlp, n):
    return Doc(nlp.vocab, (WORDS * (n // len(WORDS) + 1))[:n])


def calls_and_bytes(nlp, n):
    """Calls of functions, and peak bytes, of annotating a doc of n tokens."""
    doc, calls = long_doc(nlp, n), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        nlp(doc)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert all(token.tag_ and token.dep_ for token in doc)
    return calls, peak


def check_linear(nlp, small, large):
    nlp(long_doc(nlp, small))
    few, many = (numpy.asarray(calls_and_bytes(nlp, n)) for n in (small, large))
    assert (many < 1.1 * (large / small) * few).all(), many / few


def test_the_cost_of_a_long_doc_is_linear(teacher):
    check_linear(spacy.load(teacher), 25_000, 100_000)
