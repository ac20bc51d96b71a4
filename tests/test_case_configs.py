"""The configs of `configs/` are what its script writes; those of the variants of tags, chains and
segments are complete, and each of them trains."""

import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from conftest import LISTENER, TOK2VEC
from conftest import train as learn
from derive import files
from entities import ENTITIES, blank_doc, examples
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config
from variants import VARIANTS

from spacy_skd.structures import FlatSegments, IndependentLabels, LinearChain

CONFIGS = Path(__file__).parents[1] / "configs"
STRUCTURES = {
    "tokens": ("spacy-skd.TokenScorer.v1", IndependentLabels()),
    "chain": ("spacy-skd.ChainScorer.v1", LinearChain()),
    "segments": ("spacy-skd.SegmentScorer.v1", FlatSegments(max_width=10)),
}
STUDENTS = ("tokens_from_segments", "chain_from_segments", "segments_from_chain",
            "chain_from_chain", "tokens_from_chain", "chain_from_tokens")  # fmt: skip
FEW = {"training.max_steps": 2, "training.eval_frequency": 2}


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
    written = files()
    assert {path.stem for path in CONFIGS.glob("*.cfg")} == {*written, "ner_teacher"}
    for name, text in written.items():
        assert (CONFIGS / f"{name}.cfg").read_text(encoding="utf8") == text, (
            f"run python configs/derive.py: {name}.cfg is not what it writes"
        )


def test_the_script_prints_a_variant():
    script = [sys.executable, str(CONFIGS / "derive.py"), "tokens_from_chain"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    config = Config().from_str(printed, interpolate=False)
    assert config == VARIANTS["tokens_from_chain"].config()
    assert printed.startswith("# A linear chain (ner_teacher.cfg) teaches independent tags")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_filled(name, tmp_path):
    config = VARIANTS[name].config()
    config.to_disk(tmp_path / "given.cfg")
    filled = fill_config(tmp_path / "filled.cfg", tmp_path / "given.cfg")[1]
    assert Config().from_str(filled.to_str(interpolate=False), interpolate=False) == config


@pytest.mark.parametrize(
    "name",
    [*STUDENTS[:3], *(pytest.param(name, marks=pytest.mark.long) for name in STUDENTS[3:])],
)
def test_a_student_trains(name, data, tmp_path):
    student, teacher = name.split("_from_")
    overrides = {"paths.train": str(data / "train.spacy"), "paths.dev": str(data / "train.spacy"),
                 "paths.raw": str(data / "raw.txt"), "paths.teacher": str(data / teacher),
                 "components.tok2vec.model.encode.depth": 1, **FEW}  # fmt: skip
    VARIANTS[name].config().to_disk(tmp_path / f"{name}.cfg")
    train(tmp_path / f"{name}.cfg", tmp_path, overrides=overrides)
    nlp = spacy.load(tmp_path / "model-last")
    ner = nlp.get_pipe("ner")
    assert ner.structure == STRUCTURES[student][1]
    assert ner.cfg["step"] >= 2
    assert ner.labels == ("LOC", "PER")
    nlp(blank_doc(nlp, ENTITIES[0][0]))


@pytest.mark.parametrize("name", ["segments", "tokens"])
def test_a_teacher_trains(name, data, tmp_path):
    overrides = {"paths.train": str(data / "train.spacy"), "paths.dev": str(data / "train.spacy"),
                 **FEW}  # fmt: skip
    VARIANTS[f"{name}_teacher"].config().to_disk(tmp_path / "teacher.cfg")
    train(tmp_path / "teacher.cfg", tmp_path, overrides=overrides)
    nlp = spacy.load(tmp_path / "model-last")
    assert nlp.get_pipe("ner").structure == STRUCTURES[name][1]
    nlp(blank_doc(nlp, ENTITIES[0][0]))
