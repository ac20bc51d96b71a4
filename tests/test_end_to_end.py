"""The configs of the project under spaCy's own commands, on a corpus of a few sentences."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import spacy
from conftest import make_docs
from spacy.cli.debug_config import debug_config
from spacy.cli.evaluate import evaluate
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.util import load_model_from_config
from thinc.api import Config

from spacy_skd.cli.prepare import from_store
from spacy_skd.training.annotation.annotate import annotate

CONFIGS = Path(__file__).parents[1] / "configs"
FEW = {"training.max_steps": 4, "training.eval_frequency": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    docs = make_docs(spacy.blank("en"))
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    (folder / "raw.txt").write_text("Ann sees \u200b the dogs .\nGo \t home\n\u00ad\nThe book !")
    return folder


def paths(data, **more):
    found = {"paths.train": str(data / "train.spacy"), "paths.dev": str(data / "train.spacy")}
    return {**found, **{f"paths.{k}": str(v) for k, v in more.items()}, **FEW}


@pytest.fixture(scope="module")
def student(data, teacher, tmp_path_factory):
    """A student trained for a few steps with the project's config."""
    output = tmp_path_factory.mktemp("student")
    train(
        CONFIGS / "student.cfg",
        output,
        overrides=paths(data, raw=data / "raw.txt", teacher=teacher),
    )
    return output


def test_the_saved_student_has_no_trace_of_its_teacher(student, teacher):
    for name in ("model-best", "model-last"):
        text = (student / name / "config.cfg").read_text()
        assert str(teacher) not in text
        assert "skd_teacher" not in text
        assert "drop_teacher" not in text
        assert "keep_pipes" not in text
        assert spacy.load(student / name)("Go home !")[0].dep_


def test_it_loads_and_predicts_without_torch(student):
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'spacy_transformers'): sys.modules[name] = None\n"
        "from importlib import metadata\n"
        "installed = metadata.distributions\n"
        "metadata.distributions = lambda **s: (\n"
        "    d for d in installed(**s) if 'transformers' not in d.name)\n"
        "import spacy\n"
        f"doc = spacy.load({str(student / 'model-last')!r})('Go home !')\n"
        "print(*[t.tag_ != '' and t.dep_ != '' for t in doc])\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.split() == ["True"] * 3, found.stderr


def test_training_resumes_from_model_last(student, data, teacher, tmp_path):
    config = Config().from_disk(CONFIGS / "student.cfg", interpolate=False)
    for name in ("tok2vec", "sent", "tag", "pos", "parser"):
        config["components"][name] = {"source": str(student / "model-last")}
    config.to_disk(tmp_path / "resume.cfg")
    overrides = paths(data, raw=data / "raw.txt", teacher=teacher)
    train(tmp_path / "resume.cfg", tmp_path / "out", overrides=overrides)
    before = spacy.load(student / "model-last").get_pipe("parser").cfg["step"]
    after = spacy.load(tmp_path / "out" / "model-last").get_pipe("parser").cfg["step"]
    assert before >= 4
    assert after == 2 * before


@pytest.fixture(scope="module")
def stored(data, teacher, tmp_path_factory):
    """The corpus and the raw text with the teacher's beliefs, and the config that reads them."""
    folder = tmp_path_factory.mktemp("stored")
    inputs = [str(data / "train.spacy"), str(data / "raw.txt")]
    annotate(teacher, inputs, folder / "annotated")
    config = Config().from_disk(CONFIGS / "student.cfg", interpolate=False)
    from_store(config).to_disk(folder / "student.cfg")
    return folder


def test_training_from_stored_beliefs_needs_no_teacher(stored, data, teacher, tmp_path):
    filled = fill_config(tmp_path / "filled.cfg", stored / "student.cfg")[1]
    given = Config().from_disk(stored / "student.cfg", interpolate=False)
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)
    overrides = paths(data, store=stored / "annotated")
    train(stored / "student.cfg", tmp_path / "out", overrides=overrides)
    text = (tmp_path / "out" / "model-last" / "config.cfg").read_text()
    assert str(stored) not in text
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert nlp.get_pipe("tag").labels == spacy.load(teacher).get_pipe("tag").labels
    assert nlp.get_pipe("parser").cfg["seen"] > 4
    again = load_model_from_config(
        nlp.config, auto_fill=True
    )  # its store is gone, its config whole
    assert again.from_bytes(nlp.to_bytes())("Go home !").to_bytes() == nlp("Go home !").to_bytes()


def test_stock_components_train_on_the_annotated_folder(stored, data, tmp_path):
    overrides = {
        **paths(data),
        "paths.train": str(stored / "annotated"),
        "components.parser.min_action_freq": 1,
    }
    train(CONFIGS / "stock.cfg", tmp_path / "out", overrides=overrides)
    assert spacy.load(tmp_path / "out" / "model-last")("Go home !")[0].dep_


def test_stock_commands_take_the_configs(student, data, teacher, tmp_path):
    for name in ("teacher", "student", "stock", "ner_teacher", "ner_student"):
        filled = fill_config(tmp_path / "filled.cfg", CONFIGS / f"{name}.cfg")[1]
        given = Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)
        assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)
    overrides = paths(data, raw=data / "raw.txt", teacher=teacher)
    debug_config(CONFIGS / "student.cfg", overrides=overrides, show_funcs=False)
    scores = evaluate(str(student / "model-best"), data / "train.spacy", silent=True)
    assert 0 <= scores["dep_las"] <= 1


def spacy_command(*arguments):
    command = [sys.executable, "-m", "spacy", *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_init_labels_and_assemble(student, data, teacher, tmp_path):
    options = [f"--{k}={v}" for k, v in paths(data, raw=data / "raw.txt", teacher=teacher).items()]
    spacy_command("init", "labels", CONFIGS / "student.cfg", tmp_path / "labels", *options)
    assert (tmp_path / "labels" / "parser.json").exists()
    config = Config().from_disk(student / "model-last" / "config.cfg", interpolate=False)
    for name in config["nlp"]["pipeline"]:
        config["components"][name] = {"source": str(student / "model-last")}
    config.to_disk(tmp_path / "sourced.cfg")
    spacy_command("assemble", tmp_path / "sourced.cfg", tmp_path / "assembled")
    found, trained = (spacy.load(p) for p in (tmp_path / "assembled", student / "model-last"))
    assert found.pipe_names == ["tok2vec", "sent", "tag", "pos", "parser"]
    assert found.get_pipe("parser").to_bytes() == trained.get_pipe("parser").to_bytes()


def test_a_transformer_teaches(data, tmp_path, monkeypatch):
    """The real thing in a few steps: bfloat16 on, whitespace and characters without a piece."""
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    train(
        CONFIGS / "teacher.cfg",
        tmp_path / "teacher",
        overrides={**paths(data), "components.transformer.model.bfloat16": "on"},
    )
    teacher = spacy.load(tmp_path / "teacher" / "model-last")
    doc = teacher("Ann sees \u200b \n\n the dogs . \u00ad")
    assert all(token.dep_ and token.tag_ for token in doc)
    train(
        CONFIGS / "student.cfg",
        tmp_path / "student",
        overrides=paths(data, raw=data / "raw.txt", teacher=tmp_path / "teacher" / "model-last"),
    )
    nlp = spacy.load(tmp_path / "student" / "model-last")
    assert nlp.get_pipe("tag").labels == teacher.get_pipe("tag").labels
    assert all(numpy.isfinite(nlp.get_pipe("tag").model.predict([nlp("Go !")])).ravel())
