"""What annotators' tools write of a text, with offsets of characters: spaCy's simple style,
Prodigy's, doccano's, and `doc.to_json()`.

    {"text": "Ann Lee", "entities": [[0, 7, "PER"]]}
    ["Ann Lee", {"entities": [[0, 7, "PER"]]}]
    {"text": "Ann Lee", "spans": [{"start": 0, "end": 7, "label": "PER"}], "answer": "accept"}
    {"text": "Ann Lee", "label": [[0, 7, "PER"]]}
    {"text": "Ann Lee", "entities": [{"start_offset": 0, "end_offset": 7, "label": "PER"}]}

Categories of the text may stand in the same record, or alone (`record_categories.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .record_categories import VIEWS, RecordCategories, is_listed, parse_categories, storable

NEGATIVE_KEY = "incorrect_spans"  # a group, for the setting `incorrect_spans_key`
ANSWERS = ("accept", "reject", "ignore")
_TEXT_KEYS = ("text", "data")
_ENTITY_KEYS = ("entities", "ents")
_SPAN_KEYS = ("entities", "spans", "ents", "label", "labels")
_BINARY_VIEWS = ("ner", "spans")  # of Prodigy: one answer about the spans that are shown
_MANUAL_VIEWS = ("ner_manual", "spans_manual")
_OF_TOKENS = ("tag", "pos", "morph", "lemma", "dep")  # of `doc.to_json()`


class CharSpan(NamedTuple):
    """start, end (int): characters, end exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class OffsetRecord:
    """An annotated text.

    spans: as annotated, possibly overlapping; None where the record is not about spans (categories
        of the text, or no annotation).
    answer: one of `ANSWERS`.
    is_binary: the answer is about these spans alone, and nothing is known of the rest of the text.
    categories: what is known of the text's categories; None if nothing.
    has_no_labels: "label" is an empty list, which in a file of categories says that none holds.
    n_unread: spans under other keys, or in other groups, than those that are read.
    has_tokens: whether tokens have tags, lemmas or deprels, which are not read.
    """

    text: str
    spans: list[CharSpan] | None
    answer: str = "accept"
    is_binary: bool = False
    categories: RecordCategories | None = None
    has_no_labels: bool = False
    n_unread: int = 0
    has_tokens: bool = False

    def of_categories(self) -> "OffsetRecord":
        """Return the record as one of a file of categories: without labels it has none."""
        if not self.has_no_labels:
            return self
        return replace(self, spans=None, categories=RecordCategories(is_complete=True))


def has_group(record: Any, name: str) -> bool:
    """Tell whether a record has a group of "spans" of that name, if an empty one."""
    annotations = record[-1] if isinstance(record, list) and record else record
    groups = annotations.get("spans") if isinstance(annotations, dict) else None
    return isinstance(groups, dict) and name in groups


def parse_offsets(
    record: Any, *, spans_key: str | None = None, group: str | None = None
) -> OffsetRecord:
    """Parse a record.

    spans_key (str | None): where spans are to be kept: "spans" are then read before other keys, and
        all groups of them. None for entities: groups are read where the record has no others.
    group (str | None): the group of "spans" that alone is read; nothing is known of the spans of a
        record without it.
    RAISES (ValueError): saying what of it was expected and what it is.
    """
    record = _as_object(record)
    text = next((record[key] for key in _TEXT_KEYS if isinstance(record.get(key), str)), None)
    if text is None:
        raise ValueError(f'the record has no "text", only {sorted(record)}')
    storable(text, what="text")
    answer = record.get("answer", "accept")
    if answer not in ANSWERS:
        raise ValueError(f'"answer": expected one of {", ".join(ANSWERS)}, found {answer!r}')
    items, n_unread = _span_items(record, spans_key, group)
    spans = None if items is None else [_span(item, text) for item in items]
    view = record.get("_view_id")
    is_binary = record.get("_is_binary", view in _BINARY_VIEWS)
    categories = parse_categories(
        record, numbers=record.get("cats"), answer=answer, has_spans=bool(spans)
    )
    is_read = spans is not None or categories is not None or n_unread > 0
    if not is_read and answer == "accept" and view not in VIEWS:
        _check_nothing(record)
    has_no_labels = not spans and any(record.get(key) == [] for key in ("label", "labels"))
    return OffsetRecord(
        text,
        spans,
        answer,
        bool(is_binary),
        categories,
        has_no_labels,
        n_unread,
        _has_tokens(record.get("tokens")),
    )


def _as_object(record: Any) -> dict[str, Any]:
    """Return spaCy's pairs of text and annotations as one object."""
    if isinstance(record, list) and len(record) == 2:
        text, annotations = record
        if isinstance(text, str) and isinstance(annotations, dict):
            return {**annotations, "text": text}
    if not isinstance(record, dict):
        raise ValueError(
            f'expected an object like {{"text": "...", "entities": [[0, 3, "LABEL"]]}}, or a pair '
            f"of a text and such annotations, found {_name(record)}"
        )
    return record


def _span_items(
    record: dict[str, Any], spans_key: str | None, group: str | None
) -> tuple[list[Any] | None, int]:
    """Return the annotated spans; None where there is no list of them, or it only shows what the
    category was chosen by; and how many others there are."""
    view = record.get("_view_id")
    if view in VIEWS:
        return None, 0
    lists, n_unread = _span_lists(record, spans_key)
    if group is not None:
        items = record["spans"][group] if has_group(record, group) else None
        return items, n_unread + sum(map(len, lists)) - len(items or ())
    spans = next(filter(None, lists), lists[0] if lists else None)
    n_unread += sum(len(items) for items in lists if items != spans)
    if spans is None and view in _MANUAL_VIEWS:
        return [], n_unread
    return None if not spans and isinstance(record.get("label"), str) else spans, n_unread


def _span_lists(record: dict[str, Any], spans_key: str | None) -> tuple[list[list[Any]], int]:
    """Return the lists of spans, the first with some of which is read; and how many spans stand in
    groups that are not read."""
    lists: list[list[Any]] = []
    n_others = 0
    for key in _SPAN_KEYS:
        items = record.get(key)
        if isinstance(items, dict) and key == "spans":  # groups, as of `Example.from_dict`
            if not all(isinstance(group, list) for group in items.values()):
                raise ValueError(f'"spans": expected a list of spans for each key, found {items!r}')
            names = _groups_read(record, items, spans_key)
            n_others += sum(map(len, items.values())) - sum(len(items[name]) for name in names)
            items = [item for name in names for item in items[name]]
        if isinstance(items, list) and not is_listed(items):
            lists.insert(0 if key == "spans" and spans_key else len(lists), items)
    return lists, n_others


def _groups_read(
    record: dict[str, Any], groups: Mapping[str, list[Any]], spans_key: str | None
) -> list[str]:
    """Return the names of the groups that are read: all but the negative, and none where entities
    are asked and the record has some, or none, of its own."""
    if spans_key is None and any(isinstance(record.get(key), list) for key in _ENTITY_KEYS):
        return []
    return [name for name in groups if name != NEGATIVE_KEY]


def _check_nothing(record: dict[str, Any]) -> None:
    """Raise ValueError if a record says something of its text, but not in a way that is known."""
    for key in _SPAN_KEYS:
        value = record.get(key)
        if value is not None and value not in ([], {}):
            raise ValueError(
                f'"{key}": expected spans like [[0, 3, "LABEL"]], or of "label" the name of a '
                f"category, found {value!r:.80}"
            )


def _has_tokens(tokens: Any) -> bool:
    if not isinstance(tokens, list):
        return False
    return any(isinstance(token, dict) and any(map(token.get, _OF_TOKENS)) for token in tokens)


def _span(item: Any, text: str) -> CharSpan:
    if isinstance(item, dict):
        start, end = (item.get(key, item.get(f"{key}_offset")) for key in ("start", "end"))
        label = item.get("label")
    elif isinstance(item, list) and len(item) >= 3:
        start, end, label = item[:3]
    else:
        raise ValueError(f"expected a span like [0, 3, 'LABEL'], found {item!r}")
    if not (type(start) is int and type(end) is int):  # True is an int, too
        raise ValueError(f"expected offsets of characters as integers, found {item!r}")
    if not isinstance(label, str) or not label.strip():
        raise ValueError(f"expected a span with a label, found {item!r}")
    if not 0 <= start < end <= len(text):
        raise ValueError(
            f"expected a span with 0 <= start < end within the {len(text)} characters of the "
            f"text, found {item!r}"
        )
    return CharSpan(start, end, storable(label, what="label"))


def _name(value: Any) -> str:
    return "null" if value is None else type(value).__name__
