"""The commands that project.yml is made of, on a small teacher without a transformer."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly
from generate import generate
from own_code import add_component, write_code
from spacy.cli import project_run
from spacy.tokens import DocBin
from thinc.api import Config
from treebanks import GOOD
from typer.main import get_command
from typer.testing import CliRunner
from weasel.cli.run import check_rerun, update_lockfile
from weasel.util import load_project_config

from spacy_skd.cli import skd
from spacy_skd.cli.package import package
from spacy_skd.cli.prepare import prepare, words_for
from spacy_skd.cli.report import report, table
from spacy_skd.cli.teacher import take_teacher
from spacy_skd.layers.known import corpus_names
from spacy_skd.report.scores import SETTINGS
from spacy_skd.report.speed import megabytes

ROOT = Path(__file__).parents[2]


def test_prepare_fits_the_configs_to_the_size(tmp_path):
    generate(tmp_path / "demo")
    raw = tmp_path / "demo" / "raw.jsonl"
    inputs = {"treebank": tmp_path / "demo", "raw": raw}
    counts = prepare(tmp_path / "c", lang="en", backbone="some/model", effort=0.5, **inputs)
    words = {name: 0.5 * number for name, number in words_for(counts).items()}
    with pytest.raises(ValueError, match="effort: expected a number above 0, got 0"):
        prepare(tmp_path / "d", effort=0, **inputs)
    teacher = Config().from_disk(tmp_path / "c" / "teacher.cfg", interpolate=False)
    student = Config().from_disk(tmp_path / "c" / "student.cfg", interpolate=False)
    for config, seen in ((teacher, words["teacher"]), (student, words["student"])):
        training = config["training"]
        assert abs(training["max_steps"] - seen / training["batcher"]["size"]) <= 2.5
        assert training["max_steps"] % training["eval_frequency"] == 0, "the last is not evaluated"
        assert training["optimizer"]["learn_rate"]["total_steps"] == training["max_steps"]
    assert teacher["components"]["transformer"]["model"]["name"] == "some/model"
    assert (tmp_path / "c" / "raw.jsonl").exists()
    stock = Config().from_disk(tmp_path / "c" / "stock.cfg", interpolate=False)
    assert stock["components"]["parser"]["min_action_freq"] == 30
    for name in ("teacher", "student", "student_stored"):
        config = Config().from_disk(tmp_path / "c" / f"{name}.cfg", interpolate=False)
        assert set(corpus_names()) <= set(config["nlp"]["pipeline"])


def test_prepare_says_what_is_missing(tmp_path):
    raw = tmp_path / "raw.txt"
    with pytest.raises(FileNotFoundError, match="project assets"):
        prepare(tmp_path / "c", treebank=tmp_path / "none", raw=raw)
    with pytest.raises(FileNotFoundError, match="expected raw text"):
        prepare(tmp_path / "c", treebank=tmp_path, raw=raw)
    raw.write_text("text")
    with pytest.raises(FileNotFoundError, match=r"expected one file \*train.conllu"):
        prepare(tmp_path / "c", treebank=tmp_path, raw=raw)
    assert not (tmp_path / "c").exists()


def test_prepare_merges_and_sets_aside(tmp_path):
    treebank = tmp_path / "treebank"
    treebank.mkdir()
    for split, verb in (("train", "Go"), ("dev", "Run"), ("test", "Walk")):
        text = GOOD.replace("Go", verb) + GOOD.replace("Go", f"{verb} x")
        (treebank / f"{split}.conllu").write_text(text)
    (tmp_path / "raw.jsonl").write_text('{"text": "Nice"}\n{\n')
    arguments = ["prepare", str(tmp_path / "c"), "--configs", str(ROOT / "configs"),
                 "--treebank", str(treebank), "--lang", "fr",
                 "--raw", str(tmp_path / "raw.jsonl"), "--overwrite",
                 "--corpus", "mine"]  # fmt: skip
    for options, code, merged in (
        ([], 3, 2),
        (["--accept-rejects"], 0, 2),
        (["--accept-rejects", "--no-merge-subtokens"], 0, 0),
    ):
        found = CliRunner().invoke(skd, [*arguments, *options])
        assert found.exit_code == code, found.output
        counts = json.loads((tmp_path / "c" / "convert.json").read_text())
        assert counts["dev"]["merged"] == merged
        assert len((tmp_path / "c" / "rejects.jsonl").read_text().splitlines()) == 1


def test_the_workflows_go_on_after_unfit_lines():
    project = srsly.read_yaml(ROOT / "project.yml")
    scripts = {command["name"]: command["script"][-1] for command in project["commands"]}
    for name in ("prepare", "annotate"):
        assert "--accept-rejects" in scripts[name]


def test_report_has_every_number_and_one_table(teacher, corpus):
    results = report(corpus, {"a": teacher, "b": teacher}, speed_words=100)
    for found in results.values():
        assert found["predicted_sentences"]["dep_las"] == 1.0
        assert found["gold_sentences"]["all_las"] == 1.0
        assert set(SETTINGS) < set(found)
        assert found["words_per_second"] > 0
        assert found["megabytes"] > 0
    assert json.loads(json.dumps(results)) == results
    lines = table(results).strip().splitlines()
    assert len(lines) == 2 + 2 * len(SETTINGS)
    assert [line.split()[0] for line in lines[2::3]] == ["a", "b"]
    columns = lines[0].split()[-len(lines[2].split()[3:]) :]
    shown = dict(zip(columns, lines[2].split()[3:]))
    assert shown["LAS"] == shown["LAS+punct"] == "100.0"
    speed = results["a"]["words_per_second"]
    assert shown["words/s"] == f"{speed:,.0f}"


def test_report_takes_an_installed_package(teacher, corpus, tmp_path, monkeypatch):
    data = tmp_path / "site" / "en_own" / "en_own-1.0.0"
    shutil.copytree(teacher, data)
    shutil.copy(teacher / "meta.json", data.parent)
    (data.parent / "__init__.py").write_text(
        "from spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n    return load_model_from_init_py(__file__, **overrides)\n"
    )
    meta = srsly.read_json(teacher / "meta.json")
    srsly.write_json(data.parent / "meta.json", {**meta, "name": "own", "version": "1.0.0"})
    (tmp_path / "site" / "en_own-1.0.0.dist-info").mkdir()
    installed = "Metadata-Version: 2.1\nName: en-own\nVersion: 1.0.0\n"
    (tmp_path / "site" / "en_own-1.0.0.dist-info" / "METADATA").write_text(installed)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    results = report(corpus, {"package": "en_own", "folder": str(teacher)}, speed_words=50)
    package, folder = results["package"], results["folder"]
    assert package["megabytes"] == folder["megabytes"] == megabytes(teacher)
    assert package["from_text"] == folder["from_text"]


def test_report_shows_spans_of_each_key(tmp_path):
    nlp = spacy.blank("en")
    for key in ("ruler", "other"):
        ruler = nlp.add_pipe("span_ruler", key, config={"spans_key": key})
        ruler.add_patterns([{"label": "ACT", "pattern": "Go"}])
    nlp.to_disk(tmp_path / "p")
    doc = nlp("Go home !")
    del doc.spans["other"]
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "c.spacy")
    results = report(tmp_path / "c.spacy", {"a": tmp_path / "p"}, speed_words=10)
    assert results["a"]["from_text"]["spans_ruler_f"] == 1.0
    header, _, row, *_ = table(results).strip().splitlines()
    assert header.split()[-3:] == ["SPANS:ruler", "words/s", "MB"]
    assert row.split()[-3] == "100.0"


def test_report_names_what_is_missing(teacher, corpus, tmp_path):
    with pytest.raises(ValueError, match="cannot load the pipeline a .*none"):
        report(corpus, {"a": tmp_path / "none"})
    with pytest.raises(ValueError, match="expected a .spacy file"):
        report(tmp_path / "none.spacy", {"a": teacher})


def test_a_trained_teacher_is_taken_and_a_pipeline_that_cannot_teach_is_refused(teacher, tmp_path):
    take_teacher(str(teacher), tmp_path / "t")
    assert spacy.load(tmp_path / "t" / "model-best").get_pipe("parser").labels
    blank = spacy.blank("en")
    blank.add_pipe("sentencizer")
    blank.to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="no component that can teach"):
        take_teacher(str(tmp_path / "blank"), tmp_path / "t")


def test_taking_a_teacher_says_what_of_a_training_is_not_read(teacher, tmp_path):
    arguments = ["teacher.cfg", str(tmp_path / "t"), "--pipeline", str(teacher)]
    found = CliRunner().invoke(skd, ["teacher", *arguments, "--system.seed", "1"])
    assert found.exit_code == 0, found.output
    assert "teacher.cfg, --system.seed are of a training, and were not read" in " ".join(
        found.output.split()
    )
    found = CliRunner().invoke(skd, ["teacher", *arguments, "--overwrit", "--overwrite"])
    assert found.exit_code == 1
    assert "No such option '--overwrit'" in str(found.exception)


def test_package_makes_a_wheel_that_requires_this_package(teacher, tmp_path):
    wheel = package(teacher, tmp_path / "packages", name="tiny", version="1.2.3")
    assert wheel.name == "en_tiny-1.2.3-py3-none-any.whl"
    assert [p.name for p in (tmp_path / "packages").iterdir()] == [wheel.name]
    with zipfile.ZipFile(wheel) as file:
        (metadata,) = [name for name in file.namelist() if name.endswith("/METADATA")]
        lines = file.read(metadata).decode("utf8").splitlines()
    assert any(re.match(r"Requires-Dist: spacy[-_]skd\b", line) for line in lines)
    with pytest.raises(ValueError, match="expected a trained pipeline"):
        package(tmp_path / "none", tmp_path / "packages", name="tiny", version="1")


def test_every_command_of_the_project_exists():
    project = srsly.read_yaml(ROOT / "project.yml")
    names = {command["name"] for command in project["commands"]}
    assert set(project["workflows"]) == {"distill", "stream"}
    for workflow in project["workflows"].values():
        assert set(workflow) <= names
    from spacy_skd.cli import COMMANDS

    known = {*COMMANDS, "teacher"}
    for command in project["commands"]:
        for line in command["script"]:
            words = line.split()
            if "skd" in words:
                assert words[words.index("skd") + 1] in known


def test_every_command_of_the_project_is_given_the_code_of_its_owner():
    project = srsly.read_yaml(ROOT / "project.yml")
    taking = {f"spacy skd {name}" for name, c in get_command(skd).commands.items() if takes_code(c)}
    for command in project["commands"]:
        for line in command["script"]:
            if any(f" {name} " in line for name in ("spacy train", *taking)):
                assert '--code "${vars.code}"' in line
                assert "${vars.code}" in command["deps"]
    assert (ROOT / project["vars"]["code"]).is_file()


@pytest.mark.parametrize("name", ["ewt", "raw", "backbone", "teacher", "code", "stream"])
def test_a_path_with_spaces_is_one_argument_of_the_project(name):
    project = srsly.read_yaml(ROOT / "project.yml")
    named = "${vars.%s}" % name
    lines = [line for command in project["commands"] for line in command["script"] if named in line]
    assert lines
    for line in lines:
        assert "a b" in shlex.split(line.replace(named, "a b")), line


def test_each_dependency_of_the_project_is_a_path_of_its_own(tmp_path):
    """As they are when variables have their values: weasel looks for each on the disk."""
    shutil.copy(ROOT / "project.yml", tmp_path)  # beside which folders are made
    written = srsly.read_yaml(ROOT / "project.yml")["commands"]
    given = {"vars.code": "my own.py", "vars.raw": "/raw, text", "vars.stream": "s.jsonl"}
    read = load_project_config(tmp_path, overrides=given)["commands"]
    assert [len(command.get("deps") or ()) for command in read] == [
        len(command.get("deps", ())) for command in written
    ]
    of = {command["name"]: command["deps"] for command in read if command.get("deps")}
    assert of["prepare"][::2] == ["my own.py", "assets/demo", "/raw, text"]
    assert of["learn-stream"] == ["my own.py", "setup.cfg", "s.jsonl"]


def takes_code(command):
    return any("--code" in param.opts for param in command.params)


def test_the_project_takes_a_teacher_of_a_component_of_its_owner(teacher, tmp_path):
    add_component(teacher, tmp_path / "owned", name="own_project")
    code = write_code(tmp_path / "own code.py", name="own_project")
    shutil.copy(ROOT / "project.yml", tmp_path)
    (tmp_path / "corpus" / "demo").mkdir(parents=True)
    given = {"vars.teacher": str(tmp_path / "owned"), "vars.code": str(code)}
    project_run(tmp_path, "train-teacher", overrides=given)
    config = Config().from_disk(
        tmp_path / "training" / "demo" / "teacher" / "model-best" / "config.cfg", interpolate=False
    )
    assert "own_project" in config["nlp"]["pipeline"]


def test_the_project_calibrates_and_ends_with_a_page(teacher, corpus, tmp_path, monkeypatch):
    project = srsly.read_yaml(ROOT / "project.yml")
    scripts = {command["name"]: command["script"] for command in project["commands"]}
    for name in ("teacher", "student", "stock_gold", "stock_silver"):
        (tmp_path / "training" / "demo" / name).mkdir(parents=True)
        (tmp_path / "training" / "demo" / name / "model-best").symlink_to(teacher)
    (tmp_path / "corpus" / "demo").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        shutil.copy(corpus, tmp_path / "corpus" / "demo" / f"{split}.spacy")
    (tmp_path / "own.py").write_text("")
    given = {**project["vars"], "corpus": "demo", "code": "own.py"}
    monkeypatch.chdir(tmp_path)
    for step, more in (("calibrate", []), ("evaluate", ["--speed-words", "50"])):
        line = re.sub(r"\$\{vars\.(\w+)\}", lambda match: str(given[match[1]]), scripts[step][0])
        found = CliRunner().invoke(skd, [*shlex.split(line)[4:], *more])
        assert found.exit_code == 0, found.output
    student = spacy.load(tmp_path / "training" / "demo" / "calibrated")
    assert student.get_pipe("tag").calibration != 1.0
    page = (tmp_path / "metrics" / "distill.html").read_text(encoding="utf8")
    assert "stock on silver" in page
    assert srsly.read_json(tmp_path / "metrics" / "distill.json")["student"]["agreement"]


@pytest.mark.parametrize("changed", ["own/raw.jsonl", "own/treebank/a-train.conllu"])
def test_data_that_was_replaced_is_prepared_again(changed, tmp_path):
    """By files of the same names and sizes: the project compares what is in them."""
    shutil.copy(ROOT / "project.yml", tmp_path)
    (tmp_path / "own" / "treebank").mkdir(parents=True)
    (tmp_path / "code.py").touch()
    for name in ("own/raw.jsonl", "own/treebank/a-train.conllu"):
        (tmp_path / name).write_text("1")
    given = {"vars.corpus": "own", "vars.ewt": str(tmp_path / "own" / "treebank"),
             "vars.raw": "own/raw.jsonl", "vars.code": "code.py"}  # fmt: skip
    config = load_project_config(tmp_path, overrides=given)
    commands = {command["name"]: command for command in config["commands"]}
    for name in ("generate", "prepare", "learn-stream"):
        update_lockfile(tmp_path, commands[name])
    assert not any(check_rerun(tmp_path, commands[name]) for name in ("generate", "prepare"))
    (tmp_path / changed).write_text("2")
    assert check_rerun(tmp_path, commands["prepare"])
    assert not check_rerun(tmp_path, commands["generate"])
    assert check_rerun(tmp_path, commands["learn-stream"]), "it knows itself what is done"


@pytest.mark.long  # journeys/test_code.py and test_package.py make such wheels
def test_a_wheel_has_the_projects_code_and_loads_with_it(teacher, tmp_path):
    code = [ROOT / srsly.read_yaml(ROOT / "project.yml")["vars"]["code"]]
    wheel = package(teacher, tmp_path / "packages", name="coded", version="1", code=code)
    with zipfile.ZipFile(wheel) as file:
        assert any(name.endswith(f"/{code[0].name}") for name in file.namelist())


def test_the_project_ends_with_its_table_and_what_to_do_next():
    """What builds wheels comes before, and says nothing unless it fails."""
    project = srsly.read_yaml(ROOT / "project.yml")
    scripts = {command["name"]: command["script"] for command in project["commands"]}
    table_, following = scripts[project["workflows"]["distill"][-1]]
    assert " skd report " in table_
    python, option, code = shlex.split(following)
    said = subprocess.run([sys.executable, option, code], capture_output=True, text=True)
    assert said.stdout.startswith("Next: pip install packages/*.whl"), said.stderr
    assert "spacy.load('${vars.lang}_${vars.name}')" in said.stdout
    (wheel,) = (line for script in scripts.values() for line in script if " pip wheel " in line)
    assert " -q " in wheel


def test_each_step_of_the_project_needs_only_what_earlier_ones_made():
    project = srsly.read_yaml(ROOT / "project.yml")
    commands = {command["name"]: command for command in project["commands"]}
    made = {"setup.cfg", "demo/generate.py", "${vars.code}", "${vars.ewt}", "${vars.raw}"}
    for step in project["workflows"]["distill"]:
        needed = set(commands[step]["deps"])
        script = " ".join(commands[step]["script"])
        assert needed <= made, step
        named = {path for path in made if re.search(rf"{re.escape(path)}(?![\w.])", script)}
        assert named <= needed, step
        made.update(commands[step]["outputs"])
