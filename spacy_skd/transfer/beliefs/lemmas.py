"""Lemmas of words: what a teacher's edit trees make of each form, or what rules say.

A belief is over lemmas, whatever the labels are by which a teacher makes them, so that teacher and
student need not have the same. The lemmas of a word that are less probable than `LEAST` are left
out, as if the teacher had ruled them out.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy

from ...arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.lemma_options import LemmaOptions
from ...codecs.words import Words
from ...structures import IMPOSSIBLE, IndependentLabels, Parts
from ...structures.parts import POSSIBLE_ABOVE
from ..draws import choose
from ..posterior import Target
from ..students import LemmaStudent
from .base import Belief, k_best
from .entropy import entropy_of_rows
from .form import (
    Form,
    Packed,
    check_labels,
    pack_array,
    pack_halves,
    smallest,
    unpack_array,
    unpack_scores,
)
from .listed_labels import LabelCandidates

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture

LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class LemmaBelief(Belief):
    """Scores of the lemmas of a doc's words.

    labels (tuple[str, ...]): by which the teacher makes lemmas, see `codecs/lemma_labels`; () if it
        has none.
    forms (tuple[str, ...]): the words. lemmas (tuple[str, ...]): all that is said of one, once.
    counts (Ints1d): (words,) how many lemmas each may have. ids (Ints1d): (their sum,) which, word
        by word. scores (Floats1d): the same, nats up to a constant of each word.
    """

    labels: tuple[str, ...]
    forms: tuple[str, ...]
    lemmas: tuple[str, ...]
    counts: Ints1d
    ids: Ints1d
    scores: Floats1d
    kind: ClassVar[str] = "lemmas"
    annotates: ClassVar[str] = "lemmas"

    @classmethod
    def listed(
        cls, labels: tuple[str, ...], forms: Sequence[str], scores: Sequence[Mapping[str, float]]
    ) -> "LemmaBelief":
        """Make a belief. scores: of each word, those of its lemmas."""
        index: dict[str, int] = {}
        ids = [index.setdefault(lemma, len(index)) for word in scores for lemma in word]
        belief = cls(
            labels,
            tuple(forms),
            tuple(index),
            numpy.asarray([len(word) for word in scores], dtype="int32"),
            numpy.asarray(ids, dtype="int32"),
            numpy.asarray([s for word in scores for s in word.values()], dtype="float32"),
        )
        return belief.likely(LEAST)

    @classmethod
    def of_slots(
        cls,
        labels: tuple[str, ...],
        forms: Sequence[str],
        options: LemmaOptions,
        values: Floats2d,
    ) -> "LemmaBelief":
        """Make a belief of the scores of `LemmaScores`. values: (words, slots). options: of the
        same words."""
        below = values - values.max(axis=1, keepdims=True, initial=IMPOSSIBLE)
        likely = (below > numpy.log(LEAST)) & options.has_any[:, None]
        scores: list[dict[str, float]] = [{} for _ in forms]
        for word, slot in zip(*(axis.tolist() for axis in numpy.nonzero(likely))):
            lemma = options.forms[options.words[word]].lemmas[slot]
            scores[word][lemma] = float(below[word, slot])
        return cls.listed(labels, forms, scores)

    @property
    def nbytes(self) -> int:
        arrays = self.counts.nbytes + self.ids.nbytes + self.scores.nbytes
        return int(arrays) + sum(map(len, (*self.forms, *self.lemmas)))

    @property
    def n_tokens(self) -> int:
        return len(self.counts)

    def spelled(self) -> tuple[str, ...]:
        return self.forms

    @property
    def _words(self) -> Ints1d:
        """(lemmas of all words,) the word of each."""
        return numpy.repeat(numpy.arange(len(self.counts)), self.counts)

    def of_words(self, words: Words) -> "LemmaBelief":
        if words.whole:
            return self
        kept = numpy.isin(self._words, words.tokens)
        forms = tuple(words.items_of_tokens(self.forms))
        counts = words.of_tokens(self.counts)
        return self._chosen(forms, counts, self.ids[kept], self.scores[kept])

    def likely(self, least: float) -> "LemmaBelief":
        """Leave out what is less probable than `least`, but for the best of each word."""
        weights, words = self._weights(), self._words
        totals = numpy.bincount(words, weights=weights, minlength=self.n_tokens)
        kept = (weights >= least * totals[words]) | (weights >= 1)
        if kept.all():
            return self
        counts = numpy.bincount(words[kept], minlength=self.n_tokens).astype("int32")
        return self._chosen(self.forms, counts, self.ids[kept], self.scores[kept])

    def _chosen(
        self, forms: tuple[str, ...], counts: Ints1d, ids: Ints1d, scores: Floats1d
    ) -> "LemmaBelief":
        said, new = numpy.unique(ids, return_inverse=True)
        lemmas = tuple(self.lemmas[i] for i in said.tolist())
        return LemmaBelief(self.labels, forms, lemmas, counts, new.astype("int32"), scores)

    def _weights(self, temperature: float = 1.0) -> Floats1d:
        """(lemmas of all words,), 1 for the best of each word."""
        words, highest = self._words, numpy.full(self.n_tokens, -numpy.inf)
        numpy.maximum.at(highest, words, self.scores)
        weights: Floats1d = numpy.exp((self.scores - highest[words]) / temperature)
        return weights

    # Stored

    @property
    def form(self) -> Form:
        return Form(self.kind, None, self.labels)

    def pack(self, *, least: float) -> Packed:
        """Pack each text once, be it a form or a lemma."""
        kept = self.likely(max(least, LEAST))
        place: dict[str, int] = {}
        forms = [place.setdefault(text, len(place)) for text in kept.forms]
        lemmas = [place.setdefault(text, len(place)) for text in kept.lemmas]
        texts = numpy.frombuffer("".join(place).encode("utf8"), dtype="uint8")
        ids = numpy.asarray(lemmas, dtype="int64")[kept.ids]
        return {
            "texts": pack_array(texts),
            "lengths": pack_array(smallest(numpy.asarray([*map(len, place)], dtype="int64"))),
            "forms": pack_array(smallest(numpy.asarray(forms, dtype="int64"))),
            "counts": pack_array(smallest(kept.counts)),
            "lemmas": pack_array(smallest(ids)),
            "values": pack_halves(numpy.log(kept._weights())),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "LemmaBelief":
        text = unpack_array(packed["texts"]).tobytes().decode("utf8")
        ends = numpy.cumsum(unpack_array(packed["lengths"]), dtype="int64").tolist()
        texts = [text[a:b] for a, b in zip([0, *ends], ends)]
        words, counts, ids = (unpack_array(packed[k]) for k in ("forms", "counts", "lemmas"))
        scores = unpack_scores(numpy.ones(len(ids), dtype=bool), packed["values"])
        for rows in (words, ids):
            check_labels(rows, low=0, high=len(texts), n_candidates=len(rows))
        if len(ids) != counts.sum():
            raise ValueError(f"expected {counts.sum()} lemmas, found {len(ids)}")
        forms = tuple(texts[i] for i in words.tolist())
        belief = cls(form.labels, forms, tuple(texts), counts.astype("int32"), ids, scores)
        return belief._chosen(forms, belief.counts, ids, scores)

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. The mean of probabilities, but for what is less than `LEAST`."""
        return [cls._mean(mixture) for mixture in mixtures]

    @classmethod
    def _mean(cls, mixture: "Mixture") -> "LemmaBelief":
        own = [cls.of(belief) for belief in mixture.beliefs]
        chances: list[dict[str, float]] = [{} for _ in own[0].forms]
        for belief, weight in zip(own, mixture.weights):
            weights, words = belief._weights(), belief._words
            shares = weights / numpy.bincount(words, weights=weights)[words] * weight
            for word, lemma, share in zip(words.tolist(), belief._names(), shares.tolist()):
                chances[word][lemma] = chances[word].get(lemma, 0.0) + share
        logs = [{lemma: float(numpy.log(p)) for lemma, p in word.items()} for word in chances]
        return cls.listed(mixture.labels, own[0].forms, logs)

    # Best guesses and draws

    def best_lemmas(self) -> list[str]:
        """Return the likeliest lemma of each word, "" where there is none."""
        ids, scores = self._padded()
        return [self._name(row[best]) for row, best in zip(ids, scores.argmax(axis=1).tolist())]

    def entropy(self) -> float:
        return entropy_of_rows(self._padded()[1])

    def best(self, *, k: int) -> LabelCandidates:
        """See `Belief.best`. Its labels are lemmas, "" of a word of which nothing is said."""
        ids, scores = self._padded()
        names = (*self.lemmas, "")
        if not self.n_tokens:
            return LabelCandidates(names, numpy.zeros((1, 0), "int32"), numpy.ones(1))
        parts = Parts({"unary": scores[None]}, numpy.asarray([len(scores)]))
        totals, labellings = k_best(IndependentLabels(), parts, k)
        exists = numpy.isfinite(totals[0]) & (totals[0] > POSSIBLE_ABOVE)
        own = numpy.arange(self.n_tokens)
        slots = [each.arrays["unary"][0].argmax(axis=-1) for each in labellings]
        rows = numpy.stack([ids[own, each] for each in slots])[exists] % len(names)
        return LabelCandidates(names, rows.astype("int32"), numpy.ones(len(rows)))

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        """See `Belief.draw_labels`: lemmas, of which a student's labels can make what they can."""
        if not self.n_tokens:
            return []
        ids, scores = self._padded()
        weights = numpy.exp(scores.astype("float64"))
        chosen = choose(weights, rng=rng, temperature=temperature)
        return [self._name(row[slot]) for row, slot in zip(ids, chosen.tolist())]

    def _name(self, id: int) -> str:
        return self.lemmas[id] if id >= 0 else ""

    def _padded(self) -> tuple[Ints2d, Floats2d]:
        """(words, the most lemmas of one) which lemmas, -1 for none; their scores, the best 0,
        `IMPOSSIBLE` in the padding."""
        words, width = self._words, max(1, int(self.counts.max(initial=0)))
        slots = numpy.arange(len(words)) - numpy.searchsorted(words, words)
        ids = numpy.full((self.n_tokens, width), -1)
        scores = numpy.full((self.n_tokens, width), IMPOSSIBLE, dtype="float32")
        scores[:, 0] = 0.0
        ids[words, slots] = self.ids
        scores[words, slots] = numpy.log(self._weights())
        return ids, scores

    # As a teacher

    @classmethod
    def target_of_lemmas(cls, beliefs: Sequence["Self"], student: LemmaStudent) -> Target:
        """See `Belief.target_of_lemmas`. What none of the student's labels makes is lost."""
        options = student.options
        n, n_slots = len(options.words), options.n_slots
        words = numpy.repeat(numpy.arange(n), numpy.concatenate([b.counts for b in beliefs]))
        weights = numpy.concatenate([b._weights(student.temperature) for b in beliefs])
        weights = weights / numpy.bincount(words, weights=weights, minlength=n)[words]
        forms = (options.forms[form].slot_of for form in options.words[words].tolist())
        lemmas = (lemma for belief in beliefs for lemma in belief._names())
        slots = numpy.asarray([of.get(name, -1) for of, name in zip(forms, lemmas)], dtype="int64")
        made = slots >= 0
        left = numpy.bincount(words[made], weights=weights[made], minlength=n)
        unary = numpy.zeros((n, 1, n_slots), dtype="float32")
        unary[words[made], 0, slots[made]] = weights[made] / left[words[made]]
        empty = left <= 0
        marginals = Parts({"unary": unary}, numpy.ones(n, dtype="int64"))
        return Target(marginals, 1.0 - left, empty if empty.any() else None).to(student.ops)

    def _names(self) -> Iterator[str]:
        return (self.lemmas[i] for i in self.ids.tolist())
