"""What a long command tells where there is no terminal."""

import io
import re
import sys

import pytest
from typer.testing import CliRunner

from spacy_skd.cli import progress as module
from spacy_skd.cli import skd
from spacy_skd.cli.progress import Pace, progress, say
from spacy_skd.training.progress import Progress


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_what_the_terminal_cannot_show_is_escaped(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    say("caf\xe9 \u0142 \udce9")
    assert stream.buffer.getvalue() == b"caf\xe9 \\u0142 \\udce9\n"


def test_words_speed_share_and_time_left():
    clock = Clock()
    pace = Pace(clock)
    clock.seconds = 30
    assert str(pace) == "at work for 30 s"
    pace.add(Progress(done=100, total=1000, words=10_000, is_new=False))
    clock.seconds = 60
    pace.add(Progress(done=400, total=1000, words=3000))
    assert str(pace) == "3,000 words, 50 words/s, 40 % after 1 min 0 s, 2 min 0 s left"
    clock.seconds = 7260
    pace.add(Progress(done=1000, total=1000, words=4260))
    assert str(pace) == "7,260 words, 1 words/s, 100 % after 2 h 1 min, 0 s left"


def test_a_total_that_is_not_known():
    clock = Clock()
    pace = Pace(clock)
    clock.seconds = 10
    pace.add(Progress(done=50, total=0, words=50))
    assert str(pace) == "50 words, 5 words/s after 10 s"


def test_lines_come_while_the_command_is_at_work(capsys, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.01)
    with progress("annotate") as report:
        report(Progress(done=1, total=4, words=1000))
        deadline = module.time.monotonic() + 30
        said = ""
        while said.count("\n") < 2 and module.time.monotonic() < deadline:
            said += capsys.readouterr().err
    first, *lines = said.splitlines()
    assert lines
    if not first.startswith("annotate: at work for"):  # before anything was reported
        lines.append(first)
    for line in lines:
        assert re.fullmatch(r"annotate: 1,000 words, [\d,]+ words/s, 25 % after .*left", line), line
    assert said.count("\n") >= 2


COMMANDS = {
    "annotate": "annotate TEACHER RAW OUT --shard-words 200",
    "vectors": "vectors TEACHER RAW OUT --least 1 --width 2",
    "silver": "silver TEACHER RAW OUT/s.spacy",
    "report": "report GOLD a=TEACHER --speed-words 2000",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_long_command_tells(teacher, corpus, tmp_path, monkeypatch, command):
    monkeypatch.setattr(module, "EVERY", 0.005)
    (tmp_path / "raw.txt").write_text("Ann sees dogs . They sleep\n" * 300)
    words = {"TEACHER": teacher, "RAW": tmp_path / "raw.txt", "OUT": tmp_path / "o", "GOLD": corpus}
    line = COMMANDS[command]
    for word, path in words.items():
        line = line.replace(word, str(path))
    found = CliRunner().invoke(skd, line.split())
    assert found.exit_code == 0, found.output
    assert f"{command}: at work for" in found.stderr
    if command != "report":
        assert re.search(rf"{command}: [\d,]+ words, [\d,]+ words/s", found.stderr), found.stderr
