"""Which paths can stand in a config of spaCy's."""

from collections.abc import Iterable
from pathlib import Path


def check_paths(paths: Iterable[str | Path | None]) -> None:
    """Check paths that are to be written into a config, in which "$" begins a reference to another
    setting. thinc doubles it as often as it writes it, and spaCy's training writes it twice. And
    what is no UTF-8 cannot be written at all.

    RAISES (ValueError): naming the first that would not be read as it was.
    """
    for path in filter(None, paths):
        try:
            str(path).encode("utf8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"expected a path of UTF-8, which alone a config can hold, got {str(path)!r}: "
                f"rename the folder, or name a link to it"
            ) from error
        if "$" in str(path):
            raise ValueError(
                f"expected a path without '$', which spaCy does not read back from a config as it "
                f"is, got {str(path)!r}: rename the folder, or name a link to it"
            )
