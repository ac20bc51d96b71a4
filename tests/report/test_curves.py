"""Logs of trainings."""

import json

import pytest

from spacy_skd.report.curves import read_log

LINES = [
    {"epoch": 0, "step": 0, "losses": {"tagger": 9.0}, "scores": {"tag_acc": 1.0}, "score": 0.01},
    {"epoch": 1, "step": 50, "losses": {"tagger": 3.0}, "scores": {"tag_acc": 70.0}, "score": 0.7},
]


def write(path, *lines, end="\n"):
    path.write_text("\n".join(json.dumps(line) for line in lines) + end)
    return path


def test_scores_and_losses_by_step(tmp_path):
    log = read_log(write(tmp_path / "run.jsonl", *LINES))
    assert log.name == "run"
    assert log.values == {"tag_acc": [(0, 1), (50, 70)], "loss tagger": [(0, 9), (50, 3)]}
    assert read_log(tmp_path / "run.jsonl", name="small").name == "small"


def test_what_a_training_is_still_writing_is_left_out(tmp_path):
    path = write(tmp_path / "run.jsonl", *LINES)
    path.write_text(path.read_text() + '{"step": 100, "sco')
    assert [step for step, _ in read_log(path).values["tag_acc"]] == [0, 50]


def test_values_that_are_no_numbers_are_left_out(tmp_path):
    line = {**LINES[0], "scores": {"tag_acc": None, "speed": float("nan"), "score": 1.0}}
    assert set(read_log(write(tmp_path / "r.jsonl", line)).values) == {"score", "loss tagger"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]\n{}\n", "line 1: expected an evaluation"),
        ('{"step": 1, "scores": {}}\nE    #\n', "line 2: .*got 'E    #'"),
        ("", "expected evaluations of a training, found none"),
    ],
)
def test_another_file_is_refused(tmp_path, text, message):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_log(tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="found none at"):
        read_log(tmp_path / "none.jsonl")
