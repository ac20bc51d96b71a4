"""Which of a teacher's texts to label: those of which it is least sure, that the student reads most
unlike it, or whose words are the most common that nothing chosen has; without near copies.

All that is kept of a text until it is chosen is which words it has, four bytes each.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from spacy.lang.lex_attrs import LEX_ATTRS
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..arrays import Floats1d, Ints1d
from ..errors import check_between, check_one_of
from ..layers.known import find_layer
from ..models.words import plain_copy
from ..shards.store import META, BeliefStore, StoredBeliefs, read_beliefs
from ..teachers.embedding import cleaners
from ..teachers.merging import mergers
from ..training.progress import Progress, Report, silent
from ..transfer.beliefs import Belief
from .divergence import component_of, stored_divergence
from .near_copies import NearCopies

BY = ("entropy", "divergence", "coverage")


@dataclass(frozen=True)
class Chosen:
    """A text to label. score (float): by which it was chosen: nats a word, of coverage the share of
    the store's words whose forms it adds. shard (str), number (int): where it stands."""

    text: str
    score: float
    shard: str
    number: int
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self, by: str) -> dict[str, Any]:
        """Return a record that Prodigy and spaCy read. What the text's own `meta` has under the
        same names stands in its "own"."""
        ours = {"score": round(self.score, 6), "by": by, "from": f"{self.shard}:{self.number}"}
        own = {key: value for key, value in self.meta.items() if key in ours}
        rest = {key: value for key, value in self.meta.items() if key not in ours}
        return {"text": self.text, "meta": {**rest, **ours, **({"own": own} if own else {})}}


@dataclass
class Choice:
    """chosen (list[Chosen]): first those to label first. words (int): that they have. copies (int):
    texts that were passed over, as near copies of some of them. covered (float): the share of the
    store's words whose form one of them has."""

    chosen: list[Chosen]
    words: int = 0
    copies: int = 0
    covered: float = 0.0


@dataclass(frozen=True)
class _Text:
    """forms (Ints1d): (words,) which form each is. score (float): what was asked of it."""

    shard: str
    number: int
    forms: Ints1d
    score: float


def choose_texts(
    store: BeliefStore,
    *,
    words: int,
    by: str = "entropy",
    pipes: Sequence[str] = (),
    student: Language | None = None,
    overlap: float = 0.5,
    min_words: int = 5,
    report: Report = silent,
) -> Choice:
    """Choose among the texts of a folder that have no gold.

    store (BeliefStore): what `spacy skd annotate` or `beliefs` wrote. words (int): to label; the
        last text may exceed them. by (str): of `BY`.
    pipes (Sequence[str]): of the teacher, whose nats are added; all if empty.
    student (Language | None): of "divergence".
    overlap (float): a text is a near copy of one that was chosen if they share at least this part
        of the runs of three words that one of them has; above 1 for none.
    min_words (int): shorter texts are left out.
    RAISES (ValueError): for a setting out of range, or if there is no such text.
    """
    check_one_of("by", by, BY)
    check_between("words", words, low=1, high=10**9)
    check_between("overlap", overlap, low=0.01, high=2)
    if (student is not None) != (by == "divergence"):
        raise ValueError(
            f"student: expected a pipeline with by = divergence, and with that alone, got "
            f"{'one' if student is not None else 'none'} with by = {by}"
        )
    if pipes and by == "coverage":
        raise ValueError(
            f"pipes: expected none with by = coverage, which counts words alone, got "
            f"{', '.join(pipes)}; leave them out"
        )
    asked = _asked(store, pipes)
    scorer = _Divergence(student, store, asked) if student is not None else None
    forms: dict[str, int] = {}
    texts: list[_Text] = []
    for shard, number, doc, stored in _docs(store, report=report):
        ids = [forms.setdefault(form_of(t.text), len(forms)) for t in doc if not t.is_space]
        if len(ids) < max(1, min_words):
            continue
        score = 0.0
        if by != "coverage":
            beliefs = {pipe: store.belief(stored, pipe, doc) for pipe in asked}
            entropies = (belief.entropy() for belief in beliefs.values())
            total = sum(entropies) if scorer is None else scorer.nats(doc, beliefs)
            score = total / len(ids)
        texts.append(_Text(shard, number, numpy.asarray(ids, dtype="int32"), score))
    if not texts:
        raise ValueError(
            f"{store.folder}: expected texts without gold of at least {min_words} words, found none"
        )
    counts = numpy.bincount(numpy.concatenate([text.forms for text in texts]))
    shares = counts / counts.sum()
    ranked = ByCoverage(texts, shares) if by == "coverage" else ByScore(texts)
    return _take(store, ranked, shares, words=words, copies=NearCopies(overlap))


def form_of(word: str) -> str:
    """Return what words are told apart by: in lower case, each digit a 0."""
    return "".join("0" if letter.isdigit() else letter for letter in word.lower())


class ByScore:
    """Texts, those of the highest score first, each with it."""

    def __init__(self, texts: Sequence[_Text]):
        self.texts = texts

    def __iter__(self) -> Iterator[tuple[float, _Text]]:
        yield from ((text.score, text) for text in sorted(self.texts, key=lambda t: -t.score))

    def cover(self, text: _Text) -> None:
        """Note that a text was chosen."""


class ByCoverage(ByScore):
    """The text that adds most for each of its words, given those that were chosen before: the
    greedy choice, which is within 1 - 1/e of the best (Nemhauser et al. 1978). A text is valued
    anew only when it comes to the top, since what it adds can only have become less.

    shares (Floats1d): (forms,) of each form among the words of all texts.
    """

    def __init__(self, texts: Sequence[_Text], shares: Floats1d):
        super().__init__(texts)
        self.shares = shares.copy()
        self.heap = [(-self._gain(text)[1], i) for i, text in enumerate(texts)]
        heapq.heapify(self.heap)

    def __iter__(self) -> Iterator[tuple[float, _Text]]:
        while self.heap:
            _, i = heapq.heappop(self.heap)
            added, gain = self._gain(self.texts[i])
            if self.heap and -gain > self.heap[0][0]:
                heapq.heappush(self.heap, (-gain, i))
                continue
            yield added, self.texts[i]

    def cover(self, text: _Text) -> None:
        self.shares[text.forms] = 0.0

    def _gain(self, text: _Text) -> tuple[float, float]:
        """Return the share of words that it adds, whole and for each of its own."""
        added = float(self.shares[numpy.unique(text.forms)].sum())
        return added, added / len(text.forms)


def _take(
    store: BeliefStore,
    ranked: ByScore,
    shares: Floats1d,
    *,
    words: int,
    copies: NearCopies,
) -> Choice:
    choice = Choice([])
    taken: list[tuple[float, _Text]] = []
    covered = numpy.zeros(len(shares), dtype=bool)
    for score, text in ranked:
        if choice.words >= words:
            break
        if copies.is_near(text.forms):
            choice.copies += 1
            continue
        copies.add(text.forms)
        covered[text.forms] = True
        ranked.cover(text)
        taken.append((score, text))
        choice.words += len(text.forms)
    choice.covered = float(shares[covered].sum())
    choice.chosen = _read(store, taken)
    return choice


def _read(store: BeliefStore, taken: Sequence[tuple[float, _Text]]) -> list[Chosen]:
    """Read what was chosen, shard by shard."""
    found: dict[int, Chosen] = {}
    for shard in dict.fromkeys(text.shard for _, text in taken):
        docs = list(store.read(shard).get_docs(_vocab()))
        for i, (score, text) in enumerate(taken):
            if text.shard == shard:
                doc = docs[text.number]
                meta = doc.user_data.get(META, {})
                found[i] = Chosen(doc.text.rstrip(" "), score, shard, text.number, meta)
    return [found[i] for i in range(len(taken))]


def _asked(store: BeliefStore, pipes: Sequence[str]) -> list[str]:
    """Return the teacher's components. RAISES (ValueError): if one is not stored."""
    unknown = sorted(set(pipes) - set(store.forms))
    if unknown:
        expected = ", ".join(store.forms)
        raise ValueError(f"pipes: expected some of {expected}, got {', '.join(unknown)}")
    return list(pipes or store.forms)


def _docs(store: BeliefStore, *, report: Report) -> Iterator[tuple[str, int, Doc, StoredBeliefs]]:
    """Yield the texts without gold, with their place."""
    names = store.names(labelled=False)
    for done, shard in enumerate(names):
        bin_ = store.read(shard)
        for number, doc in enumerate(bin_.get_docs(_vocab())):
            stored = read_beliefs(doc.user_data)
            if stored is not None:
                yield shard, number, doc, stored
        words = sum(len(tokens) for tokens in bin_.tokens)
        report(Progress(done + 1, len(names), words))


class _Divergence:
    """A student that is compared with what a store has.

    RAISES (ValueError): if it has no component of this package of a layer that the store has.
    """

    def __init__(self, student: Language, store: BeliefStore, pipes: Sequence[str]):
        self.nlp = student
        self._aside = [*cleaners(student), *mergers(student)]
        layers = {pipe: find_layer(store.manifest.layers.get(pipe, pipe)) for pipe in pipes}
        found = {pipe: component_of(student, layer) for pipe, layer in layers.items()}
        self.components = {pipe: own for pipe, own in found.items() if own is not None}
        if not self.components:
            named = ", ".join(layer.full_name for layer in layers.values())
            raise ValueError(
                f"student: expected a pipeline with a component of this package for some of "
                f"{named}, found {', '.join(student.pipe_names) or 'none'}"
            )

    def nats(self, doc: Doc, beliefs: Mapping[str, Belief]) -> float:
        """Return KL(teacher || student) of a doc's words, of all layers that both have."""
        with self.nlp.memory_zone():
            own = self.nlp(plain_copy(doc, self.nlp.vocab), disable=self._aside)
            pairs = ((pipe, beliefs[name]) for name, pipe in self.components.items())
            return sum(stored_divergence(pipe, own, belief) for pipe, belief in pairs)


def _vocab() -> Vocab:
    """Return one that knows what is whitespace."""
    return Vocab(lex_attr_getters=LEX_ATTRS)
