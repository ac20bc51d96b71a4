"""The manifest of an annotated folder: which teacher, which settings, which input, which shards."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..disk import json_bytes, write_atomically
from ..transfer.beliefs import Form
from .files import Shard

FILE = "manifest.json"
FORMAT = 1
# In `teacher`, where that is no pipeline: the folder or package that has the tokenizer, None for
# the language's own; and settings of a student's components, by the teacher's.
OUTSIDE = "outside"
# Two runs may be mixed in one folder only if these are equal.
SAME = ("format", "of_words", "teacher.fingerprint", "settings", "inputs", "pipes")


@dataclass
class Manifest:
    """teacher, versions, settings, inputs: for the record and compared (`SAME`), plain JSON.

    pipes: by the teacher's component, what its beliefs share (`Form.to_json`).
    layers: by the teacher's component, what it annotates ("tag", "spans:sc", ...); empty in folders
        that were written before it was noted. Neither compared nor of the `id`.
    counts: texts and words annotated, blank and rejected lines; of the whole input when `complete`.
    shards: by file name. rejects: bytes and blake2b of the file of rejected lines, if there is one.
    of_words: whether beliefs are of the words of docs (codecs/words.py). Manifests that do not say
        so are of an earlier version, whose beliefs are of all tokens, whitespace too.
    hidden: what the hidden states of words are projected by (`Projection.to_json`), empty where
        none are stored. Neither compared, since it follows from the rest, nor of the `id`.
    """

    teacher: dict[str, Any]
    versions: dict[str, str]
    settings: dict[str, Any]
    inputs: list[dict[str, Any]]
    pipes: dict[str, dict[str, Any]]
    counts: dict[str, int] = field(default_factory=dict)
    shards: dict[str, Shard] = field(default_factory=dict)
    rejects: dict[str, Any] | None = None
    complete: bool = False
    format: int = FORMAT
    of_words: bool = False
    layers: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> bytes:
        """What a stored belief must have in common with the manifest it is read by: 8 bytes of
        the teacher's fingerprint and labels, and whether it is of words."""
        known: dict[str, Any] = {"teacher": self.teacher["fingerprint"], "pipes": self.pipes}
        # Beliefs of tokens have the ids of earlier versions.
        content = _canonical({**known, "of_words": True} if self.of_words else known)
        return hashlib.blake2b(content, digest_size=8).digest()

    def forms(self) -> dict[str, Form]:
        """Return forms by the teacher's component."""
        return {pipe: Form.from_json(data) for pipe, data in self.pipes.items()}

    def to_disk(self, folder: Path, *, drafts: Path | None = None) -> None:
        """Write the manifest.

        drafts (Path | None): folder of the draft; `folder` by default.
        RAISES (OSError): if it cannot be written; the one before is kept.
        """
        write_atomically(folder / FILE, self.to_bytes(), drafts=drafts)

    def to_bytes(self) -> bytes:
        """Return what `to_disk` writes."""
        data = self._data()
        data["digest"] = _digest(data)
        return json_bytes(data)

    @staticmethod
    def from_disk(folder: Path) -> "Manifest":
        """Read a folder's manifest.

        RAISES (ValueError): if there is none, or it was changed after it was written.
        """
        path = folder / FILE
        if not path.is_file():
            where = "" if folder.is_absolute() else f" (relative to {Path.cwd()})"
            raise ValueError(
                f"{folder}{where}: expected a folder that `spacy skd annotate` wrote, found no "
                f"{FILE}"
            )
        return Manifest.from_bytes(path.read_bytes(), where=path)

    @staticmethod
    def from_bytes(content: bytes, *, where: object) -> "Manifest":
        """Read what `to_bytes` returned. where (object): its place, for errors.

        RAISES (ValueError): if it was changed after it was written.
        """
        try:
            data = json.loads(content.decode("utf8"))
            claimed = data.pop("digest")
            if data["format"] != FORMAT:
                raise ValueError(f"expected format {FORMAT}, found {data['format']}")
            if claimed != _digest(data):
                raise ValueError(f"expected the digest {claimed}, found {_digest(data)}")
            shards = {name: Shard(**shard) for name, shard in data.pop("shards").items()}
            return Manifest(**data, shards=shards)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{where} is damaged or was edited: {error}. Put back the file as it was, or "
                f"remove the folder that it is in and annotate again"
            ) from error

    def check_same(self, other: "Manifest", *, folder: object) -> None:
        """Check that shards of `other`, a run that is about to begin, may stand beside these in
        `folder`. RAISES (ValueError): naming each difference."""
        differences = list(_differences(self._data(), other._data()))
        if differences:
            lines = "".join(
                f"\n  {name}: expected {_short(stored)} (as in {FILE}), got {_short(new)}"
                for name, stored, new in differences
            )
            raise ValueError(
                f"{folder} holds what another run wrote:{lines}\nGive the same pipeline, input and "
                f"settings to resume it, choose another output, or replace it by --overwrite"
            )

    def _data(self) -> dict[str, Any]:
        data = asdict(self)
        if not self.hidden:  # as manifests of earlier versions
            del data["hidden"]
        return data


def _differences(stored: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    for name in SAME:
        yield from _compare(name, _at(stored, name), _at(new, name))


def _compare(name: str, stored: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the innermost values that differ, each with its place, but for where a file lies."""
    if isinstance(stored, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*stored, *new]):
            if key != "path":
                yield from _compare(f"{name}.{key}", stored.get(key), new.get(key))
    elif isinstance(stored, list) and isinstance(new, list) and len(stored) == len(new):
        for i, (a, b) in enumerate(zip(stored, new)):
            yield from _compare(f"{name}[{i}]", a, b)
    elif stored != new:
        yield name, stored, new


def _at(data: Any, name: str) -> Any:
    for key in name.split("."):
        data = data[key]
    return data


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _digest(data: dict[str, Any]) -> str:
    return hashlib.blake2b(_canonical(data), digest_size=16).hexdigest()


def _canonical(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode("utf8")
