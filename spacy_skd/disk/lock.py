"""One run at a time writes to a folder: a lock that names its owner.

The lock is the system's own (`flock`), which ends with the process, however that ends; the file
says whose it is. What it cannot exclude: a file system whose locks do not reach other machines
(some mounts of NFS and Lustre). There the file itself is respected: if it names another machine,
or the system has no such locks, whoever knows that the run is over has to remove it.
"""

import contextlib
import errno
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".spacy-skd.lock"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Held(FileExistsError, ValueError):
    """Another run writes to the folder."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock. machine: of the running system, the same in all its containers."""

    command: str
    pid: int
    host: str
    machine: str
    since: str

    @staticmethod
    def here() -> "Owner":
        """Return this process."""
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        return Owner(command[:200], os.getpid(), platform.node(), _machine(), since)

    @staticmethod
    def read(path: Path) -> "Owner | None":
        """Read who holds a lock, None if the file names none."""
        try:
            return Owner(**json.loads(path.read_text(encoding="utf8")))
        except (OSError, ValueError, TypeError):
            return None

    def is_near(self) -> bool:
        """Tell whether it ran on this machine, so that the system's lock tells whether it still
        does."""
        return self.host == platform.node() or self.machine == _machine()

    def __str__(self) -> str:
        return f"`{self.command}`, process {self.pid} on {self.host}, since {self.since}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for the block. A lock that a killed process of this machine left is taken over.

    RAISES (Held): naming the owner, if another run holds it, or a file that is no lock has its
        name.
    """
    path = folder / LOCK
    handle = _acquire(path)
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(asdict(Owner.here())).encode("utf8"))
        yield
    finally:
        _release(path, handle)


def is_lock(folder: Path, name: str) -> bool:
    """Tell whether a file of a folder is a lock, held or left."""
    path = folder / name
    return name == LOCK and not path.is_symlink() and (_is_empty(path) or bool(Owner.read(path)))


def _acquire(path: Path) -> int:
    """Lock a file. RETURNS (int): the open file. RAISES (Held)."""
    if os.path.lexists(path) and not is_lock(path.parent, path.name):
        raise Held(f"{path} is no lock of spacy-skd; move it elsewhere, or choose another folder")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _flock(handle):
                raise Held(_held_by(path))
            owner = Owner.read(path)
            if owner is not None and not owner.is_near():
                raise Held(_held_by(path))
        except BaseException:
            os.close(handle)
            raise
        # Whoever held it may have removed the file before it let go: then this one is nobody's.
        if _is_at(path, handle):
            return handle
        os.close(handle)


def _flock(handle: int) -> bool:
    """Tell whether a lock is ours. Where there are no such locks: whether it was new."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError as error:
        if error.errno in _HELD:
            return False
    return os.fstat(handle).st_size == 0


def _held_by(path: Path) -> str:
    owner = Owner.read(path) or "another run"
    return (
        f"{path.parent} is being written by {owner}. Wait for it or choose another folder. If that "
        f"run is over, remove {path}"
    )


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _release(path: Path, handle: int) -> None:
    if os.name == "nt":  # no open file can be removed there
        os.close(handle)
        path.unlink(missing_ok=True)
        return
    if _is_at(path, handle):
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(handle)


def _is_empty(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size == 0
    except OSError:
        return False


def _machine() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return platform.node()
