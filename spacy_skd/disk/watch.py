"""Inputs that do not change while they are read."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[None]:
    """Watch files that the block reads.

    RAISES (ValueError): after it, naming a file that is another, or of another size or time, than
        before: what the block made of it is of no one state.
    """
    before = [_state(path) for path in files]
    yield
    for path, state in zip(files, before):
        if not path.exists() or _state(path) != state:
            raise ValueError(
                f"the input {path} changed while it was read; run the command again when nobody "
                f"writes to it"
            )


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
