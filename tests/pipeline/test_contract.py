"""What spaCy does to any component, done to each of ours: `Language`'s methods, copies, pickles,
memory zones, threads and processes."""

import copy
import gc
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy
import pytest
import spacy
from all_components import NAMES, TEXTS, annotation, build, gold_examples, scores_of
from conftest import train
from spacy.lookups import Lookups
from spacy.tokens import Doc
from spacy.training import Example
from taught import scores_of_lesson

from spacy_skd.models.prediction.word_table import WordTable

THREADS = 4
SOME = [f"The cat sees Ann . Dogs sleep word{i}" for i in range(8)] + TEXTS
MANY = [f"The cat sees Ann . Dogs sleep well word{i}" for i in range(30)] + TEXTS


@pytest.fixture(scope="module")
def trained():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 40)
    return nlp.to_bytes()


@pytest.fixture
def nlp(trained):
    return build().from_bytes(trained)


def annotations(nlp, texts=MANY):
    return [annotation(doc) for doc in nlp.pipe(texts)]


@pytest.mark.parametrize("save_activations", [False, True])
def test_memory_zones(trained, save_activations):
    """Several zones, with words that no other has, in a pipeline that has never predicted before:
    what is predicted first in a zone must not be lost with it."""
    nlp = build(save_activations=save_activations).from_bytes(trained)
    expected = annotations(build().from_bytes(trained))
    for n in range(3):
        with nlp.memory_zone():
            found = [annotation(doc) for doc in nlp.pipe(MANY)]
            list(nlp.pipe([f"zone{n}word{i} Ann sleep" for i in range(50)]))
        gc.collect()
        assert found == expected
    assert "zone0word0" not in nlp.vocab.strings
    for name in NAMES:
        assert all(label in nlp.vocab.strings for label in nlp.get_pipe(name).labels)
    assert annotations(nlp) == expected


def test_labels_that_are_added_in_a_zone_stay(nlp):
    with nlp.memory_zone():
        nlp.get_pipe("tag").add_label("ZONE")
        nlp.get_pipe("morph").add_label("Case=Zone")
        nlp("Go !")
    assert "ZONE" in nlp.vocab.strings
    assert nlp.vocab.strings["Case=Zone"] in nlp.vocab.strings
    assert annotations(build().from_bytes(nlp.to_bytes())) == annotations(nlp)


def test_docs_of_several_vocabs_in_a_batch(nlp):
    """Each has the strings of what is annotated."""
    makers = nlp, spacy.blank("en"), spacy.blank("de")
    docs = [make.make_doc("The cat sees Ann .") for make in makers]
    expected = annotation(nlp("The cat sees Ann ."))
    assert [annotation(doc) for doc in nlp.pipe(docs)] == [expected] * 3


def test_what_is_required_is_assigned_before(nlp):
    assert not any(nlp.analyze_pipes(keys=["assigns", "requires"])["problems"].values())
    nlp.remove_pipe("sent")
    for name in set(NAMES) - {"sent", "parser"}:
        nlp.remove_pipe(name)
    assert nlp.analyze_pipes()["problems"]["parser"] == ["doc.sents"]


@pytest.mark.parametrize("name", NAMES)
def test_predict_writes_nothing_and_set_annotations_all(nlp, name):
    pipe = nlp.get_pipe(name)
    with nlp.select_pipes(enable=["tok2vec"] if name == "sent" else ["tok2vec", "sent"]):
        docs = list(nlp.pipe(TEXTS))
    before = [doc.to_bytes() for doc in docs]
    predictions = pipe.predict(docs)
    assert [doc.to_bytes() for doc in docs] == before
    pipe.set_annotations(docs, predictions)
    found = [annotation(doc) for doc in docs]
    with nlp.select_pipes(enable=[*dict.fromkeys(["tok2vec", "sent", name])]):
        assert found == annotations(nlp, TEXTS)
    assert pipe.predict([]).best == []
    pipe.set_annotations([], pipe.predict([]))


@pytest.mark.parametrize("name", NAMES)
def test_update_of_one_component_leaves_the_others_alone(nlp, name):
    optimizer = nlp.resume_training()
    before = {other: nlp.get_pipe(other).model.to_bytes() for other in NAMES}
    with nlp.select_pipes(enable=["tok2vec", name]):
        losses = nlp.update(gold_examples(nlp), sgd=optimizer, losses={})
    assert set(losses) == {"tok2vec", name}
    changed = {other for other in before if nlp.get_pipe(other).model.to_bytes() != before[other]}
    assert changed == {name}


@pytest.mark.parametrize("name", NAMES)
def test_get_loss(nlp, name):
    """The contract of the method that others call: examples and what the model returned."""
    pipe = nlp.get_pipe(name)
    examples = gold_examples(nlp)
    docs = list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
    nlp.get_pipe("tok2vec").update(examples)
    scores = scores_of_lesson(pipe, docs, pipe.task.lesson(examples, None))
    loss, gradient = pipe.get_loss(examples, scores)
    nlp.get_pipe("tok2vec").update(examples)
    assert loss == pytest.approx(pipe.update(examples)[name], rel=1e-5)
    assert gradient is not None


def test_evaluate(nlp):
    scores = nlp.evaluate(gold_examples(nlp))
    for key in (
        "sents_f",
        "tag_acc",
        "pos_acc",
        "morph_acc",
        "dep_las",
        "ents_f",
        "spans_sc_f",
        "spans_seg_f",
        "cats_score",
    ):
        assert scores[key] > 0.9, key


def test_an_update_without_an_optimizer_changes_nothing(nlp):
    before = nlp.to_bytes()
    for name in NAMES:
        nlp.get_pipe("tok2vec").update(gold_examples(nlp), sgd=None)
        nlp.get_pipe(name).update(gold_examples(nlp), sgd=None)
    states = [{**nlp.get_pipe(name).cfg, "step": 0, "seen": 0} for name in NAMES]
    again = build().from_bytes(before)
    assert [{**again.get_pipe(name).cfg, "step": 0, "seen": 0} for name in NAMES] == states
    for name in ("tok2vec", *NAMES):
        assert nlp.get_pipe(name).model.to_bytes() == again.get_pipe(name).model.to_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_replace_listeners(nlp, name):
    expected = annotations(nlp)
    nlp.replace_listeners("tok2vec", name, ["model.tok2vec"])
    assert name not in nlp.get_pipe("tok2vec").listening_components
    assert annotations(nlp) == expected
    train(nlp, gold_examples(nlp), 1)
    nlp.get_pipe(name).rehearse(gold_examples(nlp))


def test_a_deep_copy_is_a_pipeline_of_its_own(nlp):
    expected = annotations(nlp)
    other = copy.deepcopy(nlp)
    assert annotations(other) == expected
    train(other, gold_examples(other), 3)
    assert annotations(nlp) == expected


def test_a_shallow_copy_has_a_task_of_its_own(nlp):
    for name in NAMES:
        pipe = nlp.get_pipe(name)
        clone = copy.copy(pipe)
        assert (clone.task.pipe, pipe.task.pipe) == (clone, pipe)
        assert (clone.model, clone.vocab, clone.cfg) == (pipe.model, pipe.vocab, pipe.cfg)
        clone.save_activations = True
        docs = [nlp.make_doc(text) for text in TEXTS]
        assert clone.predict(docs).activations
        assert not pipe.predict(docs).activations
    pipe = nlp.get_pipe("sent")
    before, clone = pipe.threshold, copy.copy(pipe)
    clone.threshold = 0.99
    assert pipe.threshold == before != clone.threshold


def test_pickle(nlp):
    expected = annotations(nlp)
    data = pickle.dumps(nlp)
    other = pickle.loads(data)
    assert annotations(other) == expected
    train(other, gold_examples(other), 1)


@pytest.mark.parametrize("name", NAMES)
def test_pickle_of_one_component(nlp, name):
    pipe = pickle.loads(pickle.dumps(nlp.get_pipe(name)))
    with nlp.select_pipes(enable=["tok2vec", "sent"]):
        docs = list(nlp.pipe(TEXTS))
    assert pipe.labels == nlp.get_pipe(name).labels
    pipe.set_annotations(docs, pipe.predict(docs))
    assert any(annotation(doc) for doc in docs)


def test_use_params_is_undone(nlp):
    before = nlp.to_bytes()
    tag = nlp.get_pipe("tag")
    W = tag.model.get_ref("output_layer").get_param("W")
    key = (tag.model.get_ref("output_layer").id, "W")
    with nlp.use_params({key: numpy.zeros_like(W)}):
        assert not tag.model.get_ref("output_layer").get_param("W").any()
    assert nlp.to_bytes() == before


def test_disabled_and_excluded_pipes(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    for name in NAMES:
        smaller = spacy.load(tmp_path, exclude=[name])
        assert name not in smaller.pipe_names
        smaller("Go !")
    off = spacy.load(tmp_path, disable=list(NAMES))
    assert annotation(off("Go !"))[0][0] == ""
    with off.select_pipes(disable=[]):
        pass
    for name in NAMES:
        off.enable_pipe(name)
    assert annotations(off) == annotations(nlp)


@pytest.mark.parametrize("name", NAMES)
def test_beliefs_do_not_change_the_docs(nlp, name):
    docs = list(nlp.pipe(TEXTS))
    before = [doc.to_bytes() for doc in docs]
    assert numpy.isfinite(scores_of(nlp, name, docs)).all()
    assert [doc.to_bytes() for doc in docs] == before


@pytest.mark.parametrize("name", NAMES)
def test_a_belief_holds_no_more_than_it_says(nlp, name):
    """A view of the batch's scores would keep all of them in the teacher's cache."""
    with nlp.select_pipes(enable=["tok2vec", "sent"]):
        docs = list(nlp.pipe(TEXTS))
    for belief in nlp.get_pipe(name).believe(docs):
        arrays = [value for value in vars(belief).values() if isinstance(value, numpy.ndarray)]
        for array in (*getattr(belief, "arcs", ()), *arrays):
            assert array.base is None or array.base.nbytes <= array.nbytes


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sent"])
def test_initialize_again(nlp, name):
    """With the same labels it starts anew; others have no place in the model."""
    pipe, labels = nlp.get_pipe(name), nlp.get_pipe(name).labels
    with pytest.raises(ValueError, match=f"{name}: cannot initialize with .* labels"):
        pipe.initialize(lambda: gold_examples(nlp), nlp=nlp, labels=labels[:-1])
    assert pipe.labels == labels
    pipe.initialize(lambda: gold_examples(nlp), nlp=nlp, labels=labels)
    assert not pipe.model.get_ref("output_layer").get_param("W").any()


@pytest.mark.parametrize("name", NAMES)
def test_a_number_of_outputs_in_the_config_that_is_not_that_of_the_labels(name):
    nlp = build(nO=17)
    with pytest.raises(ValueError, match=f"{name}: .*the model has nO = 17 already"):
        nlp.get_pipe(name).initialize(lambda: gold_examples(nlp), nlp=nlp)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_input(nlp, name):
    pipe = nlp.get_pipe(name)
    for learn in (pipe.update, pipe.rehearse, lambda egs: pipe.distill(pipe, egs)):
        with pytest.raises(TypeError, match="Example"):
            learn([nlp.make_doc("Go")])
    empty = Example(Doc(nlp.vocab), Doc(nlp.vocab))
    assert pipe.update([empty]) == {name: 0.0}
    assert pipe.update([]) == {name: 0.0}


@pytest.fixture
def with_rules(trained):
    """Never asked yet, so that nothing is kept; what it keeps of words is soon full."""
    nlp = build(save_activations=True).from_bytes(trained)
    lookups = Lookups()
    lookups.add_table("lemma_rules", {"noun": [["s", ""]], "verb": [["s", ""]]})
    lookups.add_table("lemma_index", {"noun": ["dog", "cat"], "verb": ["see"]})
    lookups.add_table("lemma_exc", {})
    settings = {"overwrite": True, "memo": 4}
    nlp.add_pipe("fast_lemmatizer", "rules", config=settings).initialize(lookups=lookups)
    ruler = nlp.add_pipe("fast_attribute_ruler", "ruler", config={"memo": 4})
    ruler.add([[{"LOWER": "cat"}, {"LOWER": "sees"}]], {"TAG": "GO", "LEMMA": "go"}, index=1)
    ruler.add([[{"LOWER": {"REGEX": "^word"}}]], {"POS": "NOUN", "MORPH": "Number=Sing"})
    for node in nlp.get_pipe("tok2vec").model.walk():
        for table in node.attrs.values():
            if isinstance(table, WordTable):
                table.limit = 12
    return nlp


def said(docs):
    return [annotation(doc) for doc in docs]


@pytest.fixture
def switching():
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_threads_annotate_as_one_does(with_rules, switching):
    nlp, start = with_rules, Barrier(THREADS)

    def called(place):
        start.wait()
        texts = SOME[place:] + SOME[:place]  # not the same words at the same time
        docs = [nlp(text) for text in texts] if place % 2 else list(nlp.pipe(texts, batch_size=7))
        return said(docs[len(SOME) - place :] + docs[: len(SOME) - place])

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(called, range(THREADS)))
    expected = said(nlp.pipe(SOME))
    assert ("GO", "go") in {(row[0], row[3]) for doc in expected for row in doc if len(row) > 3}
    assert found == [expected] * THREADS


def test_processes_annotate_as_one_does(with_rules):
    nlp = with_rules
    found = said(nlp.pipe(SOME, n_process=2, batch_size=5))
    assert found == said(nlp.pipe(SOME))
