"""What prediction keeps is never stale: a component predicts what a fresh load of it does."""

import pickle

import numpy
import pytest
import spacy
from conftest import gold_examples
from thinc.api import SGD, Adam

TEXTS = ["The cat sees Ann . Dogs sleep well", "Go !", "", "She gave him the book"]


@pytest.fixture
def nlp(teacher):
    nlp = spacy.load(teacher)
    list(nlp.pipe(TEXTS))  # something is kept
    return nlp


def scores_of(nlp):
    """What all components say, in numbers."""
    docs = list(nlp.pipe(TEXTS))
    said = [belief for name in ("sent", "tag", "pos", "parser")
            for belief in nlp.get_pipe(name).believe(docs)]  # fmt: skip
    arrays = [doc.tensor for doc in docs]
    for belief in said:
        arrays += [*getattr(belief, "arcs", ()), getattr(belief, "label_scores", None)]
        arrays.append(getattr(belief, "scores", None))
    return numpy.concatenate([a.ravel() for a in arrays if a is not None])


def check(nlp, tmp_path):
    """Return the scores, which are those of a fresh load."""
    nlp.to_disk(tmp_path / "x")
    scores = scores_of(nlp)
    numpy.testing.assert_allclose(scores, scores_of(spacy.load(tmp_path / "x")), atol=1e-5)
    return scores


def differ(a, b):
    return a.shape != b.shape or abs(a - b).max() > 1e-4


@pytest.mark.parametrize("make", [Adam, SGD])
def test_training_and_averages(nlp, tmp_path, make):
    before = check(nlp, tmp_path)
    optimizer = make(0.05, use_averages=True)
    examples = gold_examples(nlp)[:8]
    for _ in range(2):
        nlp.update(examples, sgd=optimizer, losses={})
        after = check(nlp, tmp_path)
        assert differ(after, before)
        before = after
    with nlp.use_params(optimizer.averages):
        assert differ(check(nlp, tmp_path), before)
    assert not differ(check(nlp, tmp_path), before)


def test_bytes_and_disk(nlp, teacher, tmp_path):
    before = check(nlp, tmp_path)
    other = spacy.load(teacher)
    for _, pipe in other.pipeline:
        for node in pipe.model.walk():
            for name in node.param_names:
                if node.has_param(name):
                    node.set_param(name, node.get_param(name) * 1.1)
    changed = scores_of(other)
    assert differ(changed, before)
    nlp.from_bytes(other.to_bytes())
    assert not differ(check(nlp, tmp_path), changed)
    nlp.from_disk(teacher)
    assert not differ(check(nlp, tmp_path), before)


def test_more_labels(nlp, tmp_path):
    check(nlp, tmp_path)
    nlp.get_pipe("tag").add_label("NEW")
    nlp.get_pipe("parser").add_label("new")
    check(nlp, tmp_path)


def test_copies_and_pickles(nlp):
    expected = scores_of(nlp)
    for name in ("tok2vec", "tag", "parser"):
        model = nlp.get_pipe(name).model.copy()
        nlp.get_pipe(name).model = model
    numpy.testing.assert_allclose(scores_of(nlp), expected, atol=1e-6)
    numpy.testing.assert_allclose(scores_of(pickle.loads(pickle.dumps(nlp))), expected, atol=1e-6)
