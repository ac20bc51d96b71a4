"""Settings that do not apply, or are out of range, are refused with the component's name; so is a
saved cfg that does not fit the model."""

import copy
import json
import re

import numpy
import pytest
import spacy
from all_components import NAMES, annotation
from all_components import build as build_all
from all_components import gold_examples as examples_of_all
from conftest import build, gold_examples
from spacy.tokens import Span
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
    *[
        (
            "distilling_tagger",
            {"layer": layer, "model": {"@architectures": f"spacy-skd.{made}.v1"}},
            f"layer {layer!r} needs the architecture spacy-skd.TokenScorer.v1, got the model",
        )
        for layer in ("tag", "lemma", "sent")
        for made in ("ChainScorer", "SegmentScorer", "DocScorer", "BiaffineParser")
    ],
    (
        "distilling_tagger",
        {**SPANS, "structure": "tokens", "model": {"@architectures": "spacy-skd.DocScorer.v1"}},
        "structure 'tokens' needs the architecture spacy-skd.TokenScorer.v1",
    ),
    (
        "distilling_parser",
        {"model": {"@architectures": "spacy-skd.ChainScorer.v1"}},
        "structure 'tree' needs the architecture spacy-skd.BiaffineParser.v1 or spacy-skd.Second",
    ),
    (
        "distilling_parser",
        {**TAGS, "model": {"@architectures": "spacy-skd.SegmentScorer.v1"}},
        "structure 'offset_tags' needs the architecture spacy-skd.TokenScorer.v1",
    ),
    (
        "distilling_textcat",
        {"model": {"@architectures": "spacy-skd.TokenScorer.v1"}},
        "needs the architecture spacy-skd.DocScorer.v1, got the model 'token_scorer'",
    ),
    ("distilling_tagger", {"target": "top1", "temperature": 2.0}, "temperature: does not apply"),
    ("distilling_parser", {"target": "topk", "temperature": 2.0}, "to target 'topk'"),
    (
        "distilling_textcat",
        {"target": "top1", "temperature_kind": "local"},
        "temperature_kind: does not apply to target 'top1'",
    ),
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


# Of `all_components`: what is assigned, with which it says something else.
LEAST_OF_EACH = dict.fromkeys(("PER", "ANIMAL", "ACT"), 1.0)
ASSIGNED = [
    ("ner", "min_confidence", 1.0), ("ner", "min_confidence_per_label", LEAST_OF_EACH),
    ("ner", "decode", "marginal"), ("nested", "threshold", 1.0), ("nested", "min_confidence", 1),
    ("sent", "threshold", 0), ("sent", "max_length", 1), ("lemma", "backoff", "lower"),
    ("lemma", "top_k", 1), ("parser", "max_length", 1), ("parser", "decode", "marginal"),
    ("parser", "label_floor", 0.0), ("tag", "overwrite", True), ("multilabel", "threshold", 0.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A pipeline of all components, of random weights."""
    spacy.util.fix_random_seed(0)
    nlp = build_all()
    nlp.initialize(lambda: examples_of_all(nlp))
    for name in NAMES:
        rng = numpy.random.default_rng(0)
        for node in nlp.get_pipe(name).model.walk():
            if not node.name.startswith(("tok2vec", "listener")):
                for param in node.param_names:
                    noise = rng.normal(scale=0.3, size=node.get_param(param).shape)
                    node.set_param(param, node.get_param(param) + noise.astype("f"))
    folder = tmp_path_factory.mktemp("settings") / "nlp"
    nlp.to_disk(folder)
    return folder


def load(saved, name, **settings):
    others = [each for each in NAMES if each != name]
    return spacy.load(saved, exclude=others, config={"components": {name: settings}})


def said(nlp, name):
    """What a component says of a text, and as a teacher of it."""
    pipe, doc = nlp.get_pipe(name), nlp.make_doc("Dogs see Ann the cat in Oslo")
    for token in doc:
        token.tag_, token.is_sent_start = "XX", token.i in (0, 4)
    doc.ents = [Span(doc, 2, 3, "ACT")]
    pipe.save_activations = True
    doc = pipe(nlp.get_pipe("tok2vec")(doc))
    kept = {key: repr(value) for key, value in doc._.activations[name].items()}
    return annotation(doc), kept, repr(pipe.believe([doc]))


def test_what_is_assigned_is_as_if_it_stood_in_the_config(saved):
    same = []
    for name, setting, value in ASSIGNED:
        nlp = load(saved, name)
        before = said(nlp, name)
        setattr(nlp.get_pipe(name), setting, value)
        assert getattr(nlp.get_pipe(name), setting) == value
        expected = said(load(saved, name, **{setting: value}), name)
        assert said(nlp, name) == expected, (name, setting)
        if before == expected:
            same.append((name, setting))
    # Of a few words, and where each has an edit tree, these may choose the same.
    assert set(same) <= {(n, s) for n, s, _ in ASSIGNED if s in ("decode", "top_k", "backoff")}
    for name in ("ner", "parser"):
        pipe = load(saved, name).get_pipe(name)
        assert pipe.task.decoding == "best"
        pipe.decode = "marginal"
        assert pipe.task.decoding == "marginal"
        pipe.distill_weight = 0.25
        assert pipe.weight == 0.25
        assert copy.deepcopy(pipe).weight == 0.25


@pytest.mark.parametrize(("name", "setting", "value", "told"), [
    ("ner", "min_confidence", 2, "ner: min_confidence: expected a number from 0 to 1, got 2"),
    ("ner", "min_confidence_per_label", {"PRE": 0.5}, "expected labels of the component"),
    ("ner", "decode", "nope", "ner: decode: expected one of best, marginal"),
    ("sent", "threshold", "high", "sent: threshold: expected a number from 0 to 1, got 'high'"),
    ("tag", "overwrite", "no", "tag: overwrite: expected True or False"),
    ("lemma", "backoff", "none", "lemma: backoff: expected 'orth', 'lower' or null"),
    ("tag", "min_confidence", 0.5, "tag: min_confidence does not apply to layer 'tag'"),
    ("nested", "decode", "best", "decode does not apply to layer 'spans' with structure 'indep"),
    ("ner", "scheme", "BIO", "ner: scheme is a setting of the config"),
    ("parser", "structure", "tree", "has no setter"),
    ("ner", "distill_weight", 2, "ner: weight: expected a number from 0 to 1, got 2"),
    ("ner", "min_confidence", "high", "ner: min_confidence: expected a number from 0 to 1"),
    ("sent", "threshold", True, "sent: threshold: expected a number from 0 to 1, got True"),
    ("parser", "max_length", 2.5, "parser: max_length: expected a whole number from 0 on"),
    ("lemma", "top_k", True, "lemma: top_k: expected a whole number from 0 on, got True"),
    ("ner", "confidences", "no", "ner: confidences: expected True or False, got 'no'"),
    ("textcat", "save_activations", 2, "save_activations: expected True or False, got 2"),
    ("ner", "distill_weight", "half", "ner: distill_weight: expected a number or a schedule"),
])  # fmt: skip
def test_what_cannot_be_assigned(saved, name, setting, value, told):
    pipe = load(saved, name).get_pipe(name)
    with pytest.raises((ValueError, AttributeError), match=re.escape(told)):
        setattr(pipe, setting, value)
    if hasattr(pipe, setting):
        assert getattr(pipe, setting) != value
    if name == "ner":
        with pytest.raises(TypeError):
            pipe.min_confidence_per_label["PER"] = 2


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
