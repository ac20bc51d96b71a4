"""What an annotation needs of the place that it writes to."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spacy.tokens import DocBin

from ....shards.files import Shard
from ....shards.manifest import Manifest


@dataclass(frozen=True)
class Written:
    """A shard whose bytes are in the place, but which no manifest names yet.

    name (str): of its file. draft (str): where its bytes are; "" if under their own name.
    """

    name: str
    shard: Shard
    draft: str = ""


class Sink(Protocol):
    """What a worker writes shards by; it can be pickled."""

    def write(self, name: str, bin_: DocBin, *, labelled: bool) -> Written:
        """Write the bytes of a shard. RAISES (OSError): naming it, if it cannot be written."""


class Place(Protocol):
    """A folder of shards and their manifest, that one run at a time writes to."""

    def hold(self) -> AbstractContextManager[Path]:
        """Hold the place for the block. RETURNS: a folder of this machine for drafts.

        RAISES (Held): if another run writes to it; (NotOurs): if it is no place to write to, or
            holds what is not an annotation's.
        """

    def manifest(self) -> Manifest | None:
        """Read the manifest, None if there is none. RAISES (ValueError): if it is damaged."""

    def check_resumable(self, manifest: Manifest) -> None:
        """Raise NotOurs if a file of somebody else stands where a run that goes on may write."""

    def clear(self) -> None:
        """Remove an earlier run. RAISES (NotOurs): if the place holds anything else."""

    def save(self, manifest: Manifest) -> None:
        """Write the manifest. RAISES (OSError): the one before is kept."""

    def sink(self) -> Sink:
        """Return what workers write by."""

    def check_free(self, written: Written) -> None:
        """Raise NotOurs if another's file has the name of a shard that no manifest named."""

    def put(self, written: Written) -> None:
        """Put a shard that the manifest names into its place."""

    def damage(self, name: str, shard: Shard) -> str:
        """Say how a shard is not as it was written, "" if it is."""

    def put_rejects(
        self, path: Path, *, is_named: bool
    ) -> AbstractContextManager[dict[str, object]]:
        """Return what the manifest is to say of the rejects; after the block they are in place.

        path (Path): the file. is_named (bool): whether the manifest names such a file already.
        RAISES (NotOurs): if there is another's.
        """

    def __str__(self) -> str:
        """For messages."""
