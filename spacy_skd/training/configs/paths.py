"""Which paths can stand in a config of spaCy's."""

from collections.abc import Iterable
from pathlib import Path


def check_paths(paths: Iterable[str | Path | None]) -> None:
    """Check paths that are to be written into a config, in which "$" begins a reference to another
    setting. thinc doubles it as often as it writes it, and spaCy's training writes it twice.

    RAISES (ValueError): naming the first that would not be read as it was.
    """
    for path in paths:
        if path is not None and "$" in str(path):
            raise ValueError(
                f"expected a path without '$', which spaCy does not read back from a config as it "
                f"is, got {str(path)!r}: rename the folder, or name a link to it"
            )
