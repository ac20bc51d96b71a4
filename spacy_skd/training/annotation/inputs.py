"""What is to be annotated, streamed: lines of text and JSONL, docs of `.spacy` files, and what of
them is unfit, with the reason. Memory does not grow with the input (a `.spacy` file is read whole,
since it is one compressed block)."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...disk import files_of, suffix_of, unique_files
from ...layers.base import Layer
from ...layers.entity_tags import log_repaired, repair_entities
from ...layers.known import corpus_layers
from ...shards.files import unpacked
from ...shards.messages import make_packer
from ...shards.store import KEY, META
from ..conversion.lines import MAX_LINE as MAX_LINE
from ..conversion.raw_text import Placed, read_texts
from ..conversion.raw_text import Unfit as Unfit

DOCS = ".spacy"
SUFFIXES = (".jsonl", ".txt", DOCS)


@dataclass(frozen=True)
class Record:
    """One text or doc of the input.

    number: its line, or its place in a `.spacy` file, from 1. end: bytes of the input read so far.
    n_words: between spaces of a text; tokens of a doc. doc: of `.spacy` files alone. is_gold:
    whether the doc has any annotation.
    """

    file: str
    number: int
    text: str
    end: int
    n_words: int
    meta: dict[str, Any] = field(default_factory=dict)
    doc: Doc | None = None
    is_gold: bool = False


def find_inputs(patterns: Sequence[str]) -> list[Path]:
    """Find files, every fitting file below folders, and globs; in that order, each once.

    RAISES (ValueError): for another suffix, a glob that matches nothing, and a file that is binary
        or not readable; (FileNotFoundError): for a missing path and a folder without such a file.
    """
    files: list[Path] = []
    for pattern in patterns:
        is_glob = has_magic(pattern) and not Path(pattern).exists()
        paths = sorted(map(Path, glob(pattern, recursive=True))) if is_glob else [Path(pattern)]
        if not paths:
            raise ValueError(f"{pattern}: no file matches")
        for path in paths:
            files += files_of(path, suffixes=SUFFIXES)
    for path in files:
        _check_readable(path)
    return unique_files(files)


def read_inputs(
    files: Sequence[Path],
    *,
    max_chars: int,
    with_meta: bool = True,
    after: Callable[[Path], None] = lambda path: None,
) -> Iterator[Record | Unfit]:
    """Yield every text and doc, in order, and every line that is none.

    max_chars (int): a longer text is unfit. with_meta (bool): whether a text is, too, whose meta a
        `.spacy` file cannot hold; else it comes without. after (Callable[[Path], None]): called
        when a file has been read to its end.
    RAISES (ValueError): for a `.spacy` file that is none.
    """
    before = 0
    for path in files:
        is_docs = suffix_of(path) == DOCS
        items = _read_docs(path, before) if is_docs else _read_texts(path, before, with_meta)
        for item in items:
            too_long = isinstance(item, Record) and len(item.text) > max_chars
            if isinstance(item, Record) and too_long:
                yield _too_long(item, max_chars)
            else:
                yield item
        after(path)
        before += path.stat().st_size


def _read_texts(path: Path, before: int, with_meta: bool) -> Iterator[Record | Unfit]:
    pack = make_packer()
    for item in read_texts(path):
        if not isinstance(item, Placed):
            yield item
            continue
        raw, meta = item.raw, item.raw.meta if with_meta else {}
        try:
            check_meta(meta, pack)
        except ValueError as error:
            yield Unfit(item.file, item.number, str(error))
            continue
        yield Record(item.file, item.number, raw.text, before + item.end, raw.n_words, meta)


def check_meta(meta: dict[str, Any], pack: Callable[[Any], bytes]) -> None:
    """Check that a `.spacy` file can hold the meta of a text. pack: of `make_packer`.

    RAISES (ValueError): saying what it cannot hold, and what to do about an integer.
    """
    try:
        pack(meta)
    except OverflowError as error:
        where = next(_large_integers(meta, "meta"), "meta")
        raise ValueError(
            f"the meta cannot be stored: {where} is an integer of more than 64 bits. Write it as a "
            f"string"
        ) from error
    except ValueError as error:  # half of a character, or what is nested too deeply
        raise ValueError(f"the meta cannot be stored: {error}") from error


def _large_integers(value: Any, place: str) -> Iterator[str]:
    """Yield the places of integers that msgpack cannot hold, as `meta["a"][0]`."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield place
    pairs = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in (*pairs, *items):
        yield from _large_integers(inner, f"{place}[{json.dumps(key)}]")


def _read_docs(path: Path, before: int) -> Iterator[Record | Unfit]:
    size = path.stat().st_size
    repaired = 0
    layers = corpus_layers()
    for i, (count, doc) in enumerate(unpacked(path, Vocab())):
        end = before + size * (i + 1) // count
        if not len(doc):
            yield Unfit(str(path), i + 1, "")
            continue
        if KEY in doc.user_data:
            raise ValueError(
                f"{path}: its docs have a teacher's beliefs already, and may be its guesses; name "
                f"what it was made of"
            )
        gold, meta = _is_gold(doc, layers), doc.user_data.get(META)
        meta = meta if isinstance(meta, dict) and not gold else {}  # gold keeps its user data
        repaired += repair_entities(doc)
        yield Record(str(path), i + 1, doc.text, end, len(doc), meta, doc=doc, is_gold=gold)
    log_repaired(str(path), repaired)


def _is_gold(doc: Doc, layers: Sequence[Layer]) -> bool:
    if doc.spans or doc.cats or doc.has_annotation("LEMMA"):
        return True
    # The first token of a doc starts a sentence, whoever made it.
    annotated = (la for la in layers if la.is_annotated(doc))
    return any(len(doc) > 1 or not layer.sets_sentences for layer in annotated)


def _too_long(record: Record, max_chars: int) -> Unfit:
    reason = f"the text has {len(record.text)} characters, more than the teacher's {max_chars}"
    return Unfit(record.file, record.number, f"{reason} (nlp.max_length)")


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8192)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    if suffix_of(path) != DOCS and b"\0" in start:
        raise ValueError(f"{path}: expected text, found a binary file (a byte 0)")
