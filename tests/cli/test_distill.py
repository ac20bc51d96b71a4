"""`spacy skd distill`: all steps by one command, which goes on after any interruption."""

import json
import multiprocessing
import os
import re
import shlex
import shutil
import signal
import sys
import zipfile
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest
import spacy
import srsly
import typer
from conftest import make_docs, student_of
from journeys.commands import resolve
from own_code import printed, run
from spacy.tokens import Doc, DocBin
from spacy.util import load_model
from thinc.api import Config, Model, registry
from typer.testing import CliRunner

from spacy_skd.cli.distillation import steps as steps_module
from spacy_skd.cli.distillation import times
from spacy_skd.cli.distillation.request import Request, check
from spacy_skd.cli.distillation.state import State
from spacy_skd.cli.distillation.training import rest_of
from spacy_skd.cli.init import init
from spacy_skd.cli.spacy_distill import register, spacy_distill_cli, teacher_paths
from spacy_skd.disk import locked
from spacy_skd.models.embedding.lexicon_embedding import lexicon_layers
from spacy_skd.report.scores import read_docs
from spacy_skd.teachers import loading
from spacy_skd.training.origin import origin_of

WORDS = ["The cat sees Ann .", "Dogs sleep well", "She gave him the book", "Go home !"]
TEXTS = [f"{a} {b}" for a in WORDS for b in WORDS]
FEW = ("--training.max_steps 4 --training.eval_frequency 2 --training.batcher.size 60 "
       "--training.optimizer.learn_rate.total_steps 4")  # fmt: skip
LATER = ["train", "package", "report"]
STEPS = ["hold_out", "silver", "annotate", "make_vectors", "init", "package", "report"]


LOADED = {}


def load_once(pipeline, *, exclude=()):
    """Load what is not written in these tests, the teacher, once for all commands."""
    if exclude or "made" in str(pipeline) or "test_" in str(pipeline):
        return load_model(pipeline, exclude=exclude)
    if str(pipeline) not in LOADED:
        LOADED[str(pipeline)] = load_model(pipeline)
    return LOADED[str(pipeline)]


def shorten(patch):
    patch.setenv("SPACY_CONFIG_OVERRIDES", FEW)
    patch.setattr(times, "SECONDS", 0.0)
    patch.setattr(steps_module, "SPEED_WORDS", 100)
    patch.setattr(loading, "load_model", load_once)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    shorten(monkeypatch)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Texts, one line of which is none; gold, and docs without any."""
    folder = tmp_path_factory.mktemp("some data")
    lines = [json.dumps({"text": text}) for text in TEXTS]
    (folder / "raw.jsonl").write_text("\n".join([*lines, "{"]) + "\n")
    (folder / "good.txt").write_text("\n".join(TEXTS) + "\n")
    (folder / "one.txt").write_text("Go home !\n\ngo  home!\n")
    (folder / "empty.txt").write_text("\n\n")
    (folder / "one.jsonl").write_text("{\n")
    nlp = spacy.blank("en")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "gold.spacy")
    DocBin(docs=[Doc(nlp.vocab, ["Go", "home"])]).to_disk(folder / "bare.spacy")
    (folder / "lexicon.jsonl").write_text('{"phrase": "Go home", "label": "COMMAND"}\n{\n')
    return folder


@pytest.fixture(scope="module")
def made(teacher, data, tmp_path_factory):
    """The output of one command, and what it printed."""
    out = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        found = distill(teacher, data / "raw.jsonl", out, "--gold", data / "gold.spacy",
                        "--license", "MIT", "--lexicon", data / "lexicon.jsonl",
                        "--hidden")  # fmt: skip
    assert found.exit_code == 3, found.output
    return out, found.output


def distill(teacher, texts, out, *options):
    return run("distill", teacher, texts, out, "--preset", "tiny", *options)


@pytest.fixture
def no_wheel(monkeypatch):
    """Nothing is built, which takes seconds."""

    def build(pipeline, output, *, name, version, **settings):
        output.mkdir(exist_ok=True)
        wheel = output / f"en_{name}-{version}.whl"
        wheel.write_bytes((pipeline / "meta.json").read_bytes())
        return wheel

    monkeypatch.setattr(steps_module, "package", build)


def test_it_says_how_long_it_takes_and_ends_with_scores_and_a_wheel(made, teacher):
    out, output = made
    words = " ".join(output.split())
    assert re.search("This will take about .*: annotate less than a minute", words)
    assert "Held out to evaluate on, and not learnt from: 2 of 16 texts" in words
    assert "1 lines are unfit" in words
    assert "1 of 2 lines of the lexicon are unfit" in words
    student = spacy.load(out / "training" / "model-best")
    (layer,) = lexicon_layers(student.get_pipe("tok2vec").model)
    assert layer.attrs["lexicon"].lexicon.classes == ("COMMAND",)
    config = Config().from_disk(out / "student.cfg", interpolate=False)
    assert set(config["components"]) - {"teacher", *student.pipe_names} == {"similarities"}
    results = srsly.read_json(out / "report.json")
    assert results["scores"] == "agreement with the teacher"
    assert "Scores are agreement with the teacher on 2 held-out texts" in words
    both = results["pipelines"]
    assert both["teacher"]["predicted_sentences"]["tag_acc"] == 1.0
    assert 0 < both["student"]["predicted_sentences"]["tag_acc"] <= 1.0
    assert both["student"]["words_per_second"] > 0
    speeds = srsly.read_json(out / "distill.json")["notes"]["speeds"]
    assert all(speed > 0 for speed in speeds.values())
    assert not (out / "resume").exists()
    held = (out / "texts" / "dev" / "raw.jsonl").read_text().splitlines()
    learnt = (out / "texts" / "train" / "raw.jsonl").read_text().splitlines()
    assert (len(held), len(learnt)) == (2, 14)
    assert not set(held) & set(learnt)


def test_the_commands_that_it_prints_can_be_run(made, teacher, data, tmp_path, monkeypatch):
    """Each has only options that exist, and one makes the same bytes as the whole."""
    out, output = made
    lines = [line for line in output.splitlines() if line.startswith("python -m spacy")]
    names = [resolve(line)[0] for line in lines]
    assert names == ["skd silver", "skd annotate", "skd vectors", "skd init", "train",
                     "skd package", "skd report"]  # fmt: skip
    for line in lines:
        name, command, arguments = resolve(line)
        command.make_context(name, list(arguments))
    assert shlex.quote(str(data / "gold.spacy")) in lines[1], "a folder with a space is quoted"
    _, command, arguments = resolve(lines[3])
    again = tmp_path / "student.cfg"
    arguments[arguments.index(str(out / "student.cfg"))] = str(again)
    assert run("init", *arguments).exit_code == 3, "a line of the lexicon is unfit"
    assert again.read_bytes() == (out / "student.cfg").read_bytes()


def test_the_wheel_names_teacher_and_data_and_no_place_of_this_machine(made, teacher, data,
                                                                       tmp_path):  # fmt: skip
    out, _ = made
    (wheel,) = (out / "packages").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            for place in (out.parent, teacher, data):
                assert str(place).encode() not in path.read_bytes(), path
    meta = srsly.read_json(tmp_path / "en_skd_student" / "meta.json")
    own = {"name": "en_pipeline", "version": "0.0.0", "license": "not stated"}
    assert meta["license"] == "MIT"
    assert "Its scores are agreement with the teacher" in meta["description"]
    assert meta["spacy_skd"]["teachers"] == [own]
    assert meta["spacy_skd"]["data"] == ["gold.spacy", "raw.jsonl"]
    words = meta["spacy_skd"]["words"]
    assert words["labelled"] == sum(map(len, make_docs(spacy.blank("en"))))
    learnt = srsly.read_jsonl(out / "texts" / "train" / "raw.jsonl")
    assert words["raw"] == sum(len(spacy.blank("en")(line["text"])) for line in learnt)
    assert {"name": "raw.jsonl"} in meta["sources"]
    (folder,) = (path.parent for path in (tmp_path / "en_skd_student").glob("*/config.cfg"))
    assert spacy.load(folder)("Dogs sleep")[0].tag_


def test_the_same_command_does_nothing_twice_and_other_settings_are_refused(
    made, teacher, data, tmp_path, no_wheel
):
    """In a folder that was moved meanwhile, too."""
    out = tmp_path / "moved"
    shutil.copytree(made[0], out)
    given = ["--gold", data / "gold.spacy", "--license", "MIT", "--accept-rejects"]
    given += ["--lexicon", data / "lexicon.jsonl", "--hidden"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*") if path.is_file()}
    again = distill(teacher, data / "raw.jsonl", out, *given)
    assert again.exit_code == 0, again.output
    assert again.output.count("done already") == 8
    assert "python -m" not in again.output
    changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed <= {"distill.json"}
    cfg = out / "training" / "model-best" / "tag" / "cfg"
    srsly.write_json(cfg, {**srsly.read_json(cfg), "calibration": 1.5})
    calibrated = distill(teacher, data / "raw.jsonl", out, *given)
    assert calibrated.output.count("done already") == 6, "all but package and report"
    assert distill(teacher, data / "raw.jsonl", out, *given).output.count("done already") == 8
    (out / "report.html").unlink()
    assert distill(teacher, data / "raw.jsonl", out, *given).output.count("done already") == 7
    assert (out / "report.html").exists()
    before = (out / "student.cfg").read_bytes()
    (out / "student.cfg").unlink()
    removed = distill(teacher, data / "raw.jsonl", out, *given)  # that of the new place is another
    assert "student.cfg was edited since training began: put it back" in printed(removed)
    (out / "student.cfg").write_bytes(before)
    refused = distill(teacher, data / "raw.jsonl", out, *given, "--effort", 2)
    assert refused.exit_code == 1
    assert "effort: was 1.0, is 2.0" in printed(refused)
    assert "does anew: init, train, package, report" in printed(refused)
    other = distill(teacher, data / "good.txt", out, *given)
    assert "texts: was raw.jsonl (blake2b" in printed(other)
    config = out / "student.cfg"
    config.write_text(config.read_text().replace("patience = 0", "patience = 1"))
    shutil.rmtree(out / "training")
    edited = distill(teacher, data / "raw.jsonl", out, *given)
    assert edited.exit_code == 1
    assert "was edited since training began" in printed(edited)
    state = srsly.read_json(out / "distill.json")
    state["notes"]["speeds"]["learn"] = 0.001  # of what was given before
    srsly.write_json(out / "distill.json", state)
    anew = distill(teacher, data / "raw.jsonl", out, *given, "--effort", 2, "--overwrite")
    assert anew.exit_code == 0, anew.output
    assert srsly.read_json(out / "distill.json")["notes"]["speeds"]["learn"] > 1
    assert anew.output.count("done already") == 4, "texts, dev, annotate, vectors"


class Stopped(Exception):
    pass


def stops(function):
    """A function that fails after its work."""

    def stopping(*args, **settings):
        function(*args, **settings)
        raise Stopped

    return stopping


def test_it_goes_on_after_a_stop_at_each_border(teacher, data, tmp_path, no_wheel):
    """After its work, but before it was noted."""
    out = tmp_path / "out"
    for name in STEPS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(steps_module, name, stops(getattr(steps_module, name)))
            stopped = distill(teacher, data / "good.txt", out)
        assert isinstance(stopped.exception, Stopped), (name, stopped.output)
    done = distill(teacher, data / "good.txt", out)
    assert done.exit_code == 0, done.output
    assert srsly.read_json(out / "report.json")["resumed"] == []


def killed(arguments, patches):
    """Run the command in a process that is killed (kill -9) when one of its functions is called for
    the n-th time."""

    def command():
        for owner, name, n in patches:
            patch_to_kill(owner, name, n)
        sys.stdout = sys.stderr = open(os.devnull, "w")
        CliRunner().invoke(spacy.cli._util.app, ["skd", "distill", *map(str, arguments)])
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=command)
    process.start()
    process.join(120)
    return process.exitcode


def patch_to_kill(owner, name, n):
    function, calls = getattr(owner, name), []

    def killing(*args, **settings):
        calls.append(1)
        if len(calls) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **settings)

    setattr(owner, name, killing)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_it_goes_on_after_kill_9_in_training(made, teacher, data, tmp_path, no_wheel):
    """While spaCy saves the second evaluation, so that model-last is half one and half the other;
    and while model-best is copied, when it is gone."""
    out = untrained(made[0], tmp_path / "out")
    given = ["--gold", data / "gold.spacy", "--license", "MIT", "--accept-rejects"]
    given += ["--lexicon", data / "lexicon.jsonl", "--hidden"]
    arguments = [teacher, data / "raw.jsonl", out, "--preset", "tiny", *given]
    assert killed(arguments, [(Model, "to_disk", 8)]) == -signal.SIGKILL
    assert (out / "training" / "model-best").exists()
    assert killed(arguments, [(shutil, "copytree", 1)]) == -signal.SIGKILL
    assert not (out / "training" / "model-best").exists()
    moved = shutil.copy(data / "lexicon.jsonl", tmp_path / "lexicon.jsonl")
    done = distill(teacher, data / "raw.jsonl", out, *given[:-2], moved, "--hidden")
    assert done.exit_code == 0, done.output
    assert f"--paths.lexicon {moved}" in done.output
    assert srsly.read_json(out / "report.json")["resumed"] == [[0, 4], [1, 4]]
    assert "Training was interrupted and went on at step 1 of 4" in printed(done)
    assert re.search(r"python -m spacy train .* --paths.resume \S+/resume", done.output)
    assert spacy.load(out / "training" / "model-best")("Dogs sleep")[0].tag_


def untrained(made, out):
    """A copy of what was made, as it was before training."""
    shutil.copytree(made, out)
    shutil.rmtree(out / "training")
    state = srsly.read_json(out / "distill.json")
    state["done"] = {name: key for name, key in state["done"].items() if name not in LATER}
    del state["notes"]["training"]
    srsly.write_json(out / "distill.json", state)
    return out


def test_a_training_goes_on_along_the_same_line_of_learning_rates():
    schedule = {"@schedules": "warmup_linear.v1", "initial_rate": 0.01, "warmup_steps": 20,
                "total_steps": 200}  # fmt: skip
    training = {"max_steps": 200, "eval_frequency": 40, "optimizer": {"learn_rate": schedule}}
    rest = rest_of(Config({"training": training}), 80)
    assert (rest["training.max_steps"], rest["training.eval_frequency"]) == (120, 40)
    name = "training.optimizer.learn_rate."
    new = {key.removeprefix(name): value for key, value in rest.items() if key.startswith(name)}
    whole = registry.resolve({"rate": schedule})["rate"]
    second = registry.resolve({"rate": {**schedule, **new}})["rate"]
    first, rates = list(islice(whole, 200)), list(islice(second, 120))
    assert rates[20:] == pytest.approx(first[100:], rel=1e-4)
    assert rest_of(Config({"training": training}), 200) == {}
    endless = {**training, "max_steps": 0}  # of which nothing says that it has ended
    assert rest_of(Config({"training": endless}), 80) == {"training.max_steps": 0}


def test_folders_of_labelled_docs(teacher, data, tmp_path):
    """All of their docs and nothing else is learnt, and the report at the end is of them, too."""
    docs = make_docs(spacy.blank("en"))
    for name in ("gold", "dev"):
        for part, some in (("a", docs[:1]), ("deep/b", docs[1:])):
            path = tmp_path / name / f"{part}.spacy"
            path.parent.mkdir(parents=True, exist_ok=True)
            DocBin(docs=some).to_disk(path)
    shutil.copy(data / "good.txt", tmp_path / "gold" / "raw.txt")
    gold, dev = tmp_path / "gold", tmp_path / "dev"
    checked = check(Request(str(teacher), (data / "good.txt",), gold=gold, dev=dev))
    steps = steps_module.Steps(checked, tmp_path / "out", State(), drafts=tmp_path, overwrite=False)
    assert steps.data == [gold / "a.spacy", gold / "deep" / "b.spacy", data / "good.txt"]
    assert len(checked.settings["gold"]) == len(checked.settings["dev"]) == 2
    for folder in (steps.dev, steps.page.train):
        read = [doc.text for doc in read_docs(folder, checked.nlp)]
        assert read == [doc.text for doc in docs]


@pytest.mark.parametrize(("holds_out", "told"), [(True, 3), (False, 1)])
def test_unfit_lines_of_texts_that_are_held_out_no_more_are_not_told(holds_out, told, tmp_path):
    """Nor do they decide the exit code, once docs are given to evaluate on."""
    names = ["annotated/rejects.jsonl", "texts/rejects.jsonl", "dev.rejects.jsonl"]
    state = State(notes={"rejects": {**dict.fromkeys(names, 2), "annotated/none": 0}})
    steps = SimpleNamespace(
        state=state, out=tmp_path, store=tmp_path / "annotated", holds_out=holds_out
    )
    found = steps_module.Steps.rejects(steps)
    assert found == [(tmp_path / name, 2) for name in names[:told]]


def test_two_runs_into_one_folder(teacher, data, tmp_path):
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        found = distill(teacher, data / "good.txt", tmp_path / "out")
    assert found.exit_code == 1
    assert "is being written by" in printed(found)


@pytest.mark.parametrize(
    ("texts", "options", "reason"),
    [
        ("empty.txt", [], "found 0 unfit lines and no text"),
        ("one.txt", [], "expected two different texts or more"),
        ("none.txt", [], "no such file or folder"),
        ("gold.spacy", [], "give labelled docs by --gold"),
        ("good.txt", ["--gold", "bare.spacy"], "expected docs with some of the layers"),
        ("good.txt", ["--dev", "bare.spacy"], "expected docs with some of the layers"),
        ("good.txt", ["--dev", "none.spacy"], "none.spacy: expected docs"),
        ("good.txt", ["--preset", "huge"], "preset: expected one of"),
        ("good.txt", ["--version", "one"], "version: expected one as 0.1.0"),
        ("good.txt", ["--name", "my-student"], "name: expected letters, digits and _"),
        ("good.txt", ["--name", "en_student"], "name: expected one without the language"),
        ("good.txt", ["--retrain", "nerr"], "expected some of"),
        ("good.txt", ["--effort", "0"], "effort"),
        ("good.txt", ["--max-words", "-1"], "max_words"),
        ("good.txt", ["--transitions", "tagger"], "transitions: expected names of the students"),
        ("good.txt", ["--lexicon", "none.jsonl"], "none.jsonl"),
        ("good.txt", ["--lexicon", "one.jsonl"], "expected a lexicon, lines such as"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    teacher, data, tmp_path, texts, options, reason
):
    options = [str(data / x) if x.endswith((".spacy", ".jsonl")) else x for x in options]
    found = distill(teacher, data / texts, tmp_path / "out", *options)
    assert found.exit_code == 1, found.output
    assert reason in printed(found)
    assert not (tmp_path / "out").exists()


def test_outputs_that_are_inputs_or_other_peoples(teacher, data, tmp_path):
    inside = distill(teacher, data, data / "out")
    assert "lies in the input folder" in printed(inside)
    dollar = distill(teacher, data / "good.txt", tmp_path / "for $HOME")
    assert "expected a path without '$'" in printed(dollar)
    none = distill(tmp_path / "none", data / "good.txt", tmp_path / "out")
    assert "cannot load the teacher" in printed(none)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    theirs = distill(teacher, data / "good.txt", tmp_path / "mine")
    assert "is not empty and holds no distill.json, but notes.txt" in printed(theirs)
    (tmp_path / "mine" / "distill.json").write_text("{")
    assert "damaged or was edited" in printed(
        distill(teacher, data / "good.txt", tmp_path / "mine")
    )
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"notes.txt", "distill.json"}


def test_the_time_it_takes_follows_from_words_and_speeds():
    speeds = times.Speeds(annotate=1000, embed=2000, learn=5000, tokens_per_word=1.2)
    work = times.Work.of(1_000_000, dev=10_000, is_silver=True, effort=0.5, context=300_000)
    seconds = work.seconds(speeds)
    assert seconds["annotate"] == 1010
    assert seconds["train"] == 400  # half of four passes
    assert seconds["vectors"] == 300_000 / 2000 + 1_000_000 / times.TOKENIZED
    assert [times.about(s) for s in (59, 61, 400, 3000, 7300)] == [
        "less than a minute", "about 1 minute", "about 7 minutes", "about 50 minutes",
        "about 2.0 hours",
    ]  # fmt: skip
    assert "vectors" not in work.seconds(replace(speeds, embed=0.0))  # a teacher without any


# What a student says of itself


def test_a_student_of_a_teacher_that_runs_in_training_names_it_too(teacher):
    nlp = student_of(teacher)
    nlp._config["paths"] = {"train": "/home/me/gold.spacy", "raw": None}
    said = origin_of(nlp, nlp.get_pipe("teacher"))
    assert said["spacy_skd"]["teachers"][0]["name"] == "en_pipeline"
    assert said["spacy_skd"]["data"] == ["gold.spacy"]
    assert "words" not in said["spacy_skd"]


# `spacy distill`


def test_spacy_distill_trains_with_the_teacher_that_is_named(teacher, data, tmp_path, monkeypatch):
    config, _ = init(str(teacher), preset="tiny", dev=str(data / "gold.spacy"))
    config["paths"].update(teacher="none", raw=str(data / "good.txt"))
    config.to_disk(tmp_path / "student.cfg")
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    arguments = ["distill", teacher, tmp_path / "student.cfg", "-o", tmp_path / "out"]
    more = ["--training.max_steps", "2"]
    monkeypatch.delenv("SPACY_CONFIG_OVERRIDES")
    found = CliRunner().invoke(app, [*map(str, arguments), *more, "--training.eval_frequency", "2"])
    assert found.exit_code == 0, found.output
    student = spacy.load(tmp_path / "out" / "model-last")
    assert student.meta["spacy_skd"]["teachers"][0]["name"] == "en_pipeline"
    plain = spacy.load(teacher)
    plain.config.to_disk(tmp_path / "plain.cfg")
    arguments[2] = tmp_path / "plain.cfg"
    refused = CliRunner().invoke(app, list(map(str, arguments)))
    assert refused.exit_code == 1
    assert "expected a component of the factory skd_teacher" in printed(refused)
    assert "python -m spacy skd init" in printed(refused)


def test_spacy_distill_names_the_teacher_wherever_the_config_has_it():
    def config(**settings):
        return Config({"components": {"t": {"factory": "skd_teacher", **settings}}})

    given = teacher_paths(config(teacher="${paths.teacher}"), "new", named="c")
    assert given == {"paths.teacher": "new"}
    assert teacher_paths(config(teacher="old"), "new", named="c") == {"components.t.teacher": "new"}
    with pytest.raises(ValueError, match="has several"):
        teacher_paths(config(teachers=[{"path": "a"}]), "new", named="c")


def test_spacys_own_distill_stays():
    app = typer.Typer()

    def own():
        """SpaCy's."""

    app.command("distill")(own)
    register(app)
    assert [command.callback for command in app.registered_commands] == [own]
    other = typer.Typer()
    register(other)
    assert [command.callback for command in other.registered_commands] == [spacy_distill_cli]
