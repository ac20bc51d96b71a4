"""The configs of parsers of every kind, filled and run for a few steps with a small teacher."""

from pathlib import Path

import pytest
import spacy
from conftest import LISTENER, TOK2VEC, make_docs
from parsers import is_forest, trained
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config
from variants import VARIANTS

CONFIGS = Path(__file__).parents[1] / "configs"
STUDENTS = {
    "headtags_from_trees": "head_selection",
    "headtags_from_second_order": "second_order",
    "projective_from_trees": "tree",
}
FEW = {"training.max_steps": 3, "training.eval_frequency": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "train.spacy")
    (folder / "raw.txt").write_text("Ann sees the dogs .\nGo home\nThe book !")
    return folder


def paths(data, **more):
    names = {"train": data / "train.spacy", "dev": data / "train.spacy", **more}
    return {**{f"paths.{name}": str(path) for name, path in names.items()}, **FEW}


def test_the_configs_are_filled(tmp_path):
    for name in ("teacher", "student"):
        given = Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)
        filled = fill_config(tmp_path / "filled.cfg", CONFIGS / f"{name}.cfg")[1]
        assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)


def only_parser(name, folder):
    """The config of a student without the other layers, whose teacher needs more training."""
    config = VARIANTS[name].config()
    for layer in ("sent", "tag", "pos"):
        config["nlp"]["pipeline"].remove(layer)
        del config["components"][layer]
    config.to_disk(folder / f"{name}.cfg")
    return folder / f"{name}.cfg"


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_trains_for_a_few_steps(name, data, tmp_path):
    trained(STUDENTS[name], steps=20).to_disk(tmp_path / "teacher")
    overrides = paths(data, raw=data / "raw.txt", teacher=tmp_path / "teacher")
    train(only_parser(name, tmp_path), tmp_path / "out", overrides=overrides)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert nlp.pipe_names == ["tok2vec", "parser"]
    assert nlp.get_pipe("parser").cfg["step"] >= 3
    docs = list(nlp.pipe(["The cat sees Ann .", "Go", ""]))
    assert all(map(is_forest, docs))


def test_the_second_order_teacher_trains_on_another_tok2vec(data, tmp_path):
    """Its config with a small tok2vec in the transformer's place."""
    config = VARIANTS["second_order_teacher"].config()
    config["components"]["transformer"] = {"factory": "tok2vec", "model": TOK2VEC}
    for layer in ("sent", "tag", "pos", "parser"):
        config["components"][layer]["model"]["tok2vec"] = LISTENER
    config.to_disk(tmp_path / "teacher.cfg")
    train(tmp_path / "teacher.cfg", tmp_path / "out", overrides=paths(data))
    nlp = spacy.load(tmp_path / "out" / "model-last")
    parser = nlp.get_pipe("parser")
    assert parser.model.get_ref("arc_scorer").name == "second_order_arcs"
    assert parser.task.label_floor == 0.01
    assert all(token.dep_ for token in nlp("The cat sees Ann ."))
