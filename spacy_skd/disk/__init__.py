"""Other people's files: what is read, what is written, and the only place where something is
replaced or removed. Imports nothing of the rest."""

from .apart import check_apart
from .atomic import (
    NotOurs,
    check_new_file,
    digest,
    digest_of,
    json_bytes,
    write_atomically,
    write_new,
)
from .drafts import draft_folder
from .find import PACKED, files_below, files_of, refuse_stream, suffix_of, unique_files
from .folder import (
    check_folder,
    held_folder,
    mark_folder,
    new_folder,
    remove_files,
    remove_if_empty,
    same_files,
)
from .lock import Held, locked
from .strict_json import numbers_to_null, to_json_line
from .watch import unchanged

__all__ = [
    "Held",
    "NotOurs",
    "PACKED",
    "check_apart",
    "check_folder",
    "check_new_file",
    "digest",
    "digest_of",
    "draft_folder",
    "files_below",
    "files_of",
    "held_folder",
    "json_bytes",
    "locked",
    "mark_folder",
    "new_folder",
    "numbers_to_null",
    "refuse_stream",
    "remove_files",
    "remove_if_empty",
    "same_files",
    "suffix_of",
    "to_json_line",
    "unchanged",
    "unique_files",
    "write_atomically",
    "write_new",
]
