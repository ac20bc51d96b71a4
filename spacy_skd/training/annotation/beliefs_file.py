"""A file of beliefs: its lines, what reads them, and whatever is wrong with it."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ...layers.base import Layer
from ...layers.known import known_layers
from ...layers.said import Annotation, LayerReader, Tally
from ...shards.messages import make_packer
from ..conversion.raw_text import Placed, Unfit, read_texts
from .inputs import Record, check_meta

SUFFIXES = (".jsonl",)
ANALYSES, WEIGHT = "analyses", "weight"
_OWN_KEYS = {"text", "meta", ANALYSES, WEIGHT}
_IGNORED = {"_", "tokens", "sents"}  # of `Doc.to_json`, where no layer reads them

_PACK = make_packer()

Readers = dict[str, LayerReader[Any]]


@dataclass(frozen=True)
class Believed(Record):
    """A text with what is believed of it. analyses: each as it stands in the line. weights: their
    own. is_listed: whether they stand in a list; then `ignored` are other keys of the line."""

    analyses: Sequence[Mapping[str, Any]] = ()
    weights: Sequence[float] = ()
    is_listed: bool = False
    ignored: tuple[str, ...] = ()


def survey(nlp: Language, files: Sequence[Path]) -> tuple[Readers, Tally]:
    """Read all of the input. RETURNS (tuple[Readers, Tally]): what reads each layer, by the name
    that it has in a store. RAISES (ValueError): naming file and line, for what is wrong."""
    readers: Readers = {}
    tally, layers = Tally(), known_layers()
    first, n_texts = "", 0
    for record in read_believed(nlp, files):
        if not isinstance(record, Believed):
            continue
        place = f"{record.file}, line {record.number}"
        try:
            names = _note(nlp, record, readers, tally, layers, is_first=not first)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        first, n_texts = first or place, n_texts + 1
        if names != set(readers):
            raise ValueError(
                f"{place}: expected what {first} has, {', '.join(readers)}, got "
                f"{', '.join(sorted(names)) or 'nothing'}. Every text needs all layers of the "
                f"store: write those that have others to a file, and a store, of their own"
            )
    if not readers:
        raise ValueError(f"{', '.join(map(str, files))}: expected texts with analyses, found none")
    if tally.left_out == n_texts:
        raise ValueError(
            f"{', '.join(map(str, files))}: no text has a whole analysis of each of "
            f"{', '.join(readers)}: a tree needs a token and a head for every word"
        )
    return readers, tally


def _note(
    nlp: Language,
    record: Believed,
    readers: Readers,
    tally: Tally,
    layers: Sequence[Layer],
    *,
    is_first: bool,
) -> set[str]:
    """Note what a line says. layers (Sequence[Layer]): that there are. RETURNS (set[str]): the
    names of the line's."""
    names: list[set[str]] = []
    whole: set[str] = set()
    for key in record.ignored:
        tally.unknown.setdefault(repr(key), record.number)
    with nlp.memory_zone():
        doc = nlp.make_doc(record.text)
        for annotation in annotations_of(record, doc, tally):
            here = _readers_of(annotation, layers)
            for name, reader in here.items():
                known = readers.setdefault(name, reader) if is_first else readers.get(name, reader)
                known.line = known.line or record.number
                whole |= {name} if known.note(annotation) else set()
                _check_kind(known, reader)
            _check_keys(annotation, here)
            names.append(set(here))
    if not any(names):
        keys = sorted({key for analysis in record.analyses for key in analysis})
        under = sorted({key for layer in layers for key in layer.said_under})
        raise ValueError(f"expected some of {', '.join(under)}, got {', '.join(keys)}")
    if any(each != names[0] for each in names):
        raise ValueError(f"{ANALYSES}: expected the same layers in each, got {names}")
    tally.left_out += whole != names[0]
    return names[0]


def _check_kind(known: LayerReader[Any], reader: LayerReader[Any]) -> None:
    """Raise ValueError if a line says a layer by scores, and another by analyses."""
    if known.has_scores is None:
        known.has_scores = reader.has_scores
    elif reader.has_scores is not None and reader.has_scores != known.has_scores:
        kinds = {True: "probabilities", False: "analyses without"}
        raise ValueError(
            f"{reader.of.full_name}: expected {kinds[known.has_scores]}, as line {known.line} has, "
            f"got {kinds[reader.has_scores]}. A file has one kind of beliefs of each layer: write "
            f"the others to a file, and a store, of their own"
        )


def _readers_of(annotation: Annotation, layers: Sequence[Layer]) -> Readers:
    readers: Readers = {}
    for reader in (reader for layer in layers for reader in layer.readers(annotation)):
        other = readers.setdefault(reader.name, reader)
        if other is not reader:
            raise ValueError(
                f"{reader.of.full_name} and {other.of.full_name} would have one name in a store, "
                f"{reader.name!r}: rename one"
            )
        if not reader.name.isascii() or not reader.name.replace("_", "a").isalnum():
            raise ValueError(
                f"{reader.of.full_name!r}: expected a name that a config can hold, of ASCII "
                f"letters, digits and _, as 'sc'"
            )
    return readers


def _check_keys(annotation: Annotation, readers: Readers) -> None:
    read = {key for reader in readers.values() for key in reader.top_keys}
    known = {*read, *_OWN_KEYS, *_IGNORED}
    annotation.tally.check_keys(annotation.data, known, line=annotation.line, where="")
    annotation.check_token_keys({key for each in readers.values() for key in each.token_keys})


def annotations_of(record: Believed, doc: Doc, tally: Tally) -> list[Annotation]:
    """Return what is said of the tokens of the text, by each analysis."""
    where: dict[str, Any] = {"line": record.number, "is_listed": record.is_listed}
    return [Annotation(data, doc, tally, **where) for data in record.analyses]


def read_believed(nlp: Language, files: Sequence[Path]) -> Iterator[Record | Unfit]:
    """Yield every text, and blank lines. RAISES (ValueError): naming a line that is malformed."""
    before = 0
    for path in files:
        for item in read_texts(path):
            if not isinstance(item, Placed):
                if item.reason:
                    raise ValueError(f"{path}, line {item.number}: {item.reason}")
                yield item
                continue
            try:
                yield _record(item, before, max_chars=nlp.max_length)
            except ValueError as error:
                raise ValueError(f"{path}, line {item.number}: {error}") from error
        before += path.stat().st_size


def _record(item: Placed, before: int, *, max_chars: int) -> Believed:
    raw = item.raw
    if len(raw.text) > max_chars:
        raise ValueError(f"expected at most {max_chars} characters of text, got {len(raw.text)}")
    data: dict[str, Any] = json.loads(raw.line)
    _check_storable(raw.line, data, raw.meta)
    analyses: Any = data.get(ANALYSES)
    is_listed = analyses is not None
    if not is_listed:
        analyses = [data]
    elif not isinstance(analyses, list) or not analyses:
        raise ValueError(f"{ANALYSES}: expected a list of one or more, got {analyses!r}")
    if not all(isinstance(analysis, dict) for analysis in analyses):
        raise ValueError(f'{ANALYSES}: expected each as {{"weight": 1, "ents": [...]}}')
    weights = [_weight(analysis.get(WEIGHT, 1.0)) if is_listed else 1.0 for analysis in analyses]
    if not sum(weights):
        raise ValueError(f"{WEIGHT}: expected weights of which one is above 0, got {weights}")
    kept = [i for i, weight in enumerate(weights) if weight]
    return Believed(
        item.file,
        item.number,
        raw.text,
        before + item.end,
        raw.n_words,
        raw.meta,
        analyses=[analyses[i] for i in kept],
        weights=[weights[i] for i in kept],
        is_listed=is_listed,
        ignored=tuple(key for key in data if key == WEIGHT or is_listed and key not in _OWN_KEYS),
    )


def _check_storable(line: str, data: Mapping[str, Any], meta: dict[str, Any]) -> None:
    """Raise ValueError for what a `.spacy` file cannot hold."""
    check_meta(meta, _PACK)
    try:
        if "\\ud" in line.lower():  # half of a character, perhaps, which has no UTF-8
            json.dumps(data, ensure_ascii=False).encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError(f"what cannot be stored: {error}") from error


def _weight(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= sys.float_info.max):
        raise ValueError(f"{WEIGHT}: expected a number of at least 0, got {value!r}")
    return float(value)
