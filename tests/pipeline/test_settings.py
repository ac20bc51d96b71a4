"""Settings that do not apply, or are out of range, are refused with the component's name; so is a
saved cfg that does not fit the model."""

import json
import re

import pytest
import spacy
from all_components import gold_examples as examples_of_all
from conftest import build, gold_examples
from spacy.util import load_model_from_config

SPANS = {"layer": "ents", "model": {"@architectures": "spacy-skd.ChainScorer.v1"}}
TAGS = {"structure": "offset_tags", "model": {"@architectures": "spacy-skd.TokenScorer.v1"}}
DOES_NOT_APPLY = "{}: does not apply to {}, and would change nothing; expected its default"
REFUSED = [
    ("distilling_tagger", {"scheme": "nope"}, DOES_NOT_APPLY.format("scheme", "layer 'tag'")),
    ("distilling_tagger", {"threshold": 7}, DOES_NOT_APPLY.format("threshold", "layer 'tag'")),
    ("distilling_tagger", {"layer": "pos", "threshold": 0.3}, "threshold: does not apply"),
    ("distilling_tagger", {"layer": "morph", "spans_key": "x"}, "spans_key: does not apply"),
    ("distilling_tagger", {"layer": "sent", "drop_wide": True}, "drop_wide: does not apply"),
    ("distilling_tagger", {"layer": "sent", "threshold": 7}, "threshold: expected a number"),
    ("distilling_tagger", {"layer": "sent", "max_length": -5}, "max_length: expected a number"),
    ("distilling_tagger", {"max_length": -5}, "max_length: expected a number from 0"),
    ("distilling_tagger", {"max_length": 20}, "max_length: does not apply to layer 'tag'"),
    ("distilling_tagger", {"k": 7}, "k: does not apply to target 'structural'"),
    ("distilling_tagger", {"layer": "none"}, "layer: expected one of"),
    ("distilling_tagger", {**SPANS, "layer": "spans:x"}, "spans, got 'spans:x'"),
    ("distilling_tagger", {"distill_weight": 1.5}, "weight: expected a number from 0 to 1"),
    ("distilling_tagger", {"distill_weight": {}}, "distill_weight: expected a number or a"),
    ("distilling_tagger", {**SPANS, "scheme": "nope"}, "scheme: expected one of BIO, BIOES"),
    ("distilling_tagger", {**SPANS, "spans_key": "x"}, "spans_key: does not apply to layer 'ents'"),
    ("distilling_tagger", {**SPANS, "threshold": 0.3}, "threshold: does not apply"),
    ("distilling_tagger", {**SPANS, "drop_wide": True}, "structure 'linear_chain'"),
    ("distilling_tagger", {"min_confidence": 0.5}, "min_confidence: does not apply to layer 'tag'"),
    ("distilling_tagger", {"decode": "marginal"}, "decode: does not apply to layer 'tag'"),
    ("distilling_tagger", {**SPANS, "decode": "nope"}, "decode: expected one of best, marginal"),
    ("distilling_tagger", {**SPANS, "min_confidence": 2}, "min_confidence: expected a number"),
    (
        "distilling_tagger",
        {**SPANS, "min_confidence_per_label": {"A": -1}},
        "min_confidence_per_label of 'A': expected a number from 0 to 1",
    ),
    ("distilling_parser", {"decode": "nope"}, "decode: expected one of best, marginal"),
    ("distilling_parser", {"min_count": 3}, "min_count: does not apply to structure 'tree'"),
    ("distilling_parser", {"min_count": 0}, "min_count: expected a number from 1"),
    ("distilling_parser", {"structure": "projective_tree", "max_offset": 5}, "max_offset: does"),
    ("distilling_parser", {**TAGS, "label_floor": 0.2}, "label_floor: does not apply"),
    ("distilling_parser", {"max_length": -1}, "max_length: expected a number from 0"),
    ("distilling_parser", {"structure": "forest"}, "structure: expected one of tree"),
    ("distilling_textcat", {"threshold": 0.3}, "threshold: does not apply to exclusive = true"),
    ("distilling_textcat", {"exclusive": False, "threshold": 7}, "threshold: expected a number"),
    ("distilling_textcat", {"exclusive": False, "positive_label": "A"}, "exclusive = false"),
    ("distilling_textcat", {"k": 7}, "k: does not apply to target 'structural'"),
    ("skd_teacher", {"cache_mb": -1}, "cache_mb: expected a number above 0"),
    ("skd_teacher", {"batch_words": 0}, "batch_words: expected a number from 1"),
]


def add(nlp, factory, settings):
    if "model" in settings:
        default = nlp.get_factory_meta(factory).default_config["model"]["tok2vec"]
        settings = {**settings, "model": {**settings["model"], "tok2vec": default}}
    return nlp.add_pipe(factory, "mine", config=settings)


@pytest.mark.parametrize(("factory", "settings", "message"), REFUSED)
def test_what_is_refused_has_the_components_name(factory, settings, message):
    with pytest.raises(ValueError, match=f"^mine: .*{re.escape(message)}"):
        add(spacy.blank("en"), factory, settings)


@pytest.mark.parametrize(
    ("factory", "settings"),
    [("distilling_tagger", {"layer": layer}) for layer in ("tag", "pos", "morph", "sent")]
    + [("distilling_tagger", SPANS), ("distilling_parser", {}), ("distilling_parser", TAGS)]
    + [("distilling_textcat", {}), ("distilling_textcat", {"exclusive": False})],
)
def test_a_filled_config_has_all_defaults_and_is_taken(factory, settings):
    nlp = spacy.blank("en")
    add(nlp, factory, settings)
    again = load_model_from_config(nlp.config, auto_fill=True)
    assert again.pipe_names == ["mine"]


@pytest.fixture(scope="module")
def trained():
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    ner = add(nlp, "distilling_tagger", SPANS)
    ner.initialize(lambda: examples_of_all(nlp), nlp=nlp)
    tags = nlp.add_pipe("distilling_parser", "tags", config={
        **TAGS, "model": {**TAGS["model"], "tok2vec": nlp.get_factory_meta("distilling_parser")
                          .default_config["model"]["tok2vec"]}})  # fmt: skip
    tags.initialize(lambda: gold_examples(nlp), nlp=nlp)
    return nlp


CHANGES = {
    "fewer": lambda cfg: cfg["labels"].pop(),
    "more": lambda cfg: cfg["labels"].append("NOUN"),
    "twice": lambda cfg: cfg["labels"].__setitem__(-1, cfg["labels"][0]),
    "missing": lambda cfg: cfg.pop("labels"),
    "a number": lambda cfg: cfg["labels"].__setitem__(0, 3),
    "no list": lambda cfg: cfg.update(labels="abc"),
    "a step": lambda cfg: cfg.update(step=-1),
    "seen": lambda cfg: cfg.update(seen="many"),
}


@pytest.mark.parametrize("name", ["sent", "tag", "pos", "parser", "mine", "tags"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_cfg_that_does_not_fit_is_found(trained, tmp_path, name, change):
    pipe = trained.get_pipe(name)
    pipe.to_disk(tmp_path, exclude=["vocab"])
    cfg = json.loads((tmp_path / "cfg").read_text())
    CHANGES[change](cfg)
    (tmp_path / "cfg").write_text(json.dumps(cfg))
    labels = list(pipe.labels)
    with pytest.raises(ValueError, match=f"^{name}: .*cfg does not fit: "):
        pipe.from_disk(tmp_path, exclude=["vocab"])
    pipe.cfg = {"labels": list(labels), "step": 0, "seen": 0}
    CHANGES[change](pipe.cfg)
    data = pipe.to_bytes(exclude=["vocab"])
    with pytest.raises(ValueError, match=f"^{name}: the saved cfg does not fit: "):
        pipe.from_bytes(data, exclude=["vocab"])
    pipe.cfg = {"labels": labels, "step": 0, "seen": 0}


def test_the_cfg_alone_or_the_model_alone_is_loaded_as_before(trained, tmp_path):
    pipe = trained.get_pipe("tag")
    pipe.to_disk(tmp_path, exclude=["vocab"])
    labels = pipe.labels
    for excluded in ("cfg", "model"):
        assert pipe.from_disk(tmp_path, exclude=["vocab", excluded]).labels == labels
