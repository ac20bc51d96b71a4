"""spaCy's own commands on the student and on the config that it was trained by."""

import json
import shutil

import pytest
import spacy
from journeys.commands import run
from journeys.predictions import best, says, texts
from journeys.workshop import SHORT
from thinc.api import Config

BEST = "out/model-best"


@pytest.fixture(scope="module")
def here(made, tmp_path_factory):
    """A copy of the workshop, to write to."""
    folder = tmp_path_factory.mktemp("commands") / "here"
    shutil.copytree(made, folder)
    return folder


def test_evaluate(here):
    run(f"python -m spacy evaluate {BEST} test.spacy --output scores.json", here)
    scores = json.loads((here / "scores.json").read_text())
    assert scores["tag_acc"] > 0.9
    assert {"sents_f", "dep_las", "ents_f", "spans_sc_f", "morph_acc"} <= scores.keys()


def test_benchmark_speed(here):
    options = "--batches 30 --warmup 1 --batch-size 10"
    assert "words/s" in run(f"python -m spacy benchmark speed {BEST} dev.spacy {options}", here)


def test_debug_data_and_model_of_the_training_and_of_the_saved_student(here):
    """Without the lemmatizer, whose tables both look for in spacy-lookups-data, even of a component
    that is sourced and frozen."""
    pipes = "tagger,morphologizer,senter,parser,ner,spancat,attribute_ruler"
    made_by = f"--preset tiny --store annotated --dev dev.spacy --pipes {pipes}"
    run(f"python -m spacy skd init path/or/package plain.cfg {made_by}", here)
    run("python -m spacy debug data plain.cfg", here)
    assert "ParserScores" in run("python -m spacy debug model plain.cfg parser -P3", here)
    run("python -m spacy train plain.cfg -o plain", here, env=SHORT)
    given = "--paths.train train.spacy --paths.dev dev.spacy"
    run(f"python -m spacy debug data plain/model-best/config.cfg {given}", here)
    run(f"python -m spacy train plain/model-best/config.cfg -o again {given}", here, env=SHORT)


@pytest.mark.parametrize("config", ["student.cfg", f"{BEST}/config.cfg"])
def test_debug_config(here, config):
    given = "" if config == "student.cfg" else " --paths.train train.spacy --paths.dev dev.spacy"
    run(f"python -m spacy debug config {config}{given}", here)


@pytest.mark.parametrize("config", ["student.cfg", f"{BEST}/config.cfg"])
def test_fill_config_adds_nothing(here, config):
    run(f"python -m spacy init fill-config {config} filled.cfg", here)
    filled, given = (
        Config().from_disk(here / name, interpolate=False) for name in ("filled.cfg", config)
    )
    assert dict(filled) == dict(given)  # some scores are in another order


def test_init_labels(here):
    run("python -m spacy init labels student.cfg labels", here)
    student = best(here)
    for name in ("tagger", "ner", "parser"):
        labels = json.loads((here / "labels" / f"{name}.json").read_text())
        assert set(student.get_pipe(name).labels) == set(labels)


def test_assemble_from_the_saved_student(here):
    config = Config().from_disk(here / BEST / "config.cfg", interpolate=False)
    for name in config["nlp"]["pipeline"]:
        config["components"][name] = {"source": BEST}
    config.to_disk(here / "sourced.cfg")
    run("python -m spacy assemble sourced.cfg assembled", here)
    assembled = spacy.load(here / "assembled")
    assert says(assembled, texts(here)) == says(best(here), texts(here))


def test_find_threshold(here):
    command = f"python -m spacy find-threshold {BEST} dev.spacy senter threshold sents_f -n 3"
    assert "Best threshold" in run(command, here)


def test_stock_components_train_on_the_annotated_folder(here):
    run("python -m spacy init config stock.cfg --lang en --pipeline tagger,parser,ner", here)
    given = "--paths.train annotated --paths.dev dev.spacy"
    run(f"python -m spacy train stock.cfg -o stock {given}", here, env=SHORT)
    assert spacy.load(here / "stock" / "model-last")("Ann saw a ship.")[0].tag_


def test_report_knows_the_student_by_folder(here):
    said = run(f"python -m spacy skd report test.spacy student={BEST} --output r.json", here)
    assert "LAS" in said
    assert json.loads((here / "r.json").read_text())["student"]["words_per_second"] > 0
