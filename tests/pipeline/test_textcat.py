"""`distilling_textcat`: gold of every kind, labels of both sides, several components, thresholds,
and a stock teacher from its annotation to a student and to stock components that learn draws."""

import json
import logging

import numpy
import pytest
import spacy
from categories import LENGTHS, WORDS, cats_of, examples_of, stock_textcats
from conftest import LISTENER, TOK2VEC, make_docs
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp

from spacy_skd.cli.init import init
from spacy_skd.pipeline.stock_pipes import make_stock
from spacy_skd.shards.manifest import Manifest
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.structures import IndependentLabels, LabelSets
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.conversion.categories import decide_categories
from spacy_skd.training.corpora.sampled import make_sampled_corpus
from spacy_skd.transfer.beliefs import DocBelief

MODEL = {"@architectures": "spacy-skd.DocScorer.v1", "hidden_width": 8, "heads": 1,
         "dropout": 0.0, "length": 50, "tok2vec": TOK2VEC}  # fmt: skip


def make(name="cats", *, labels=None, examples=(), **settings):
    """A pipeline of one component, initialized."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("distilling_textcat", name, config={"model": MODEL, **settings})
    examples = examples or [example(nlp, **dict.fromkeys(labels, 0.0))]
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
    return nlp, pipe


def example(nlp, text="Dogs sleep", **cats):
    reference = nlp.make_doc(text)
    reference.cats = cats
    return Example(nlp.make_doc(text), reference)


def gradient(pipe, examples, scores, beliefs=None):
    lesson = pipe.task.lesson(examples, beliefs)
    return pipe.task.loss(lesson, numpy.asarray(scores, "float32"))


def softmax(scores):
    weights = numpy.exp(scores)
    return weights / weights.sum()


SCORES = numpy.asarray([0.3, -1.0, 2.0])


@pytest.mark.parametrize(
    ("cats", "target"),
    [
        ({"A": 1}, [1, 0, 0]),
        ({"A": 0.5, "C": 0.5}, [0.5, 0, 0.5]),
        ({"C": 0}, [*softmax(SCORES[:2]), 0]),
        ({}, softmax(SCORES)),
    ],
)
def test_gold_of_one_label(cats, target):
    """P - m; what is known in part restricts the student's own distribution."""
    nlp, pipe = make(labels=["A", "B", "C"])
    loss, found = gradient(pipe, [example(nlp, **cats)], [SCORES])
    expected = softmax(SCORES) - target
    numpy.testing.assert_allclose(found[0], expected, atol=1e-6)
    if set(cats.values()) == {0}:
        assert loss == pytest.approx(-numpy.log(softmax(SCORES)[:2].sum()), rel=1e-5)


def test_gold_of_labels_on_their_own():
    nlp, pipe = make(labels=["A", "B", "C"], exclusive=False)
    cats = {"A": 1, "B": 0.25}
    loss, found = gradient(pipe, [example(nlp, **cats)], [SCORES])
    chances = 1 / (1 + numpy.exp(-SCORES))
    numpy.testing.assert_allclose(found[0], [chances[0] - 1, chances[1] - 0.25, 0], atol=1e-6)
    nats = [
        -numpy.log(chances[0]),
        -0.25 * numpy.log(chances[1]) - 0.75 * numpy.log(1 - chances[1]),
    ]
    assert loss == pytest.approx(sum(nats), rel=1e-5)


@pytest.mark.parametrize("exclusive", [True, False])
def test_what_says_nothing_is_counted_and_changes_nothing(exclusive, caplog):
    nlp, pipe = make(labels=["A", "B", "C"], exclusive=exclusive)
    known = example(nlp, A=1, B=0, C=0)
    others = [example(nlp), example(nlp, "", A=1), example(nlp, "\n", B=1), example(nlp, X=0)]
    rows = numpy.tile(SCORES, (5, 1))
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        for _ in range(2):
            loss, found = gradient(pipe, [*others, known], rows)
    alone, expected = gradient(pipe, [known], rows[:1])
    assert loss == pytest.approx(alone)
    numpy.testing.assert_allclose(found[4], expected[0])
    assert not found[:4].any()
    assert (pipe.task.unlabelled, pipe.task.wordless) == (4, 4)
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "cats: 2 docs of a batch have no words",
        "cats: 2 docs of a batch have no categories of its labels",
    ]
    assert pipe.update([*others, known])["cats"] > 0


def test_a_batch_without_gold_has_no_loss():
    nlp, pipe = make(labels=["A", "B"])
    assert pipe.update([example(nlp), example(nlp)]) == {"cats": 0.0}


@pytest.mark.parametrize("learn", ["update", "get_loss"])
def test_categories_that_sum_to_more_than_one_are_refused(learn):
    nlp, pipe = make(labels=["A", "B"])
    examples = [example(nlp, A=1, B=1)]
    arguments = (examples, numpy.zeros((1, 2))) if learn == "get_loss" else (examples,)
    with pytest.raises(ValueError, match=r"cats: expected one category .* whose sum is 2\."):
        getattr(pipe, learn)(*arguments)


def test_labels_of_the_examples_and_those_that_it_cannot_have():
    nlp = spacy.blank("en")
    examples = [example(nlp, B=1, A=0), example(nlp), example(nlp, C=0)]
    assert make(examples=examples)[1].labels == ("A", "B", "C")
    with pytest.raises(ValueError, match="cats: no labels"):
        make(examples=[example(nlp)])
    with pytest.raises(ValueError, match=r"expected two labels or more, .* got \['A'\]"):
        make(examples=[example(nlp, A=1)])
    assert make(examples=[example(nlp, A=1)], exclusive=False)[1].labels == ("A",)


def test_a_positive_label_is_one_of_two_and_stays_so():
    with pytest.raises(ValueError, match="positive_label: expected one of two labels, got 'A'"):
        make(labels=["B", "C"], positive_label="A")
    nlp, pipe = make(labels=["A", "B"], positive_label="A")
    assert pipe.add_label("B") == 0
    with pytest.raises(ValueError, match="positive_label"):
        pipe.add_label("C")
    score = nlp.evaluate([example(nlp, A=1, B=0)])
    assert score["cats_score_desc"] == "F (A)"


def test_labels_that_only_gold_has_are_told(caplog):
    nlp, pipe = make(labels=["A", "B"])
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        pipe.update([example(nlp, A=0, B=0, X=1), example(nlp, A=1, X=0)])
    assert pipe.unknown_labels.tokens == 1
    assert "cats: the annotation has the labels ['X'], which the component lacks" in caplog.text


def belief(structure, labels, scores):
    return DocBelief(structure, labels, numpy.asarray(scores, "float32"), 2)


def test_of_a_label_that_the_teacher_lacks_it_says_nothing():
    nlp, pipe = make(
        labels=["A", "B", "C"], exclusive=False, distill_weight=0.5, needs_teacher=False
    )
    beliefs = [belief(LabelSets(), ("C", "A"), [2.0, 1.0])]
    _, found = gradient(pipe, [example(nlp, A=0, B=1)], [[0, 0, 0]], beliefs)
    taught = 1 / (1 + numpy.exp(-numpy.asarray([1.0, 2.0])))
    # Half gold, half the teacher; gold alone, which it lacks; the teacher alone, for want of gold.
    expected = [0.5 - 0.5 * taught[0], 0.5 - 1, 0.5 - taught[1]]
    numpy.testing.assert_allclose(found[0], expected, atol=1e-6)
    assert pipe.lost_mass.skipped == 0


@pytest.mark.parametrize("exclusive", [True, False])
def test_docs_with_gold_and_without_count_together_by_their_words(exclusive):
    """Else many short texts, of which a teacher is unsure, outvote some long ones with gold."""
    nlp, pipe = make(
        labels=["A", "B"], exclusive=exclusive, distill_weight=0.5, needs_teacher=False
    )
    texts = {"a b c d e f g h": {"A": 1, "B": 0}, "x": {}, "y z w": {}}
    examples = [example(nlp, text, **cats) for text, cats in texts.items()]
    structure = IndependentLabels() if exclusive else LabelSets()
    beliefs = [belief(structure, ("A", "B"), [1.0, -0.5])] * 3
    scores = numpy.asarray([[0.3, -1.0], [0.1, 0.2], [-2.0, 0.5]], dtype="float32")
    loss, found = gradient(pipe, examples, scores, beliefs)
    alone = [gradient(pipe, examples[i : i + 1], scores[i : i + 1], beliefs[:1]) for i in range(3)]
    weights = numpy.asarray([8, 2, 2]) / 4  # eight words with gold against four in two docs
    numpy.testing.assert_allclose(loss, sum(w * each for w, (each, _) in zip(weights, alone)))
    for row, weight, (_, expected) in zip(found, weights, alone):
        numpy.testing.assert_allclose(row, weight * expected[0], atol=1e-6)


def test_a_teacher_of_several_labels_that_hold_at_once_is_told(caplog):
    nlp, pipe = make(labels=["A", "B"], distill_weight=1.0, needs_teacher=False)
    beliefs = [
        belief(LabelSets(), ("A", "B"), [3.0, 2.0]),
        belief(LabelSets(), ("A", "B"), [1e9, 1e9]),
    ]
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        _, found = gradient(pipe, [example(nlp)] * 2, numpy.zeros((2, 2)), beliefs)
    numpy.testing.assert_allclose(found[0], 0.5 - softmax(numpy.asarray([3.0, 2.0])), atol=1e-6)
    assert not found[1].any()
    assert pipe.lost_mass.skipped == 1
    assert "several labels at once, or none" in caplog.text


def test_components_side_by_side_read_and_write_their_own_labels():
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    for name, labels in (("length", LENGTHS), ("words", WORDS)):
        config = {"model": {**MODEL, "tok2vec": LISTENER}, "exclusive": name == "length"}
        nlp.add_pipe("distilling_textcat", name, config=config)
        nlp.config["initialize"]["components"][name] = {"labels": labels}
    examples = examples_of(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    for doc in make_docs(nlp):
        found = nlp(" ".join(token.text for token in doc)).cats
        assert {label: round(chance) for label, chance in found.items()} == cats_of(doc)
    text = nlp("Go !")
    assert sum(text.cats[label] for label in LENGTHS) == pytest.approx(1.0)


@pytest.mark.parametrize("exclusive", [True, False])
def test_activations_are_of_the_labels_that_hold(exclusive):
    nlp, pipe = make(labels=["A", "B"], exclusive=exclusive, save_activations=True)
    pipe.model.get_ref("output_layer").set_param("b", numpy.asarray([3.0, 1.0], "float32"))
    doc = nlp("Dogs sleep")
    found = doc._.activations["cats"]
    assert found["label_ids"].tolist() == ([0] if exclusive else [0, 1])
    numpy.testing.assert_allclose(found["marginals"], [doc.cats["A"], doc.cats["B"]], atol=1e-6)
    assert (found["confidences"] == found["marginals"][found["label_ids"]]).all()


def test_spacy_finds_the_threshold(tmp_path):
    nlp, pipe = make("mine", labels=["A", "B"], exclusive=False)
    pipe.model.get_ref("output_layer").set_param("b", numpy.asarray([-1.0, -2.0], "float32"))
    docs = [nlp.make_doc("Dogs sleep") for _ in range(2)]
    docs[0].cats, docs[1].cats = {"A": 1.0, "B": 0.0}, {"A": 1.0, "B": 0.0}
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    nlp.to_disk(tmp_path / "model")
    best, score, _ = find_threshold(
        str(tmp_path / "model"), tmp_path / "dev.spacy", "mine", "threshold", "cats_micro_f",
        n_trials=21,
    )  # fmt: skip
    assert score == 1.0
    assert 1 / (1 + numpy.exp(2)) < best <= 1 / (1 + numpy.exp(1))


def test_an_export_keeps_it_and_says_why():
    nlp, _ = make(labels=["A", "B"])
    assert "no architecture of spaCy's" in make_stock(nlp).kept["cats"]


# From a stock teacher


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A teacher, and what it says of raw text and of gold."""
    folder = tmp_path_factory.mktemp("categories")
    nlp = stock_textcats(steps=3)
    nlp.to_disk(folder / "teacher")
    docs = [eg.reference for eg in examples_of(nlp)]
    DocBin(docs=docs).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(["The cat sees Ann .", "Dogs sleep well"] * 8))
    inputs = [str(folder / name) for name in ("gold.spacy", "raw.txt")]
    annotate(str(folder / "teacher"), inputs, folder / "store")
    return folder


def test_the_annotated_folder_says_what_is_in_it(folder):
    manifest = Manifest.from_disk(folder / "store")
    assert manifest.layers == {
        "textcat": "cats:textcat", "textcat_multilabel": "cats_multilabel:textcat_multilabel"
    }  # fmt: skip
    structures = {name: form.structure for name, form in manifest.forms().items()}
    assert structures == {"textcat": IndependentLabels(), "textcat_multilabel": LabelSets()}


def test_init_writes_a_student_of_each_that_learns_from_the_folder(folder):
    config, plan = init(
        str(folder / "teacher"),
        preset="tiny",
        store=str(folder / "store"),
        dev=str(folder / "gold.spacy"),
    )
    assert [(s.name, s.layer) for s in plan.students] == [
        ("textcat", "cats:textcat"),
        ("textcat_multilabel", "cats_multilabel:textcat_multilabel"),
    ]
    blocks = config["components"]
    assert [blocks[s.name]["exclusive"] for s in plan.students] == [True, False]
    weights = config["training"]["score_weights"]
    assert {name for name, weight in weights.items() if weight} == {"cats_score"}
    nlp = init_nlp(config)
    assert nlp.get_pipe("textcat").labels == LENGTHS
    assert set(nlp.get_pipe("textcat_multilabel").labels) == set(WORDS)
    teacher = spacy.load(folder / "teacher")
    doc = nlp.make_doc("The cat sees Ann .")
    example = Example(doc, doc.copy())
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01  # the schedule begins at 0
    for _ in range(80):
        nlp.update([example], sgd=optimizer, exclude=["teacher"])
    assert nlp(doc.text).cats == pytest.approx(teacher(doc.text).cats, abs=0.1)


def test_draws_are_what_stock_components_learn(folder):
    """In proportion to what the teacher believes, each component's labels by themselves."""
    nlp = spacy.load(folder / "teacher")
    corpus = make_sampled_corpus(folder / "store", ratio=50.0, seed=1)
    drawn = []
    for _ in range(4):
        drawn += [eg.reference for eg in corpus(spacy.blank("en"))]
    drawn = [doc.cats for doc in drawn if doc.text == "Dogs sleep well"]
    assert len(drawn) > 100
    for cats in drawn:
        assert set(cats) == {*LENGTHS, *WORDS}
        assert sum(cats[label] for label in LENGTHS) == 1
    expected = nlp("Dogs sleep well").cats
    for label, chance in expected.items():
        share = numpy.mean([cats[label] for cats in drawn])
        assert share == pytest.approx(chance, abs=4 * 0.5 / numpy.sqrt(len(drawn)))


def test_the_store_keeps_what_was_believed(folder):
    store, nlp = BeliefStore(folder / "store"), spacy.load(folder / "teacher")
    for shard in store.names(labelled=False):
        for doc in store.read(shard).get_docs(nlp.vocab):
            stored = read_beliefs(doc.user_data)
            guess = nlp(doc.text)
            expected = dict(guess.cats)
            for name in ("textcat", "textcat_multilabel"):
                belief = store.belief(stored, name, doc)
                found = dict(zip(belief.labels, belief.chances().tolist()))
                assert found == pytest.approx({k: expected[k] for k in found}, abs=1e-3)
                assert belief.n_tokens == len(doc)
            decide_categories(nlp, guess)
            assert doc.cats == guess.cats
            assert set(doc.cats.values()) <= {0.0, 1.0}


def test_a_saved_student_is_the_same(tmp_path):
    nlp, _ = make(labels=["A", "B"], positive_label="B")
    nlp.to_disk(tmp_path / "student")
    loaded = spacy.load(tmp_path / "student")
    assert loaded("Dogs sleep").cats == nlp("Dogs sleep").cats
    cfg = json.loads((tmp_path / "student" / "cats" / "cfg").read_text())
    assert cfg["labels"] == ["A", "B"]
    assert Doc(nlp.vocab).cats == {}
