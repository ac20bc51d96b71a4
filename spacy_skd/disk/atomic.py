"""Files that appear whole or not at all, and never in the place of another that was not named."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIX = ".spacy-skd-"  # of all drafts; the rest of their names is random
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class NotOurs(FileExistsError, ValueError):
    """A folder or file that is not replaced, since somebody else's may be lost."""


def write_atomically(path: Path, data: bytes, *, drafts: Path | None = None) -> None:
    """Write a file, or replace it: it has these bytes when it appears, also after a power cut.

    drafts (Path | None): folder of the draft, on the same disk; the file's own by default.
    RAISES (OSError): naming the file; what was there before is unchanged.
    """
    with drafted(path, data, drafts=drafts) as draft:
        os.replace(draft, path)


def write_new(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file that must not be there yet, unless `overwrite` is set, as `write_atomically`.

    RAISES (FileExistsError): if it is there, even if it came a moment ago; (OSError): if it cannot
        be written.
    """
    check_new_file(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    if overwrite:
        write_atomically(Path(os.path.realpath(path)), data)  # a link stays one
        return
    with drafted(path, data) as draft:
        try:
            os.link(draft, path)  # fails where os.replace would replace
        except FileExistsError:
            check_new_file(path)
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            check_new_file(path)
            os.replace(draft, path)


def check_new_file(path: Path, *, overwrite: bool = False) -> None:
    """Check that a file can be written.

    RAISES (NotOurs): if there is such a file, and `overwrite` is not set; a folder, or a device;
        (NotADirectoryError): if a folder above it is a file.
    """
    if path.exists() and not path.is_file():
        raise NotOurs(
            f"{path}: expected a file to write, found a folder or device; choose another file"
        )
    check_above(path)
    if os.path.lexists(path) and not overwrite:
        raise NotOurs(f"{path} exists already; remove it or choose another file")


def check_above(path: Path) -> None:
    """Check that there can be the folder that a file or folder is to be in.

    RAISES (NotADirectoryError): if one above it is a file.
    """
    for parent in path.parents:
        if parent.exists() or parent.is_symlink():
            if not parent.is_dir():
                raise NotADirectoryError(f"{path} cannot be written: {parent} is no folder")
            break


@contextlib.contextmanager
def drafted(path: Path, data: bytes, *, drafts: Path | None = None) -> Iterator[Path]:
    """Yield a draft of a file, whole and on the disk, for the block to put into its place.

    RAISES (OSError): naming the file; the draft is gone then.
    """
    draft = write_draft(path, data, drafts=drafts or path.parent)
    try:
        yield draft
        sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def write_draft(path: Path, data: bytes, *, drafts: Path) -> Path:
    """Write a draft of a file, whole and on the disk, for whoever puts it into its place.

    drafts (Path): its folder. RAISES (OSError): naming the file; there is no draft then.
    """
    draft = drafts / f"{PREFIX}{secrets.token_hex(8)}.draft"
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise
    return draft


def cannot_write(path: Path, error: OSError) -> OSError:
    """Return the error, naming the file: that of a full disk names none."""
    return OSError(error.errno, f"cannot write {path}: {error.strerror}")


def json_bytes(data: Any) -> bytes:
    """Return an object as lines of JSON that people read: UTF-8, or ASCII if it has the name of a
    file that is no UTF-8, which Python's reader gives back as it was."""
    try:
        return f"{json.dumps(data, indent=1, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(data, indent=1)}\n".encode()


def digest(data: bytes) -> str:
    """Return blake2b, 32 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_of(path: Path) -> str:
    """Return the digest of a file of any size."""
    whole = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            whole.update(block)
    return whole.hexdigest()


def sync_folder(folder: Path) -> None:
    """Let a power cut not undo what was renamed in a folder."""
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
