"""What a run of `spacy skd distill` or `stream` has done: a small file, so that the same command
goes on."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...disk import NotOurs, digest, digest_of, json_bytes, write_atomically
from ...disk.mark import files_in

FILE = "distill.json"
FORMAT = 1


@dataclass
class State:
    """settings: what the output depends on, inputs by digest; plain JSON. done: by step, the `key`
    of what it was made from. notes: what is to be told at the end, or asked of later runs."""

    settings: dict[str, Any] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @staticmethod
    def from_disk(folder: Path, file: str = FILE) -> "State | None":
        """Read the state of a folder, None if it has none and is empty.

        file (str): its name, that of the command.
        RAISES (NotOurs): if the folder holds other files; (ValueError): if the file was edited.
        """
        path = folder / file
        if not path.exists():
            names = list(files_in(folder)) if folder.is_dir() else []
            if names:
                raise NotOurs(
                    f"{folder} is not empty and holds no {file}, but {names[0]}; choose another "
                    f"folder"
                )
            return None
        try:
            state = State(**json.loads(path.read_text(encoding="utf8")))
            if state.format != FORMAT:
                raise ValueError(f"expected format {FORMAT}, found {state.format}")
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged or was edited: {error}. Put it back as it was, or choose "
                f"another folder"
            ) from error
        return state

    def to_disk(self, folder: Path, *, drafts: Path, file: str = FILE) -> None:
        """Write the state, whole or not at all."""
        write_atomically(folder / file, json_bytes(asdict(self)), drafts=drafts)


def describe(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Return name, bytes and blake2b of files, as they are now."""
    return [
        {"file": path.name, "bytes": path.stat().st_size, "blake2b": digest_of(path)}
        for path in files
    ]


def key_of(settings: Mapping[str, Any], names: Sequence[str], before: Sequence[str]) -> str:
    """Return a digest of what a step is made from: some settings, and keys of steps before."""
    content = {"settings": {name: settings[name] for name in names}, "before": list(before)}
    return digest(json.dumps(content, sort_keys=True).encode("utf8"))


def differences(stored: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each setting that differs: what it was, and what it is."""
    for name in dict.fromkeys([*stored, *new]):
        if stored.get(name) != new.get(name):
            yield f"{name}: was {_short(stored.get(name))}, is {_short(new.get(name))}"


def _short(value: Any) -> str:
    if isinstance(value, dict) and "blake2b" in value:
        name = value.get("file") or value.get("name")
        return f"{name} (blake2b {value['blake2b'][:8]})"
    if isinstance(value, list):
        listed = [_short(each) for each in value[:3]] + ["..."] * (len(value) > 3)
        return ", ".join(listed) or "none"
    return "none" if value is None or value == "" else str(value)
