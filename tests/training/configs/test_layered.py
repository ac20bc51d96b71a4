"""Configs for the layers that there are: of teachers, students and stock rivals alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.cli.init_config import fill_config

from spacy_skd.layers.known import corpus_names, layers_of
from spacy_skd.training.configs.layered import (
    choose,
    config_of,
    own_template,
    weigh,
)

LAYERS = corpus_names()
NAMES = ("teacher", "student", "stock")
TEMPLATES = {name: own_template(name) for name in NAMES}
SUBSETS = st.lists(st.sampled_from(LAYERS), min_size=1, unique=True)


def annotated(config):
    """The layers of a config's components, and those of a stock parser's sentences."""
    blocks = [config["components"][name] for name in config["nlp"]["pipeline"]]
    found = {layer for block in blocks for layer in layers_of(block)}
    return found | {"sent"} if any(block["factory"] == "parser" for block in blocks) else found


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(SUBSETS)
def test_the_components_are_those_of_the_layers(name, layers):
    config = choose(TEMPLATES[name], layers)
    extra = annotated(config) - set(layers)
    # A stock morphologizer learns both of its layers, as far as there is gold.
    assert extra <= ({"pos", "morph", "sent"} if name == "stock" else set())
    assert annotated(config) >= set(layers)
    weights = [weight for weight in config["training"]["score_weights"].values() if weight]
    assert sum(weights) == pytest.approx(1.0)


@pytest.mark.parametrize("name", NAMES)
def test_with_all_layers_they_are_filled(name, tmp_path):
    config = config_of(name, LAYERS)
    config.to_disk(tmp_path / "given.cfg")
    filled = fill_config(tmp_path / "filled.cfg", tmp_path / "given.cfg")[1]
    for each in (config, filled):
        each["training"].pop("score_weights")
    assert filled.to_str(interpolate=False) == config.to_str(interpolate=False)


def test_a_stock_parser_sets_sentences_and_without_one_a_senter_does():
    assert config_of("stock", LAYERS)["nlp"]["pipeline"] == [
        "tok2vec", "tagger", "morphologizer", "trainable_lemmatizer", "parser", "ner"
    ]  # fmt: skip
    assert config_of("stock", ["sent", "tag"])["nlp"]["pipeline"] == ["tok2vec", "senter", "tagger"]


def test_what_a_template_of_the_users_own_lacks_is_added(tmp_path):
    own = choose(own_template("teacher"), ["tag", "parser"])
    own["components"]["mine"] = {"factory": "sentencizer"}
    own["nlp"]["pipeline"].append("mine")
    own["components"]["parser"]["model"]["arc_hidden"] = 32
    own.to_disk(tmp_path / "teacher.cfg")
    config = config_of("teacher", ["sent", "parser", "ents"], folder=tmp_path)
    assert config["nlp"]["pipeline"] == ["transformer", "sent", "parser", "ents", "mine"]
    assert config["components"]["parser"]["model"]["arc_hidden"] == 32
    stock = config_of("stock", ["tag"], folder=tmp_path)
    assert stock["nlp"]["pipeline"] == ["tok2vec", "tagger"]


def test_scores_of_other_layers_do_not_count():
    weights = weigh({"tag_acc": 0.5, "ents_f": 0.5, "ents_per_type": None, "own": 0.5}, ["ents"])
    assert weights == {"tag_acc": None, "ents_f": 0.5, "ents_per_type": None, "own": 0.5}
    assert weigh({"tag_acc": 1.0}, ["tag", "morph"]) == {"tag_acc": 0.83, "morph_acc": 0.17}
    config = config_of("teacher", ["tag", "ents"], scored=["tag"])
    assert {k for k, v in config["training"]["score_weights"].items() if v} == {"tag_acc"}
