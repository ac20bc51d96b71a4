"""Which paths can stand in a config of spaCy's."""

import re
from collections.abc import Iterable
from pathlib import Path

from thinc.api import Config


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


def unread_paths(config: Config) -> dict[str, str]:
    """Return what is set below `[paths]` that no other setting refers to: spaCy takes any name.

    config (Config): of one that is interpolated, which refers to nothing, nothing can be said.
    """
    read = set(re.findall(r"\$\{paths[.:](\w+)", config.to_str(interpolate=False)))
    set_ = {name: value for name, value in config.get("paths", {}).items() if value is not None}
    return {name: str(value) for name, value in set_.items() if read and name not in read}
