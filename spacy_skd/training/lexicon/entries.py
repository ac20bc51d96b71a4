"""The lines of a lexicon: a phrase, and its classes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_WORDS = 100  # of a phrase
_TEXTS, _CLASSES = ("phrase", "form", "pattern"), ("classes", "label")
_ONE_KEY = {"orth": "ORTH", "text": "ORTH", "lower": "LOWER"}  # of a token of a pattern
Words = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A line. text (str): of a phrase to cut, "" where its `words` are given. classes (tuple[str,
    ...]): one or more."""

    classes: tuple[str, ...]
    text: str = ""
    words: Words = ()


def parse_entry(line: str, attr: str) -> Entry:
    """Parse a line. RAISES (ValueError): saying what is malformed in it."""
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"expected an object, found {type(record).__name__}")
    (name, said), (_, labels) = _one_of(record, _TEXTS), _one_of(record, _CLASSES)
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(labels, list) or not labels or not all(map(_is_text, labels)):
        raise ValueError(f"expected a class or several, strings, found {labels!r}")
    classes = tuple(labels)
    if name == "pattern" and isinstance(said, list):
        return _of_tokens(said, classes, attr)
    if not _is_text(said):
        raise ValueError(f'expected "{name}" to be a string that is not empty, found {said!r}')
    words = said.split()
    if len(words) > MOST_WORDS:
        raise ValueError(f"expected a phrase of at most {MOST_WORDS} words, found {len(words)}")
    if name != "form":
        return Entry(classes, text=" ".join(words))
    if len(words) > 1:
        raise ValueError(f'expected "form" to be one word, found {said!r}: name it "phrase"')
    return Entry(classes, words=tuple(words))


def _one_of(record: dict[str, Any], names: Sequence[str]) -> tuple[str, Any]:
    found = [name for name in names if record.get(name) is not None]
    if len(found) != 1:
        raise ValueError(
            f"expected one of {', '.join(names)}, found {' and '.join(found) or sorted(record)}"
        )
    return found[0], record[found[0]]


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        value.encode("utf8")
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _of_tokens(pattern: list[Any], classes: tuple[str, ...], attr: str) -> Entry:
    """Read a pattern of spaCy's `Matcher`, of tokens that a lexicon can look for."""
    words: list[str] = []
    for token in pattern:
        pairs = list(token.items()) if isinstance(token, dict) else []
        name = _ONE_KEY.get(str(pairs[0][0]).lower()) if len(pairs) == 1 else None
        if name is None or not _is_text(pairs[0][1]):
            raise ValueError(
                f"expected tokens of a pattern such as {{'LOWER': 'new'}} or {{'ORTH': 'New'}}, "
                f"found {token!r}"
            )
        if name != attr and attr == "ORTH":
            raise ValueError(f'expected tokens by ORTH, as attr = "ORTH" says, found {token!r}')
        words.append(pairs[0][1])
    if not 0 < len(words) <= MOST_WORDS:
        raise ValueError(f"expected a pattern of 1 to {MOST_WORDS} tokens, found {len(words)}")
    return Entry(classes, words=tuple(words))
