"""`spacy skd search`: the best student of a budget, by one command that goes on."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest
import spacy
import srsly
from conftest import make_docs
from own_code import printed, run
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.cli.searching import request, work
from spacy_skd.cli.searching import run as run_module
from spacy_skd.cli.searching.request import Request
from spacy_skd.cli.searching.sizing import Untrained
from spacy_skd.cli.searching.space import (
    SPACE,
    WIDTHS,
    choice_of,
    propose,
    sized,
    smallest,
    space_of,
)
from spacy_skd.cli.searching.trials import Trial, shares, survivors, trainings
from spacy_skd.errors import DamagedError
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.settings import Settings
from spacy_skd.training.configs.presets import PRESETS, resized

FEW = ("--training.max_steps 2 --training.eval_frequency 1 --training.batcher.size 60 "
       "--training.optimizer.learn_rate.total_steps 2")  # fmt: skip
TEXTS = ["Dogs see the cat .", "Ann sleeps", "She sees the book . Go !", "Go home", "They sleep"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setenv("SPACY_CONFIG_OVERRIDES", FEW)
    # Few and small: the widths are asked log2 of them.
    monkeypatch.setattr(work, "WIDTHS", (32, 48))


@pytest.fixture(scope="module")
def data(teacher, tmp_path_factory):
    """A folder with a store, dev, and dev without gold."""
    folder = tmp_path_factory.mktemp("search")
    nlp = spacy.blank("en")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "dev.spacy")
    DocBin(docs=[Doc(nlp.vocab, ["Go", "home"])]).to_disk(folder / "bare.spacy")
    (folder / "raw.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
    annotate(teacher, [str(folder / "dev.spacy"), str(folder / "raw.jsonl")], folder / "store")
    return folder


def search(data, teacher, out, *options, words=1, trials=2):
    return run(
        "search", teacher, out, "--store", data / "store", "--dev", data / "dev.spacy",
        "--words-per-second", words, "--preset", "tiny", "--trials", trials, *options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(data, teacher, tmp_path_factory):
    """The output of a search that was stopped in its second trial, and of the same command."""
    out = tmp_path_factory.mktemp("made") / "out"
    train = work.Training.run

    def stop(self, *args, **settings):
        train(self, *args, **settings)
        if "001" in self.output.parts:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPACY_CONFIG_OVERRIDES", FEW)
        patch.setattr(work, "WIDTHS", (32, 48))
        patch.setattr(work.Training, "run", stop)
        stopped = search(data, teacher, out)
        before = srsly.read_json(out / "search.json")["notes"]["trials"]
        patch.setattr(work.Training, "run", train)
        found = search(data, teacher, out)
    assert stopped.exit_code == 130, stopped.output
    assert "the same command goes on where it stopped" in printed(stopped)
    assert found.exit_code == 0, found.output
    return out, before, found


def test_an_interrupted_search_goes_on_with_what_is_done(made):
    out, before, found = made
    after = srsly.read_json(out / "search.json")["notes"]["trials"]
    assert [len(trial["scores"]) for trial in before] == [1, 0]
    assert after[0]["scores"][:1] == before[0]["scores"]
    assert after[1]["choice"] == before[1]["choice"]
    assert "is trained first" not in found.output
    assert [len(trial["scores"]) for trial in after].count(3) >= 1


def test_a_candidate_that_diverges_is_left_and_the_search_goes_on(data, teacher, tmp_path,
                                                                  monkeypatch):  # fmt: skip
    train, calls = work.Training.run, []

    def diverge(self, *args, **settings):
        calls.append(self.output)
        if "001" in self.output.parts:
            raise DamagedError("tag: scores are NaN")
        train(self, *args, **settings)

    monkeypatch.setattr(work.Training, "run", diverge)
    found = search(data, teacher, tmp_path / "out")
    assert found.exit_code == 0, found.output
    assert "left, its training diverged: tag: scores are NaN" in printed(found)
    rows = list(srsly.read_jsonl(tmp_path / "out" / "trials.jsonl"))
    assert [bool(row["failed"]) for row in rows] == [False, True]
    calls.clear()
    assert search(data, teacher, tmp_path / "out").exit_code == 0
    assert calls == []  # it is not tried again


def test_it_writes_a_config_as_init_does_and_all_that_it_tried(made, data, teacher):
    out, _, found = made
    rows = list(srsly.read_jsonl(out / "trials.jsonl"))
    assert len(rows) == 2
    ended = [row for row in rows if len(row["scores"]) == 3]
    best = max(ended, key=lambda row: row["scores"][-1])
    written = Config().from_disk(out / "student.cfg", interpolate=False)
    size = sized(PRESETS["tiny"], best["choice"], best["width"])
    store, dev = str(data / "store"), str(data / "dev.spacy")
    config, _ = init(str(teacher), preset="tiny", store=store, dev=dev)
    assert written == resized(config, size)
    assert rows[0]["scores"][-1] <= best["scores"][-1]  # the preset is never better
    assert len(rows[0]["scores"]) == 3
    svg = ElementTree.parse(out / "search.svg").getroot()
    assert len(svg.findall(".//{*}path[@class='mark s2']")) == len(ended) + 1  # the legend
    assert printed(found).count("tiny") >= 1


def test_the_student_of_a_trial_is_of_its_size(made):
    out, _, _ = made
    row = next(r for r in srsly.read_jsonl(out / "trials.jsonl") if len(r["scores"]) == 3)
    nlp = spacy.load(out / "trials" / f"{row['number']:03d}" / "3" / "training" / "model-best")
    assert nlp.get_pipe("tok2vec").model.get_dim("nO") == row["width"]
    assert nlp.config["paths"]["former"] is None
    assert nlp("Ann sees the cat .")[0].tag_


def test_the_same_command_trains_nothing_twice(made, data, teacher, monkeypatch):
    out, _, found = made
    before = (out / "student.cfg").read_bytes()
    monkeypatch.setattr(work.Work, "train", lambda *args: pytest.fail("trained again"))
    monkeypatch.setattr(work.Work, "estimate", lambda *args: pytest.fail("measured again"))
    again = search(data, teacher, out)
    assert again.exit_code == 0, again.output
    assert (out / "student.cfg").read_bytes() == before
    assert again.output.splitlines()[-1] == found.output.splitlines()[-1]


@pytest.mark.parametrize(("option", "told"), [
    (("--megabytes", "7"), "megabytes: was none, is 7.0"),
    (("--seed", "1"), "seed: was 0, is 1"),
    (("--dev", "OTHER"), "dev: was dev.spacy (blake2b"),
    (("--store", "OTHER"), "store: was store (blake2b"),
])  # fmt: skip
def test_a_folder_is_of_one_search(made, data, teacher, tmp_path, option, told):
    out, _, _ = made
    before = (out / "search.json").read_bytes()
    given = {"--dev": data / "dev.spacy", "--store": data / "store", "--words-per-second": 1}
    if option == ("--dev", "OTHER"):
        DocBin(docs=make_docs(spacy.blank("en"))[:1]).to_disk(tmp_path / "other.spacy")
        option = ("--dev", tmp_path / "other.spacy")
    if option == ("--store", "OTHER"):
        annotate(teacher, [str(data / "dev.spacy")], tmp_path / "other")
        option = ("--store", tmp_path / "other")
    words = [str(word) for pair in {**given, option[0]: option[1]}.items() for word in pair]
    found = run("search", teacher, out, *words, "--preset", "tiny", "--trials", 2)
    assert found.exit_code == 1
    assert told in printed(found)
    assert "or pass --overwrite, which begins anew" in printed(found)
    assert (out / "search.json").read_bytes() == before


def test_another_machine_is_refused_and_overwrite_begins_anew(made, data, teacher, monkeypatch):
    """Last in this file of those that read the folder."""
    out, _, _ = made
    monkeypatch.setattr(request, "_processor", lambda: "Z80")
    found = search(data, teacher, out)
    assert found.exit_code == 1
    assert "is Z80" in printed(found)
    assert "measured on another machine do not compare" in printed(found)
    monkeypatch.setattr(work.Work, "train", lambda *args: sys.exit("begins"))
    anew = search(data, teacher, out, "--overwrite")
    assert anew.exit_code == 1
    assert srsly.read_json(out / "search.json")["settings"]["processor"] == "Z80"
    assert not list(out.rglob("model"))


def test_a_budget_that_nothing_meets(data, teacher, tmp_path):
    out = tmp_path / "out"
    found = search(data, teacher, out, words=10**9)
    assert found.exit_code == 1
    told = printed(found)
    assert "no student meets the budget of 1,000,000,000 words/s: the smallest reads about" in told
    assert "Ask for less" in told
    assert len(srsly.read_json(out / "search.json")["notes"]["trials"]) == 1  # nothing is lost


@pytest.mark.parametrize(("words", "told"), [
    (100, "the smallest that was trained and is as fast has 9.0 MB"),
    (400, "the fastest that was trained reads 300 words/s"),
])  # fmt: skip
def test_what_comes_nearest_is_told_of_what_the_budget_lacks(data, teacher, tmp_path,
                                                             monkeypatch, words, told):  # fmt: skip
    """Estimates are within the budget, what is trained is not."""

    def train(self, trial, rung):
        trial.scores, trial.megabytes = [0.5], 9.0 + trial.number
        trial.words_per_second = 300.0 - trial.number

    monkeypatch.setattr(work.Work, "train", train)
    monkeypatch.setattr(work.Work, "estimate", lambda *args: (500.0, 1.0))
    found = search(data, teacher, tmp_path / "out", "--megabytes", "7", words=words)
    assert found.exit_code == 1
    asked = f"no student meets the budget of {words} words/s and 7 MB: "
    assert asked + told in printed(found)


def test_all_that_meet_the_budget_diverge_in_a_longer_training(data, teacher, tmp_path,
                                                               monkeypatch):  # fmt: skip
    """The preset is too slow here: if it diverged, that would be told as what it is."""

    def train(self, trial, rung):
        if rung:
            raise DamagedError("tag: scores are NaN")
        trial.scores, trial.megabytes = [0.5], 1.0
        trial.words_per_second = 500.0 if trial.number else 10.0

    monkeypatch.setattr(work.Work, "train", train)
    monkeypatch.setattr(work.Work, "estimate", lambda *args: (500.0, 1.0))
    found = search(data, teacher, tmp_path / "out", words=100)
    assert found.exit_code == 1
    told = printed(found)
    assert "each candidate that meets the budget diverged in a longer training (`failed` in" in told
    assert "ask for more --trials in another folder, or less --effort" in told
    rows = list(srsly.read_jsonl(tmp_path / "out" / "trials.jsonl"))
    assert [row["failed"] for row in rows] == ["", "tag: scores are NaN"]


def test_trainings_use_the_gpu_and_speed_the_cpu(data, teacher, tmp_path, monkeypatch):
    """Seen from outside, as there is no GPU."""
    used = []

    def run_training(self, *args, **settings):
        used.append(self.gpu_id)
        raise DamagedError("enough")

    monkeypatch.setattr(work.Training, "run", run_training)
    monkeypatch.setattr(spacy, "require_gpu", lambda gpu_id: used.append(f"require {gpu_id}"))
    monkeypatch.setattr(spacy, "require_cpu", lambda: used.append("cpu"))
    assert "enough" in printed(search(data, teacher, tmp_path / "out", "--gpu-id", 3))
    assert used == ["require 3", "cpu", 3]
    monkeypatch.setattr(work.Training, "run", lambda *args, **settings: None)
    monkeypatch.setattr(work, "require_cpu", lambda: sys.exit("on the CPU"))
    search(data, teacher, tmp_path / "more", "--gpu-id", 3)
    assert not srsly.read_json(tmp_path / "more" / "search.json")["notes"]["trials"][0]["scores"]


def test_an_output_that_no_config_can_name(tmp_path):
    given = Request("teacher", dev=tmp_path / "dev.spacy", words_per_second=1)
    with pytest.raises(ValueError, match=r"expected a path without '\$'"):
        request.check_output(given, tmp_path / "out $HOME")
    request.check_output(given, tmp_path / "out")


def test_the_students_of_a_search_learn_hidden_states_where_a_store_has_them(
    data, teacher, tmp_path
):
    texts = [str(data / "dev.spacy"), str(data / "raw.jsonl")]
    annotate(teacher, texts, tmp_path / "hidden", settings=Settings(hidden=4))
    given = {"dev": data / "dev.spacy", "words_per_second": 1, "preset": "tiny", "hidden": True}
    checked = request.check(Request(str(teacher), store=(str(tmp_path / "hidden"),), **given))
    assert checked.settings["hidden"] is True
    assert "similarities" in resized(checked.config, PRESETS["small"])["nlp"]["pipeline"]
    untrained = Untrained(checked.config, sentences=checked.sentences, scratch=tmp_path)
    nlp = spacy.load(untrained.make(PRESETS["small"]))  # of which speed is measured
    assert "similarities" not in nlp.pipe_names
    assert "tag" in nlp.pipe_names
    found = search(data, teacher, tmp_path / "out", "--hidden")
    assert found.exit_code == 1
    assert "expected hidden states of the teacher" in printed(found)


@pytest.mark.parametrize(("change", "told"), [
    ({"--dev": "bare.spacy"}, "expected docs with some of the layers"),
    ({"--dev": "none.spacy"}, "none.spacy: expected docs as spaCy's DocBin writes them"),
    ({"--store": "raw.jsonl"}, "expected a folder that `spacy skd annotate` wrote"),
    ({"--store": None}, "expected --store, a folder that `spacy skd annotate` wrote"),
    ({"--words-per-second": 0}, "words-per-second: expected a number above 0, got 0"),
    ({"--trials": 1}, "trials: expected a number from 2"),
    ({"--pipes": "tags"}, "pipes: expected some of"),
])  # fmt: skip
def test_what_is_wrong_is_told_before_anything_is_written(change, told, data, teacher, tmp_path):
    given = {"--dev": "dev.spacy", "--store": "store", "--words-per-second": 1, **change}
    paths = {k: data / v if k in ("--dev", "--store") and v else v for k, v in given.items()}
    options = [str(word) for pair in paths.items() if pair[1] is not None for word in pair]
    found = run("search", teacher, tmp_path / "out", *options)
    assert found.exit_code == 1
    assert told in printed(found)
    assert not (tmp_path / "out").exists()


def test_a_store_without_a_layer_of_the_students(data, teacher, tmp_path):
    tags = Settings(pipes=("tag",))
    annotate(teacher, [str(data / "raw.jsonl")], tmp_path / "tags", settings=tags)
    found = run(
        "search", teacher, tmp_path / "out", "--store", tmp_path / "tags",
        "--dev", data / "dev.spacy", "--words-per-second", 1,
    )  # fmt: skip
    assert found.exit_code == 1
    assert "annotate again with these" in printed(found)


def test_without_optuna_the_extra_is_named(data, teacher, tmp_path, monkeypatch):
    find = request.find_spec
    monkeypatch.setattr(request, "find_spec", lambda name: None if name == "optuna" else find(name))
    found = search(data, teacher, tmp_path / "out")
    assert found.exit_code == 1
    assert "pip install 'spacy-skd[search]'" in printed(found)


# Parts


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_choice_and_its_config_another_ones_resized(name, teacher):
    preset, space = PRESETS[name], space_of(has_parser=True)
    choice = choice_of(preset, space)
    assert all(choice[setting] in values for setting, values in space.items())
    assert preset.width in WIDTHS
    made = sized(preset, choice, preset.width)
    assert made.tok2vec(vectors=True) == preset.tok2vec(vectors=True)
    small, _ = init(str(teacher), preset="small")
    assert resized(small, preset) == init(str(teacher), preset=name)[0]


def test_heads_divide_every_width():
    for heads in SPACE["heads"]:
        for width in WIDTHS:
            choice = {**smallest(space_of(has_parser=True)), "heads": heads}
            size = sized(PRESETS["small"], choice, width)
            assert width % size.heads == 0
            assert size.heads <= heads


def test_a_trial_has_the_sizes_that_its_student_has(monkeypatch):
    """Heads that do not divide the width are fewer, and told so."""
    preset, space = PRESETS["small"], space_of(has_parser=True)
    proposed = {**choice_of(preset, space), "heads": 12}
    monkeypatch.setattr(run_module, "propose", lambda *args, **settings: proposed)
    candidates = SimpleNamespace(
        checked=SimpleNamespace(space=space), request=SimpleNamespace(seed=0), preset=preset,
        trials=[], fit=lambda choice: (64, 1.0),
        size=lambda choice, width: sized(preset, choice, width),
    )  # fmt: skip
    trial = run_module._candidate(candidates, 2, print)
    assert trial.choice == {**proposed, "heads": 8}
    assert candidates.size(trial.choice, 64) == candidates.size(proposed, 64)


def test_proposals_follow_from_seed_and_history_and_learn_what_is_good():
    space = {"depth": (0, 1, 2, 3, 4, 5, 6), "heads": (1, 2, 4, 8)}
    tried = []
    for number in range(16):
        choice = propose(space, tried, seed=number)
        assert choice == propose(space, tried, seed=number)
        assert choice not in [before for before, _ in tried]
        tried.append((choice, None if choice["depth"] > 4 else choice["depth"] / 4))
    late = [choice["depth"] for choice, _ in tried[8:]]
    assert sum(late) / len(late) > 2
    everything = [({"depth": 0}, 0.0)]
    with pytest.raises(ValueError, match="fewer --trials"):
        propose({"depth": (0,)}, everything, seed=0)


def test_the_widest_that_fits():
    for fitting in range(len(WIDTHS) + 1):
        found = work.widest(WIDTHS, WIDTHS[:fitting].__contains__)
        assert found == (WIDTHS[fitting - 1] if fitting else None)


def test_a_third_goes_on_and_the_preset_with_it():
    trials = [Trial(n, {}, scores=[score]) for n, score in enumerate([0.1, 0.9, 0.5, 0.9, 0.2])]
    assert [t.number for t in survivors(trials, 0, always=[0])] == [0, 1, 3]
    assert [t.number for t in survivors(trials[1:], 0, always=[0])] == [1, 3]
    assert sum(shares()) == pytest.approx(1)
    assert trainings(9) == pytest.approx(1 + 4 * 2 / 9 + 3 * 6 / 9)


@pytest.mark.parametrize(("speed", "size", "meets"), [
    (100.0, 5.0, True), (99.0, 5.0, False), (100.0, 5.1, False), (None, None, False),
])  # fmt: skip
def test_what_meets_a_budget(speed, size, meets):
    trial = Trial(0, {}, words_per_second=speed, megabytes=size)
    assert trial.meets(100, 5.0) is meets
