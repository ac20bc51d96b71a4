"""A small run of `spacy skd annotate`, in process and as a process."""

import json
import sys

from spacy_skd.training.annotation.annotate import Settings

SMALL = Settings(shard_words=20, max_words=8, batch_words=40)


def write_text(path):
    """30 texts, and two lines that are unfit."""
    path.parent.mkdir()
    lines = [
        json.dumps({"text": f"Ann sees dogs {i} . They sleep", "meta": {"i": i}}) for i in range(30)
    ]
    lines[7:7] = ["{", '{"x": 1}']
    path.write_text("\n".join(lines))
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def command(teacher, text, out):
    """With the settings `SMALL`."""
    options = ["--shard-words", "20", "--max-words", "8", "--batch-words", "40"]
    arguments = ["annotate", str(teacher), str(text), str(out), *options]
    return [sys.executable, "-c", f"from spacy_skd.cli import skd; skd({arguments!r})"]
