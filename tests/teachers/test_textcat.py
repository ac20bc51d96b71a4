"""Stock `textcat` and `textcat_multilabel` as teachers."""

import numpy
import pytest
import spacy
from categories import LENGTHS, TEXTS, WORDS, examples_of, stock_textcats, textcat_model
from conftest import TOK2VEC
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, Model

from spacy_skd.structures import IMPOSSIBLE, IndependentLabels, LabelSets
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.teachers.sources import as_source
from spacy_skd.teachers.textcat import CERTAIN

STOCK = {"textcat": LENGTHS, "textcat_multilabel": WORDS}
each = pytest.mark.parametrize("name", STOCK)


@pytest.fixture(scope="module", params=["ensemble", "reduce", "attention", "bow"])
def nlp(request):
    return stock_textcats(kind=request.param)


@pytest.fixture(scope="module")
def ensemble():
    return stock_textcats()


def docs_of(texts=TEXTS):
    return [spacy.blank("en").make_doc(text) for text in texts]


@each
def test_its_probabilities_are_those_of_the_belief_and_what_is_written(nlp, name):
    runner = TeacherRunner(nlp, batch_words=20)
    found = runner.annotate(docs_of(), starts=[None] * len(TEXTS), pipes=[name])
    assert runner.labels(name) == STOCK[name]
    for (copy, beliefs), text in zip(found, TEXTS, strict=True):
        belief, expected = beliefs[name], nlp(text).cats
        assert belief.structure == (IndependentLabels() if name == "textcat" else LabelSets())
        assert belief.n_tokens == len(text.split())
        assert set(copy.cats) == set(STOCK[name])
        if text:  # of no tokens it says nothing that a student learns
            chances = dict(zip(belief.labels, belief.chances().tolist()))
            for label in STOCK[name]:
                assert chances[label] == pytest.approx(expected[label], abs=1e-5)
                assert copy.cats[label] == pytest.approx(expected[label], abs=1e-5)


@each
def test_views_name_the_component(ensemble, name):
    layer = as_source(ensemble.get_pipe(name)).views()[""].layer
    assert layer == f"{'cats' if name == 'textcat' else 'cats_multilabel'}:{name}"


@each
@pytest.mark.parametrize("exclusive", [True, False])
def test_a_student_without_gold_agrees(ensemble, name, exclusive):
    """Of one kind and of the other: the conversions' targets are learnt."""
    spacy.util.fix_random_seed(0)
    teacher, student = ensemble.get_pipe(name), spacy.blank("en")
    model = {"@architectures": "spacy-skd.DocScorer.v1", "dropout": 0.0, "tok2vec": TOK2VEC}
    config = {"exclusive": exclusive, "model": model}
    pipe = student.add_pipe("distilling_textcat", config=config)
    examples = examples_of(student)
    pipe.initialize(lambda: examples, nlp=student, labels=STOCK[name])
    references = [eg.predicted for eg in examples_of(ensemble)]
    references = list(ensemble.get_pipe("tok2vec").pipe(references))
    lesson = [Example(eg.predicted, doc) for eg, doc in zip(examples, references)]
    sgd = Adam(0.01)
    for _ in range(60):
        pipe.distill(teacher, lesson, sgd=sgd)
    beliefs = as_source(teacher).believe(references)
    target = type(beliefs[0]).target_of_docs(beliefs, pipe.task.student())
    chances = numpy.stack(pipe.predict([eg.predicted for eg in examples]).best)
    rows = target.marginals.arrays["unary"][:, 0]
    expected = (rows if exclusive else rows[:, 1]).reshape(chances.shape)
    numpy.testing.assert_allclose(chances, expected, atol=0.05)


def test_probabilities_of_0_and_1(ensemble):
    source = as_source(ensemble.get_pipe("textcat_multilabel"))
    source.pipe = Constant(source.pipe, [0.0, 1.0])
    (belief,) = source.believe(docs_of(["Go !"]))
    assert belief.scores[0] == numpy.float32(IMPOSSIBLE)
    assert belief.scores[1] == pytest.approx(CERTAIN)
    assert belief.chances() == pytest.approx([0.0, 1.0])


class Constant:
    """A component, in all that is asked of it, with one output."""

    def __init__(self, pipe, row):
        self.pipe, self.row = pipe, row
        self.name, self.labels, self.model = pipe.name, pipe.labels, pipe.model

    def predict(self, docs):
        return numpy.tile(numpy.asarray(self.row, "float32"), (len(docs), 1))


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("textcat", [0.5, numpy.nan, 0.5], "scores are NaN"),
        ("textcat", [0.9, 0.9, 0.9], "expected probabilities that sum to 1, they are 1.7 off"),
        ("textcat_multilabel", [3.0, 0.0], "expected probabilities of its model, got 0 to 3"),
        ("textcat_multilabel", [-1.0, 0.0], "expected probabilities of its model, got -1 to 0"),
    ],
)
def test_outputs_that_are_no_probabilities_are_refused(ensemble, name, row, message):
    source = as_source(ensemble.get_pipe(name))
    source.pipe = Constant(source.pipe, row)
    with pytest.raises(ValueError, match=f"^{name}: .*{message}"):
        source.believe(docs_of(["Go !"]))


def test_a_textcat_whose_model_is_not_exclusive_believes_what_that_says():
    nlp = spacy.blank("en")
    model = textcat_model(exclusive=False, kind="bow")
    pipe = nlp.add_pipe("textcat", config={"model": model})
    nlp.initialize(lambda: examples_of(nlp, LENGTHS))
    source = as_source(pipe)
    assert source.structure == LabelSets()
    assert source.views()[""].layer == "cats:textcat"
    assert source.believe([nlp.make_doc("Go !")])[0].chances() == pytest.approx([0.5] * 3)


def test_a_model_of_somebody_elses_that_does_not_say_is_as_the_component():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("textcat_multilabel")
    pipe.model = Model("other", lambda model, docs, is_train: (None, None))
    assert as_source(pipe).structure == LabelSets()


def test_docs_without_tokens_alone(ensemble):
    source = as_source(ensemble.get_pipe("textcat"))
    beliefs = source.believe([Doc(ensemble.vocab)] * 2)
    assert [belief.n_tokens for belief in beliefs] == [0, 0]
    source.write([], [])
