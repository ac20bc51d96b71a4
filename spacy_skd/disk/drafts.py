"""Folders for drafts, with names that nobody guesses, inside the folder that is written to."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .atomic import PREFIX

OWNER = "draft.json"
_NAMES = f"{PREFIX}draft-"


@contextlib.contextmanager
def draft_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder inside another; after the block it is gone, with all that is still in
    it."""
    draft = Path(tempfile.mkdtemp(prefix=_NAMES, dir=folder))
    try:
        (draft / OWNER).write_text(json.dumps({"draft": draft.name}), encoding="utf8")
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_left_drafts(folder: Path) -> None:
    """Remove the drafts of runs that were killed. Call it while the folder is locked, so that no
    run is at work in it."""
    for draft in folder.glob(f"{_NAMES}*"):
        if is_draft(draft):
            shutil.rmtree(draft, ignore_errors=True)


def is_draft(path: Path) -> bool:
    """Tell whether a folder was made by `draft_folder`: it says its own random name, or its run was
    killed before it held anything."""
    if not path.name.startswith(_NAMES) or path.is_symlink() or not path.is_dir():
        return False
    if not any(path.iterdir()):
        return True
    try:
        owner = json.loads((path / OWNER).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False
    return bool(owner == {"draft": path.name})
