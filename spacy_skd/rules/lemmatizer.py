"""spaCy's `lemmatizer`, of a batch at once: the same lemmas, sooner.

A lemma of rules or of a table is a function of what the lemmatizer reads of the token. So it is
asked for the first token of each row of these attributes, and the lemma is remembered as a string:
the strings of a memory zone are gone when it ends.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from spacy.attrs import LEMMA, MORPH, ORTH, POS, SENT_START
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.pipeline import Lemmatizer, Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from .memo import Memo
from .rows import Ids1d, Rows, batches, distinct, keys

logger = logging.getLogger("spacy.skd")
FAST_LEMMATIZER = "fast_lemmatizer"
MEMO = 50_000  # rows, 12 MB
_INDEX = "lemma_index"
_FORM, _WORD = (ORTH,), (ORTH, POS, MORPH)
# spaCy's own, by class: what it reads of a token, but for a table of forms. Another class may read
# anything, the analysers of Russian and Ukrainian, too.
_READS: Mapping[str, tuple[int, ...]] = {
    "spacy.pipeline.lemmatizer.Lemmatizer": _WORD,
    "spacy.lang.ca.lemmatizer.CatalanLemmatizer": _WORD,
    "spacy.lang.el.lemmatizer.GreekLemmatizer": _WORD,
    "spacy.lang.en.lemmatizer.EnglishLemmatizer": _WORD,
    "spacy.lang.es.lemmatizer.SpanishLemmatizer": (*_WORD, SENT_START),
    "spacy.lang.fr.lemmatizer.FrenchLemmatizer": _WORD,
    "spacy.lang.ga.lemmatizer.IrishLemmatizer": _WORD,
    "spacy.lang.ht.lemmatizer.HaitianCreoleLemmatizer": _WORD,
    "spacy.lang.it.lemmatizer.ItalianLemmatizer": _WORD,
    "spacy.lang.mk.lemmatizer.MacedonianLemmatizer": _WORD,
    "spacy.lang.nl.lemmatizer.DutchLemmatizer": _WORD,
    "spacy.lang.pl.lemmatizer.PolishLemmatizer": _WORD,
}


def reads(lemmatizer: Any) -> tuple[int, ...]:
    """Return the attributes of a token that decide its lemma; none if it is not known."""
    cls = type(lemmatizer)
    attrs = _READS.get(f"{cls.__module__}.{cls.__qualname__}", ())
    return _FORM if attrs and lemmatizer.mode == "lookup" else attrs


class _Forgetful(dict[Any, Any]):
    """The cache of a lemmatizer whose lemmas are remembered elsewhere: spaCy's own has no bound."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _Index(list[str]):
    """Forms of a table, of which tens of thousands are compared with each word that is new."""

    _known: tuple[int, frozenset[str]] = (0, frozenset())

    def __contains__(self, form: object) -> bool:
        if self._known[0] != len(self):
            self._known = (len(self), frozenset(self))
        return form in self._known[1]

    def __reduce__(self) -> tuple[Any, ...]:
        return _Index, (list(self),)


class FastLemmatizer(Pipe):
    """Annotates what the lemmatizer that it holds annotates, whose tables and files are its own.

    original (Lemmatizer): of the pipeline's language.
    """

    def __init__(self, original: Lemmatizer, name: str, *, memo: int = MEMO):
        """memo (int): of how many words the lemmas are remembered."""
        self.name = name
        self._memo: Memo[str] = Memo(memo)
        self.take_over(original)

    def take_over(self, original: Lemmatizer) -> None:
        """Hold the lemmatizer in whose place this one is."""
        self.original = original
        self.scorer = original.scorer
        self._tables: list[tuple[Any, int]] = []
        self._reads = reads(original)
        if self._reads:
            original.cache = _Forgetful()
        else:
            logger.warning("%s: %s is not spaCy's, and as slow as it is", self.name, type(original))

    @property
    def vocab(self) -> Vocab:
        return self.original.vocab

    @property
    def mode(self) -> str:
        return str(self.original.mode)

    @property
    def lookups(self) -> Lookups:
        return self.original.lookups

    @property
    def overwrite(self) -> bool:
        return bool(self.original.overwrite)

    def forget(self) -> None:
        """Ask anew for every lemma, as is due when a table was changed within."""
        self._memo.clear()

    # Annotation

    def __call__(self, doc: Doc) -> Doc:
        return next(self._annotate([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        for docs in batches(stream, docs=batch_size):
            yield from self._annotate(docs)

    def _annotate(self, docs: Sequence[Doc]) -> Iterator[Doc]:
        lemmas = None
        try:
            if self._reads and self.original._validated and any(map(len, docs)):
                rows = Rows.read(docs, [LEMMA, *self._reads])
                lemmas = self._lemmas(rows)
        except Exception as error:
            logger.debug("%s: spaCy's own meets, too: %r", self.name, error)
        if lemmas is None:  # spaCy's own says what is missing, or of which doc the error is
            yield from map(self.original, docs)
            return
        for doc, part in rows.parts():
            yield doc.from_array([LEMMA], lemmas[part]) if len(doc) else doc

    def _lemmas(self, rows: Rows) -> Ids1d:
        """Return the lemma (N,) of each token."""
        self._check_tables()
        lemmas = rows.values[:, 0].copy()
        where = numpy.flatnonzero((lemmas == 0) | self.overwrite)
        words = numpy.ascontiguousarray(rows.values[where, 1:])
        first, of_token = distinct(words)
        once = keys(words[first])
        strings = [
            self._ask(rows, row, key) if lemma is None else lemma
            for row, key, lemma in zip(where[first].tolist(), once, self._memo.find(once))
        ]
        for store in {doc.vocab.strings for doc in rows.docs}:
            ids = list(map(store.add, strings))
        lemmas[where] = numpy.array(ids, dtype=numpy.uint64)[of_token]
        return lemmas

    def _ask(self, rows: Rows, row: int, key: bytes) -> str:
        doc, i = rows.find(row)
        lemma: str = self.original.lemmatize(doc[i])[0]
        self._memo[key] = lemma
        return lemma

    def _check_tables(self) -> None:
        """Forget the lemmas of other tables than there are now."""
        tables = [self.lookups.get_table(name) for name in self.lookups.tables]
        known = self._tables
        if len(known) != len(tables) or any(
            table is not old or len(table) != length for table, (old, length) in zip(tables, known)
        ):
            self._memo.clear()
            self._tables = [(table, len(table)) for table in tables]
            if _INDEX in self.lookups:
                index = self.lookups.get_table(_INDEX)
                for key, forms in list(index.items()):
                    index[key] = _Index(forms) if type(forms) is list else forms

    def set_error_handler(self, error_handler: Callable[..., Any]) -> None:
        super().set_error_handler(error_handler)
        self.original.set_error_handler(error_handler)

    # Files

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]] | None = None,
        *,
        nlp: Language | None = None,
        lookups: Lookups | None = None,
    ) -> None:
        """See spaCy's."""
        self.original.initialize(get_examples, nlp=nlp, lookups=lookups)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        self.original.to_disk(path, exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "FastLemmatizer":
        self.original.from_disk(path, exclude=exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        return self.original.to_bytes(exclude=exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "FastLemmatizer":
        self.original.from_bytes(bytes_data, exclude=exclude)
        return self


@Language.factory(
    FAST_LEMMATIZER,
    assigns=["token.lemma"],
    default_config={
        "mode": None,
        "overwrite": False,
        "scorer": {"@scorers": "spacy.lemmatizer_scorer.v1"},
        "memo": MEMO,
    },
    default_score_weights={"lemma_acc": 1.0},
)
def make_fast_lemmatizer(
    nlp: Language,
    name: str,
    mode: str | None,
    overwrite: bool,
    scorer: Callable[..., Any] | None,
    memo: int,
) -> FastLemmatizer:
    """Make the `lemmatizer` of the pipeline's language that annotates batches.

    mode (str | None): see spaCy's; the language's own by default. overwrite (bool), scorer
        (Callable): see spaCy's.
    memo (int): of how many words the lemmas are remembered.
    RAISES (ValueError): if a setting is out of range, or the language has no such mode.
    """
    config = {"overwrite": overwrite, **({} if mode is None else {"mode": mode})}
    original: Any = nlp.create_pipe("lemmatizer", name, config=config)
    original.scorer = scorer
    return FastLemmatizer(original, name, memo=memo)
