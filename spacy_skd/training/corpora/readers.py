"""Corpora for distillation: labelled docs and raw text in one stream."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example

from ...errors import check_between
from ...layers.entity_tags import RepairedEntities
from ...registry import reader
from ..conversion.raw_text import read_raw
from .gold_labels import note_labels
from .too_long import TooLong


@reader("spacy-skd.MixedCorpus.v1")
def make_mixed_corpus(
    path: Path | None = None,
    raw: Path | None = None,
    raw_ratio: float = 1.0,
    raw_max_words: int = 300,
    max_length: int = 0,
    seed: int = 0,
) -> Callable[[Language], Iterator[Example]]:
    """Read labelled `.spacy` docs mixed with raw text, which has only the teacher's target.

    Each pass yields all labelled docs once, shuffled, and raw texts among them; the next pass goes
    on in the raw text where this one stopped. A pass starts with a labelled doc.

    path (Path | None): labelled docs, a `.spacy` file or a folder of them.
    raw (Path | None): a `.jsonl` or `.txt` file, or a folder of them.
    raw_ratio (float): words of raw text for each labelled word. Without `path`, a pass is all text.
    raw_max_words (int): a longer text is cut into pieces of at most this many words, so that
        batches stay even and nothing is lost.
    max_length (int): as in spacy.Corpus.v1, labelled docs alone; 0 for no limit.
    seed (int): of the order.
    RAISES (ValueError): if there is neither path nor raw, or a setting is out of range.
    """
    if path is None and raw is None:
        raise ValueError("MixedCorpus: expected `path`, `raw` or both, got neither")
    check_between("raw_ratio", raw_ratio, low=0, high=10**6)
    check_between("max_length", max_length, low=0, high=10**9)
    check_between("raw_max_words", raw_max_words, low=1, high=10**6)
    labelled = None if path is None else Corpus(path, max_length=max_length)
    return MixedCorpus(
        labelled,
        None if raw is None or not raw_ratio else Path(raw),
        raw_ratio=raw_ratio,
        raw_max_words=raw_max_words,
        seed=seed,
    )


class MixedCorpus:
    """See `make_mixed_corpus`. Texts stay in memory as strings; docs are made when they are due."""

    def __init__(
        self,
        labelled: Corpus | None,
        raw: Path | None,
        *,
        raw_ratio: float,
        raw_max_words: int,
        seed: int,
    ):
        self.labelled = labelled
        self.raw = raw
        self.raw_ratio = raw_ratio
        self.raw_max_words = raw_max_words
        self.seed = seed
        self._pass = 0
        self._nlp: Language | None = None  # that was read for last
        self.repaired = RepairedEntities("MixedCorpus")
        self._texts: list[str] | None = None
        self._stream: Iterator[Doc] | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        if self.labelled is None:
            for doc in self._one_round(nlp, Random(self.seed)):
                yield _unlabelled(doc)
            return
        self._pass += 1
        random = Random(f"{self.seed} {self._pass}")
        examples = list(self.labelled(nlp))
        for eg in examples:
            self.repaired(eg.reference)
        if nlp is not self._nlp:
            self._tell_left_out(nlp, examples)
        if not examples:
            raise ValueError(f"MixedCorpus: no docs in {self.labelled.path}")
        if nlp is not self._nlp:
            note_labels(nlp, (eg.reference for eg in examples))
            self._stream = None  # of docs that another pipeline's tokenizer makes
        self._nlp = nlp
        random.shuffle(examples)
        if self.raw is None:
            yield from examples
            return
        if self._stream is None:
            self._stream = self._endless(nlp)
        owed = 0.0
        for eg in examples:
            yield eg
            owed += self.raw_ratio * max(1, len(eg.predicted))
            while owed > 0:
                doc = next(self._stream)
                owed -= len(doc)
                yield _unlabelled(doc)

    def _tell_left_out(self, nlp: Language, examples: Sequence[Example]) -> None:
        """Tell of words that spaCy leaves out, having cut long docs at their sentences."""
        if self.labelled is not None and self.labelled.max_length:
            n_read = sum(len(eg.reference) for eg in examples)
            n_all = sum(len(eg.reference) for eg in Corpus(self.labelled.path)(nlp))
            too_long = TooLong("MixedCorpus", self.labelled.max_length)
            too_long.tell(n_all - n_read, of=n_all, unit="labelled words")

    def _endless(self, nlp: Language) -> Iterator[Doc]:
        random = Random(f"{self.seed} raw")
        while True:
            yield from self._one_round(nlp, random)

    def _one_round(self, nlp: Language, random: Random) -> Iterator[Doc]:
        """Yield every raw text once, in a new order."""
        if self._texts is None:
            self._texts = [raw.text for raw in read_raw(self.raw)] if self.raw else []
        if not self._texts:
            raise ValueError(f"MixedCorpus: no raw text in {self.raw}")
        order = list(range(len(self._texts)))
        random.shuffle(order)
        for i in order:
            yield from pieces(nlp.make_doc(self._texts[i]), self.raw_max_words)


def pieces(doc: Doc, max_words: int) -> Iterator[Doc]:
    """Cut a long doc into pieces of at most `max_words` tokens; 0 for no limit."""
    if not max_words or len(doc) <= max_words:
        yield doc
        return
    for start in range(0, len(doc), max_words):
        yield doc[start : start + max_words].as_doc()


def predicted_of(nlp: Language, reference: Doc) -> Doc:
    """Return the doc that spaCy's own reader gives a pipeline for a reference."""
    if reference.has_unknown_spaces:
        return Doc(nlp.vocab, [token.text for token in reference])
    return nlp.make_doc(reference.text)


def _unlabelled(doc: Doc) -> Example:
    return Example(doc, doc.copy())
