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
from pathlib import Path
from typing import Any, Dict, Iterable, List

KILLS = 20


def measure(teacher: Path, lines: Iterable[str]) -> Dict[str, Any]:
    """lines (Iterable[str]): of a `.jsonl` file, with their ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = folder / "raw.jsonl"
        raw.write_text("not JSON\n" + "".join(lines), encoding="utf8")
        command = [sys.executable, "-m", "spacy", "skd", "annotate", str(teacher)]
        command += [str(raw), "--shard-words", "200"]
        started = time.perf_counter()
        subprocess.run([*command, str(folder / "whole")], check=False, capture_output=True)
        seconds = time.perf_counter() - started
        whole = _bytes(folder / "whole")
        moments = random.Random(0)
        found: Dict[str, Any] = {"runs": KILLS, "equal": 0, "killed_after_shards": []}
        for _ in range(KILLS):
            out = folder / "out"
            _kill([*command, str(out)], after=moments.uniform(0.2, 1.0) * seconds)
            found["killed_after_shards"].append(len(list(out.glob("shard-*.spacy"))))
            subprocess.run([*command, str(out)], check=False, capture_output=True)
            found["equal"] += _bytes(out) == whole
            shutil.rmtree(out)
        found["shards"] = sum(name.startswith("shard-") for name in whole)
        return found


def _kill(command: List[str], *, after: float) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def _bytes(folder: Path) -> Dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
