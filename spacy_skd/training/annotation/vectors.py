"""Static word vectors of a teacher's own embedding: what its transformer knows of words, as a table
that a student looks up."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from ...arrays import Floats1d, Floats2d, Ints1d
from ...disk import check_apart, new_folder, suffix_of, unchanged
from ...errors import check_between
from ...models.words import plain_copy
from ...teachers.embedding import Embedder
from ...teachers.fingerprint import fingerprint
from ...teachers.loading import load_trained
from ..conversion.raw_text import Placed, read_texts
from ..corpora.readers import pieces
from ..engines.choice import Workers, make_engine
from ..progress import Progress, Report, silent
from . import earlier
from .embedding import Summing, SummingPlan, WordVectors
from .inputs import DOCS, Record, find_inputs, read_inputs
from .type_beliefs import type_beliefs

WIDTH = 96
SHOWN = 3
CHUNK = 2000  # words whose nearest rows are found together
ATTRS: dict[str, str] = {"ORTH": "orth_", "LOWER": "lower_", "NORM": "norm_"}


@dataclass(frozen=True)
class VectorSettings:
    """width: of the vectors; None for 96, or the teacher's own where that is less. rows: vectors
    that are kept, those of the most frequent words; further words share the row of the kept word
    that is most like them. least: rarer words get none. attr: what forms have to share to be the
    same word. context_words: tokens of text, the first ones, in which words are embedded; words
    that come later are embedded alone, as all are with 0. batch_words: padded tokens of a batch.
    beliefs_width: of what is said beside by the beliefs of a store, if one is given.
    """

    width: int | None = None
    rows: int = 20_000
    least: int = 2
    attr: str = "LOWER"
    context_words: int = 300_000
    batch_words: int = 2000
    beliefs_width: int = 32

    def __post_init__(self) -> None:
        if self.width is not None:
            check_between("width", self.width, low=1, high=10**5)
        check_between("rows", self.rows, low=1, high=10**7)
        check_between("least", self.least, low=1, high=10**6)
        check_between("context_words", self.context_words, low=0, high=10**9)
        check_between("batch_words", self.batch_words, low=1, high=10**6)
        check_between("beliefs_width", self.beliefs_width, low=1, high=10**5)
        if self.attr not in ATTRS:
            raise ValueError(f"attr: expected one of {', '.join(ATTRS)}, got {self.attr!r}")


def make_vectors(
    teacher: str | Path,
    texts: Sequence[Path],
    output: Path,
    *,
    settings: VectorSettings,
    workers: Workers | None = None,
    beliefs: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Vectors:
    """Write a folder for `paths.vectors` (`[initialize] vectors`) of a student's config.

    A word's vector is that of the word alone, or the mean of its vectors in the text; reduced to
    `width` by principal components, of length 1 in the mean.

    teacher (Union[str, Path]): folder or package of a pipeline with a transformer or tok2vec.
    texts (Sequence[Path]): `.jsonl` and `.txt` files of raw text, `.spacy` files of labelled docs,
        which keep their tokens, and folders of these.
    workers (Workers | None): who embeds; by default this process. The vectors are the same, to the
        bit on the same kind of processor.
    beliefs (Union[str, Path, None]): a folder that `spacy skd annotate` wrote. Its words have
        further columns: the mean of what the teacher believes of each (`type_beliefs`), reduced to
        `beliefs_width` in the same way.
    overwrite (bool): whether to replace what an earlier call wrote, if the folder has nothing else.
    report (Report): called now and then, in tokens.
    RETURNS (Vectors): the table, as written.
    RAISES (ValueError): for bad input, a teacher without an embedding component or narrower than
        `width`, an output that is not empty, or not ours where it is to be replaced.
    """
    if beliefs is None and settings.beliefs_width != VectorSettings.beliefs_width:
        raise ValueError(
            f"beliefs_width: expected --beliefs, whose columns it bounds, beside "
            f"{settings.beliefs_width}"
        )
    files = find_inputs([str(path) for path in texts])
    check_apart(output, [teacher, *texts, *files, *([] if beliefs is None else [beliefs])])
    folder = new_folder(output, by="vectors", overwrite=overwrite, earlier=earlier.vectors)
    with folder as draft, unchanged(files):
        nlp, table = _make(teacher, files, settings, workers or Workers(), beliefs, report)
        nlp.to_disk(draft)
    return table


def _make(
    teacher: str | Path,
    texts: Sequence[Path],
    settings: VectorSettings,
    workers: Workers,
    beliefs: str | Path | None,
    report: Report,
) -> tuple[Language, Vectors]:
    """Make a blank pipeline, and the table that its vocab has."""
    nlp = load_trained(teacher, what="teacher")
    embedder = Embedder(nlp)
    width = min(WIDTH, embedder.width) if settings.width is None else settings.width
    if embedder.width < width:
        raise ValueError(f"width: expected at most {embedder.width}, the teacher's, got {width}")
    vocabulary = find_words(_told(plain_docs(nlp, texts), report), attr=settings.attr)
    words = [word for word, count in vocabulary.counts.most_common() if count >= settings.least]
    if not words:
        raise ValueError(f"expected words that occur {settings.least} times or more, found none")
    in_context = min(settings.context_words, vocabulary.n_tokens)
    alone = sum(vocabulary.first[word] >= in_context for word in words)

    def tell(n: int) -> None:
        report(Progress(min(n, in_context + alone), in_context + alone, 0))

    full = _embed(nlp, embedder, teacher, texts, words, settings, workers, tell)
    frequencies = numpy.asarray([vocabulary.counts[word] for word in words], dtype="float64")
    _check_finite(full, words, what=f"{teacher}: vectors")
    reduced = reduce_width(full, frequencies, width=width)
    if beliefs is not None:
        attr, vocab = ATTRS[settings.attr], nlp.vocab
        believed = type_beliefs(beliefs, words, attr=attr, vocab=vocab, report=report)
        # Square roots, so that rare labels count, too (Hellinger distance).
        said, narrow = numpy.sqrt(believed.means), settings.beliefs_width
        _check_finite(said, words, what=f"{beliefs}: probabilities")
        more = reduce_width(said, frequencies, width=min(narrow, said.shape[1]))
        reduced = numpy.concatenate([reduced, more], axis=1)
    blank = spacy.blank(str(nlp.lang))
    table = Vectors(data=reduced[: settings.rows], strings=blank.vocab.strings)
    rows = rows_of(reduced, rows=settings.rows).tolist()
    for form, i in vocabulary.owners(words).items():
        table.add(blank.vocab.strings.add(form), row=rows[i])
    blank.vocab.vectors = table
    return blank, table


def _check_finite(rows: Floats2d, words: list[str], *, what: str) -> None:
    """Raise ValueError if a word's row, of (words, n), has a value that is no number."""
    wrong = numpy.flatnonzero(~numpy.isfinite(rows).all(axis=1)).tolist()
    if wrong:
        shown = ", ".join(repr(words[i]) for i in wrong[:SHOWN])
        raise ValueError(
            f"{what}: expected finite numbers, found others for {len(wrong)} of {len(words)} "
            f"words, such as {shown}: make them anew"
        )


@dataclass
class Words:
    """counts: how often each word occurs. forms: how it is written, and how often so, 0 for what
    other text may have at the start of a sentence. first: how many tokens of the text come before
    the doc in which a word occurs first. n_tokens: of all the text.
    """

    counts: "Counter[str]" = field(default_factory=Counter)
    forms: dict[str, "Counter[str]"] = field(default_factory=partial(defaultdict, Counter))
    first: dict[str, int] = field(default_factory=dict)
    n_tokens: int = 0

    def owners(self, words: Sequence[str]) -> dict[str, int]:
        """Return by form which of some words is written so most often, the first of several: spaCy
        finds a vector by the form, and its tables do not save another attribute."""
        owner: dict[str, int] = {}
        for i, word in enumerate(words):
            for form, n in sorted(self.forms[word].items()):
                if form not in owner or n > self.forms[words[owner[form]]][form]:
                    owner[form] = i
        return owner


def plain_docs(nlp: Language, texts: Sequence[Path]) -> Iterator[Doc]:
    """Yield docs without annotation, see `make_vectors`; lines that are unfit are passed over, as
    `annotate` sets them aside and tells of them."""
    for path in find_inputs([str(path) for path in texts]):
        if suffix_of(path) != DOCS:
            texts_of = (item.raw.text for item in read_texts(path) if isinstance(item, Placed))
            yield from (nlp.tokenizer(text) for text in texts_of if len(text) <= nlp.max_length)
            continue
        for item in read_inputs([path], max_chars=nlp.max_length):
            if isinstance(item, Record) and item.doc is not None:
                yield plain_copy(item.doc, nlp.vocab)


def find_words(docs: Iterable[Doc], *, attr: str) -> Words:
    """Count all words but whitespace."""
    words = Words()
    for doc in docs:
        for token in doc:
            if not token.is_space:
                word = getattr(token, ATTRS[attr])
                words.counts[word] += 1
                words.forms[word][token.orth_] += 1
                words.first.setdefault(word, words.n_tokens)
        words.n_tokens += len(doc)
    if attr != "ORTH":
        for word, forms in words.forms.items():
            forms.update({word: 0, word.title(): 0})
    return words


def _embed(
    nlp: Language,
    embedder: Embedder,
    teacher: str | Path,
    texts: Sequence[Path],
    words: list[str],
    settings: VectorSettings,
    workers: Workers,
    tell: Callable[[int], None],
) -> Floats2d:
    """Return (words, width of the teacher). Words that the text does not reach are embedded
    alone. tell (Callable[[int], None]): called with the tokens that were embedded."""
    attribute, batch_words = ATTRS[settings.attr], settings.batch_words
    plan = SummingPlan(str(teacher), fingerprint(nlp), attribute, batch_words)
    summing = Summing(nlp, embedder, attribute=attribute, batch_words=batch_words)
    vectors = WordVectors(words, width=embedder.width)
    with closing(make_engine(workers, plan, summing)) as engine:
        done = 0
        if settings.context_words:
            short = (piece for doc in plain_docs(nlp, texts) for piece in pieces(doc, 300))
            some = _until(short, settings.context_words)
            done = vectors.embed(engine, some, of="words in context", tell=tell)
        # Made of the word itself, whatever the tokenizer would make of it.
        alone = (Doc(nlp.vocab, [word]) for word in vectors.unseen)
        vectors.embed(engine, alone, of="words alone", tell=lambda n: tell(done + n))
    return vectors.means()


def _told(docs: Iterable[Doc], report: Report) -> Iterator[Doc]:
    """Yield the docs, of which it is reported how many tokens they have."""
    done = 0
    for doc in docs:
        yield doc
        done += len(doc)
        report(Progress(done, 0, len(doc)))


def _until(docs: Iterable[Doc], n_words: int) -> Iterator[Doc]:
    seen = 0
    for doc in docs:
        if seen >= n_words:
            return
        seen += len(doc)
        yield doc


def reduce_width(vectors: Floats2d, frequencies: Floats1d, *, width: int) -> Floats2d:
    """Return the first principal components, of a mean length of 1.

    vectors (Floats2d): (words, n). frequencies (Floats1d): (words,) counts; the components are
        those of words weighted by the square root, so that neither "the" nor the tail rules.
    RETURNS (Floats2d): (words, width) float32.
    """
    weights = numpy.sqrt(frequencies) / numpy.sqrt(frequencies).sum()
    centred = vectors - weights @ vectors
    covariance = (centred * weights[:, None]).T @ centred
    _, axes = numpy.linalg.eigh(covariance)  # ascending
    reduced = centred @ axes[:, ::-1][:, :width]
    length = weights @ numpy.linalg.norm(reduced, axis=1)
    scaled: Floats2d = (reduced / max(float(length), 1e-12)).astype("float32")
    return scaled


def rows_of(vectors: Floats2d, *, rows: int) -> Ints1d:
    """Return (words,) each word's row: the first `rows` words have their own, the others that of
    the highest cosine."""
    kept = vectors[:rows]
    lengths = numpy.maximum(numpy.linalg.norm(kept, axis=1, keepdims=True), 1e-12)
    unit = (kept / lengths).T
    parts = [numpy.arange(len(kept))]
    for start in range(rows, len(vectors), CHUNK):
        parts.append((vectors[start : start + CHUNK] @ unit).argmax(axis=1))
    return numpy.concatenate(parts)
