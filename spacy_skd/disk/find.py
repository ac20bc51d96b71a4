"""The files of an input: each real one once, hidden ones only where they are named."""

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def files_of(path: Path, *, suffixes: Sequence[str]) -> list[Path]:
    """Return a file, or those of such suffixes below a folder, in the order of their names.

    Suffixes may be in upper case. Below a folder, hidden files and folders are left out; links are
    followed, and a file that has several names is taken by its first.

    Raises FileNotFoundError for a missing path or a folder without such files, and ValueError for
    a file of another suffix or a stream, and for a folder with a compressed file of such a suffix,
    unless the file is there as it was, too.
    """
    kinds = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
    refuse_stream(path)
    if path.is_dir():
        files = list(files_below(path))
        below = sorted(p for p in files if suffix_of(p) in suffixes)
        _refuse_packed(files, suffixes)
        if not below:
            raise FileNotFoundError(f"{path}: the folder holds no {kinds} file")
        return unique_files(below)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder")
    _refuse_packed([path], suffixes)
    if suffix_of(path) not in suffixes:
        raise ValueError(
            f"{path}: expected {kinds}, found the suffix {path.suffix or '(none)'!r}. "
            "Rename or convert the file."
        )
    return [path]


def unique_files(paths: Iterable[Path]) -> list[Path]:
    """Return the paths without those of a file that came before, by a link or another spelling."""
    first: dict[Hashable, Path] = {}
    for path in paths:
        first.setdefault(_identity(path), path)
    return list(first.values())


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case."""
    return path.suffix.lower()


def refuse_stream(path: Path) -> None:
    """Raise ValueError for standard input, a pipe, a process substitution or a device."""
    is_named = str(path) == "-" or os.path.abspath(path).startswith(STREAMS)
    if is_named or (path.exists() and not path.is_file() and not path.is_dir()):
        raise ValueError(
            f"{path}: expected a file or folder, found a stream. Input is read more than once, to "
            f"check it and to go on after a stop: write it to a file first, and name that"
        )


def _refuse_packed(paths: Sequence[Path], suffixes: Sequence[str]) -> None:
    """Raise ValueError if one is compressed and would be read as it was: none is left out
    silently."""
    for path in paths:
        unpacked = path.with_suffix("")
        is_packed = suffix_of(path) in PACKED and suffix_of(unpacked) in suffixes
        if is_packed and unpacked not in paths:
            raise ValueError(f"{path}: expected a file that is not compressed: unpack it")


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it, also of linked ones, but for hidden ones; a
    link to a folder that it is in ends there."""
    return _below(folder, frozenset())


def _below(folder: Path, above: frozenset[Hashable]) -> Iterator[Path]:
    if _identity(folder) in above:
        return
    above |= {_identity(folder)}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _below(path, above)
        elif path.is_file():
            yield path


def _identity(path: Path) -> Hashable:
    status = path.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
