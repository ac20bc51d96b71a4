"""Commands that are stopped: what they say, what they leave, and the exit code."""

import os
import signal
import sys

import pytest
from typer.testing import CliRunner

from spacy_skd.cli import skd

COMMANDS = {
    "annotate": (
        "spacy_skd.training.annotation.outside",
        "annotate TEACHER RAW OUT",
        "the same command goes on",
    ),
    "vectors": (
        "spacy_skd.training.annotation.vectors",
        "vectors TEACHER RAW OUT",
        "Nothing was written",
    ),
    "distill": (
        "spacy_skd.cli.distillation.request",
        "distill TEACHER RAW OUT",
        "the same command goes on",
    ),
    "silver": (
        "spacy_skd.training.annotation.silver",
        "silver TEACHER RAW OUT.spacy",
        "the same command goes on",
    ),
    "calibrate": ("spacy_skd.cli.calibrate", "calibrate TEACHER RAW -o OUT", "or as it was"),
    "export": ("spacy_skd.cli.export", "export TEACHER OUT", "Nothing was written"),
}


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_says_what_is_left(tmp_path, monkeypatch, command, sign):
    module, line, said = COMMANDS[command]
    monkeypatch.setattr(
        sys.modules[module], "load_trained", lambda name, **settings: os.kill(os.getpid(), sign)
    )
    (tmp_path / "raw.txt").write_text("text\n")
    words = {"TEACHER": "t", "RAW": tmp_path / "raw.txt", "OUT": tmp_path / "new" / "out"}
    for word, path in words.items():
        line = line.replace(word, str(path))
    before = signal.getsignal(signal.SIGTERM)
    found = CliRunner().invoke(skd, line.split())
    assert found.exit_code == 128 + sign, found.output
    assert said in " ".join(found.output.split())
    assert not (tmp_path / "new").exists()
    assert signal.getsignal(signal.SIGTERM) == before
