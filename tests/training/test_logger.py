"""The table of a training, and what loggers after ours are told."""

import io
import json

import pytest
import spacy
from conftest import gold_examples, student_of
from spacy.training.loop import train_while_improving
from spacy.util import registry
from thinc.api import Config

from spacy_skd.training.configs.student_config import BASE
from spacy_skd.training.logger import COLUMNS, make_logger


class Stream(io.StringIO):
    """is_terminal (bool): what it says of itself."""

    is_terminal = False

    def isatty(self):
        return self.is_terminal


def run(nlp, logger, *, steps=4, every=2):
    """A training, as `spacy train` does it. RETURNS: what was printed; what was told."""
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.config["training"].update(max_steps=steps, eval_frequency=every,
                                  frozen_components=["teacher"])  # fmt: skip
    nlp.config["training"]["score_weights"] = {"tag_acc": 1.0, "dep_las": None}
    out, told = Stream(), []
    log_step, finalize = logger(nlp, out, out)
    loop = train_while_improving(
        nlp, nlp.create_optimizer(), ((0, examples) for _ in range(steps)),
        evaluate=lambda: (0.5, {"tag_acc": 0.5}), dropout=0.0, eval_frequency=every,
        accumulate_gradient=1, patience=0, max_steps=steps, exclude=["teacher"],
        annotating_components=[], before_update=None,
    )  # fmt: skip
    for _, info, is_best in loop:
        log_step(info if is_best is not None else None)
        told.append(info["other_scores"])
    finalize()
    return out.getvalue(), told


def test_the_table_and_the_file(teacher, tmp_path):
    nlp = student_of(teacher, weight=0.5)
    file = tmp_path / "logs" / "training.jsonl"
    printed, told = run(nlp, make_logger(output_file=file, by_component=True, progress_bar="eval"))
    header, rule, *rows = printed.splitlines()
    assert header.split()[-len(COLUMNS) - 2 :] == "GOLD TEACHER KL WEIGHT LOST % WAIT %".split()
    assert "LOSS TAG" in header
    assert "TAG_ACC" in header
    assert len({len(line) for line in (header, rule)}) == 1
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 2, 4][: len(lines)]
    assert len(rows) == len(lines) * (1 + len(lines[0]["skd"]["components"]))
    for line in lines[1:]:
        skd = line["skd"]
        assert set(skd["components"]) == {"sent", "tag", "pos", "parser"}
        for key in ("gold", "teacher", "divergence"):
            of_each = [of[key] for of in skd["components"].values() if of[key] is not None]
            assert skd[key] == pytest.approx(sum(of_each))
        assert 0 < skd["divergence"] < skd["teacher"]
        assert skd["distill_weight"] == 0.5
        assert 0 <= skd["teacher_time"] < 1
        assert skd["lost"] == pytest.approx(0, abs=1e-5)
        assert line["scores"]["tag_acc"] == 50.0
        assert set(line["losses"]) >= set(skd["components"])
    assert all("skd" in scores for scores in told if scores)


def test_a_bar_up_to_the_end_is_on_a_terminal_alone(teacher, monkeypatch):
    """A student's config asks for it."""
    config = Config().from_disk(BASE, interpolate=False)
    assert config["training"]["logger"]["progress_bar"] == "train"
    for is_terminal in (True, False):
        monkeypatch.setattr(Stream, "is_terminal", is_terminal)
        printed, _ = run(spacy.load(teacher), make_logger(progress_bar="train"))
        assert ("Epoch 1:" in printed and "/4 [" in printed) == is_terminal, printed


def test_a_pipeline_without_a_teacher(teacher):
    nlp = spacy.load(teacher)
    printed, _ = run(nlp, make_logger())
    last = printed.splitlines()[-1].split()
    assert [last[-1], last[-4]] == ["-", "-"]  # wait, KL
    assert float(last[-6]) > 0  # gold


def test_loggers_after_it_are_told(teacher):
    chain = registry.loggers.get("spacy.ChainLogger.v1")
    heard = []

    def other(nlp, stdout, stderr):
        return lambda info: heard.append(info and info["other_scores"]["skd"]), lambda: None

    run(student_of(teacher), chain(make_logger(console_output=False), other))
    assert [one["distill_weight"] for one in heard if one] == pytest.approx([0.7] * 2)


def test_a_loss_that_is_no_number_stops_no_training(teacher, tmp_path):
    """JSON has none; the other numbers keep all of their digits."""
    nlp = spacy.load(teacher)
    file, out = tmp_path / "log.jsonl", Stream()
    log_step, finalize = make_logger(output_file=file)(nlp, out, out)
    losses = {"tag": float("nan"), "parser": 1e-12}
    log_step({"epoch": 0, "step": 2, "losses": losses, "score": 1 / 3,
              "other_scores": {"tag_acc": 0.5}})  # fmt: skip
    finalize()
    line = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert line["losses"]["tag"] is None
    assert (line["losses"]["parser"], line["score"]) == (1e-12, 1 / 3)


def test_bad_settings(tmp_path):
    with pytest.raises(ValueError, match="progress_bar: expected one of train, eval, got 'all'"):
        make_logger(progress_bar="all")
    (tmp_path / "log.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="exists already"):
        make_logger(output_file=tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").read_text() == "{}\n"
