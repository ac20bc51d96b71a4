import numpy

from spacy_skd.pipeline.teacher.cache import BeliefCache
from spacy_skd.structures import IndependentLabels
from spacy_skd.transfer.beliefs import TokenBelief


def beliefs(n):
    """4 bytes a token and 1 byte for the key."""
    return {"tag": TokenBelief(IndependentLabels(), ("A",), numpy.zeros((n, 1), "float32"))}


def test_the_least_recently_used_go_first():
    cache = BeliefCache(30)
    assert [cache.put(key, beliefs(2)) for key in (b"a", b"b", b"c")] == [False] * 3
    assert cache.bytes == 27
    assert cache.get(b"a") is not None
    assert cache.put(b"d", beliefs(2))
    assert [cache.get(key) is not None for key in (b"a", b"b", b"c", b"d")] == [
        True,
        False,
        True,
        True,
    ]
    assert cache.bytes == 27


def test_what_is_put_again_counts_once():
    cache = BeliefCache(30)
    for n in (1, 2, 3):
        cache.put(b"a", beliefs(n))
    assert (len(cache), cache.bytes) == (1, 13)


def test_a_doc_that_is_too_large_is_kept_alone():
    cache = BeliefCache(30)
    cache.put(b"a", beliefs(1))
    assert cache.put(b"b", beliefs(100))
    assert len(cache) == 1
    assert cache.get(b"b") is not None
