"""Configs of students: sizes arrive in the models, scores sum to 1, files are what is written."""

from dataclasses import replace
from pathlib import Path

import pytest
from all_components import gold_examples
from hypothesis import given
from hypothesis import strategies as st
from spacy.cli.init_config import fill_config
from spacy.util import load_model_from_config
from thinc.api import Config

from spacy_skd.training.configs.plan import Student
from spacy_skd.training.configs.presets import PRESETS, find_preset
from spacy_skd.training.configs.student_config import score_weights, student_config

CONFIGS = Path(__file__).parents[3] / "configs"
LAYERS = ("sent", "tag", "pos", "morph", "parser", "ents", "spans:sc", "spans:other")


def students(*layers):
    return [Student(layer.replace(":", "_"), layer, layer.replace(":", "_")) for layer in layers]


def built(config):
    """The pipeline of a config, without its teacher: to learn gold alone."""
    config = config.copy()
    config["nlp"]["pipeline"].remove("teacher")
    config["initialize"]["after_init"] = None
    del config["components"]["teacher"]
    for name in config["nlp"]["pipeline"][1:]:
        config["components"][name]["target"] = "gold"
    return load_model_from_config(config, auto_fill=True)


def nodes(model, name):
    return [node for node in model.walk() if node.name == name]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_initializes_and_its_settings_arrive(name):
    preset = PRESETS[name]
    nlp = built(student_config(students(*LAYERS), preset=preset))
    examples = gold_examples(nlp)
    for eg in examples:
        eg.reference.spans["other"] = eg.reference.spans["sc"]
    nlp.initialize(lambda: examples)
    tok2vec = nlp.get_pipe("tok2vec").model
    (encoder,) = nodes(tok2vec, "context_encoder")
    assert encoder.get_dim("nO") == preset.width
    assert len(encoder.layers) == 1 + preset.attention_depth
    assert len(nodes(encoder.layers[0], "maxout")) == preset.depth
    n_affixes = len(preset.prefixes) + len(preset.suffixes)
    rows = [*preset.rows, *[preset.affix_rows] * n_affixes]
    assert [embed.get_dim("nV") for embed in nodes(tok2vec, "hashembed")] == rows
    (features,) = nodes(tok2vec, "word_features")
    affixes = features.attrs["prefixes"], features.attrs["suffixes"]
    assert affixes == (list(preset.prefixes), list(preset.suffixes))
    assert {layer.get_dim("nH") for layer in encoder.layers[1:]} == {preset.heads}
    parser = nlp.get_pipe("parser").model
    (arcs,) = (node for node in parser.walk() if "D_W" in node.param_names)
    (labels,) = (node for node in parser.walk() if "L_W" in node.param_names)
    assert arcs.get_param("D_W").shape == (preset.arc_hidden, preset.width)
    assert arcs.get_param("S").shape == (2 * preset.arc_distance + 1, preset.arc_hidden)
    assert labels.get_param("L_W").shape == (preset.label_hidden, preset.width)
    assert all(token.dep_ for token in nlp("The cat sees Ann ."))


def test_every_component_is_set_up_for_its_layer():
    nlp = built(student_config(students(*LAYERS), preset=PRESETS["tiny"]))
    for layer in LAYERS:
        pipe = nlp.get_pipe(layer.replace(":", "_"))
        kind, _, key = layer.partition(":")
        assert pipe.distill_weight(0) == 0.7
        if kind != "parser":
            assert pipe.layer.name == kind
        if key:
            assert pipe.layer.spans_key == key
    assert nlp.get_pipe("sent").layer.threshold == 0.35


def test_the_teachers_names_are_mapped_and_what_is_given_is_written():
    named = [Student("pos", "pos", "morphologizer.pos"), Student("tag", "tag", "tag")]
    preset = replace(PRESETS["small"], learn_rate=0.005)
    config = student_config(named, preset=preset, lang="de", vectors="vec", scored=["tag"])
    assert config["components"]["teacher"]["student_to_teacher"] == {"pos": "morphologizer.pos"}
    assert config["nlp"]["lang"] == "de"
    assert config["paths"]["vectors"] == "vec"
    assert config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is True
    assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == 0.005
    weights = config["training"]["score_weights"]
    assert {name for name, weight in weights.items() if weight} == {"tag_acc"}
    plain = student_config(named, preset=preset)
    assert plain["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is False


@given(st.lists(st.sampled_from(LAYERS), min_size=1, unique=True))
def test_score_weights_sum_to_1_and_survive_spacys_rounding(layers):
    weights = score_weights(layers)
    total = sum(weights.values())
    assert total == pytest.approx(1.0, abs=1e-9)
    assert {name: round(weight / total, 2) for name, weight in weights.items()} == weights
    assert sum(weight > 0 for weight in weights.values()) == len(layers) + ("parser" in layers)


@pytest.mark.parametrize("name", ["student_tiny", "student", "student_medium", "ner_student"])
def test_the_files_are_filled(name, tmp_path):
    filled = fill_config(tmp_path / "filled.cfg", CONFIGS / f"{name}.cfg")[1]
    given = Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)


def test_a_preset_that_does_not_exist():
    with pytest.raises(ValueError, match="preset: expected one of tiny, small, medium, got 'big'"):
        find_preset("big")
