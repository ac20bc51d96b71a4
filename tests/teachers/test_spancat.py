"""Stock span categorizers as teachers: their own probabilities, of each span."""

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import ENTITIES, blank_doc, examples, span_examples, texts, tokenized_examples
from spacy.tokens import Doc, Span
from stock_pipelines import EMBED
from thinc.api import Model

from spacy_skd.structures import Parts
from spacy_skd.structures.parts import IMPOSSIBLE
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.annotation.annotate import annotate

REDUCER = {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 8}
SCORERS = {
    "spancat": {"@layers": "spacy.LinearLogistic.v1"},
    "spancat_singlelabel": {"@layers": "Softmax.v2"},
}
SMALL = ("Ann saw Bob", "Paris", "", "New York City .")


def spancat(factory, *, sizes=(1, 2, 3), steps=0, noise=1.0, shared=False, scorer=None):
    """A pipeline with one component, "sc", of random weights or trained."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    if shared:
        nlp.add_pipe("tok2vec", config={"model": EMBED})
    tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16} if shared else EMBED
    model = {"@architectures": "spacy.SpanCategorizer.v1", "reducer": REDUCER,
             "scorer": SCORERS[scorer or factory], "tok2vec": tok2vec}  # fmt: skip
    suggester = {"@misc": "spacy.ngram_suggester.v1", "sizes": list(sizes)}
    config = {"model": model, "suggester": suggester}
    nlp.add_pipe(factory, "sc", config=config)
    egs = span_examples(nlp)
    optimizer = nlp.initialize(lambda: egs)
    optimizer.learn_rate = 0.02
    for _ in range(steps):
        nlp.update(egs, sgd=optimizer)
    if not steps:
        rng = numpy.random.default_rng(0)
        for node in nlp.get_pipe("sc").model.get_ref("scorer").walk():
            for name in node.param_names:
                shape = node.get_param(name).shape
                node.set_param(name, rng.normal(0, noise, shape).astype("float32"))
    return nlp


def ask(nlp, docs):
    runner = TeacherRunner(nlp, batch_words=20)
    found = runner.run(docs, starts=[None] * len(docs), pipes=["sc"])
    return [by_pipe["sc"] for by_pipe in found]


def own_probabilities(nlp, doc):
    """(start, end) -> the component's own row of probabilities."""
    indices, scores = nlp.get_pipe("sc").predict([doc])
    spans = [tuple(span) for span in indices.dataXd.tolist()]
    return dict(zip(spans, scores.astype("float64")))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("factory", SCORERS)
def test_the_belief_is_what_the_component_says_of_each_span(factory, shared):
    nlp = spancat(factory, shared=shared)
    docs = [blank_doc(nlp, text) for text in SMALL]
    for doc, belief in zip(docs, ask(nlp, docs)):
        assert belief.labels == nlp.get_pipe("sc").labels == ("PER", "LOC")
        assert belief.scores.dtype == numpy.float32
        assert belief.scores.shape[0] == len(doc)
        assert belief.structure.one_label == (factory == "spancat_singlelabel")
        if not len(doc):
            continue
        copy = nlp(Doc(nlp.vocab, [token.text for token in doc]))
        expected = own_probabilities(nlp, copy)
        scores = Parts({"span": belief.scores[None]}, numpy.array([len(doc)]))
        found = belief.structure.infer(scores)[1].arrays["span"][0]
        for (start, end), chances in expected.items():
            numpy.testing.assert_allclose(found[start, end - start - 1], chances[:2], atol=1e-5)
        assert found.max() > 0.2


@pytest.mark.parametrize("factory", SCORERS)
def test_what_is_no_candidate_is_impossible_and_widths_are_the_docs_own(factory):
    nlp = spancat(factory, sizes=(1, 3))
    long, short, none = ask(nlp, [blank_doc(nlp, t) for t in ("a b c d", "a", "")])
    assert (long.structure.max_width, short.structure.max_width) == (3, 1)
    assert none.scores.shape == (0, 1, 2)
    possible = long.scores > IMPOSSIBLE / 2
    assert possible[:, 0].all()
    assert not possible[:, 1].any()
    assert possible[:, 2].all(axis=-1).tolist() == [True, True, False, False]


def test_a_probability_that_is_rounded_to_1_keeps_its_odds():
    nlp = spancat("spancat")
    linear = nlp.get_pipe("sc").model.get_ref("scorer").layers[0]
    linear.set_param("W", linear.get_param("W") * 0)
    linear.set_param("b", numpy.array([40, -40], dtype="float32"))
    (belief,) = ask(nlp, [blank_doc(nlp, "a b")])
    assert belief.scores[0, 0].tolist() == [40, -40]


@pytest.mark.parametrize("factory", SCORERS)
def test_a_suggester_without_candidates(factory):
    nlp = spancat(factory, sizes=(7,))
    (belief,) = ask(nlp, [blank_doc(nlp, "a b")])
    assert belief.scores.shape == (2, 1, 2)
    assert (belief.scores == numpy.float32(IMPOSSIBLE)).all()


@pytest.mark.parametrize("factory", SCORERS)
def test_guesses_are_what_the_component_annotates(factory):
    nlp = spancat(factory)
    runner = TeacherRunner(nlp, batch_words=20)
    docs = [blank_doc(nlp, text) for text in (*SMALL, ENTITIES[0][0])]
    found = runner.annotate(docs, starts=[None] * len(docs), pipes=["sc"])
    for doc, (guess, _) in zip(docs, found):
        own = nlp(doc)
        spans = [
            sorted((s.start, s.end, s.label_) for s in d.spans.get("sc", ())) for d in (own, guess)
        ]
        assert spans[0] == spans[1]
    assert any(len(guess.spans["sc"]) for guess, _ in found)


def test_a_student_of_spans_that_overlap_has_the_same_probabilities(tmp_path):
    """Without gold, of texts whose candidates are as wide as the student's spans."""
    spancat("spancat", noise=0.3).to_disk(tmp_path / "teacher")
    settings = {"layer": "spans", "max_positive": None}
    nlp = student(tmp_path / "teacher", structure="independent_spans", **settings)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    train(nlp, raw, 150)
    teacher = spacy.load(tmp_path / "teacher")
    nlp.get_pipe("ner").save_activations = True
    for text, _ in ENTITIES:
        expected = own_probabilities(teacher, blank_doc(teacher, text))
        found = nlp(blank_doc(nlp, text))._.activations["ner"]["marginals"]
        for (start, end), chances in expected.items():
            numpy.testing.assert_allclose(found[start, end - start - 1], chances, atol=0.1)


def student(folder, *, structure="segments", **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    scorer = "ChainScorer" if structure == "linear_chain" else "SegmentScorer"
    model = {"@architectures": f"spacy-skd.{scorer}.v1", "tok2vec": LISTENER}
    if structure == "independent_spans":
        model.update(max_width=3, dropout=0.0)
    config = {"layer": "ents", "structure": structure, "model": model, "distill_weight": 1.0}
    nlp.add_pipe("distilling_tagger", "ner", config={**config, **settings})
    if folder is not None:
        config = {"teacher": str(folder), "student_to_teacher": {"ner": "sc"}}
        nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    return nlp


@pytest.mark.parametrize("factory", SCORERS)
def test_a_trained_one_teaches(factory, tmp_path):
    """Segments and a chain, from the stored beliefs of docs whose candidates differ in width."""
    teacher = spancat(factory, steps=60)
    teacher.to_disk(tmp_path / "teacher")
    (tmp_path / "raw.txt").write_text("\n".join(text for text, _ in ENTITIES))
    annotate(tmp_path / "teacher", [str(tmp_path / "raw.txt")], tmp_path / "out")
    for structure in ("segments", "linear_chain"):
        nlp = student(tmp_path / "teacher", structure=structure)
        nlp.get_pipe("teacher").store = str(tmp_path / "out")
        raw = tokenized_examples(nlp)
        nlp.initialize(lambda raw=raw: raw)
        train(nlp, raw, 40)
        assert nlp.get_pipe("teacher").passes == 0
        assert texts(nlp(blank_doc(nlp, ENTITIES[1][0]))) == [("Paris", "LOC")]


def test_distill():
    """spaCy v4's way: from the component itself."""
    teacher = spancat("spancat", steps=40)
    nlp = student(None)
    raw = examples(nlp, gold=False)
    nlp.replace_listeners("tok2vec", "ner", ["model.tok2vec"])
    nlp.get_pipe("ner").initialize(lambda: raw, nlp=nlp, labels=["PER", "LOC"])
    losses = nlp.get_pipe("ner").distill(teacher.get_pipe("sc"), raw, losses={})
    assert 0 < losses["ner"] < numpy.inf


def test_a_softmax_without_none_is_refused():
    nlp = spancat("spancat", scorer="spancat_singlelabel")
    with pytest.raises(ValueError, match="no outcome 'no span'"):
        ask(nlp, [blank_doc(nlp, "a b")])


def test_a_model_of_one_s_own_is_refused():
    nlp = spancat("spancat")
    scorer = nlp.get_pipe("sc").model.layers[-1]
    nlp.get_pipe("sc").model.layers[-1] = Model("own", scorer._func, layers=scorer.layers)
    pipe = nlp.get_pipe("sc")
    pipe.model._layers[-1] = Model("own", lambda model, X, is_train: (X, lambda d: d))
    pipe.model.name = ">>".join(layer.name for layer in pipe.model.layers)
    with pytest.raises(ValueError, match=r"got 'own'.*structure = \"segments\""):
        ask(nlp, [blank_doc(nlp, "a b")])


def test_scores_that_are_nan_are_refused():
    nlp = spancat("spancat")
    nlp.get_pipe("sc").model.get_ref("scorer").layers[0].get_param("b")[0] = numpy.nan
    with pytest.raises(ValueError, match="sc: the model's scores are NaN"):
        ask(nlp, [blank_doc(nlp, "a b")])


def test_a_group_of_presets_may_have_no_candidate():
    nlp = spancat("spancat", sizes=(1, 2))
    pipe = nlp.get_pipe("sc")
    pipe.suggester = spacy.registry.misc.get("spacy.preset_spans_suggester.v1")("own")
    docs = [blank_doc(nlp, "a b c") for _ in range(2)]
    docs[0].spans["own"], docs[1].spans["own"] = [], [Span(docs[1], 1, 3)]
    from spacy_skd.teachers.spancat import SpancatSource

    first, second = SpancatSource(pipe).believe(docs)
    assert not (first.scores > IMPOSSIBLE / 2).any()
    assert numpy.argwhere((second.scores > IMPOSSIBLE / 2).any(axis=-1)).tolist() == [[1, 1]]
