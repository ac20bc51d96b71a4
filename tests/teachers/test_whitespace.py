"""What stock teachers believe is of words, and what they annotate by it follows the convention."""

import numpy
import pytest
import spacy
from conftest import student_of
from spacy.tokens import Doc, Span
from spacy.training import Example
from stock_pipelines import EMBED, stock_examples, stock_pipeline

from spacy_skd.codecs.units import ROOT_HEAD
from spacy_skd.models.words import words_of
from spacy_skd.shards.manifest import Manifest
from spacy_skd.teachers.beam import Beam
from spacy_skd.teachers.parser import ParserSource
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.corpora.distillation import DistillationCorpus
from spacy_skd.training.corpora.sampled import SampledCorpus
from spacy_skd.transfer.beliefs import TreeCandidates

TEXTS = [
    "The cat\n\nsees  Ann.\n\n\nDogs sleep\n well!\n",
    "\n  Go!",
    "\n",
    "She gave him the book",
]
STARTS = [0, 3, 5]  # of the first text: two with whitespace


@pytest.fixture(scope="module")
def stock():
    """With entities, spans and trees, not much trained: they say all sorts of things."""
    nlp = stock_pipeline(shared=False, steps=4)
    tok2vec = {"model": {"tok2vec": EMBED}}
    nlp.add_pipe("parser", config={"min_action_freq": 1, **tok2vec})
    nlp.add_pipe("ner", config=tok2vec)
    nlp.add_pipe("spancat", config={"threshold": 0.0, **tok2vec})
    examples = stock_examples(nlp)
    for eg in examples:
        doc = eg.reference
        doc.set_ents([Span(doc, 0, 2, "A"), Span(doc, len(doc) - 1, len(doc), "B")])
        doc.spans["sc"] = list(doc.ents)
    for name in ("parser", "ner", "spancat"):
        nlp.get_pipe(name).initialize(lambda: examples, nlp=nlp)
    for _ in range(4):
        nlp.update(examples, losses={})
    return nlp


@pytest.mark.parametrize("given", [False, True])
def test_stock_components_believe_of_words(stock, given):
    runner = TeacherRunner(stock, batch_words=100)
    docs = [stock.make_doc(text) for text in TEXTS]
    starts = [numpy.isin(numpy.arange(len(d)), STARTS) if given else None for d in docs]
    for doc, (guess, beliefs) in zip(
        docs, runner.annotate(docs, starts=starts, pipes=runner.pipes), strict=True
    ):
        (words,) = words_of([doc])
        for pipe, belief in beliefs.items():
            n = belief.n_tokens if hasattr(belief, "n_tokens") else len(belief.scores)
            assert n == len(words), pipe
        assert_convention(guess)


def assert_convention(doc):
    for token in doc:
        if token.is_space:
            assert (token.tag_, token.pos_, str(token.morph)) == ("_SP", "SPACE", "")
            assert token.dep_ == "dep"
            assert token.is_sent_start is not True or token.i == 0
        else:
            assert not token.head.is_space
    for span in [*doc.ents, *doc.spans["sc"]]:
        assert not span[0].is_space
        assert not span[-1].is_space


def test_stored_beliefs_are_of_words(teacher, tmp_path):
    """Annotated, read, drawn from and learnt, without another look at the teacher."""
    raw, store = tmp_path / "raw.spacy", tmp_path / "store"
    nlp = spacy.load(teacher)
    docs = [nlp.make_doc(text) for text in TEXTS]
    spacy.tokens.DocBin(docs=docs).to_disk(raw)
    assert annotate(teacher, [str(raw)], store).of_words
    assert Manifest.from_disk(store).of_words
    mix = {"ratio": 1.0, "buffer": 9, "max_length": 0, "seed": 0}
    student = student_of(teacher, weight=1.0)
    student.get_pipe("teacher").store = str(store)
    student.get_pipe("teacher").members[0].path = None
    examples = list(DistillationCorpus(store, None, **mix)(student))
    student.initialize(lambda: examples)
    losses = student.update(examples, losses={}, exclude=["teacher"])
    assert all(losses[name] > 0 for name in ("sent", "tag", "pos", "parser"))
    drawn = SampledCorpus(store, None, temperature=1.0, projective=False, layers={}, skip=0, **mix)
    seen = [eg.reference for eg in drawn(spacy.blank("en"))]
    assert sum(token.is_space for doc in seen for token in doc) > 5
    for doc in seen:
        for token in doc:
            if token.is_space:
                assert (token.tag_, token.pos_, token.dep_) == ("_SP", "SPACE", "dep")
                assert token.is_sent_start is not True or token.i == 0
            else:
                assert not token.head.is_space


def test_starts_on_whitespace_reach_the_teacher_as_those_of_words(stock):
    doc = Doc(stock.vocab, ["Go", "!", "\n", "Dogs", "sleep"])
    starts = numpy.asarray([True, False, True, False, False])
    runner = TeacherRunner(stock, batch_words=100)
    ((guess, beliefs),) = runner.annotate([doc], starts=[starts], pipes=["parser"])
    assert [sent.start for sent in guess.sents] == [0, 3]
    assert beliefs["parser"].units.tolist() == [[0, 2], [2, 4]]
    assert Example(doc, guess).get_aligned_sent_starts()[2] != 1


def test_a_whitespace_root_leaves_one_root():
    """As a stock parser has it on text that it was not trained on."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("parser")
    pipe.add_label("det")
    source = ParserSource(pipe, Beam())
    doc = Doc(nlp.vocab, ["The", "\n", "cat", "sleeps", "Go"])
    tokens = numpy.asarray([[1, ROOT_HEAD, 1, 2, ROOT_HEAD]], dtype="int32")
    deprels = numpy.full((1, 5), source.labels.index("det"), dtype="int32")
    units = numpy.asarray([[0, 4], [4, 5]], dtype="int32")
    candidates = TreeCandidates(source.labels, units, tokens, deprels, numpy.ones((2, 1)))
    source.write([doc], [candidates.of_words(words_of([doc])[0])])
    assert [sent.start for sent in doc.sents] == [0, 4]
    assert [t.head.i for t in doc] == [0, 0, 0, 2, 4]
    assert [t.dep_ for t in doc] == ["ROOT", "dep", "dep", "det", "det"]
