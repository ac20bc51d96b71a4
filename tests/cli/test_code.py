"""`--code`: pipelines with components of a user's own, in every command that loads or makes one."""

import shutil
from pathlib import Path

import pytest
import spacy
from conftest import make_docs
from own_code import add_component, printed, run, write_code
from spacy.tokens import DocBin
from thinc.api import Config
from treebanks import GOOD
from typer.main import get_command

from spacy_skd.cli import skd
from spacy_skd.cli.code import with_code
from spacy_skd.pipeline.teacher.component import make_teacher
from spacy_skd.teachers.loading import load_trained

ROOT = Path(__file__).parents[2]


def arguments(command, pipeline, folder):
    """Of a command that runs a pipeline."""
    raw, gold = folder / "raw.txt", folder / "gold.spacy"
    raw.write_text("Go home\nThe cat sees Ann\nGo", encoding="utf8")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(gold)
    return {
        "annotate": [pipeline, raw, folder / "annotated"],
        "calibrate": [pipeline, gold],
        "inspect": [pipeline, "Go home"],
        "export": [pipeline, folder / "stock"],
        "init": [pipeline, folder / "student.cfg"],
        "rehead": [pipeline, folder / "heads", "--raw", raw],
        "report": [gold, f"own={pipeline}", "--speed-words", 50],
        "silver": [pipeline, raw, folder / "silver.spacy"],
        "teacher": [ROOT / "configs" / "teacher.cfg", folder / "t", "--pipeline", pipeline],
        "vectors": [pipeline, raw, folder / "vectors", "--least", 1, "--width", 4],
    }[command]


RUN_A_PIPELINE = (
    "annotate",
    "calibrate",
    "export",
    "init",
    "inspect",
    "rehead",
    "report",
    "silver",
    "teacher",
    "vectors",
)


@pytest.mark.parametrize("command", RUN_A_PIPELINE)
def test_a_command_runs_a_pipeline_with_a_component_of_its_owner(
    teacher, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(ROOT)
    name = f"own_{command}"
    pipeline = add_component(teacher, tmp_path / "pipeline", name=name)
    code = write_code(tmp_path / "own.py", name=name)
    given = arguments(command, pipeline, tmp_path)
    without = run(command, *given)
    assert without.exit_code == 1
    assert f"Can't find factory for '{name}'" in printed(without)
    assert "by --code FILE" in printed(without)
    result = run(command, *given, "--code", code)
    assert result.exit_code == 0, result.output
    _, _, following = printed(result).partition("Next: ")
    assert not following or f"--code {code}" in " ".join(following.split()), "the next one needs it"


def test_every_command_that_loads_or_makes_a_pipeline_takes_code():
    commands = get_command(skd).commands
    taking = {name for name, c in commands.items() if any("--code" in p.opts for p in c.params)}
    assert taking == set(commands)
    assert taking == {
        *RUN_A_PIPELINE, "beliefs", "check", "convert", "distill", "package", "prepare", "search",
        "select", "stream",
    }  # fmt: skip
    for name in taking:
        (option,) = (p for p in commands[name].params if "--code" in p.opts)
        assert option.opts == ["--code", "-c"], "as spaCy's commands have it"


@pytest.mark.parametrize("command", ["convert", "prepare"])
def test_a_treebank_in_a_language_of_its_owner(tmp_path, monkeypatch, command):
    monkeypatch.chdir(ROOT)
    code = write_code(tmp_path / "own.py", name=f"zx{command}")
    treebank = tmp_path / "treebank"
    treebank.mkdir()
    splits = [treebank / f"own-{split}.conllu" for split in ("train", "dev", "test")]
    for path, verb in zip(splits, ("Go", "Run", "Walk")):
        path.write_text(GOOD.replace("Go", verb), encoding="utf8")
    (tmp_path / "raw.txt").write_text("Something new\n", encoding="utf8")
    given = {
        "convert": [*splits, tmp_path / "out"],
        "prepare": [tmp_path / "out", "--treebank", treebank],
    }[command]
    given = [*given, "--raw", tmp_path / "raw.txt", "--lang", f"zx{command}"]
    assert run(command, *given).exit_code == 1
    result = run(command, *given, "--code", code)
    assert result.exit_code == 0, result.output


def test_code_that_is_missing_or_does_not_run(teacher, tmp_path):
    given = arguments("silver", teacher, tmp_path)
    missing = run("silver", *given, "--code", tmp_path / "none.py")
    assert missing.exit_code == 1
    assert "Path to Python code not found" in missing.output
    (tmp_path / "broken.py").write_text("import no_such_module", encoding="utf8")
    broken = run("silver", *given, "-c", tmp_path / "broken.py")
    assert broken.exit_code == 1
    assert "Couldn't load Python code" in broken.output


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("components", "tag", "model", "@architectures"), "own.Model.v1", "'own.Model.v1'"),
        (("nlp", "tokenizer", "@tokenizers"), "own.Tokenizer.v1", "'own.Tokenizer.v1'"),
        (("nlp", "after_creation"), {"@callbacks": "own.call.v1"}, "'own.call.v1'"),
        (("nlp", "lang"), "zxx", "Can't import language zxx"),
    ],
)
def test_other_parts_that_nothing_registers(teacher, tmp_path, path, value, reason):
    shutil.copytree(teacher, tmp_path / "own")
    config = Config().from_disk(tmp_path / "own" / "config.cfg", interpolate=False)
    block = config
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
    config.to_disk(tmp_path / "own" / "config.cfg")
    with pytest.raises(ValueError, match=f"cannot load the thing .*{reason}.*--code FILE"):
        load_trained(tmp_path / "own", what="thing")


def test_a_teacher_in_training_says_so_too(teacher, tmp_path):
    pipeline = add_component(teacher, tmp_path / "pipeline", name="own_live")
    asked = make_teacher("asked", teacher=str(pipeline))
    with pytest.raises(ValueError, match="teacher of 'asked'.*'own_live'.*--code FILE"):
        _ = asked.nlp


def test_what_is_to_be_run_next_names_any_file():
    assert with_code(Path("own code.py")) == " --code 'own code.py'"
    assert (with_code(Path("code.py")), with_code(None)) == (" --code code.py", "")
