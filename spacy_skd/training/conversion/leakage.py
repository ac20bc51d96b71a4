"""Find training texts that stand in the evaluation data.

Texts are compared by their *key*: the letters, marks and digits after NFKC and casefold, with
nothing between them. Case, punctuation, spacing and tokenisation therefore do not matter ("Don't"
and "do n't" are the same), and a text without letters and digits (":-)") is compared without its
spaces. A text leaks

- as a *copy*, if its key or that of one of its lines equals that of a held-out sentence or
  document, however short;
- as an *overlap*, if it contains a whole held-out sentence of at least `min_words` words, or is
  at least that long itself and stands inside a held-out document. Both begin and end at word
  boundaries; where a script has no spaces, at any character, two of which count as a word.
  Shorter sentences ("Thank you.") occur everywhere and prove nothing.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from .spaceless import apart, is_spaceless

MIN_WORDS = 5
ANCHOR = 16  # characters of a key that an index is searched by


class HeldOut:
    """An index over held-out documents; a lookup is linear in the length of the text.

    documents: each a sequence of its sentences' texts.
    min_words: words of the shortest overlap that counts as a leak.
    """

    def __init__(
        self, documents: Iterable[Sequence[str]] = (), *, min_words: int = MIN_WORDS
    ) -> None:
        if min_words < 1:
            raise ValueError(f"expected min_words >= 1, found {min_words}")
        self.min_words = min_words
        self._copies: set[str] = set()
        self._sentences: dict[str, dict[str, None]] = defaultdict(dict)  # each once, in order
        self._documents: list[str] = []
        self._ends: list[set[int]] = []
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for sentences in documents:
            self._add(sentences)
        self._anchors = sorted({len(anchor) for anchor in self._sentences})

    def find(self, text: str) -> str | None:
        """Return "copy", "overlap" or None for a text that does not leak."""
        words = words_of(text)
        lines = text.splitlines()
        keys = [_join(words, text), *(key_of(line) for line in lines if len(lines) > 1)]
        if any(key and key in self._copies for key in keys):
            return "copy"
        if self._is_long(words) and (self._contains(words) or self._is_inside(words)):
            return "overlap"
        return None

    def _is_long(self, words: Sequence[str]) -> bool:
        return len(words) - sum(map(is_spaceless, words)) / 2 >= self.min_words

    def _add(self, sentences: Sequence[str]) -> None:
        all_words: list[str] = []
        for sentence in sentences:
            words = words_of(sentence)
            key = key_of(sentence)
            self._copies.add(key)
            if self._is_long(words):
                self._sentences[key[:ANCHOR]][key] = None
            all_words.extend(words)
        self._copies.add(key_of(" ".join(sentences)))
        self._add_document(all_words)

    def _add_document(self, words: Sequence[str]) -> None:
        key, ends = "".join(words), _ends(words)
        for start in [0, *ends[:-1]]:
            self._places[key[start : start + ANCHOR]].append((len(self._documents), start))
        self._documents.append(key)
        self._ends.append(set(ends))

    def _contains(self, words: Sequence[str]) -> bool:
        key, ends = "".join(words), _ends(words)
        end_set = set(ends)
        for start in [0, *ends[:-1]]:
            for length in self._anchors:
                for sentence in self._sentences.get(key[start : start + length], ()):
                    if key.startswith(sentence, start) and start + len(sentence) in end_set:
                        return True
        return False

    def _is_inside(self, words: Sequence[str]) -> bool:
        key = "".join(words)
        # Not found: min_words words of fewer than ANCHOR letters ("a b c d e"), except as copies.
        return any(
            self._documents[number].startswith(key, start)
            and start + len(key) in self._ends[number]
            for number, start in self._places.get(key[:ANCHOR], ())
        )


def words_of(text: str) -> list[str]:
    """Return runs of letters, marks and digits of the text, after NFKC and casefold; of scripts
    without spaces single characters."""
    return apart(unicodedata.normalize("NFKC", text).casefold().translate(_KEPT)).split()


def key_of(text: str) -> str:
    """Return what a text is compared by: its words joined, or, without words, all but its
    spaces."""
    return _join(words_of(text), text)


def _join(words: Sequence[str], text: str) -> str:
    return "".join(words) or "".join(text.split())


def _ends(words: Sequence[str]) -> list[int]:
    """Return where in the joined words each word ends."""
    ends, end = [], 0
    for word in words:
        end += len(word)
        ends.append(end)
    return ends


class _KeptCharacters(dict[int, str]):
    """Translates a character to itself, or to a space if it belongs to no word."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_selector = 0xFE00 <= code <= 0xFE0F  # emoji style, though its category is a mark
        is_word = unicodedata.category(character)[0] in "LMN" and not is_selector
        self[code] = character if is_word else " "
        return self[code]


_KEPT = _KeptCharacters()
