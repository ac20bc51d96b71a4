"""The commands as a user runs them: through typer, and once as a process."""

import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from conftest import LISTENER, TOK2VEC, make_docs
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config
from treebanks import GOOD
from typer.main import get_command
from typer.testing import CliRunner

from spacy_skd.cli import app, skd

ROOT = Path(__file__).parents[2]


@pytest.fixture
def treebank(tmp_path):
    """A folder of a treebank of two sentences, one of which all files have, and of raw text."""
    folder = tmp_path / "treebank"
    folder.mkdir()
    for split, verb in (("train", "Go"), ("dev", "Run"), ("test", "Walk")):
        text = GOOD.replace("Go", verb)
        (folder / f"xx-{split}.conllu").write_text(text, encoding="utf8")
    (folder / "raw.txt").write_text("Walk home !\nSomething new\n", encoding="utf8")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["skd", *map(str, arguments)])


def prepare(treebank, output, *more):
    source = ["--treebank", treebank, "--raw", treebank / "raw.txt"]
    return run("prepare", output, *source, *more)


def test_convert_prints_what_was_left_out(treebank, tmp_path):
    splits = [treebank / f"xx-{split}.conllu" for split in ("train", "dev", "test")]
    found = run("convert", *splits, tmp_path / "out", "--raw", treebank / "raw.txt")
    assert found.exit_code == 0, found.output
    assert "Left out 1 sentences of train that stand in dev or test (1 copies, 0" in found.output
    assert "Left out 1 texts of raw that stand in dev or test (1 copies, 0" in found.output
    again = run("convert", *splits, tmp_path / "out")
    assert again.exit_code == 1
    assert "not empty" in again.output


def test_prepare_prints_what_was_left_out_and_keeps_a_folder_that_is_not_empty(treebank, tmp_path):
    output = tmp_path / "out"
    found = prepare(treebank, output)
    assert found.exit_code == 0, found.output
    printed = " ".join(found.output.split())
    assert "stand in dev or test: 1 sentences of train, 1 raw texts" in printed
    before = {path: path.read_bytes() for path in output.iterdir()}
    again = prepare(treebank, output)
    assert again.exit_code == 1
    assert "not empty" in again.output
    assert {path: path.read_bytes() for path in output.iterdir()} == before
    assert prepare(treebank, output, "--overwrite").exit_code == 0


def test_the_rival_of_a_treebank_of_some_sentences_trains(treebank, tmp_path):
    output = tmp_path / "out"
    found = prepare(treebank, output)
    assert "min_action_freq = 1" in found.output
    paths = {f"paths.{split}": str(output / f"{split}.spacy") for split in ("train", "dev")}
    few = {"training.max_steps": 1, "training.eval_frequency": 1}
    train(output / "stock.cfg", tmp_path / "model", overrides={**paths, **few})
    assert (tmp_path / "model" / "model-last").exists()


@pytest.mark.parametrize("lang", ["de", "xx"])
def test_the_language_of_prepare_is_that_of_what_is_trained(treebank, teacher, tmp_path, lang):
    output = tmp_path / "out"
    layers = ["--layers", "sent,tag,pos,parser"]  # those of the teacher
    assert prepare(treebank, output, "--lang", lang, *layers).exit_code == 0
    for name in ("teacher", "student", "stock"):
        config = Config().from_disk(output / f"{name}.cfg", interpolate=False)
        assert config["nlp"]["lang"] == lang
    paths = {f"paths.{split}": str(output / f"{split}.spacy") for split in ("train", "dev")}
    paths.update({"paths.raw": str(output / "raw.jsonl"), "paths.teacher": str(teacher)})
    few = {"training.max_steps": 1, "training.eval_frequency": 1}
    train(output / "student.cfg", tmp_path / "model", overrides={**paths, **few})
    trained = spacy.load(tmp_path / "model" / "model-last")
    assert trained.lang == lang
    assert trained("Geh !")[0].dep_


def untagged(treebank):
    """Without XPOS; dev without FEATS, too."""
    for path in treebank.glob("*.conllu"):
        rows = [line.split("\t") for line in path.read_text(encoding="utf8").splitlines()]
        for row in rows:
            if len(row) == 10:
                row[4] = "_"
                row[5] = "_" if "dev" in path.name else row[5]
        path.write_text("\n".join("\t".join(row) for row in rows) + "\n\n", encoding="utf8")
    return treebank


def test_components_are_of_the_layers_that_the_treebank_has(treebank, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = prepare(untagged(treebank), tmp_path / "out")
    assert found.exit_code == 0, found.output
    printed = " ".join(found.output.split())
    assert "Layers: sent, pos, morph, lemma, parser" in printed
    assert "No component of tag: XPOS is _ throughout" in printed
    assert "Not scored, since dev has none: morph" in printed
    pipelines = {
        name: Config().from_disk(tmp_path / "out" / f"{name}.cfg", interpolate=False)
        for name in ("teacher", "student", "stock")
    }
    assert pipelines["stock"]["nlp"]["pipeline"] == [
        "tok2vec", "morphologizer", "trainable_lemmatizer", "parser"
    ]  # fmt: skip
    for name in ("teacher", "student"):
        assert "tag" not in pipelines[name]["nlp"]["pipeline"]
        weights = pipelines[name]["training"]["score_weights"]
        assert weights["morph_acc"] is weights["tag_acc"] is None
    paths = {
        f"paths.{split}": str(tmp_path / "out" / f"{split}.spacy") for split in ("train", "dev")
    }
    few = {"training.max_steps": 1, "training.eval_frequency": 1}
    small = pipelines["teacher"]
    small["components"]["transformer"] = {"factory": "tok2vec", "model": TOK2VEC}
    for head in small["nlp"]["pipeline"][1:]:
        small["components"][head]["model"]["tok2vec"] = LISTENER
    small.to_disk(tmp_path / "small.cfg")
    train(tmp_path / "small.cfg", tmp_path / "model", overrides={**paths, **few})
    fewer = prepare(treebank, tmp_path / "few", "--layers", "pos,sent")
    assert fewer.exit_code == 0, fewer.output
    config = Config().from_disk(tmp_path / "few" / "teacher.cfg", interpolate=False)
    assert config["nlp"]["pipeline"] == ["transformer", "sent", "pos"]
    refused = prepare(treebank, tmp_path / "none", "--layers", "pos,tag")
    assert refused.exit_code == 1
    assert "but not tag" in refused.output


def gpu_commands():
    """The commands that take --gpu-id."""
    commands = get_command(skd).commands
    return sorted(n for n, c in commands.items() if any(p.name == "gpu_id" for p in c.params))


def test_every_command_that_runs_a_pipeline_takes_a_gpu():
    assert {"report", "teacher"} < set(gpu_commands())
    assert len(gpu_commands()) >= 3


class AskedForGpu(Exception):
    pass


def with_gpu(command, teacher, folder, require_gpu):
    """Run a command with --gpu-id 3, and another function in the place of spaCy's."""
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "c.spacy")
    (folder / "raw.txt").write_text("Go home\nGo")
    search = [teacher, folder / "out", "--words-per-second", 1, "--dev", folder / "c.spacy"]
    arguments = {
        "calibrate": [teacher, folder / "c.spacy"],
        "check": [ROOT / "configs" / "student.cfg"],
        "report": [folder / "c.spacy", f"a={teacher}"],
        "teacher": [ROOT / "configs" / "teacher.cfg", folder / "out"],
        "stream": [folder / "corpora.jsonl", folder / "out"],
        "search": search,
        "rehead": [teacher, folder / "out", "--raw", folder / "raw.txt"],
    }.get(command, [teacher, folder / "raw.txt", folder / "out.spacy"])
    with pytest.MonkeyPatch.context() as patch:
        for module in (spacy, sys.modules["spacy.cli._util"]):
            patch.setattr(module, "require_gpu", require_gpu)
        return run(command, *arguments, "--gpu-id", 3)


@pytest.mark.parametrize("command", gpu_commands())
def test_the_gpu_id_reaches_the_command(teacher, tmp_path, command):
    def require_gpu(gpu_id):
        raise AskedForGpu(gpu_id)

    found = with_gpu(command, teacher, tmp_path, require_gpu)
    assert isinstance(found.exception, AskedForGpu), found.output
    assert found.exception.args == (3,)


@pytest.mark.parametrize("command", gpu_commands())
def test_a_gpu_that_cannot_be_used_is_told(teacher, tmp_path, command):
    error = RuntimeError if command == "annotate" else ValueError  # CUDA's, and spaCy's

    def require_gpu(gpu_id):
        raise error("there is none")

    found = with_gpu(command, teacher, tmp_path, require_gpu)
    assert isinstance(found.exception, SystemExit), found.exception
    assert found.exit_code == 1
    told = " ".join(found.output.split())
    assert "--gpu-id: expected the number of a GPU that can be used, got 3: there is none" in told
    assert not (tmp_path / "out").exists()


def test_the_project_hands_its_gpu_to_every_command_that_takes_one():
    lines = [
        line.split()
        for command in srsly.read_yaml(ROOT / "project.yml")["commands"]
        for line in command["script"]
    ]
    asked = [
        line
        for line in lines
        if "train" in line or ("skd" in line and line[line.index("skd") + 1] in gpu_commands())
    ]
    assert len(asked) >= 5
    for line in asked:
        assert line[line.index("--gpu-id") + 1] == "${vars.gpu_id}", line


def test_report_and_package_through_typer(teacher, corpus, tmp_path):
    found = run("report", corpus, f"a={teacher}", "--speed-words", 50, "-o", tmp_path / "r.json")
    assert found.exit_code == 0, found.output
    assert "100.0" in found.output
    assert set(srsly.read_json(tmp_path / "r.json")) == {"a"}
    assert "NAME=FOLDER" in run("report", corpus, teacher).output
    failed = run("package", tmp_path / "none", tmp_path / "packages")
    assert failed.exit_code == 1
    assert "expected a trained pipeline" in failed.output


def test_spacy_finds_the_commands():
    command = [sys.executable, "-m", "spacy", "skd", "--help"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert all(name in found.stdout for name in get_command(skd).commands)


@pytest.mark.parametrize("command", [
    ["init", "nowhere", "student.cfg"], ["distill", "nowhere", "raw.jsonl", "out"],
    ["search", "nowhere", "out", "--words-per-second", "1", "--dev", "dev.spacy"],
])  # fmt: skip
def test_of_several_lexicons_none_counts_silently(command):
    found = run(*command, "--lexicon", "a.jsonl", "--lexicon", "b.jsonl")
    assert found.exit_code == 1
    told = " ".join(found.output.split())
    assert "--lexicon: expected one, got a.jsonl, b.jsonl: put the files into one folder" in told
