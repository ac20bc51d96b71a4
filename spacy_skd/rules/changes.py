"""What the rules of an attribute ruler write of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.attrs import DEP, IDS, LEMMA, MORPH, POS, TAG
from spacy.matcher import Matcher
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.tokens._retokenize import set_token_attrs
from spacy.tokens.morphanalysis import MorphAnalysis
from spacy.vocab import Vocab

from ..arrays import Bools
from .compiled import CompiledRules, Matches
from .memo import Memo
from .rows import Ids1d, Ids2d, Rows

# These `from_array` writes as they are. (Of a token without a norm, it would write the word's.)
PLAIN = (POS, TAG, LEMMA, DEP)
_MORE = ("MORPH", "NORM", "HEAD", "SPACY", "SENT_START", "ENT_IOB", "ENT_TYPE", "ENT_ID",
         "ENT_KB_ID")  # fmt: skip
# All else is the word's, in every doc.
_OF_TOKENS = {*PLAIN, *(IDS[name] for name in _MORE), "_"}


@dataclass(frozen=True)
class Change:
    """What a set of rules writes. plain (Ids1d): (P,), the plain attributes; is_plain (Bools):
    (P,), which of them. morph (int): key of features, 0 for none. more (dict[Any, Any]): others."""

    plain: Ids1d
    is_plain: Bools
    morph: int
    more: dict[Any, Any]


class Rules:
    """The rules of a ruler as they were when it was made. A copy or pickle of it is None."""

    def __init__(self, ruler: AttributeRuler, *, memo: int):
        self.matcher: Matcher = ruler.matcher
        self.attrs: list[dict[Any, Any]] = list(ruler.attrs)
        self.compiled = CompiledRules(ruler.vocab, ruler.patterns, memo=memo)
        written = {attr for attrs in self.attrs for attr in attrs}
        self.plain = [attr for attr in PLAIN if attr in written]
        self.is_of_tokens = written <= _OF_TOKENS
        self._changes: Memo[Change] = Memo(memo)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def are_of(self, ruler: AttributeRuler) -> bool:
        return self.matcher is ruler.matcher and len(self.attrs) == len(ruler.attrs)

    def match(self, docs: Sequence[Doc]) -> Matches:
        return self.compiled.match(Rows.read(docs, [*self.compiled.attrs, *self.plain]))

    def change(self, rules: tuple[int, ...]) -> Change:
        """Return what rules write, the later over the earlier."""
        change = self._changes.get(rules)
        if change is None:
            change = self._changes[rules] = self._merged(rules)
        return change

    def _merged(self, rules: tuple[int, ...]) -> Change:
        more: dict[Any, Any] = {}
        for attrs in (self.attrs[rule] for rule in rules):
            extensions = {**more.get("_", {}), **attrs.get("_", {})}
            more.update({**attrs, "_": extensions} if extensions else attrs)
        is_plain = numpy.array([attr in more for attr in self.plain], dtype=bool)
        plain = numpy.array([more.pop(attr, 0) for attr in self.plain], dtype=numpy.uint64)
        return Change(plain, is_plain, more.pop(MORPH, 0), more)

    def plain_of(self, matches: Matches, changes: Sequence[Change]) -> Ids2d:
        """Return the plain attributes (N, P) of all tokens, as they shall be."""
        of_token = matches.of_token
        is_new = numpy.stack([change.is_plain for change in changes])[of_token]
        new = numpy.stack([change.plain for change in changes])[of_token]
        plain: Ids2d = numpy.where(is_new, new, matches.rows.values[:, len(self.compiled.attrs) :])
        return plain


class Others:
    """What of changes `from_array` does not write, or not so fast: features, extensions, norms."""

    def __init__(self, vocab: Vocab, changes: Sequence[Change]):
        self.features: list[MorphAnalysis | None] = []
        self.more: list[dict[Any, Any]] = []
        for change in changes:
            # Features that the docs' vocab lacks are those of a component of another pipeline.
            is_known = bool(change.morph and vocab.morphology.get(change.morph))
            self.features.append(MorphAnalysis.from_id(vocab, change.morph) if is_known else None)
            unknown = {MORPH: change.morph} if change.morph and not is_known else {}
            self.more.append({**change.more, **unknown})
        self.has_more = any(self.more)

    def write(self, doc: Doc, of_token: list[int]) -> None:
        """of_token (list[int]): of each token the number of its change."""
        for token, features in zip(doc, map(self.features.__getitem__, of_token)):
            if features is not None:
                token.morph = features
        if self.has_more:
            for token, more in zip(doc, map(self.more.__getitem__, of_token)):
                if more:
                    set_token_attrs(token, more)
