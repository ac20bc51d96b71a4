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
        return BucketPlace(str(output))
    folder = Path(local_path(str(output)))
    check_apart(folder, apart)
    return FolderPlace(folder)
