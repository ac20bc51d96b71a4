"""Which files of an annotated folder are its own: those that its manifest names."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...disk import NotOurs, remove_files
from ...disk.mark import Mark, Size, files_in, size_of
from ...shards.files import Shard, shard_name
from ...shards.manifest import FILE, Manifest
from ..conversion.raw_text import REJECTS

COMMAND = "annotate"
_SHARD = re.compile(r"shard-\d{6,}\.spacy")
_REJECT = {"file", "number", "reason"}
_NEEDED = {"teacher", "settings", "inputs", "pipes", "shards", "digest", "format"}


def is_shard(name: str) -> bool:
    """Tell whether a file has the name of a shard."""
    return bool(_SHARD.fullmatch(name))


def check_empty_or_annotated(folder: Path) -> None:
    """Raise NotOurs if a folder without a manifest holds anything."""
    if not (folder / FILE).exists() and any(files_in(folder)):
        raise NotOurs(
            f"{folder} is not empty and holds no {FILE}, but {next(files_in(folder))}; choose "
            f"another output folder"
        )


def clear(folder: Path) -> None:
    """Remove an earlier run. RAISES (NotOurs): if the folder holds anything else."""
    mark = read_mark(folder)
    strangers = list(mark.strangers(folder))
    if strangers:
        raise NotOurs(
            f"{folder} is not replaced: {strangers[0]}. Move that elsewhere, or choose another "
            f"output folder"
        )
    # The manifest is the last: without it the rest is nobody's.
    remove_files(folder, sorted(mark.files, key=lambda name: name == FILE))


def read_mark(folder: Path) -> Mark:
    """Read the mark of an annotated folder, which is its manifest, even one that somebody edited.

    RAISES (NotOurs): if the manifest is another program's.
    """
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf8"))
        if path.is_symlink() or not _NEEDED <= set(data):
            raise ValueError("it lacks what a manifest has")
        shards = {name: _size(shard) for name, shard in data["shards"].items()}
        if not all(_SHARD.fullmatch(name) for name in shards):
            raise ValueError("it names other files than shards")
        rejects = _rejects(folder, data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotOurs(
            f"{folder} is not replaced: {FILE} is none that `spacy skd annotate` wrote ({error}). "
            f"Choose another output folder"
        ) from error
    return Mark(COMMAND, {**shards, **rejects, FILE: (size_of(path),)})


def check_resumable(folder: Path, manifest: Manifest) -> None:
    """Raise NotOurs if a file of somebody else stands where a run that goes on may write."""
    strangers: list[str] = []
    # A version that named a shard after it had written it may have been killed in between.
    begun = {*manifest.shards, shard_name(len(manifest.shards))}
    strangers += [n for n in files_in(folder) if _SHARD.fullmatch(n) and n not in begun]
    rejects = folder / REJECTS
    named = manifest.rejects
    if named is not None and rejects.exists():
        same = size_of(rejects) == (named["bytes"], named["blake2b"])
        strangers += [] if same else [REJECTS]
    elif rejects.exists() and not are_rejects(rejects):
        strangers.append(REJECTS)
    if strangers:
        raise NotOurs(
            f"{folder / strangers[0]} is not as `spacy skd annotate` wrote it, or is another's: "
            f"move it elsewhere to go on in this folder"
        )


def _rejects(folder: Path, data: dict[str, Any]) -> dict[str, tuple[Size, ...]]:
    if "rejects" in data:
        named = data["rejects"]
        return {REJECTS: ((int(named["bytes"]), str(named["blake2b"])),)} if named else {}
    path = folder / REJECTS  # manifests of earlier versions do not name it
    return {REJECTS: (size_of(path),)} if path.is_file() and are_rejects(path) else {}


def are_rejects(path: Path) -> bool:
    """Tell whether a file holds nothing but rejects."""
    try:
        with path.open(encoding="utf8") as file:
            return all(set(json.loads(line)) == _REJECT for line in file)
    except (OSError, ValueError, TypeError):
        return False


def _size(shard: dict[str, Any]) -> tuple[Size, ...]:
    if set(shard) != {field.name for field in fields(Shard)}:
        raise ValueError("its shards lack what shards have")
    return ((int(shard["bytes"]), str(shard["blake2b"])),)
