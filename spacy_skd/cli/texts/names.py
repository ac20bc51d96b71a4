"""NAME=PATH, or a path alone."""

from pathlib import Path


def named_path(item: str) -> tuple[str, str]:
    """Return the name, "" if there is none, and the path. What is there as it stands is a path,
    such as `lr=0.1/model-best`."""
    name, is_named, path = item.partition("=")
    return (name, path) if is_named and path and not Path(item).exists() else ("", item)
