"""The command: its exit codes, its errors and its silence."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

from typer.testing import CliRunner

from spacy_skd.cli import skd


def run(*arguments):
    return CliRunner().invoke(skd, ["annotate", *map(str, arguments)])


def test_exit_codes(teacher, tmp_path):
    text, out = tmp_path / "a.jsonl", tmp_path / "out"
    text.write_text('{"text": "Ann sees dogs"}\n')
    found = run(teacher, text, out, "--pipes", "tag, parser")
    assert found.exit_code == 0, found.output
    assert "3 words of 1 texts" in found.output
    found = run(teacher, text, out)
    assert found.exit_code == 1
    assert "holds the beliefs of another run" in " ".join(found.output.split())
    text.write_text('{"text": "Ann sees dogs"}\n{\n')
    found = run(teacher, text, out, "--overwrite")
    assert found.exit_code == 3, found.output
    assert "1 lines are unfit" in found.output
    (reject,) = (out / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["number"] == 2
    found = run(teacher, tmp_path / "gone.txt", out)
    assert found.exit_code == 1
    assert "no such file" in " ".join(found.output.split())


def command(teacher, text, out):
    arguments = ["annotate", str(teacher), str(text), str(out)]
    return [sys.executable, "-c", f"from spacy_skd.cli import skd; skd({arguments!r})"]


def test_progress_is_shown_on_a_terminal_alone(teacher, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("Ann sees dogs\n")
    quiet = subprocess.run(command(teacher, text, tmp_path / "a"), capture_output=True, text=True)
    assert quiet.returncode == 0
    assert "words/s" not in quiet.stdout + quiet.stderr
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    subprocess.run(command(teacher, text, tmp_path / "b"), stderr=follower, check=True)
    os.close(follower)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "3 words" in shown
    assert "words/s" in shown
    assert "left" in shown
