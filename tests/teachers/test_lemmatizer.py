"""Lemmatizers as teachers: of edit trees by their probabilities, of rules by what they say."""

import numpy
import pytest
import spacy
from conftest import TOK2VEC, make_docs
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.pipeline._edit_tree_internals.edit_trees import EditTrees
from spacy.tokens import Doc
from spacy.training import Example
from stock_pipelines import EMBED, LISTENER

from spacy_skd.codecs.lemma_labels import parse_lemma_label
from spacy_skd.layers.known import stock_layers
from spacy_skd.pipeline.asking import ask
from spacy_skd.teachers.lemmatizer import EditTreeSource, LemmatizerSource, labels_of_tree
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.annotation.provenance import asked_pipes

LEMMAS = {"sees": "see", "dogs": "dog", "gave": "give", "ann": "Ann"}
TEXTS = ["The cat sees Ann . Dogs sleep", "Go !", "", "She gave him a book well", "Dogs"]


def gold_examples(nlp):
    docs = make_docs(nlp)
    for doc in docs:
        for token in doc:
            token.lemma_ = LEMMAS.get(token.lower_, token.lower_)
    return [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in docs]


@pytest.fixture(scope="module")
def nlp():
    """A tagger beside the lemmatizer, and one by a table."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
    nlp.add_pipe("tagger", config={"model": model})
    nlp.add_pipe("trainable_lemmatizer", config={"model": model, "min_tree_freq": 1, "top_k": 3})
    optimizer = nlp.initialize(lambda: gold_examples(nlp))
    optimizer.learn_rate = 0.02
    for _ in range(12):
        nlp.update(gold_examples(nlp), sgd=optimizer)
    rules = nlp.add_pipe("lemmatizer", config={"mode": "lookup", "overwrite": True})
    tables = Lookups()
    tables.add_table("lemma_lookup", {"gave": "giving", "Dogs": "hound"})
    rules.initialize(lookups=tables)
    return nlp


def beliefs_of(nlp, pipe, texts=TEXTS):
    docs = [nlp.make_doc(text) for text in texts]
    found = TeacherRunner(nlp, batch_words=20).run(docs, starts=[None] * len(docs), pipes=[pipe])
    return [by_pipe[pipe] for by_pipe in found]


def shares(belief, word):
    """The probability of each lemma of a word."""
    start, n = int(belief.counts[:word].sum()), int(belief.counts[word])
    weights = numpy.exp(belief.scores[start : start + n].astype("float64"))
    lemmas = [belief.lemmas[i] for i in belief.ids[start : start + n].tolist()]
    return dict(zip(lemmas, (weights / weights.sum()).tolist()))


def test_a_lemma_has_the_probability_of_the_trees_that_make_it(nlp):
    pipe = nlp.get_pipe("trainable_lemmatizer")
    for text, belief in zip(TEXTS, beliefs_of(nlp, "trainable_lemmatizer")):
        doc = nlp.get_pipe("tok2vec")(nlp.make_doc(text))
        rows = pipe.model.predict([doc])[0] if len(doc) else []
        for word, (token, row) in enumerate(zip(doc, rows)):
            masses: dict[str, float] = {}
            for tree, score in zip(pipe.labels, row - row.max()):
                lemma = pipe.trees.apply(tree, token.text)
                if lemma is not None:
                    masses[lemma] = masses.get(lemma, 0.0) + float(numpy.exp(score))
            expected = {lemma: mass / sum(masses.values()) for lemma, mass in masses.items()}
            found = shares(belief, word)
            assert set(found) <= set(expected)
            for lemma, share in expected.items():
                assert found.get(lemma, 0.0) == pytest.approx(share, abs=5e-3)


def test_what_it_writes_is_its_own_annotation_and_whitespace(nlp):
    texts = [text.replace(" ", "\n ", 1) for text in TEXTS]
    docs = [nlp.make_doc(text) for text in texts]
    runner = TeacherRunner(nlp, batch_words=20)
    pairs = runner.annotate(docs, starts=[None] * len(docs), pipes=["trainable_lemmatizer"])
    with nlp.select_pipes(disable=["lemmatizer"]):
        for (written, _), own in zip(pairs, map(nlp, texts)):
            pairs_of_words = [(a, b) for a, b in zip(written, own) if not a.is_space]
            assert all(a.lemma_ == b.lemma_ for a, b in pairs_of_words)
            assert all(token.lemma_ == token.text for token in written if token.is_space)


def test_scores_that_are_nan_are_refused(nlp):
    layer = nlp.get_pipe("trainable_lemmatizer").model.get_ref("output_layer")
    before = layer.get_param("b").copy()
    layer.set_param("b", before * numpy.nan)
    with pytest.raises(ValueError, match="trainable_lemmatizer: the model's scores are NaN"):
        beliefs_of(nlp, "trainable_lemmatizer", ["a"])
    layer.set_param("b", before)


def test_a_form_to_which_no_tree_applies(nlp):
    """Nothing is believed of it, and the component's own backoff written."""
    pipe = spacy.blank("en").add_pipe("trainable_lemmatizer", config={"backoff": "lower"})
    pipe._pair2label("going", "go", add_label=True)
    source = EditTreeSource(pipe)
    assert source._lemmas("Xyz", numpy.zeros(1, "float32")) == {}
    belief = type(beliefs_of(nlp, "lemmatizer", ["a"])[0]).listed((), ["Xyz"], [{}])
    doc = Doc(pipe.vocab, ["Xyz"])
    source.write([doc], [belief])
    assert doc[0].lemma_ == "xyz"


@pytest.mark.parametrize(
    ("form", "lemma", "labels"),
    [
        ("dogs", "dog", ["lower * s/", "form * s/"]),
        ("Walked", "walk", ["lower * ed/"]),
        ("apple", "Apple", ["title *"]),
        ("went", "go", ["lower went/go", "form went/go"]),
        ("Went", "go", ["lower went/go"]),
        ("gesungen", "singen", ["lower ge/ 1 u/i *", "form ge/ 1 u/i *"]),
    ],
)
def test_labels_that_do_as_a_stock_tree(form, lemma, labels):
    pipe = spacy.blank("en").add_pipe("trainable_lemmatizer")
    tree = pipe.trees.add(form, lemma)
    assert isinstance(pipe.trees, EditTrees)
    assert labels_of_tree(pipe, tree) == labels
    assert lemma in [parse_lemma_label(label).apply(form) for label in labels]


@pytest.mark.parametrize("pipe", ["trainable_lemmatizer", "lemmatizer"])
def test_a_student_without_gold_agrees(nlp, pipe):
    student = spacy.blank("en")
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": TOK2VEC}
    config = {"layer": "lemma", "model": model, "min_tree_freq": 1}
    learner = student.add_pipe("distilling_tagger", "lemma", config=config)
    teacher = nlp.get_pipe(pipe)
    with nlp.select_pipes(disable=["trainable_lemmatizer", "lemmatizer"]):
        taught = list(nlp.pipe([" ".join(t.text for t in doc) for doc in make_docs(nlp)]))
    beliefs = ask(teacher, taught, layer="lemma")
    labels = EditTreeSource(teacher).labels if pipe != "lemmatizer" else ()
    given = [*labels, "lower *", "form *", "lower dogs/hound", "lower * ave/iving"]
    learner.initialize(lambda: gold_examples(student), nlp=student, labels=given)
    examples = [Example(student.make_doc(doc.text), doc) for doc in taught]
    optimizer = learner.create_optimizer()
    optimizer.learn_rate = 0.02
    for _ in range(40):
        learner.distill(teacher, examples, sgd=optimizer)
    for doc, belief in zip(taught, beliefs):
        assert [token.lemma_ for token in student(doc.text)] == belief.best_lemmas()


def test_rules_are_certain_and_read_what_is_before_them(nlp):
    (belief,) = beliefs_of(nlp, "lemmatizer", ["She gave Dogs"])
    assert belief.best_lemmas() == ["She", "giving", "hound"]
    assert belief.counts.tolist() == [1, 1, 1]
    assert belief.labels == ()
    seen = []
    source = LemmatizerSource(nlp.get_pipe("lemmatizer"), lambda docs: seen.extend(docs) or docs)
    doc = nlp.make_doc("gave")
    source.believe([doc])
    assert len(seen) == 1
    assert seen[0] is not doc
    assert not doc[0].lemma_


def test_rules_are_asked_by_name_alone(nlp):
    runner = TeacherRunner(nlp, batch_words=20)
    assert set(runner.pipes) == {"tagger", "trainable_lemmatizer", "lemmatizer"}
    assert asked_pipes(runner, ()) == ("tagger", "trainable_lemmatizer")
    assert asked_pipes(runner, ["lemmatizer"]) == ("lemmatizer",)


def test_both_are_of_the_layer_of_lemmas(nlp):
    runner = TeacherRunner(nlp, batch_words=20)
    layer = stock_layers(type(nlp.get_pipe("trainable_lemmatizer")))[""].name
    assert {runner.view(pipe).layer for pipe in runner.pipes} == {"tag", layer}


@Language.component("tests_merge_before_lemmas", retokenizes=True)
def merge_before_lemmas(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[:2])
    return doc


def test_rules_after_a_component_that_merges_tokens_are_asked_of_the_docs_own():
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_merge_before_lemmas")
    lookups = Lookups()
    lookups.add_table("lemma_lookup", {"cats": "cat"})
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize(lookups=lookups)
    runner, docs = TeacherRunner(nlp, batch_words=100), [nlp.make_doc("two cats  sleep")]
    ((doc, beliefs),) = runner.annotate(docs, starts=[None], pipes=["lemmatizer"])
    assert beliefs["lemmatizer"].forms == ("two", "cats", "sleep")
    assert [token.lemma_ for token in doc] == ["two", "cat", " ", "sleep"]
