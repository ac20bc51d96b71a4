"""Stock components of spaCy as teachers: their own probabilities, as scores."""

import numpy
import pytest
import spacy
from conftest import student_of, train
from hypothesis import given
from hypothesis import strategies as st
from spacy.pipeline import Tagger
from spacy.training import Example
from stock_pipelines import FACTORIES, LISTENER, stock_examples, stock_pipeline, tagger_model
from thinc.api import Model, chain, with_array

from spacy_skd.cli.teacher import take_teacher
from spacy_skd.models.words import START_LABELS
from spacy_skd.structures import IMPOSSIBLE, IndependentLabels
from spacy_skd.teachers.morphologizer import _classes
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.annotation.provenance import asked_pipes
from spacy_skd.training.callbacks import keep_pipes
from spacy_skd.transfer.beliefs import TokenBelief

TEXTS = ["The cat sees Ann . Dogs sleep", "Go !", "", "She gave him a book well", "Dogs"]


@pytest.fixture(scope="module")
def nlp():
    return stock_pipeline()


def ask(nlp, pipe, docs, *, starts=None):
    runner = TeacherRunner(nlp, batch_words=20)
    found = runner.run(docs, starts=starts or [None] * len(docs), pipes=[pipe])
    return [by_pipe[pipe] for by_pipe in found]


def make(texts=TEXTS):
    return [spacy.blank("en").make_doc(text) for text in texts]


def softmax_of(nlp, name):
    return next(n for n in nlp.get_pipe(name).model.walk() if "softmax_normalize" in n.attrs)


def own_probabilities(nlp, name, docs):
    """By the component's own softmax, after the whole pipeline, one doc at a time."""
    softmax = softmax_of(nlp, name)
    before = softmax.attrs["softmax_normalize"]
    softmax.attrs["softmax_normalize"] = True
    copies = [nlp(doc.text) for doc in docs]
    found = [nlp.get_pipe(name).model.predict([c])[0] if len(c) else None for c in copies]
    softmax.attrs["softmax_normalize"] = before
    return found


def probabilities(scores):
    weights = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def check_own_probabilities(nlp, name, *, temperature=1.0):
    docs = make()
    softmax_of(nlp, name).attrs["softmax_temperature"] = temperature
    expected = own_probabilities(nlp, name, docs)
    for doc, belief, own in zip(docs, ask(nlp, name, docs), expected):
        assert belief.labels == nlp.get_pipe(name).labels
        assert belief.scores.shape == (len(doc), len(belief.labels))
        assert belief.scores.dtype == numpy.float32
        if len(doc):
            numpy.testing.assert_allclose(probabilities(belief.scores), own, atol=1e-5)
            assert own.max() > 1.5 / len(belief.labels)  # it has learnt something to compare


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_scores_are_the_components_log_probabilities(shared, normalize, temperature):
    nlp = stock_pipeline(shared=shared, normalize=normalize)
    for name in FACTORIES:
        check_own_probabilities(nlp, name, temperature=temperature)


@pytest.mark.parametrize("name", FACTORIES)
def test_a_probability_of_zero_is_impossible(name):
    nlp = stock_pipeline(normalize=True, steps=1)
    bias = softmax_of(nlp, name).get_param("b")
    bias[0] = 500
    (belief,) = ask(nlp, name, make(["Go !"]))
    assert (belief.scores[:, 0] == 0).all()
    assert (belief.scores[:, 1:] == numpy.float32(IMPOSSIBLE)).all()


def test_what_can_be_asked(nlp):
    names = {f"morphologizer{suffix}" for suffix in ("", ".pos", ".morph")}
    runner = TeacherRunner(nlp, batch_words=20)
    assert set(runner.pipes) == {"tagger", "senter", *names}
    assert runner.labels("senter") == START_LABELS
    assert {"NOUN", "VERB", "PUNCT"} <= set(runner.labels("morphologizer.pos"))
    assert set(runner.labels("morphologizer.morph")) == {*FEATS_SEEN, "_"}


FEATS_SEEN = {"Number=Sing", "Number=Plur", "Tense=Pres", "Tense=Past"}


def test_pos_and_feats_are_marginals_of_the_morphologizer(nlp):
    docs = make()
    labels = nlp.get_pipe("morphologizer").labels
    halves = {"pos": [], "morph": []}
    for label in labels:
        feats = dict(part.split("=") for part in label.split("|"))
        halves["pos"].append(feats.pop("POS"))
        halves["morph"].append("|".join(f"{k}={v}" for k, v in feats.items()) or "_")
    own = own_probabilities(nlp, "morphologizer", docs)
    for view, names in halves.items():
        for belief, joint in zip(ask(nlp, f"morphologizer.{view}", docs), own):
            if joint is None:
                continue
            found = probabilities(belief.scores)
            assert found.shape[1] == len(set(names)) < len(labels)
            for i, label in enumerate(belief.labels):
                members = [j for j, name in enumerate(names) if name == label]
                expected = joint[:, members].sum(axis=1)
                numpy.testing.assert_allclose(found[:, i], expected, atol=1e-5)


@given(st.data())
def test_a_marginal_sums_probabilities(data):
    names = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=7))
    score = st.one_of(st.floats(-50, 50), st.just(IMPOSSIBLE))
    rows = st.lists(st.tuples(*[score] * len(names)), min_size=1, max_size=3)
    scores = numpy.asarray(data.draw(rows), dtype="float64")
    view = _classes(names)
    belief = view.read(TokenBelief(IndependentLabels(), tuple(names), scores))
    assert belief.labels == view.labels == tuple(sorted(set(names)))
    for i, label in enumerate(view.labels):
        members = scores[:, [j for j, name in enumerate(names) if name == label]]
        expected = numpy.exp(members).sum(axis=1)
        numpy.testing.assert_allclose(numpy.exp(belief.scores[:, i]), expected, rtol=1e-9)


def test_one_pass_of_a_component_serves_its_views(nlp, monkeypatch):
    runner = TeacherRunner(nlp, batch_words=1000)
    source = runner._sources["morphologizer"]
    calls = []
    believe = source.believe
    monkeypatch.setattr(source, "believe", lambda docs: calls.append(1) or believe(docs))
    pipes = ["morphologizer", "morphologizer.pos", "morphologizer.morph"]
    (found,) = runner.run(make(["Go !"]), starts=[None], pipes=pipes)
    assert set(found) == set(pipes)
    assert len(calls) == 1


def test_what_derives_from_a_tagger_cannot_be_asked():
    class Lemmatizer(Tagger):
        """Its labels are edits."""

    nlp = stock_pipeline(steps=1)
    model = spacy.registry.resolve({"m": tagger_model(shared=False, normalize=False)})["m"]
    nlp._components.append(("own", Lemmatizer(nlp.vocab, model)))
    assert "own" not in TeacherRunner(nlp, batch_words=20).pipes


@pytest.mark.parametrize("setter", ["senter", "parser"])
def test_a_stock_component_sets_sentences_where_there_are_none(setter):
    """The parser of the teacher is ours, the sentences are a stock component's."""
    nlp = stock_pipeline(steps=30)
    if setter == "parser":
        nlp.remove_pipe("senter")
        nlp.add_pipe("parser", config={"min_action_freq": 1})
    settings = {"model": {"tok2vec": LISTENER}}
    nlp.add_pipe("distilling_parser", "trees", config=settings)
    examples = stock_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    text = "The cat sees Ann . Dogs sleep well Go !"
    judged = [sent.start for sent in nlp(text).sents]
    docs = make([text])
    (belief,) = ask(nlp, "trees", docs)
    assert belief.units[:, 0].tolist() == judged
    assert len(judged) > 1
    given_starts = numpy.arange(len(docs[0])) % 2 == 0
    (belief,) = ask(nlp, "trees", docs, starts=[given_starts])
    assert belief.units[:, 0].tolist() == numpy.nonzero(given_starts)[0].tolist()
    nlp.disable_pipe(setter)
    with pytest.warns(UserWarning, match="sentencizer"):
        (belief,) = ask(nlp, "trees", docs)
    assert belief.units[:, 0].tolist() == [0, 5]


def test_a_disabled_component_answers_and_does_nothing_else(nlp):
    docs = make()
    expected = ask(nlp, "senter", docs)
    nlp.disable_pipe("senter")
    found = ask(nlp, "senter", docs)
    nlp.enable_pipe("senter")
    for a, b in zip(found, expected):
        numpy.testing.assert_array_equal(a.scores, b.scores)


def test_one_that_was_disabled_in_training_and_so_never_trained_cannot_teach():
    nlp = stock_pipeline(steps=1)
    nlp.add_pipe("senter", "never")
    nlp.disable_pipe("never")
    runner = TeacherRunner(nlp, batch_words=100)
    assert set(asked_pipes(runner, [])) == set(runner.pipes)
    assert runner.run(make(), starts=[None] * len(make()), pipes=runner.pipes)
    with pytest.raises(ValueError, match=r"asked for \['never'\]; what has not been trained"):
        asked_pipes(runner, ["never"])


def test_norms_of_the_tokenizers_special_cases_reach_the_teacher(nlp):
    """Only the token "n't" knows that it is "not"; this tok2vec sees nothing but norms."""
    docs = make(["They do n't sleep"])
    docs[0][2].norm_ = "cat"
    (found,), (expected,) = (
        ask(nlp, "tagger", batch) for batch in (docs, make(["They do cat sleep"]))
    )
    numpy.testing.assert_array_equal(found.scores, expected.scores)


def test_a_model_whose_outputs_are_unknown_is_refused_when_it_is_asked():
    nlp = stock_pipeline(steps=1)
    tagger = nlp.get_pipe("tagger")
    linear = Model("linear", lambda model, X, is_train: (X, lambda dY: dY))
    tagger.model = chain(tagger.model.get_ref("tok2vec"), with_array(linear))
    assert ask(nlp, "senter", make(["Go !"]))
    with pytest.raises(ValueError, match="tagger: expected a model with one softmax layer"):
        ask(nlp, "tagger", make(["Go !"]))


@pytest.mark.parametrize(("value", "named"), [(numpy.nan, "NaN"), (numpy.inf, "infinite")])
def test_outputs_that_are_no_numbers_are_refused(value, named):
    nlp = stock_pipeline(steps=1)
    softmax_of(nlp, "tagger").get_param("b")[0] = value
    with pytest.raises(ValueError, match=f"tagger: the model's scores are {named}"):
        ask(nlp, "tagger", make(["Go !"]))


# Students

MAP = {
    "tag": "tagger",
    "sent": "senter",
    "pos": "morphologizer.pos",
    "morph": "morphologizer.morph",
}
RAW = ["The cat sees Ann . Dogs sleep well", "Go ! She gave him the book", "Ann sees him . Go !"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("stock")
    stock_pipeline(steps=40).to_disk(path)
    return path


@pytest.fixture(scope="module")
def student(folder):
    """Learns from the stock teacher on raw text alone."""
    spacy.util.fix_random_seed(0)
    nlp = student_of(folder)
    nlp.remove_pipe("parser")
    model = {**nlp.get_pipe_config("pos")["model"]}
    config = {"layer": "morph", "model": model, "distill_weight": 0.7}
    nlp.add_pipe("distilling_tagger", "morph", config=config)
    nlp.get_pipe("teacher").members[0].student_to_teacher = MAP
    docs = [nlp.make_doc(text) for text in RAW]
    examples = [Example(doc, doc.copy()) for doc in docs]
    nlp.initialize(lambda: examples)
    train(nlp, examples, 60)
    return nlp


def test_a_student_agrees_with_a_stock_teacher_without_any_gold(student, folder):
    teacher = spacy.load(folder)
    for attribute in ("tag_", "pos_", "morph", "is_sent_start"):
        pairs = [
            (str(getattr(a, attribute)), str(getattr(b, attribute)))
            for text in RAW
            for a, b in zip(student(text), teacher(text))
        ]
        assert len({b for _, b in pairs}) > 1
        assert sum(a == b for a, b in pairs) > 0.9 * len(pairs), attribute


def test_labels_come_from_the_view_that_is_asked(student, folder):
    teacher = spacy.load(folder)
    assert student.get_pipe("tag").labels == teacher.get_pipe("tagger").labels
    assert set(student.get_pipe("pos").labels) == {
        t.pos_ for eg in stock_examples(teacher) for t in eg.reference
    }


def test_an_answering_component_is_not_taken_over(student, folder):
    kept, dropped = keep_pipes(student, student.get_pipe("teacher"))
    assert kept == []
    # The morphologizer, of which one view is asked, is not named either.
    assert dropped == ["tok2vec (makes vectors for the teacher's own components)"]


def test_a_stock_pipeline_is_taken_as_the_projects_teacher(folder, tmp_path):
    take_teacher(str(folder), tmp_path / "t")
    assert spacy.load(tmp_path / "t" / "model-best").pipe_names == ["tok2vec", *FACTORIES]
