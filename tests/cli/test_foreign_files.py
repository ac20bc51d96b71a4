"""Every command that writes: what it did not write survives byte for byte."""

import json
from pathlib import Path

import pytest
from treebanks import GOOD
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.teacher import marked_training
from spacy_skd.disk.mark import MARK
from spacy_skd.training.annotation import earlier

CONFIGS = Path(__file__).parents[2] / "configs"
TREEBANK = "IN/xx-train.conllu IN/xx-dev.conllu IN/xx-test.conllu"
# Folders that a command writes as a whole, and files, by the command; IN has a treebank and text.
FOLDERS = {
    "annotate": "annotate TEACHER IN/raw.jsonl OUT",
    "convert": f"convert {TREEBANK} OUT --raw IN/raw.jsonl",
    "prepare": f"prepare OUT --configs {CONFIGS} --treebank IN --raw IN/raw.jsonl",
    "vectors": "vectors TEACHER IN/raw.jsonl OUT --least 1 --width 2",
    "teacher": f"teacher {CONFIGS}/teacher.cfg OUT --pipeline TEACHER",
}
FILES = {
    "init": ("init TEACHER OUT/student.cfg --pipes tag,sent,pos", "student.cfg"),
    "report": ("report IN/gold.spacy a=TEACHER --speed-words 20 -o OUT/r.json", "r.json"),
    "silver": ("silver TEACHER IN/raw.jsonl OUT/s.spacy", "s.spacy"),
    "package": ("package TEACHER OUT --name tiny --version 1", "en_tiny-1-py3-none-any.whl"),
}
NO_FLAG = {
    "export": ("export TEACHER OUT", "precious"),
    "rehead": (f"rehead TEACHER OUT --template {CONFIGS}/rehead.cfg --pipes tag", "rehead.cfg"),
    "rehead of raw": (
        f"rehead TEACHER OUT --template {CONFIGS}/rehead.cfg --pipes tag --raw IN/raw.jsonl",
        "dev.spacy",
    ),
}
STRANGERS = (
    "precious.txt", ".hidden", "raw.jsonl.mine", "shard-000001.spacy", "shard-000000.spacy.draft",
    "vocab/precious", "model-best/deep/precious", "sub/manifest.json", "out.draft", "rejects.jsonl",
    ".spacy-skd-draft-x/a",
)  # fmt: skip


@pytest.fixture
def run(teacher, corpus, tmp_path):
    """A command with its words in place, and whether it ended well."""
    source = tmp_path / "in"
    source.mkdir()
    for split, verb in (("train", "Go"), ("dev", "Run"), ("test", "Walk")):
        text = GOOD.replace("Go", verb)
        (source / f"xx-{split}.conllu").write_text(text, encoding="utf8")
    lines = [json.dumps({"text": f"Ann sees dogs {i} . They sleep"}) for i in range(4)]
    (source / "raw.jsonl").write_text("\n".join(lines))
    corpus.rename(source / "gold.spacy")
    places = {"TEACHER": teacher, "IN": source, "OUT": tmp_path / "out"}

    def invoke(command, *more):
        for word, path in places.items():
            command = command.replace(word, str(path))
        found = CliRunner().invoke(app, ["skd", *command.split(), *more])
        assert not isinstance(found.exception, (AssertionError, TypeError)), found.exception
        return found

    return invoke


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", FOLDERS)
def test_a_strangers_file_beside_ours_survives(run, tmp_path, command):
    found = run(FOLDERS[command])
    assert found.exit_code == 0, found.output
    more = ["--shard-words", "5"] if command == "annotate" else []  # another run
    is_slow = command in ("annotate", "teacher")
    for name in STRANGERS[:: 3 if is_slow else 1]:
        path = tmp_path / "out" / ("model-best" if command == "teacher" else "") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        before = contents(tmp_path)
        found = run(FOLDERS[command], "--overwrite", *more)
        assert found.exit_code == 1, (name, found.output)
        assert name.split("/")[-1] in "".join(found.output.split()), found.output
        assert contents(tmp_path) == before
        path.unlink()
    found = run(FOLDERS[command], "--overwrite", *more)
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize("command", FOLDERS)
@pytest.mark.parametrize(
    "name", ["raw.jsonl", "train.conllu", "model-best/config.cfg", "manifest.json", "config.cfg"]
)
def test_a_folder_of_somebody_else_survives(run, tmp_path, command, name):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "app", "shards": {}}')
    (tmp_path / "out.draft").mkdir()
    (tmp_path / "out.draft" / "precious").write_text("mine")
    before = contents(tmp_path)
    if command == "teacher" and "model-best" not in name:
        return  # it writes model-best alone
    for more in ([], ["--overwrite"]):
        assert run(FOLDERS[command], *more).exit_code == 1
        assert contents(tmp_path) == before


@pytest.mark.parametrize("command", [c for c in FOLDERS if c not in ("annotate", "teacher")])
def test_a_file_of_ours_that_somebody_edited_survives(run, tmp_path, command):
    assert run(FOLDERS[command]).exit_code == 0
    for path in [p for p in (tmp_path / "out").rglob("*") if p.is_file() and p.name != MARK]:
        text = path.read_bytes()
        path.write_bytes(text + b" ")
        before = contents(tmp_path)
        found = run(FOLDERS[command], "--overwrite")
        assert found.exit_code == 1, found.output
        assert "was changed since" in " ".join(found.output.split())
        assert contents(tmp_path) == before
        path.write_bytes(text)


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=pytest.mark.long) if c == "package" else c for c in FILES]
)
def test_a_file_is_replaced_only_with_the_flag(run, tmp_path, command):
    line, name = FILES[command]
    (tmp_path / "out").mkdir()
    for other in (name, "other", f"{Path(name).stem}.draft"):
        (tmp_path / "out" / other).write_text("mine")
    before = contents(tmp_path)
    found = run(line)
    assert found.exit_code == 1
    assert "exists already" in " ".join(found.output.split())
    assert contents(tmp_path) == before
    found = run(line, "--overwrite")
    assert found.exit_code == 0, found.output
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    assert [p.name for p in after if after[p] != before[p]] == [name]


@pytest.mark.parametrize("command", NO_FLAG)
def test_commands_without_the_flag_replace_nothing(run, tmp_path, command):
    line, name = NO_FLAG[command]
    (tmp_path / "out").mkdir()
    for other in (name, "other", f"{Path(name).stem}.draft"):
        (tmp_path / "out" / other).write_text("mine")
    before = contents(tmp_path)
    found = run(line)
    assert found.exit_code == 1
    assert "exists already" in " ".join(found.output.split())
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "line",
    [
        "vectors TEACHER IN/raw.jsonl IN --overwrite",
        "vectors TEACHER IN/raw.jsonl IN/../in --overwrite",
        "vectors TEACHER IN IN/out",
        "vectors TEACHER IN/raw.jsonl TEACHER --overwrite",
        "annotate TEACHER IN IN/out",
        "annotate TEACHER IN/raw.jsonl TEACHER --overwrite",
        f"convert {TREEBANK} IN --overwrite",
        f"convert {TREEBANK} IN/out --raw IN",
        f"prepare IN --configs {CONFIGS} --treebank IN --raw IN/raw.jsonl --overwrite",
        "export TEACHER TEACHER/out",
        "init TEACHER TEACHER/config.cfg --overwrite",
        "init TEACHER IN/gold.spacy --dev IN/gold.spacy --overwrite",
        "report IN/gold.spacy a=TEACHER -o IN/gold.spacy --overwrite",
        "report IN/gold.spacy a=TEACHER -o TEACHER/r.json",
        "silver TEACHER IN/raw.jsonl TEACHER/out",
        "silver TEACHER IN IN/s.spacy",
        f"teacher {CONFIGS}/teacher.cfg IN --pipeline IN/model-best --overwrite",
    ],
)
def test_inputs_are_never_written_to(run, teacher, tmp_path, line):
    if "model-best" in line:
        (tmp_path / "in" / "model-best").mkdir()
    before = contents(tmp_path), contents(teacher)
    found = run(line)
    assert found.exit_code == 1, found.output
    assert "choose another output" in " ".join(found.output.split())
    assert (contents(tmp_path), contents(teacher)) == before
    assert not (teacher / "out").exists()


@pytest.mark.parametrize("command", ["convert", "prepare", "vectors", "teacher"])
def test_folders_of_versions_without_a_mark_are_replaced(run, tmp_path, command):
    assert run(FOLDERS[command]).exit_code == 0
    for mark in (tmp_path / "out").rglob(MARK):
        mark.unlink()
    assert run(FOLDERS[command]).exit_code == 1
    assert run(FOLDERS[command], "--overwrite").exit_code == 0
    (mark,) = (tmp_path / "out").rglob(MARK)
    mark.unlink()
    (mark.parent / "precious").write_text("mine")
    assert run(FOLDERS[command], "--overwrite").exit_code == 1


def test_a_users_raw_text_in_an_earlier_conversion_without_any_survives(run, tmp_path):
    assert run(FOLDERS["convert"].partition(" --raw")[0]).exit_code == 0
    (tmp_path / "out" / "raw.jsonl").write_text('{"text": "mine"}\n')
    before = contents(tmp_path)
    found = run(FOLDERS["convert"], "--overwrite")
    assert found.exit_code == 1
    (tmp_path / "out" / MARK).unlink()
    assert run(FOLDERS["convert"], "--overwrite").exit_code == 1
    assert contents(tmp_path) == {p: t for p, t in before.items() if p.name != MARK}


def test_vectors_of_spacys_own_command_are_not_taken_for_ours(run, tmp_path):
    assert run(FOLDERS["vectors"]).exit_code == 0
    (tmp_path / "out" / MARK).unlink()
    assert earlier.vectors(tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    meta["vectors"]["name"] = "en_pipeline.vectors"
    (tmp_path / "out" / "meta.json").write_text(json.dumps(meta))
    assert not earlier.vectors(tmp_path / "out")


def test_a_training_of_ours_may_be_replaced_by_a_taken_teacher(run, tmp_path):
    best = tmp_path / "out" / "model-best"
    with marked_training(tmp_path / "out"):
        best.mkdir(parents=True)
        (best / "config.cfg").write_text("trained")
    assert run(FOLDERS["teacher"]).exit_code == 1
    assert run(FOLDERS["teacher"], "--overwrite").exit_code == 0
    assert (best / "vocab").exists()
    with marked_training(tmp_path / "out"):
        (best / "config.cfg").write_text("trained again")
    assert run(FOLDERS["teacher"], "--overwrite").exit_code == 0
    (best / "precious").write_text("mine")
    with marked_training(tmp_path / "out"):
        (best / "config.cfg").write_text("trained again")
    assert run(FOLDERS["teacher"], "--overwrite").exit_code == 1
    assert (best / "precious").read_text() == "mine"
