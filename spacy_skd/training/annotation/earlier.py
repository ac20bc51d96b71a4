"""Folders that versions before the mark wrote (disk/mark.py), known by what is in them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import DocBin
from thinc.api import Config

SPLITS = ("train", "dev", "test")
CONFIGS = ("teacher.cfg", "student.cfg", "stock.cfg", "student_stored.cfg")
COUNTS, RAW = "convert.json", "raw.jsonl"
_BLANK = (
    "config.cfg",
    "meta.json",
    "tokenizer",
    "vocab/key2row",
    "vocab/lookups.bin",
    "vocab/strings.json",
    "vocab/vectors",
    "vocab/vectors.cfg",
)


def converted(folder: Path) -> Sequence[str]:
    """Recognize files of `spacy skd convert`: those whose docs and texts are as many as it
    counted."""
    try:
        counts = json.loads((folder / COUNTS).read_text(encoding="utf8"))
        names = [COUNTS]
        for split in SPLITS:
            if len(DocBin().from_disk(folder / f"{split}.spacy")) == counts[split]["docs"]:
                names.append(f"{split}.spacy")
        if counts["raw"] and _n_lines(folder / RAW) == counts["raw"]["texts"]:
            names.append(RAW)
        return names
    except Exception:  # zlib's, msgpack's, the system's: a file of that name is another's
        return ()


def prepared(folder: Path) -> Sequence[str]:
    """Recognize files of `spacy skd prepare`: a conversion, and configs whose steps it set."""
    names = list(converted(folder))
    return [*names, *(n for n in CONFIGS if _is_fitted(folder / n))] if names else ()


def vectors(folder: Path) -> Sequence[str]:
    """Recognize files of `spacy skd vectors`: a pipeline of nothing but vectors, which have no
    name, as those of `spacy init vectors` have."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
        config = Config().from_disk(folder / "config.cfg", interpolate=False)
        about: dict[str, Any] = meta["vectors"]
        is_ours = bool(about["width"]) and about["name"] is None
        pipes: list[str] = [*meta["pipeline"], *config["nlp"]["pipeline"]]
        return _BLANK if is_ours and not pipes and _are_there(folder) else ()
    except Exception:
        return ()


def _are_there(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _BLANK)


def _n_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _is_fitted(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        training = Config().from_disk(path, interpolate=False)["training"]
        steps = training["max_steps"]
        schedule = training["optimizer"]["learn_rate"]
        every: int = training["eval_frequency"]
        return bool(steps == schedule["total_steps"] and steps % every == 0)
    except Exception:
        return False
