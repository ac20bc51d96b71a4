"""A folder of an object store, by fsspec: `s3://`, `gs://`, and others that an installed package
knows. Extra `[scale]`, and the store's own package (s3fs, gcsfs).

Object stores have neither rename nor locks. A shard is written under its own name, and counts only
when the manifest, which is written after it, names it with its hash. The lock is a file that names
its owner, and is read again before each manifest. What that cannot exclude: two runs that begin in
the same moment, both of which see no lock; the one whose lock is overwritten ends at its next
manifest, and has written shards that are those of the other, if the input is the same, or that no
manifest names.
"""

import contextlib
import json
import os
import platform
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

from spacy.tokens import DocBin

from ....disk import NotOurs
from ....disk.atomic import digest
from ....disk.lock import LOCK, Held, Owner
from ....shards.files import Shard, damaged, shard_of
from ....shards.manifest import FILE, Manifest
from ...conversion.raw_text import REJECTS
from ..ownership import is_shard
from .base import Written

_LOCAL = "file://"


def is_url(place: str) -> bool:
    """Tell whether a place is in an object store."""
    return "://" in place and not place.startswith(_LOCAL)


def local_path(place: str) -> str:
    """Return the path of a `file://` URL, and any other place as it is."""
    return url2pathname(place[len(_LOCAL) :]) if place.startswith(_LOCAL) else place


def open_store(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path within it.

    RAISES (ValueError): if fsspec or the store's own package is missing, or the URL is none.
    """
    try:
        import fsspec

        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
        return found
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"{url} cannot be reached: {error}. pip install 'spacy-skd[scale]', and the package "
            f"of the store (s3fs for s3://, gcsfs for gs://)"
        ) from error


@contextmanager
def told(place: str) -> Iterator[None]:
    """Name the place in errors of stores, of which each has its own."""
    try:
        yield
    except (NotOurs, Held):
        raise
    except FileNotFoundError as error:
        raise ValueError(f"{place}: there is no such bucket or file ({error})") from error
    except Exception as error:
        raise OSError(f"cannot use {place}: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class BucketSink:
    """url (str): of the folder."""

    url: str

    def write(self, name: str, bin_: DocBin, *, labelled: bool) -> Written:
        fs, root = open_store(self.url)
        data = bin_.to_bytes()
        with told(f"{self.url}/{name}"):
            fs.pipe_file(f"{root}/{name}", data)
        return Written(name, shard_of(bin_, data, labelled=labelled))


class BucketPlace:
    """See `Place`. url (str): of the folder."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.fs, root = open_store(self.url)
        self.root = root.rstrip("/")
        self._token = secrets.token_hex(8)
        self._seen: dict[str, Any] = {}  # by name, what the store says of a shard that is whole

    @contextmanager
    def hold(self) -> Iterator[Path]:
        with told(self.url):
            self._lock()
        try:
            with told(self.url):
                names = self._names()
            if FILE not in names and names:
                raise NotOurs(
                    f"{self.url} is not empty and holds no {FILE}, but {names[0]}; choose another "
                    f"output folder"
                )
            with tempfile.TemporaryDirectory(prefix="spacy-skd-") as drafts:
                yield Path(drafts)
        finally:
            with contextlib.suppress(Exception):
                if self._owner().get("token") == self._token:
                    self.fs.rm_file(f"{self.root}/{LOCK}")

    def manifest(self) -> Manifest | None:
        with told(self.url):
            data = self._read(FILE)
        return None if data is None else Manifest.from_bytes(data, where=f"{self.url}/{FILE}")

    def check_resumable(self, manifest: Manifest) -> None:
        """See `Place`. A shard that no manifest names may be what a killed run wrote last."""

    def clear(self) -> None:
        manifest_data = self._read(FILE)
        try:
            named = set(json.loads(manifest_data or b"")["shards"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotOurs(
                f"{self.url} is not replaced: {FILE} is none that `spacy skd annotate` wrote"
            ) from error
        names = [name for name in self._names() if name != FILE]
        strangers = [n for n in names if n not in named and n != REJECTS and not is_shard(n)]
        if strangers:
            raise NotOurs(
                f"{self.url} is not replaced: it holds {strangers[0]}. Move that elsewhere, or "
                f"choose another output folder"
            )
        with told(self.url):
            for name in (*names, FILE):  # without the manifest the rest is nobody's
                self.fs.rm_file(f"{self.root}/{name}")

    def save(self, manifest: Manifest) -> None:
        with told(f"{self.url}/{FILE}"):
            owner = self._owner()
            if owner.get("token") != self._token:
                raise Held(
                    f"{self.url} is written by another run, too: {_named(owner)}. This one ends; "
                    f"what it wrote and no manifest names is written again"
                )
            self.fs.pipe_file(f"{self.root}/{FILE}", manifest.to_bytes())

    def sink(self) -> BucketSink:
        return BucketSink(self.url)

    def check_free(self, written: Written) -> None:
        """See `Place`. The name is that of a shard, and the bytes are written."""

    def put(self, written: Written) -> None:
        with told(f"{self.url}/{written.name}"):
            self._seen[written.name] = self._sign(written.name)

    def damage(self, name: str, shard: Shard) -> str:
        where = f"{self.url}/{name}"
        with told(where):
            sign = self._sign(name)
            if sign is not None and self._seen.get(name) == sign and sign[0] == shard.bytes:
                return ""
            data = self._read(name)
        if data is None:
            return damaged(where, "there is no such file")
        if digest(data) != shard.blake2b:
            return damaged(where, f"expected blake2b {shard.blake2b}, found {digest(data)}")
        self._seen[name] = sign
        return ""

    @contextmanager
    def put_rejects(self, path: Path, *, is_named: bool) -> Iterator[dict[str, Any]]:
        data = path.read_bytes()
        yield {"bytes": len(data), "blake2b": digest(data)}
        with told(f"{self.url}/{REJECTS}"):
            self.fs.pipe_file(f"{self.root}/{REJECTS}", data)

    def __str__(self) -> str:
        return self.url

    def _names(self) -> list[str]:
        self.fs.invalidate_cache()
        found = self.fs.find(self.root) if self.fs.exists(self.root) else []
        names = [path[len(self.root) :].lstrip("/") for path in found]
        return sorted(name for name in names if name and name != LOCK)

    def _read(self, name: str) -> bytes | None:
        self.fs.invalidate_cache()
        try:
            data: bytes = self.fs.cat_file(f"{self.root}/{name}")
        except FileNotFoundError:
            return None
        return data

    def _sign(self, name: str) -> tuple[Any, ...] | None:
        """Return size and version of a file as the store has them, None if it is not there."""
        self.fs.invalidate_cache()
        try:
            info = self.fs.info(f"{self.root}/{name}")
        except FileNotFoundError:
            return None
        keys = ("ETag", "etag", "md5Hash", "generation", "LastModified", "mtime", "ino")
        return (info["size"], *(str(info[key]) for key in keys if key in info))

    def _owner(self) -> dict[str, Any]:
        try:
            owner: dict[str, Any] = json.loads(self._read(LOCK) or b"{}")
        except ValueError:
            return {}
        return owner if isinstance(owner, dict) else {}

    def _lock(self) -> None:
        held = self._read(LOCK)
        if held is not None and not _is_over(self._owner()):
            raise Held(
                f"{self.url} is being written by {_named(self._owner())}. Wait for it or choose "
                f"another folder. If that run is over, remove {self.url}/{LOCK}"
            )
        owner = {**asdict(Owner.here()), "token": self._token}
        with contextlib.suppress(FileExistsError):
            self.fs.mkdir(self.root, create_parents=False)  # of a bucket: only looks for it
        self.fs.pipe_file(f"{self.root}/{LOCK}", json.dumps(owner).encode("utf8"))


def _named(owner: dict[str, Any]) -> str:
    known = {key: value for key, value in owner.items() if key != "token"}
    try:
        return str(Owner(**known))
    except TypeError:
        return "another run"


def _is_over(owner: dict[str, Any]) -> bool:
    """Tell whether the process of this machine that made a lock is gone, as far as can be known."""
    known = {key: value for key, value in owner.items() if key != "token"}
    try:
        if Owner(**known).host != platform.node() or os.name == "nt":
            return False
        os.kill(int(known["pid"]), 0)
    except ProcessLookupError:
        return True
    except (TypeError, ValueError, OSError):
        return False
    return False
