"""The command: its exit codes, its errors and its silence."""

import fcntl
import json
import os
import pty
import resource
import struct
import subprocess
import sys
import termios

import pytest
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
    assert "holds what another run wrote" in " ".join(found.output.split())
    text.write_text('{"text": "Ann sees dogs"}\n{\n')
    found = run(teacher, text, out, "--overwrite")
    assert found.exit_code == 3, found.output
    assert "1 lines are unfit" in found.output
    (reject,) = (out / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["number"] == 2
    found = run(teacher, tmp_path / "gone.txt", out)
    assert found.exit_code == 1
    assert "no such file" in " ".join(found.output.split())


def said(found):
    return " ".join(found.output.split())


def test_bad_input_is_told_with_exit_codes(teacher, tmp_path):
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)))
    (tmp_path / "none.spacy").write_bytes(b"none")
    (tmp_path / "latin.txt").write_bytes("café\n".encode("latin1"))
    (tmp_path / "long.txt").write_text("Ann sees dogs\n" + "ab " * 3_400_000)
    for name, code, message in (
        ("binary.txt", 1, "expected text, found a binary file (a byte 0)"),
        ("none.spacy", 1, "expected docs as spaCy's DocBin writes them"),
        ("latin.txt", 1, "0 blank and 1 unfit lines, see"),
        ("long.txt", 3, "1 lines are unfit, see"),
    ):
        found = run(teacher, tmp_path / name, tmp_path / f"{name}.out")
        assert found.exit_code == code, found.output
        assert message in said(found)
    reasons = (tmp_path / "long.txt.out" / "rejects.jsonl").read_text()
    assert "longer than 10000000 bytes" in reasons


def test_a_changed_folder_is_told_or_mended(teacher, tmp_path):
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("Ann sees dogs\nGo home\n")
    assert run(teacher, text, out, "--shard-words", "1").exit_code == 0
    shard, manifest = out / "shard-000001.spacy", out / "manifest.json"
    whole, plan = shard.read_bytes(), manifest.read_text()
    shard.write_bytes(whole[:50])
    assert run(teacher, text, out, "--shard-words", "1").exit_code == 0
    assert shard.read_bytes() == whole
    manifest.write_text(plan.replace('"words": 2', '"words": 3'))
    found = run(teacher, text, out, "--shard-words", "1")
    assert found.exit_code == 1
    assert "is damaged or was edited" in said(found)
    assert shard.read_bytes() == whole
    found = run(teacher, text, out, "--shard-words", "1", "--overwrite")
    assert found.exit_code == 0
    assert manifest.read_text() == plan


def test_a_full_disk_is_told_with_exit_code_1(teacher, tmp_path):
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("".join(f"Ann sees dogs {i}\n" for i in range(300)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        found = run(teacher, text, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.exit_code == 1
    assert "shard-000000.spacy: File too large" in said(found)
    assert [path.name for path in out.iterdir()] == ["manifest.json"]
    assert run(teacher, text, out).exit_code == 0


def command(teacher, text, out):
    arguments = ["annotate", str(teacher), str(text), str(out)]
    return [sys.executable, "-c", f"from spacy_skd.cli import skd; skd({arguments!r})"]


@pytest.mark.long  # two processes; test_progress.py has the bar itself
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
