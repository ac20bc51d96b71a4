"""The configs of the cases of tags, chains and segments: what they are made from, and that each of
them trains."""

import importlib.util
from pathlib import Path

import pytest
import spacy
from conftest import LISTENER, TOK2VEC
from conftest import train as learn
from entities import ENTITIES, blank_doc, examples
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_skd.structures import FlatSegments, IndependentLabels, LinearChain

CONFIGS = Path(__file__).parents[1] / "configs"
STRUCTURES = {
    "tokens": ("spacy-skd.TokenScorer.v1", IndependentLabels()),
    "chain": ("spacy-skd.ChainScorer.v1", LinearChain()),
    "segments": ("spacy-skd.SegmentScorer.v1", FlatSegments(max_width=10)),
}
STUDENTS = ("tokens_from_segments", "chain_from_segments", "segments_from_chain",
            "chain_from_chain", "tokens_from_chain", "chain_from_tokens")  # fmt: skip
TREE_STUDENTS = ("projective_from_trees", "headtags_from_trees", "headtags_from_second_order")
FEW = {"training.max_steps": 2, "training.eval_frequency": 2}


def derive():
    spec = importlib.util.spec_from_file_location("derive", CONFIGS / "derive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A corpus, raw text, and a teacher of each structure."""
    folder = tmp_path_factory.mktemp("cases")
    docs = [eg.reference for eg in examples(spacy.blank("en"))]
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    (folder / "raw.txt").write_text("\n".join(text for text, _ in ENTITIES))
    for name, (architecture, _) in STRUCTURES.items():
        nlp = spacy.blank("en")
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
        structure = {"chain": "linear_chain"}.get(name, name)
        model = {"@architectures": architecture, "tok2vec": LISTENER}
        config = {"layer": "ents", "structure": structure, "model": model}
        nlp.add_pipe("distilling_tagger", "ner", config=config)
        nlp.initialize(lambda nlp=nlp: examples(nlp))
        learn(nlp, examples(nlp), 5)
        nlp.to_disk(folder / name)
    return folder


def test_the_files_are_what_the_script_writes():
    derived = derive().DERIVED
    assert set(derived) == {"segments_teacher", *STUDENTS, *TREE_STUDENTS}
    for name, config in derived.items():
        assert (CONFIGS / f"{name}.cfg").read_text(encoding="utf8") == config.text(), (
            f"run python configs/derive.py: {name}.cfg is not what it writes"
        )


def test_those_that_commands_need_are_copies_of_the_packages():
    copies = derive().templates()
    assert set(copies) == {"teacher", "stock", "rehead"}
    for name, text in copies.items():
        assert (CONFIGS / f"{name}.cfg").read_text(encoding="utf8") == text, (
            f"run python configs/derive.py: {name}.cfg is not what it writes"
        )


@pytest.mark.parametrize("name", ["segments_teacher", *STUDENTS, *TREE_STUDENTS])
def test_they_are_filled(name, tmp_path):
    filled = fill_config(tmp_path / "filled.cfg", CONFIGS / f"{name}.cfg")[1]
    given = Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_trains(name, data, tmp_path):
    student, teacher = name.split("_from_")
    overrides = {"paths.train": str(data / "train.spacy"), "paths.dev": str(data / "train.spacy"),
                 "paths.raw": str(data / "raw.txt"), "paths.teacher": str(data / teacher),
                 "components.tok2vec.model.encode.depth": 1, **FEW}  # fmt: skip
    train(CONFIGS / f"{name}.cfg", tmp_path, overrides=overrides)
    nlp = spacy.load(tmp_path / "model-last")
    ner = nlp.get_pipe("ner")
    assert ner.structure == STRUCTURES[student][1]
    assert ner.cfg["step"] >= 2
    assert ner.labels == ("LOC", "PER")
    nlp(blank_doc(nlp, ENTITIES[0][0]))


def test_the_teacher_trains(data, tmp_path):
    overrides = {"paths.train": str(data / "train.spacy"), "paths.dev": str(data / "train.spacy"),
                 **FEW}  # fmt: skip
    train(CONFIGS / "segments_teacher.cfg", tmp_path, overrides=overrides)
    nlp = spacy.load(tmp_path / "model-last")
    assert nlp.get_pipe("ner").structure == FlatSegments(max_width=10)
    nlp(blank_doc(nlp, ENTITIES[0][0]))
