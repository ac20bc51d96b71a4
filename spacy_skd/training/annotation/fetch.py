"""Inputs in an object store: copied to this machine while they are annotated."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .inputs import SUFFIXES
from .places.bucket import is_url, local_path, open_store, told


@contextmanager
def fetched(
    inputs: Sequence[str], *, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Copy what is given by URL to a folder that is gone after the block. Errors name the URL.

    inputs (Sequence[str]): files, globs and folders; URLs of such. suffixes (Sequence[str]): of
        files.
    RETURNS: inputs of this machine in the same order, each file of an URL once, and by such a file
        its URL.
    RAISES (ValueError): for a URL that nothing matches; (OSError): if it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="spacy-skd-") as folder:
        places: list[str] = []
        urls: dict[str, str] = {}
        for place in inputs:
            if not is_url(place):
                places.append(local_path(place))
                continue
            fs, path = open_store(place)
            with told(place):
                names = _matching(fs, path, tuple(suffixes))
            if not names:
                raise ValueError(f"{place}: no {', '.join(suffixes)} file matches")
            for name in names:
                url = fs.unstrip_protocol(name)
                if url in urls.values():
                    continue
                target = Path(folder) / str(len(urls)) / name.rpartition("/")[2]
                target.parent.mkdir()
                with told(place):
                    fs.get_file(name, str(target))
                places.append(str(target))
                urls[str(target)] = url
        try:
            yield places, urls
        except ValueError as error:
            said = str(error)
            for local, url in urls.items():
                said = said.replace(local, url)
            if said == str(error):
                raise
            raise ValueError(said) from error


def _matching(fs: Any, path: str, suffixes: tuple[str, ...]) -> list[str]:
    """Return files: what a glob matches, all below a folder, or the file itself."""
    found: list[str] = []
    for one in sorted(fs.glob(path)) if any(c in path for c in "*?[") else [path]:
        found += sorted(fs.find(one)) if fs.isdir(one) else [one] if fs.exists(one) else []
    return [name for name in found if name.lower().endswith(suffixes)]
