"""What the demo corpus must be, byte by byte: committed before any model sees it.

`cd demo && python -m synthetic.fingerprint` writes the committed file anew after a wanted change.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from . import corpus
from .lexicon import lexicon_sha256

PATH = Path(__file__).parent / "fingerprint.json"


def read_fingerprint() -> dict[str, Any]:
    """The committed fingerprint: seed, sizes, counts, and SHA-256 of the lexicon and the files."""
    fingerprint: dict[str, Any] = json.loads(PATH.read_text(encoding="utf8"))
    return fingerprint


def fingerprint_of(
    folder: Path, counts: dict[str, corpus.Counts], *, seed: int, sizes: dict[str, int]
) -> dict[str, Any]:
    """The fingerprint of a generated corpus."""
    return {
        "seed": seed,
        "sizes": sizes,
        "counts": {name: count.as_dict() for name, count in counts.items()},
        "lexicon_sha256": lexicon_sha256(),
        "files_sha256": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in corpus.FILES.values()
        },
    }


def demo_fingerprint() -> dict[str, Any]:
    """Generate the demo corpus in a temporary folder and return its fingerprint."""
    sizes = {
        "train_words": corpus.TRAIN_WORDS,
        "dev_words": corpus.DEV_WORDS,
        "test_words": corpus.TEST_WORDS,
        "raw_words": corpus.RAW_WORDS,
    }
    with tempfile.TemporaryDirectory() as folder:
        counts = corpus.generate(folder, seed=corpus.DEMO_SEED, **sizes)
        return fingerprint_of(Path(folder), counts, seed=corpus.DEMO_SEED, sizes=sizes)


if __name__ == "__main__":
    PATH.write_text(json.dumps(demo_fingerprint(), indent=2) + "\n", encoding="utf8")
