"""Folders that a command writes as a whole. Nothing else in the package replaces or removes one."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from .atomic import NotOurs, check_above
from .drafts import draft_folder, remove_left_drafts
from .lock import locked
from .mark import Mark, files_in, size_of

# The files of a folder that a version before the mark wrote, by path below it; () if unsure.
Recognizer = Callable[[Path], Collection[str]]


def nothing(folder: Path) -> Collection[str]:
    """Recognize nothing: no folder is known without a mark."""
    return ()


@contextlib.contextmanager
def new_folder(
    folder: Path, *, by: str, overwrite: bool = False, earlier: Recognizer = nothing
) -> Iterator[Path]:
    """Yield a draft to write to, whose files are those of `folder` if the block ends well.

    What is wrong with the folder is said before the block begins, and the folder is locked for it.
    With `overwrite` an earlier run's files are replaced, and those that are not written again
    removed; each by itself, after all are complete.

    by (str): the command. earlier (Recognizer): of folders without a mark.
    RAISES (NotOurs): if the folder holds anything that this command did not write; (Held): if
        another run writes to it; (OSError).
    """
    check_folder(folder, by=by, overwrite=overwrite, earlier=earlier)
    with held_folder(folder) as draft:
        files = draft / "files"
        files.mkdir()
        yield files
        # Once more: somebody may have put a file there, hours after the first check.
        old = check_folder(folder, by=by, overwrite=overwrite, earlier=earlier)
        new = Mark.of(files, list(files_in(files)), by=by)
        _put(files, folder, old, new, drafts=draft)


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[Path]:
    """Lock a folder for a run that writes its files one by one. It is made if it is not there;
    drafts that killed runs left are removed.

    RETURNS (Iterator[Path]): a folder for drafts.
    RAISES (Held): if another run writes to it; (NotOurs): if it is a file; (OSError).
    """
    _check_place(folder)
    with _made(folder), locked(folder):
        remove_left_drafts(folder)
        with draft_folder(folder) as draft:
            yield draft


@contextlib.contextmanager
def mark_folder(folder: Path, *, by: str) -> Iterator[None]:
    """Mark what the block writes into a folder by itself, spaCy's training: if nothing was in it
    that is not ours, all that is in it afterwards is marked as ours."""
    try:
        check_folder(folder, by=by, overwrite=True)
    except NotOurs:
        yield
        return
    yield
    if folder.is_dir():
        with draft_folder(folder) as draft:
            Mark.of(folder, list(files_in(folder)), by=by).write(folder, drafts=draft)


def same_files(folder: Path, other: Path) -> list[str]:
    """Return names of the files that two folders have, with the same bytes."""
    return [
        name
        for name in files_in(folder)
        if (other / name).is_file() and size_of(folder / name) == size_of(other / name)
    ]


def _check_place(folder: Path) -> None:
    """Check that there is, or can be, a folder. RAISES (NotOurs, NotADirectoryError): if not."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotOurs(f"{folder}: expected a folder to write to, found a file")
    check_above(folder)


def check_folder(
    folder: Path, *, by: str, overwrite: bool = False, earlier: Recognizer = nothing
) -> Mark:
    """See `new_folder`. RETURNS (Mark): of the files that may be replaced.

    RAISES (NotOurs): naming what is not ours; (NotADirectoryError): if a folder above is a file.
    """
    _check_place(folder)
    mark = (Mark.read(folder) if folder.is_dir() else None) or Mark(by)
    names = list(files_in(folder)) if folder.is_dir() else []
    if not names:
        return Mark(by)
    if not overwrite:
        raise NotOurs(
            f"{folder} exists already and is not empty: it holds {_listed(names)}. Choose another "
            f"folder, or pass --overwrite, where there is one, to replace what `spacy skd {by}` "
            f"wrote"
        )
    if mark.by != by:
        raise NotOurs(
            f"{folder} is not replaced: `spacy skd {mark.by}` wrote it, not `spacy skd {by}`. "
            f"Choose another folder, or remove it yourself"
        )
    if not mark.files:
        mark = Mark.of(folder, earlier(folder), by=by)
    strangers = list(mark.strangers(folder))
    if strangers:
        raise NotOurs(
            f"{folder} is not replaced: {_listed(strangers)}. Move that elsewhere, choose another "
            f"folder, or remove this one yourself"
        )
    return mark


def _put(files: Path, folder: Path, old: Mark, new: Mark, *, drafts: Path) -> None:
    """Put the files in their places. The mark first says what may be there, so that a run which is
    killed here is ours, too."""
    blocked = [name for name in new.files if (folder / name).is_dir()]
    if blocked:
        raise NotOurs(f"{folder / blocked[0]}: expected a file or nothing, found a folder")
    old.joined(new).write(folder, drafts=drafts)
    for name in new.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(files / name, folder / name)
    remove_files(folder, [name for name in old.files if name not in new.files])
    new.write(folder, drafts=drafts)


def remove_files(folder: Path, names: Collection[str]) -> None:
    """Remove files of a folder, and folders that are empty without them."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    parents = {parent for name in names for parent in Path(name).parents[:-1]}
    for parent in sorted(parents, key=lambda parent: len(parent.parts), reverse=True):
        with contextlib.suppress(OSError):  # it holds something else
            (folder / parent).rmdir()


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing, not even of somebody else."""
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what was made is removed again if the block fails."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
