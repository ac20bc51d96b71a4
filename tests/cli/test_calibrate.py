"""`spacy skd calibrate`: what it writes, says, refuses and leaves when it is killed."""

import json
import os
import shutil
from pathlib import Path

import pytest
import spacy
from conftest import TOK2VEC, gold_examples, make_docs
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.calibrate import calibrate
from spacy_skd.disk import atomic

NAMES = ("sent", "tag", "pos", "parser")


def run(*arguments):
    return CliRunner().invoke(app, ["skd", "calibrate", *map(str, arguments)])


def words(text):
    return " ".join(text.split())


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def student(teacher, tmp_path):
    """A copy that may be changed."""
    return Path(shutil.copytree(teacher, tmp_path / "student"))


def test_in_place_it_changes_the_temperatures_alone_and_twice_is_once(student, corpus, tmp_path):
    before = files(student)
    found = run(student, corpus, "--json", tmp_path / "told.json")
    assert found.exit_code == 0, found.output
    after = files(student)
    assert [n for n in after if after[n] != before.get(n)] == sorted(f"{n}/cfg" for n in NAMES)
    assert after.keys() == before.keys()
    told = json.loads((tmp_path / "told.json").read_text())
    nlp = spacy.load(student)
    for name in NAMES:
        temperature = told["components"][name]["temperature"]
        assert nlp.get_pipe(name).calibration == pytest.approx(temperature, rel=1e-9)
        assert temperature < 1
        for when in ("before", "after"):
            numbers = told["components"][name][when]
            assert numbers["n"] == sum(bar["n"] for bar in numbers["diagram"]) > 0
            assert numbers["accuracy_at_95"] == 1
            assert numbers["auroc"] is None  # nothing is wrong
    printed = words(found.output)
    for part in ("before", "after", "AUROC", "acc@95", "a rough estimate", "Saved to"):
        assert part in printed
    assert "nan" not in printed
    assert run(student, corpus).exit_code == 0
    assert files(student) == after


def test_an_output_and_some_components(student, corpus, tmp_path):
    before = files(student)
    found = run(student, corpus, "-o", tmp_path / "out", "--component", "tag", "--component", "pos")
    assert found.exit_code == 0, found.output
    assert files(student) == before
    assert "parser" not in found.output
    nlp = spacy.load(tmp_path / "out")
    assert [name for name in NAMES if nlp.get_pipe(name).calibration != 1] == ["tag", "pos"]
    arguments = (student, corpus, "-o", tmp_path / "out", "--component", "parser")
    assert "not empty" in words(run(*arguments).output)
    assert run(*arguments, "--overwrite").exit_code == 0
    assert spacy.load(tmp_path / "out").get_pipe("tag").calibration == 1


@pytest.mark.parametrize("killed_at", [0, 2])
def test_killed_while_it_saves_it_leaves_a_pipeline_and_the_same_command_ends_well(
    student, corpus, monkeypatch, killed_at
):
    """Drafts that a killed process leaves lie in a folder that the next run removes."""
    calls = iter(range(100))
    replace = os.replace

    def killed(source, target):
        if next(calls) == killed_at:
            raise KeyboardInterrupt
        replace(source, target)

    before = files(student)
    monkeypatch.setattr(atomic.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        calibrate(student, corpus)
    monkeypatch.undo()
    left = files(student)
    assert left.keys() == before.keys()
    assert sum(left[name] != before[name] for name in left) == killed_at
    spacy.load(student)("She gave him the book")
    calibrate(student, corpus)
    ended = files(student)
    assert sum(ended[name] != before[name] for name in ended) == len(NAMES)


def test_a_draft_of_a_killed_process_is_removed(student, corpus):
    left = student / ".spacy-skd-draft-0"
    left.mkdir()
    (left / "draft.json").write_text(json.dumps({"draft": left.name}))
    calibrate(student, corpus)
    assert not left.exists()


def test_bad_input(student, corpus, tmp_path):
    before = files(student)
    bare = tmp_path / "bare.spacy"
    nlp = spacy.blank("en")
    DocBin(docs=[nlp.make_doc(doc.text) for doc in make_docs(nlp)]).to_disk(bare)
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2",
                                             "tok2vec": TOK2VEC}})  # fmt: skip
    nlp.get_pipe("tagger").add_label("NN")
    nlp.initialize()
    nlp.to_disk(tmp_path / "stock")
    inside = student / "out"
    (tmp_path / "told.json").write_text("mine")
    cases = {
        "no doc of the corpus has gold of tag": (student, bare),
        "of this package, found none among tagger": (tmp_path / "stock", corpus),
        "lies in the input folder": (student, corpus, "-o", inside),
        "is the input": (student, corpus, "-o", student),
        "precision: expected a number above 0, at most 1, such as 0.95, got 95": (
            student, corpus, "--precision", 95),
        "expected a component of entities or spans": (student, corpus, "--precision", 0.9),
        "per_label: expected a precision": (student, corpus, "--per-label"),
        "expected the folder of a trained pipeline, got 'en_student'; a package": (
            "en_student", corpus),
        "cannot load the pipeline 'en_student'": ("en_student", corpus, "-o", tmp_path / "out"),
        "expected some of sent, tag, pos, parser, got ner": (student, corpus, "--component", "ner"),
        "expected a .spacy file, found none": (student, tmp_path / "none.spacy"),
        "told.json exists already": (student, corpus, "--json", tmp_path / "told.json"),
    }  # fmt: skip
    for message, arguments in cases.items():
        found = run(*arguments)
        assert found.exit_code == 1, message
        assert message in words(found.output)
    assert files(student) == before
    assert not (tmp_path / "out").exists()


def test_stock_components_stay_and_are_told(student, corpus, tmp_path):
    nlp = spacy.load(student)
    nlp.add_pipe("senter", config={"model": {"@architectures": "spacy.Tagger.v2",
                                             "tok2vec": TOK2VEC}})  # fmt: skip
    examples = gold_examples(nlp)
    nlp.get_pipe("senter").initialize(lambda: examples, nlp=nlp)
    nlp.to_disk(tmp_path / "mixed")
    found = calibrate(tmp_path / "mixed", corpus)
    assert found.skipped == {"senter": "spaCy's own components have no temperature"}
    assert found.components.keys() == set(NAMES)
