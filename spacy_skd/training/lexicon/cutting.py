"""Phrases as tokens: as the pipeline's tokenizer cuts them in a text."""

from typing import Any

from spacy.language import Language
from spacy.tokenizer import Tokenizer

from .entries import Words

# What a phrase stands between in a text.
_CONTEXTS = (("", ""), ("(", "),"), ("", "."))


class Cutter:
    """A pipeline's tokenizer, of phrases. spaCy's own cuts what stands between two spaces whatever
    else there is, unless it has a rule with a space: so each piece of text is cut once."""

    def __init__(self, nlp: Language):
        self._tokenizer: Any = nlp.tokenizer
        rules = getattr(self._tokenizer, "rules", None) or {}
        is_own = type(nlp.tokenizer) is Tokenizer
        self._by_piece = is_own and not any(" " in piece.strip() for piece in rules)
        self._cut: dict[tuple[str, str, str], Words | None] = {}

    def ways(self, phrase: str) -> list[Words | None]:
        """Return the tokens of a phrase as they may stand in a text, each way once, that between
        two spaces first; None for a text in which it is no whole tokens.

        phrase (str): words between single spaces.
        """
        pieces = phrase.split(" ") if self._by_piece else [phrase]
        return list(dict.fromkeys(self._between(*context, pieces) for context in _CONTEXTS))

    def _between(self, before: str, after: str, pieces: list[str]) -> Words | None:
        words: Words = ()
        last = len(pieces) - 1
        for i, piece in enumerate(pieces):
            own = self._of_piece(before if i == 0 else "", piece, after if i == last else "")
            if own is None:
                return None
            words += own
        return words

    def _of_piece(self, before: str, piece: str, after: str) -> Words | None:
        key = before, piece, after
        if key not in self._cut:
            doc, begin = self._tokenizer(before + piece + after), len(before)
            end = begin + len(piece)
            tokens = [t for t in doc if t.idx < end and t.idx + len(t) > begin]
            whole = bool(tokens) and (tokens[0].idx, tokens[-1].idx + len(tokens[-1]))
            self._cut[key] = tuple(t.text for t in tokens) if whole == (begin, end) else None
        return self._cut[key]
