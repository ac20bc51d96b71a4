"""Configs of components that are trained anew: what they listen to, and what they begin with."""

import pytest
import spacy
from stock_pipelines import LISTENER, tagger_model

from spacy_skd.training.configs.presets import LISTENER as OURS
from spacy_skd.training.configs.retrained import (
    check_retrainable,
    retrained_component,
    retrained_settings,
    retrained_weights,
)

POOLED = {"pooling": {"@layers": "reduce_mean.v1"}, "grad_factor": 1.0, "upstream": "*"}
LISTENERS = [
    {"@architectures": "spacy-transformers.TransformerListener.v1", **POOLED},
    {"@architectures": "spacy-curated-transformers.LastTransformerLayerListener.v1",
     "width": 32, **POOLED},
    {"@architectures": "spacy-skd.FrozenListener.v1",
     "listener": {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok"}},
    {"@architectures": "spacy-transformers.Tok2VecTransformer.v3", "name": "bert", **POOLED},
    {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"},
]  # fmt: skip


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    settings = {"model": tagger_model(shared=True, normalize=True), "label_smoothing": 0.05}
    nlp.add_pipe("tagger", config=settings)
    for label in ("NN", "VB"):
        nlp.get_pipe("tagger").add_label(label)
    return nlp


@pytest.mark.parametrize("listener", LISTENERS)
def test_listeners_of_every_kind_become_the_students(nlp, listener):
    wrapped = {"@architectures": "house.Wrap.v1", "inner": listener, "width": 3}
    nlp._pipe_configs["tagger"]["model"]["tok2vec"] = wrapped
    check_retrainable(nlp, "tagger")
    block = retrained_component(nlp, "tagger")
    assert block["model"]["tok2vec"] == {**wrapped, "inner": OURS}
    assert block["model"]["normalize"] is True
    assert block["factory"] == "tagger"
    assert block["label_smoothing"] == 0.05
    known = nlp.get_pipe_config("tagger")["model"]["tok2vec"]["inner"]
    assert known == listener, "the teacher's own config is another"


def test_variables_of_the_teachers_config_are_filled_in(nlp):
    nlp.config["vars"] = {"smooth": 0.25}
    config = nlp.config.copy()
    config["components"]["tagger"]["label_smoothing"] = "${vars.smooth}"
    config["vars"] = {"smooth": 0.25}
    made = spacy.util.load_model_from_config(config)
    assert retrained_component(made, "tagger")["label_smoothing"] == 0.25


def test_a_model_that_the_config_does_not_describe_is_refused(nlp):
    del nlp._pipe_configs["tagger"]["model"]
    with pytest.raises(ValueError, match="does not say what its model listens to.*`upstream`"):
        check_retrainable(nlp, "tagger")


def test_it_begins_with_the_teachers_labels_and_plain_settings(nlp):
    nlp.config["initialize"]["components"]["tagger"] = {
        "positive": "NN", "labels": {"@readers": "spacy.read_labels.v1", "path": "x"},
        "file": "${paths.x}", "none": None,
    }  # fmt: skip
    labels = {"@misc": "spacy-skd.LabelsOf.v1", "path": "${paths.teacher}", "component": "tagger"}
    assert retrained_settings(nlp, "tagger") == {"positive": "NN", "labels": labels}


def test_scores_have_the_key_of_the_spans():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.SpanFinder.v1", "tok2vec": LISTENER,
             "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2, "nI": None}}  # fmt: skip
    nlp.add_pipe("span_finder", config={"spans_key": "near", "model": model})
    weights = retrained_weights(nlp, "span_finder")
    assert weights == {"spans_near_f": 1.0}
    empty, full = nlp.make_doc("a b"), nlp.make_doc("a b")
    full.spans["near"] = [full[:1]]
    assert retrained_weights(nlp, "span_finder", [empty]) == {}
    assert retrained_weights(nlp, "span_finder", [empty, full]) == weights
