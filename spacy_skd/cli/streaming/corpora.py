"""What a student learns in turn: the file of `spacy skd stream`, a corpus a line."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from ...disk import suffix_of, unique_files
from ...training.annotation.inputs import DOCS
from ...training.conversion.lines import read_lines
from ...training.conversion.raw_text import find_raw_files

PREPARED = "prepared"
NAME = re.compile(r"\w[\w.-]*")
FIELDS = ("name", "teacher", "config", "gold", "raw", "dev", "test", PREPARED)
# What `spacy skd prepare` writes.
OF_PREPARED = {
    "config": "teacher.cfg", "gold": "train.spacy", "dev": "dev.spacy", "test": "test.spacy",
    "raw": "raw.jsonl",
}  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """A corpus of the stream. name: of its folders and of its column.

    teacher: folder or package of the pipeline that teaches it; None where it is trained first.
    config: of the teacher that is trained on gold. gold: labelled docs to learn from. raw: files
    and folders of raw text, to learn from now and to rehearse later. dev: labelled docs to evaluate
    on in training. test: those that the matrix is of; dev where there are none.
    """

    name: str
    dev: Path
    test: Path
    teacher: str | None = None
    config: Path | None = None
    gold: Path | None = None
    raw: tuple[Path, ...] = ()

    @property
    def texts(self) -> list[Path]:
        """What its teacher annotates, of what is there."""
        return [*([self.gold] if self.gold else []), *self.raw_files()]

    @property
    def is_whole(self) -> bool:
        """Whether all that is named as raw text is there."""
        return all(map(_raw_files, self.raw))

    def raw_files(self) -> list[Path]:
        """Return the files of raw text that are still there. RAISES (ValueError): for others than
        .jsonl and .txt."""
        return unique_files(file for path in self.raw for file in _raw_files(path))


def store_in(out: Path, corpus: str) -> Path:
    """Return the folder of what its teacher says of a corpus."""
    return out / "annotated" / corpus


def read_corpora(file: Path) -> list[Corpus]:
    """Read a JSONL of corpora, in the order in which they are learnt.

    RAISES (ValueError): naming the line that is wrong, and what it should be.
    """
    if not file.is_file():
        raise ValueError(f"expected a .jsonl file, a corpus a line, found none at {file}")
    corpora: list[Corpus] = []
    for number, line in read_lines(file):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where}: expected JSON ({error})") from error
        corpora.append(_corpus(row, where))
        if [c.name for c in corpora].count(corpora[-1].name) > 1:
            raise ValueError(f"{where}: expected another name, {corpora[-1].name!r} is taken")
    if not corpora:
        raise ValueError(f"{file}: expected corpora, a line each, found none")
    return corpora


def _raw_files(path: Path) -> list[Path]:
    """Return the files of a file, a folder or a glob; none if it is gone or empty."""
    found = [path] if path.exists() else []
    if not found and has_magic(str(path)):
        found = sorted(map(Path, glob(str(path), recursive=True)))
    files: list[Path] = []
    for each in found:
        with contextlib.suppress(FileNotFoundError):  # of a folder that has none
            files += find_raw_files([each])
    return files


def _corpus(row: Any, where: str) -> Corpus:
    if not isinstance(row, Mapping) or set(row) - set(FIELDS):
        named = ", ".join(FIELDS)
        raise ValueError(f"{where}: expected an object of {named}, got {json.dumps(row)}")
    name = row.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(
            f"{where}: expected a name of letters, digits, '_', '-' and '.', got {name!r}"
        )
    given = {**_prepared(row.get(PREPARED), where), **{k: v for k, v in row.items() if v}}
    raw = given.get("raw") or []
    raw = [raw] if isinstance(raw, str) else raw
    texts = [given.get(key) for key in FIELDS[1:] if key not in ("raw", PREPARED)]
    if not isinstance(raw, list) or not all(
        isinstance(v, str) for v in (*raw, *filter(None, texts))
    ):
        raise ValueError(f"{where}: expected paths as strings, `raw` one or a list, got {row}")
    path = {key: Path(given[key]) for key in ("config", "gold", "dev", "test") if given.get(key)}
    _check(name, given, path, where)
    return Corpus(
        name,
        dev=path["dev"],
        test=path.get("test", path["dev"]),
        teacher=given.get("teacher"),
        config=None if given.get("teacher") else path["config"],
        gold=path.get("gold"),
        raw=tuple(map(Path, raw)),
    )


def _prepared(folder: Any, where: str) -> dict[str, Any]:
    """Return what a folder that `spacy skd prepare` wrote has."""
    if not folder:
        return {}
    if not isinstance(folder, str) or not Path(folder).is_dir():
        raise ValueError(
            f"{where}: {PREPARED}: expected a folder that `spacy skd prepare` wrote, found none at "
            f"{folder}"
        )
    files = {key: Path(folder) / file for key, file in OF_PREPARED.items()}
    return {key: str(file) for key, file in files.items() if file.exists() or key == "raw"}


def _check(name: str, given: Mapping[str, Any], path: Mapping[str, Path], where: str) -> None:
    """Check that all is named and there, but for raw text, which may be gone when its corpus is
    learnt (`Corpus.raw_files`)."""
    if not given.get("teacher") and not ("config" in path and "gold" in path):
        raise ValueError(
            f"{where}: {name} has no teacher: name a trained pipeline as `teacher`, or the "
            f"`config` of one to train and the `gold` to train it on"
        )
    if "dev" not in path:
        raise ValueError(
            f"{where}: {name}: expected `dev`, labelled docs (.spacy) to evaluate on. What the "
            f"teacher says of some texts can stand for them (`spacy skd silver`)"
        )
    if not path.get("gold") and not given.get("raw"):
        raise ValueError(f"{where}: {name}: expected `gold`, `raw` or both to learn from")
    for key, file in path.items():
        if not file.is_file() or (key != "config" and suffix_of(file) != DOCS):
            kind = "a config" if key == "config" else f"labelled docs, a {DOCS} file,"
            raise ValueError(f"{where}: {name}: {key}: expected {kind} found none at {file}")
