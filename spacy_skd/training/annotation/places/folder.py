"""A folder on a disk, which may be shared by machines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spacy.tokens import DocBin

from ....disk import NotOurs, held_folder
from ....disk.atomic import sync_folder, write_draft
from ....disk.mark import size_of
from ....shards.files import Shard, check_whole, is_whole, shard_of
from ....shards.manifest import FILE, Manifest
from ...conversion.raw_text import REJECTS
from ..ownership import check_empty_or_annotated, check_resumable, clear
from .base import Written


@dataclass(frozen=True)
class FolderSink:
    """folder (str): of the shards, for messages. drafts (str): where drafts are written."""

    folder: str
    drafts: str

    def write(self, name: str, bin_: DocBin, *, labelled: bool) -> Written:
        data = bin_.to_bytes()
        draft = write_draft(Path(self.folder) / name, data, drafts=Path(self.drafts))
        return Written(name, shard_of(bin_, data, labelled=labelled), str(draft))


class FolderPlace:
    """See `Place`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._drafts = folder

    @contextmanager
    def hold(self) -> Iterator[Path]:
        with held_folder(self.folder) as drafts:
            check_empty_or_annotated(self.folder)
            self._drafts = drafts
            yield drafts

    def manifest(self) -> Manifest | None:
        return Manifest.from_disk(self.folder) if (self.folder / FILE).exists() else None

    def check_resumable(self, manifest: Manifest) -> None:
        check_resumable(self.folder, manifest)

    def clear(self) -> None:
        clear(self.folder)

    def save(self, manifest: Manifest) -> None:
        manifest.to_disk(self.folder, drafts=self._drafts)

    def sink(self) -> FolderSink:
        return FolderSink(str(self.folder), str(self._drafts))

    def check_free(self, written: Written) -> None:
        path = self.folder / written.name
        if path.exists() and not is_whole(path, written.shard):
            raise NotOurs(f"{path} is another's: move it elsewhere, and run the command again")

    def put(self, written: Written) -> None:
        os.replace(written.draft, self.folder / written.name)
        sync_folder(self.folder)

    def damage(self, name: str, shard: Shard) -> str:
        try:
            check_whole(self.folder / name, shard)
        except ValueError as error:
            return str(error)
        return ""

    @contextmanager
    def put_rejects(self, path: Path, *, is_named: bool) -> Iterator[dict[str, object]]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        size, blake2b = size_of(path)
        target = self.folder / REJECTS
        if target.exists() and not is_named and size_of(target) != (size, blake2b):
            raise NotOurs(f"{target} is another's: move it elsewhere, and run the command again")
        yield {"bytes": size, "blake2b": blake2b}
        os.replace(path, target)

    def __str__(self) -> str:
        return str(self.folder)
