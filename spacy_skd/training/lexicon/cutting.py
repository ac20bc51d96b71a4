"""Phrases as tokens: as the pipeline's tokenizer cuts them in a text."""

from typing import Any

from spacy.language import Language
from spacy.tokenizer import Tokenizer

from .entries import Words

# Places of a phrase in a text; the first is as if it stood alone.
_CONTEXTS = ("a {} a", "({}), a", "a {}.")


class Cutter:
    """A pipeline's tokenizer, of phrases. spaCy's own cuts what stands between two spaces whatever
    else there is, unless it has a rule with a space; so each piece of text is cut once."""

    def __init__(self, nlp: Language):
        self._tokenizer: Any = nlp.tokenizer
        rules = getattr(self._tokenizer, "rules", None) or {}
        is_own = type(self._tokenizer) is Tokenizer
        self._by_piece = is_own and not any(" " in piece.strip() for piece in rules)
        self._pieces: dict[str, list[tuple[int, str]]] = {}

    def ways(self, phrase: str) -> list[Words | None]:
        """Return the tokens of a phrase as they may stand in a text, each way once, that between
        two words first; None for a text in which it is no whole tokens.

        phrase (str): words between single spaces.
        """
        return list(dict.fromkeys(self._within(context, phrase) for context in _CONTEXTS))

    def _within(self, context: str, phrase: str) -> Words | None:
        begin = context.index("{")
        end = begin + len(phrase)
        tokens = [
            (start, token)
            for start, token in self._tokens(context.format(phrase))
            if start < end and start + len(token) > begin
        ]
        if not tokens or tokens[0][0] != begin or tokens[-1][0] + len(tokens[-1][1]) != end:
            return None
        return tuple(token for _, token in tokens)

    def _tokens(self, text: str) -> list[tuple[int, str]]:
        """Return the start and text of each token."""
        if not self._by_piece:
            return [(token.idx, token.text) for token in self._tokenizer(text)]
        tokens: list[tuple[int, str]] = []
        start = 0
        for piece in text.split(" "):
            if piece not in self._pieces:
                doc = self._tokenizer(piece)
                self._pieces[piece] = [(token.idx, token.text) for token in doc]
            tokens += [(start + idx, token) for idx, token in self._pieces[piece]]
            start += len(piece) + 1
        return tokens
