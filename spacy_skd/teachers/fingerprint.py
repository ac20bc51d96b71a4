"""What tells one teacher from another: a digest of its config and weights."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language

from ..disk import digest_of, files_below

# Texts about a pipeline; the rest of its folder decides what it says.
_ABOUT = ("meta.json", "README.md", "LICENSE", "LICENSES_SOURCES", "accuracy.json")


def fingerprint(nlp: Language) -> str:
    """Return a digest of the files that a pipeline was loaded from, the same for all copies of its
    folder.

    RETURNS (str): 32 hexadecimal digits.
    RAISES (ValueError): if the pipeline was not loaded from a folder.
    """
    if nlp.path is None:
        raise ValueError(
            "the teacher was not loaded from disk, so it has no fingerprint; save it (nlp.to_disk) "
            "and name its folder"
        )
    return fingerprint_of_folder(nlp.path)


def about_pipeline(nlp: Language) -> dict[str, Any]:
    """Return what a manifest says of a pipeline: path, fingerprint, name. RAISES (ValueError): see
    `fingerprint`."""
    meta = {key: nlp.meta[key] for key in ("lang", "name", "version")}
    return {"path": str(nlp.path), "fingerprint": fingerprint(nlp), **meta}


def fingerprint_of_folder(folder: Path) -> str:
    """See `fingerprint`. Names of files count, their dates and hidden files do not; links
    are as what they lead to."""
    whole = hashlib.blake2b(digest_size=16)
    for path in sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        whole.update(path.relative_to(folder).as_posix().encode("utf8") + b"\0")
        whole.update(bytes.fromhex(digest_of(path)))
    return whole.hexdigest()


def fingerprint_of(parts: Iterable[str]) -> str:
    """Return a digest of some texts, such as digests, in their order."""
    whole = hashlib.blake2b(digest_size=16)
    for part in parts:
        whole.update(part.encode("utf8") + b"\0")
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in files_below(folder):
        inside = path.relative_to(folder)
        if "__pycache__" not in inside.parts and inside.as_posix() not in _ABOUT:
            yield path
