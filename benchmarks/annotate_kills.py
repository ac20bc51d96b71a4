"""Runs of `spacy skd annotate` that are killed at a random moment and resumed: are their folders
those of a run that was not, byte for byte?"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KILLS = 20


def measure(teacher: Path, lines: Iterable[str]) -> dict[str, Any]:
    """lines (Iterable[str]): of a `.jsonl` file, with their ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = folder / "raw.jsonl"
        raw.write_text("not JSON\n" + "".join(lines), encoding="utf8")
        command = [sys.executable, "-m", "spacy", "skd", "annotate", str(teacher)]
        command += [str(raw), "--shard-words", "200"]
        subprocess.run([*command, str(folder / "whole")], check=False, capture_output=True)
        whole = _bytes(folder / "whole")
        shards = sum(name.startswith("shard-") for name in whole)
        moments = random.Random(0)
        found: dict[str, Any] = {"shards": shards, "runs": 0, "equal": 0, "after_shards": []}
        while found["runs"] < KILLS:
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            if not _kill([*command, str(out)], out, moments.uniform(0, shards)):
                continue  # it was done before
            found["runs"] += 1
            found["after_shards"].append(_count(out))
            subprocess.run([*command, str(out)], check=False, capture_output=True)
            found["equal"] += _bytes(out) == whole
        return found


def _kill(command: list[str], out: Path, moment: float) -> bool:
    """moment (float): in shards; the part of a shard is waited for as long as the last one took.
    RETURNS (bool): whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, last, took = 0, time.perf_counter(), 0.3
    while process.poll() is None and seen < int(moment):
        time.sleep(0.005)
        if _count(out) > seen:
            now = time.perf_counter()
            seen, took, last = _count(out), now - last, now
    if int(moment):
        time.sleep((moment - int(moment)) * min(took, 1.0))
    else:
        time.sleep(moment * 10)  # while it loads the teacher, or begins
    killed = process.poll() is None
    if killed:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return killed


def _count(out: Path) -> int:
    return len(list(out.glob("shard-*.spacy")))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
