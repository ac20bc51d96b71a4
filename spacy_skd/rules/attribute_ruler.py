"""spaCy's `attribute_ruler`, of a batch at once: the same annotation, sooner.

What the rules set of a token is mostly a function of its own attributes, and most rows of
attributes that the rules tell apart have been met before. Patterns for which that is not so are
matched by spaCy. All matches of a doc are found before anything is written, as spaCy does.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.vocab import Vocab

from .changes import Others, Rules
from .compiled import Matches
from .memo import Memo
from .rows import batches

logger = logging.getLogger("spacy.skd")
FAST_RULER = "fast_attribute_ruler"
MEMO = 50_000  # of a word, 10 MB


class FastAttributeRuler(AttributeRuler):
    """Annotates what spaCy's own annotates. Patterns, settings and files are the same."""

    def __init__(self, vocab: Vocab, name: str, *, memo: int = MEMO, **settings: Any):
        """memo (int): of how many rows of attributes the rules are remembered that match."""
        super().__init__(vocab, name, **settings)
        self._memo = Memo(memo).size
        self._rules: Rules | None = None

    def take_over(self, original: AttributeRuler) -> None:
        """Take the rules of a ruler in whose place this one is."""
        self.__dict__.update(vars(original))

    def __call__(self, doc: Doc) -> Doc:
        return next(self._annotate([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        # What a rule sets of words, it sets in the docs that follow.
        docs = batch_size if self._current().is_of_tokens else 1
        for batch in batches(stream, docs=docs):
            yield from self._annotate(batch)

    def _current(self) -> Rules:
        if self._rules is None or not self._rules.are_of(self):
            self._rules = Rules(self, memo=self._memo)
        return self._rules

    def _annotate(self, docs: Sequence[Doc]) -> Iterator[Doc]:
        rules, matches = self._current(), None
        try:
            if rules.attrs and any(map(len, docs)):
                matches = rules.match(docs)
        except Exception as error:
            logger.debug("%s: spaCy's own meets, too: %r", self.name, error)
        if matches is None:  # spaCy's own warns, or says of which doc the error is
            yield from map(super().__call__, docs)
        else:
            yield from self._write(rules, matches)

    def _write(self, rules: Rules, matches: Matches) -> Iterator[Doc]:
        changes = [rules.change(each) for each in matches.rules]
        plain = rules.plain_of(matches, changes)
        others: dict[Vocab, Others] = {}
        for doc, part in matches.rows.parts():
            if doc.vocab not in others:
                others[doc.vocab] = Others(doc.vocab, changes)
            try:
                if rules.plain and len(doc):
                    doc.from_array(rules.plain, plain[part])
                others[doc.vocab].write(doc, matches.of_token[part].tolist())
            except Exception as error:  # of an extension's setter
                doc = self.get_error_handler()(self.name, self, [doc], error)
            yield doc


@Language.factory(
    FAST_RULER,
    default_config={
        "validate": False,
        "scorer": {"@scorers": "spacy.attribute_ruler_scorer.v1"},
        "memo": MEMO,
    },
)
def make_fast_attribute_ruler(
    nlp: Language, name: str, validate: bool, scorer: Callable[..., Any] | None, memo: int
) -> FastAttributeRuler:
    """Make spaCy's `attribute_ruler` that annotates batches.

    validate (bool), scorer (Callable): see spaCy's.
    memo (int): of how many rows of attributes the rules are remembered that match.
    RAISES (ValueError): if a setting is out of range.
    """
    return FastAttributeRuler(nlp.vocab, name, validate=validate, scorer=scorer, memo=memo)
