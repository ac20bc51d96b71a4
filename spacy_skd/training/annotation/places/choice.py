"""Which place an output is."""

from collections.abc import Sequence
from pathlib import Path

from ....disk import check_apart
from .base import Place
from .bucket import BucketPlace, is_url, local_path
from .folder import FolderPlace


def place_of(output: str | Path, *, apart: Sequence[str | Path]) -> Place:
    """Return the place of a folder or URL. apart (Sequence): what must not lie in a folder.

    RAISES (ValueError): if something does, or the URL cannot be reached.
    """
    if is_url(str(output)):
        for other in map(str, apart):
            _check_urls_apart(str(output), other)
        return BucketPlace(str(output))
    folder = Path(local_path(str(output)))
    check_apart(folder, [other for other in apart if not is_url(str(other))])
    return FolderPlace(folder)


def _check_urls_apart(output: str, other: str) -> None:
    """Raise ValueError if a URL lies in another, of a file, a folder or a glob, or the other way
    round."""
    if not is_url(other):
        return
    plain = other.partition("*")[0].partition("?")[0]
    folder = (plain if plain == other else plain.rpartition("/")[0]).rstrip("/") + "/"
    own = output.rstrip("/") + "/"
    if own.startswith(folder) or folder.startswith(own):
        raise ValueError(
            f"the output {output} and the input {other} lie in one another: what is written would "
            f"be read. Choose another output"
        )
