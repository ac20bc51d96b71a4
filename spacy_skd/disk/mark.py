"""The mark of a folder that a command wrote: a small file that names the command and each file."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .atomic import digest_of, json_bytes, write_atomically
from .drafts import is_draft
from .lock import is_lock

MARK = ".spacy-skd.json"
FORMAT = 1

Size = tuple[int, str]  # bytes, blake2b


@dataclass(frozen=True)
class Mark:
    """What a command wrote into a folder.

    by: the command, "vectors". files: by path below the folder, with "/", what the file may be: one
    (bytes, blake2b), or two while one is being replaced by the other.
    """

    by: str
    files: dict[str, tuple[Size, ...]] = field(default_factory=dict)

    @staticmethod
    def of(folder: Path, names: Iterable[str], *, by: str) -> "Mark":
        """Make the mark of these files, as they are now."""
        return Mark(by, {name: (size_of(folder / name),) for name in names})

    @staticmethod
    def read(folder: Path) -> "Mark | None":
        """Read the mark of a folder, None if it has none, or a file of that name is no mark."""
        path = folder / MARK
        if path.is_symlink() or not path.is_file():
            return None
        try:
            data = json.loads(path.read_text(encoding="utf8"))
            if data["format"] != FORMAT:
                return None
            files = {name: _sizes(sizes) for name, sizes in data["files"].items()}
            is_inside = not any(Path(n).is_absolute() or ".." in Path(n).parts for n in files)
            return Mark(str(data["by"]), files) if is_inside else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, folder: Path, *, drafts: Path) -> None:
        """Write the mark into its folder. RAISES (OSError): if it cannot be written."""
        about = f"`spacy skd {self.by}` wrote these files; with --overwrite it replaces them."
        data: dict[str, Any] = {"about": about, "format": FORMAT, "by": self.by}
        data["files"] = self.files
        write_atomically(folder / MARK, json_bytes(data), drafts=drafts)

    def joined(self, other: "Mark") -> "Mark":
        """Return the mark of a folder on the way from this mark to the other: each file is of one
        of them."""
        files = {
            name: (*self.files.get(name, ()), *other.files.get(name, ()))
            for name in dict.fromkeys([*self.files, *other.files])
        }
        return Mark(other.by, files)

    def strangers(self, folder: Path) -> Iterator[str]:
        """Yield what in a folder is not as the mark says, in words that begin with its path."""
        for name in files_in(folder):
            known = self.files.get(name)
            if known is None:
                yield f"{name} was not written by `spacy skd {self.by}`"
            elif (folder / name).is_symlink() or not (folder / name).is_file():
                yield f"{name} is no file, as `spacy skd {self.by}` writes"
            elif size_of(folder / name) not in known:
                yield f"{name} was changed since `spacy skd {self.by}` wrote it"


def files_in(folder: Path) -> Iterator[str]:
    """Yield all that is below a folder but folders, by path with "/": links, too, which are not
    followed. Without our mark, lock and drafts."""
    yield from (name for name in _below(folder, "") if not _is_ours(folder, name))


def _below(folder: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder / prefix) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield name
            elif prefix or not is_draft(Path(entry.path)):
                yield from _below(folder, name + "/")


def _is_ours(folder: Path, name: str) -> bool:
    return (name == MARK and Mark.read(folder) is not None) or is_lock(folder, name)


def size_of(path: Path) -> Size:
    """Return bytes and digest."""
    return path.stat().st_size, digest_of(path)


def _sizes(data: list[Any]) -> tuple[Size, ...]:
    return tuple((int(n), str(blake2b)) for n, blake2b in data)
