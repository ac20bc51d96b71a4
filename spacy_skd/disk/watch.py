"""Inputs that do not change while they are read."""

import contextlib
from pathlib import Path
from typing import Iterator, Sequence, Tuple


@contextlib.contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[None]:
    """RAISES (ValueError): after the block, naming a file whose size or time is not as before it;
    what the block made of it is of no one state."""
    before = [_state(path) for path in files]
    yield
    for path, state in zip(files, before):
        if not path.exists() or _state(path) != state:
            raise ValueError(
                f"the input {path} changed while it was read; run the command again when nobody "
                f"writes to it"
            )


def _state(path: Path) -> Tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
