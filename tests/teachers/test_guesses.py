"""The runner's best guesses are what the teacher itself annotates, from the same one pass."""

import numpy
import pytest
import spacy
from conftest import LISTENER, SENTENCES, TOK2VEC, train
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from stock_pipelines import stock_pipeline

from spacy_skd.teachers.runner import TeacherRunner

TEXTS = [
    "Ann sees the dogs . They sleep",
    "Go home",
    "",
    "Dogs",
    "The cat sees Ann . Go ! Dogs sleep",
]
TEXTS += [" ".join(words) for words, *_ in SENTENCES]


def annotation(doc):
    return [
        (t.tag_, t.pos_, str(t.morph), t.dep_, t.head.i, t.is_sent_start, t.ent_iob_, t.ent_type_)
        for t in doc
    ]


def check_guesses(nlp):
    runner = TeacherRunner(nlp, batch_words=20)
    docs = [nlp.make_doc(text) for text in TEXTS]
    starts = [None] * len(docs)
    found = runner.annotate(docs, starts=starts, pipes=runner.pipes)
    beliefs = runner.run(docs, starts=starts, pipes=runner.pipes)
    for text, (guess, mine), other in zip(TEXTS, found, beliefs):
        assert annotation(guess) == annotation(nlp(text))
        assert mine.keys() == other.keys() == set(runner.pipes)
    return found


def test_our_components(teacher):
    found = check_guesses(spacy.load(teacher))
    assert all(token.dep_ and token.tag_ for doc, _ in found for token in doc)


@Language.component("tests_merge_first_two", retokenizes=True)
def merge_first_two(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[:2])
    return doc


def test_what_runs_after_a_component_that_merges_tokens(teacher):
    """Beliefs are of the tokens before."""
    nlp = spacy.load(teacher)
    nlp.add_pipe("entity_ruler", "rules").add_patterns([{"label": "A", "pattern": "Ann"}])
    nlp.add_pipe("tests_merge_first_two", "pairs", first=True)
    runner = TeacherRunner(nlp, batch_words=20)
    docs = [nlp.make_doc("Ann sees Ann")]
    how = {"starts": [None], "pipes": runner.pipes, "also": ["rules"]}
    ((guess, beliefs),) = runner.read_each(docs, lambda place, *of_doc: of_doc, **how)
    assert [(token.text, token.ent_type_) for token in guess] == [
        ("Ann", "A"), ("sees", ""), ("Ann", "A")
    ]  # fmt: skip
    assert len(beliefs["tag"].scores) == len(guess)


def test_stock_components():
    nlp = stock_pipeline()
    assert all(token.tag_ for doc, _ in check_guesses(nlp) for token in doc)


@pytest.mark.parametrize("structure", ["linear_chain", "tokens", "segments"])
def test_entities(structure):
    scorers = {"linear_chain": "ChainScorer", "tokens": "TokenScorer", "segments": "SegmentScorer"}
    scorer = scorers[structure]
    model = {"@architectures": f"spacy-skd.{scorer}.v1", "tok2vec": LISTENER}
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    config = {"layer": "ents", "structure": structure, "model": model}
    nlp.add_pipe("distilling_tagger", "ner", config=config)
    words = ["Ann", "sees", "the", "dogs"]
    doc = Doc(nlp.vocab, words, ents=["B-PER", "O", "B-ANIMAL", "I-ANIMAL"])
    examples = [Example(Doc(nlp.vocab, words), doc)]
    nlp.initialize(lambda: examples)
    train(nlp, examples, 40)
    found = check_guesses(nlp)
    assert [(ent.text, ent.label_) for ent in found[0][0].ents][0] == ("Ann", "PER")


def test_given_sentences_stay(teacher):
    nlp = spacy.load(teacher)
    runner = TeacherRunner(nlp, batch_words=20)
    doc = nlp.make_doc("Ann sees the dogs . They sleep")
    starts = numpy.asarray([True, False, False, True, False, False, False])
    ((guess, beliefs),) = runner.annotate([doc], starts=[starts], pipes=runner.pipes)
    assert [sent.start for sent in guess.sents] == [0, 3]
    assert beliefs["parser"].units.tolist() == [[0, 3], [3, 7]]
