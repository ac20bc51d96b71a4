"""Annotation of a text by characters, and the words of a doc that it is of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ...models.words import words_of

Block = Mapping[str, Any]
SCORE = "score"
_SPAN_KEYS = {"start", "end", "label", "kb_id", "span_id", "id", "text", SCORE}
_TOKEN_KEYS = {"id", "start", "end", "_"}


class ScoredSpan(NamedTuple):
    """start, end (int): words, end exclusive. score (float | None): a probability."""

    start: int
    end: int
    label: str
    score: float | None


@dataclass
class Tally:
    """Of a whole file. misaligned (int): spans and tokens that no words spell. left_out (int):
    texts of which no whole analysis of a layer is left. unknown (dict[str, int]): keys that mean
    nothing here, each with the first line that has it."""

    misaligned: int = 0
    left_out: int = 0
    unknown: dict[str, int] = field(default_factory=dict)

    def check_keys(self, data: Block, known: Collection[str], *, line: int, where: str) -> None:
        """Note the keys that are not known. where (str): in what they stand."""
        for key in data:
            if key not in known:
                self.unknown.setdefault(f"{where}{key!r}", line)


class Annotation:
    """What a line says of its text, or one of its analyses does.

    data (Block): as in the file. doc (Doc): the text's tokens; text (str): their own. line (int):
        of the file, from 1.
    is_listed (bool): whether it is one of several analyses. forms (tuple[str, ...]): the words.
    """

    def __init__(self, data: Block, doc: Doc, tally: Tally, *, line: int, is_listed: bool):
        self.data, self.doc, self.tally = data, doc, tally
        self.line, self.is_listed = line, is_listed
        self.text = doc.text
        (self.words,) = words_of([doc])
        spelled = [token for token in doc if not token.is_space]
        self.forms = tuple(token.text for token in spelled)
        self._starts = {token.idx: i for i, token in enumerate(spelled)}
        self._ends = {token.idx + len(token): i + 1 for i, token in enumerate(spelled)}

    @property
    def n_words(self) -> int:
        return len(self.words)

    def spans(self, items: Any, *, what: str) -> list[ScoredSpan]:
        """Return the spans that words spell; others are counted.

        RAISES (ValueError): if they are no list of spans within the text, each with a label, or a
            score is no probability.
        """
        return [span for item in as_list(items, what) if (span := self._span(item, what))]

    def _span(self, item: Any, what: str) -> ScoredSpan | None:
        start, end = self.chars(item, what)
        label, score = item.get("label"), item.get(SCORE)
        self.tally.check_keys(item, _SPAN_KEYS, line=self.line, where=f"{what}: ")
        if not isinstance(label, str) or not label.strip():
            raise ValueError(f"{what}: expected a span with a label, got {item!r}")
        if score is not None and not (_is_number(score) and 0 <= score <= 1):
            raise ValueError(f"{what}: expected a score from 0 to 1, got {item!r}")
        first, after = self.words_at(start, end)
        if first is None or after is None:
            self.tally.misaligned += 1
            return None
        return ScoredSpan(first, after, label, None if score is None else float(score))

    def words_at(self, start: int, end: int) -> tuple[int | None, int | None]:
        """Return first word and the one after the last, None for what no word begins or ends with.
        Whitespace at the edges, which a mouse selects with a word, does not count."""
        inner = self.text[start:end]
        start += len(inner) - len(inner.lstrip())
        return self._starts.get(start), self._ends.get(start + len(inner.strip()))

    def chars(self, item: Any, what: str) -> tuple[int, int]:
        """Return start and end character. RAISES (ValueError): if they are none of the text's."""
        if not isinstance(item, Mapping):
            raise ValueError(f'{what}: expected {{"start": 0, "end": 3, ...}}, got {item!r}')
        start, end = item.get("start"), item.get("end")
        if not (type(start) is int and type(end) is int):  # True is an int, too
            raise ValueError(f"{what}: expected offsets of characters as integers, got {item!r}")
        n = len(self.text)
        if not 0 <= start < end <= n:
            raise ValueError(
                f"{what}: expected 0 <= start < end within the {n} characters of the text, got "
                f"{item!r}"
            )
        return start, end

    # Tokens of the annotation's own

    @cached_property
    def tokens(self) -> list[Block]:
        """The annotation's own tokens, with at least start and end. RAISES (ValueError): if they
        are no list of objects."""
        tokens = as_list(self.data.get("tokens", []), "tokens")
        for token in tokens:
            if not isinstance(token, dict):
                raise ValueError(
                    f'tokens: expected each as {{"start": 0, "end": 3}}, got {token!r}'
                )
        return tokens

    @cached_property
    def token_words(self) -> list[int]:
        """Of each of the annotation's tokens the word that it is; -1 for whitespace, and for one
        that is no word, which is counted."""
        places = []
        for token in self.tokens:
            start, end = self.chars(token, "tokens")
            first, after = self.words_at(start, end)
            is_word = first is not None and after == first + 1
            is_space = not self.text[start:end].strip()
            self.tally.misaligned += not (is_word or is_space)
            places.append(first if first is not None and is_word else -1)
        return places

    def has_token_key(self, key: str) -> bool:
        return any(key in token for token in self.tokens if isinstance(token, Mapping))

    def of_words(self, key: str, *, empty: str = "") -> list[str]:
        """Return what tokens say under a key, of each word; "" where they say nothing.

        empty (str): what an empty string stands for.
        RAISES (ValueError): if it is no string.
        """
        values = [""] * self.n_words
        for token, word in zip(self.tokens, self.token_words):
            value = token.get(key, "")
            if not isinstance(value, str):
                raise ValueError(f"tokens: expected {key!r} to be a string, got {token!r}")
            if word >= 0 and key in token:
                values[word] = value or empty
        return values

    def check_token_keys(self, known: Collection[str]) -> None:
        """Note keys of tokens that mean nothing. known: those of layers."""
        for token in self.tokens:
            keys = {*_TOKEN_KEYS, *known}
            self.tally.check_keys(token, keys, line=self.line, where="tokens: ")


def as_list(items: Any, what: str) -> list[Any]:
    """Return a list. RAISES (ValueError): if it is none."""
    if not isinstance(items, list):
        raise ValueError(f"{what}: expected a list, got {type(items).__name__}")
    return items


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
