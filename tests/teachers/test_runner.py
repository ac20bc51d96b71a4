"""The batches of a teacher: docs of similar length together, and every doc's answer its own."""

import random

import hypothesis.strategies as st
import numpy
import spacy
from hypothesis import given

from spacy_skd.teachers.overlap import batches_by_length
from spacy_skd.teachers.runner import TeacherRunner


def padded(batches, lengths):
    return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 100))
def test_batches_have_every_doc_once_and_so_many_padded_words(lengths, size):
    batches = batches_by_length(lengths, size=size)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or padded([batch], lengths) <= size
    flat = [lengths[i] for batch in batches for i in batch]
    assert flat == sorted(lengths)


def test_sorting_saves_padding():
    rng = random.Random(0)
    lengths = [rng.choice((3, 8, 20, 60)) for _ in range(400)]
    batches = batches_by_length(lengths, size=240)
    n = len(lengths) // len(batches)
    unsorted = [range(i, min(i + n, 400)) for i in range(0, 400, n)]
    assert padded(batches, lengths) < 1.05 * sum(lengths)
    assert padded(unsorted, lengths) > 1.8 * sum(lengths)


def test_the_embedding_sees_such_batches_and_answers_are_in_order(teacher):
    nlp = spacy.load(teacher)
    runner = TeacherRunner(nlp, batch_words=24)
    texts = ["Ann sees dogs . " * n for n in (5, 2, 3, 1, 5, 1)]
    docs = [nlp.make_doc(text.strip()) for text in texts]
    seen = []
    tok2vec = nlp.get_pipe("tok2vec")
    predict = tok2vec.predict

    def spy(batch):
        seen.append([len(doc) for doc in batch])
        return predict(batch)

    tok2vec.predict = spy
    found = runner.annotate(docs, starts=[None] * len(docs), pipes=runner.pipes)
    assert seen == [[4, 4, 8], [12], [20], [20]]
    for doc, (guess, beliefs) in zip(docs, found):
        assert guess.text == doc.text
        ((alone, expected),) = runner.annotate([doc], starts=[None], pipes=runner.pipes)
        assert [t.head.i for t in guess] == [t.head.i for t in alone]
        numpy.testing.assert_allclose(
            beliefs["tag"].scores, expected["tag"].scores, rtol=1e-4, atol=1e-4
        )
