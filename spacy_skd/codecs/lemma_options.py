"""Which lemmas an inventory of labels can make of forms, and the scores of these lemmas.

A lemma is as probable as all labels that make it of the form: with s the scores of the labels and
L the set of those that give lemma l,

    S(l) = log sum_{i in L} exp s_i          dS(l) / ds_i = exp(s_i - S(l)) = P(i | l)

What does not apply to a form is in none of these sets: it is impossible.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy

from ..arrays import Array, Bools, Floats1d, Floats2d, Ints1d, Ints2d, array_module
from ..structures import IMPOSSIBLE, Parts
from ..structures.parts import softmax
from .edit_trees import EditTree
from .lemma_labels import in_case, parse_lemma_label

# Of forms, in 16 bytes (50 MB). One takes as many beside its labels and their lemmas.
MOST_KEPT = 3_000_000
_OF_FORM, _OF_LEMMA = 50, 4
_Cases = tuple[EditTree, list[tuple[str, int]]]  # of a tree the cases, each with its label
_LEAST = -700.0  # nats below a form's best, so that exp is above 0


@dataclass(frozen=True, eq=False)
class FormOptions:
    """What labels make of one form.

    labels (Ints1d): (n,) those that apply, ascending. slots (Ints1d): (n,) the lemma that each
    makes. lemmas (tuple[str, ...]): by slot.
    """

    labels: Ints1d
    slots: Ints1d
    lemmas: tuple[str, ...]

    @cached_property
    def slot_of(self) -> dict[str | None, int]:
        return {lemma: slot for slot, lemma in enumerate(self.lemmas)}


class BestLemmas(NamedTuple):
    """lemmas (list[str]): of forms. ids (Ints1d): (words,) which of them each word has.
    chances (Floats1d): (words,) its probability, NaN of a word to which no label applies."""

    lemmas: list[str]
    ids: Ints1d
    chances: Floats1d


class LemmaLabels:
    """An inventory. What applies to a form is remembered, up to a bound. It is of strings
    alone, and of no vocab.

    labels (tuple[str, ...]): see `lemma_labels`.
    RAISES (ValueError): if one is no such label.
    """

    def __init__(self, labels: Sequence[str]):
        self.labels = tuple(labels)
        cases: dict[EditTree, list[tuple[str, int]]] = {}
        for i, label in enumerate(map(parse_lemma_label, self.labels)):
            cases.setdefault(label.tree, []).append((label.case, i))
        # By what a form must begin and end with, the longer of the two, or be.
        self._by_edge: dict[tuple[str, str], list[_Cases]] = {}
        for tree, of_tree in cases.items():
            self._by_edge.setdefault(_key(tree), []).append((tree, of_tree))
        self._longest = max((len(text) for _, text in self._by_edge), default=0)
        self._known: dict[str, FormOptions] = {}
        self._n_kept = 0

    def __reduce__(self) -> tuple[type["LemmaLabels"], tuple[tuple[str, ...]]]:
        return LemmaLabels, (self.labels,)

    def of_form(self, form: str) -> FormOptions:
        """Return what the labels make of a form."""
        known = self._known.get(form)
        if known is None:
            known = self._find(form)
            if self._n_kept > MOST_KEPT:
                self._known, self._n_kept = {}, 0
            self._known[form] = known
            self._n_kept += _OF_FORM + _OF_LEMMA * len(known.lemmas) + len(known.labels)
        return known

    def of_words(self, forms: Sequence[str]) -> "LemmaOptions":
        """Return what they make of a batch. forms (Sequence[str]): of each word."""
        place = {form: i for i, form in enumerate(dict.fromkeys(forms))}
        words = numpy.asarray([place[form] for form in forms], dtype="int64")
        return self.of_forms(list(place), words)

    def of_forms(self, forms: Sequence[str], words: Ints1d) -> "LemmaOptions":
        """Do as `of_words`. forms: distinct. words (Ints1d): (words,) the form of each."""
        return LemmaOptions([self.of_form(form) for form in forms], words, len(self.labels))

    def best(
        self,
        forms: Sequence[str],
        words: Ints1d,
        scores: Floats2d,
        *,
        top_k: int = 0,
        temperature: float = 1.0,
    ) -> BestLemmas:
        """Return the likeliest lemma of each word of a batch.

        forms, words: see `of_forms`. scores: (words, labels), nats, on the CPU.
        top_k, temperature: see `LemmaOptions.likeliest`.
        RETURNS (BestLemmas): the lemma of a form to which no label applies is "", and of this form
            alone.
        """
        options = self.of_forms(forms, words)
        slots, chances = options.likeliest(scores, top_k=top_k, temperature=temperature)
        width = options.n_slots + 1
        pairs, ids = numpy.unique(words * width + slots + 1, return_inverse=True)
        named = (divmod(pair, width) for pair in pairs.tolist())
        lemmas = [options.forms[i].lemmas[slot - 1] if slot else "" for i, slot in named]
        return BestLemmas(lemmas, ids, chances)

    def _find(self, form: str) -> FormOptions:
        lower, slots = form.lower(), dict[str, int]()
        pairs: list[tuple[int, int]] = []
        for tree, cases in self._candidates(lower):
            lemma = tree.apply(lower)
            if lemma is None:
                continue
            for case, label in cases:
                cased = in_case(case, form, lemma, tree)
                if cased:
                    pairs.append((label, slots.setdefault(cased, len(slots))))
        array = numpy.asarray(sorted(pairs), dtype="int32").reshape(-1, 2)
        return FormOptions(array[:, 0].copy(), array[:, 1].copy(), tuple(slots))

    def _candidates(self, form: str) -> Iterable[_Cases]:
        """Yield the trees whose edge the form has."""
        yield from self._by_edge.get(("whole", form), ())
        yield from self._by_edge.get(("any", ""), ())
        for n in range(1, min(self._longest, len(form)) + 1):
            yield from self._by_edge.get(("end", form[-n:]), ())
            yield from self._by_edge.get(("start", form[:n]), ())


def _key(tree: EditTree) -> tuple[str, str]:
    start, end = tree.edge
    if not tree.keeps:
        return "whole", start
    if not start and not end:
        return "any", ""
    return ("end", end) if len(end) >= len(start) else ("start", start)


class LemmaOptions:
    """What an inventory makes of the words of a batch.

    forms (list[FormOptions]): distinct. words (Ints1d): (words,) the form of each.
    n_labels (int): of the inventory. n_slots (int): the most lemmas of a form, at least 1.
    """

    def __init__(self, forms: list[FormOptions], words: Ints1d, n_labels: int):
        self.forms, self.words, self.n_labels = forms, words, n_labels
        self.n_slots = max([1, *(len(form.lemmas) for form in forms)])
        self._counts = numpy.asarray([len(form.labels) for form in forms], dtype="int64")
        self._starts = numpy.cumsum(self._counts) - self._counts
        none = numpy.zeros(0, dtype="int32")
        self._labels = numpy.concatenate([none, *(form.labels for form in forms)])
        self._slots = numpy.concatenate([none, *(form.slots for form in forms)])

    @property
    def has_any(self) -> Bools:
        """(words,) whether any label applies."""
        return self._counts[self.words] > 0

    def pairs(self) -> tuple[Ints1d, Ints1d, Ints1d]:
        """Return of each label that applies to a word: the word, ascending, the label, the slot."""
        counts = self._counts[self.words]
        word = numpy.repeat(numpy.arange(len(self.words)), counts)
        within = numpy.arange(len(word)) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
        at = within + numpy.repeat(self._starts[self.words], counts)
        return word, self._labels[at].astype("int64"), self._slots[at].astype("int64")

    def best(self, scores: Floats2d, *, top_k: int = 0) -> Ints1d:
        """Return (words,) the slot of the likeliest lemma, -1 where no label applies.

        scores: (words, labels), nats, on the CPU. top_k (int): see `LemmaScores`.
        """
        return self.likeliest(scores, top_k=top_k)[0]

    def likeliest(
        self, scores: Floats2d, *, top_k: int = 0, temperature: float = 1.0
    ) -> tuple[Ints1d, Floats1d]:
        """Return `best`, and (words,) float32, the probability of that lemma, NaN for -1.

        Of the probability all labels count. The temperature T divides the scores of lemmas, not of
        labels, so that their order stays: P(l) = exp(S(l) / T) / sum_m exp(S(m) / T).
        """
        kept, slots = self._by_word(scores)
        best: Ints1d = numpy.take_along_axis(slots, kept.argmax(axis=1)[:, None], axis=1)[:, 0]
        # Where the lemma of the best label outweighs all others together, it is the likeliest.
        highest = numpy.where(self.has_any, kept.max(axis=1), 0)
        shares = numpy.exp(kept - highest[:, None])
        own = (shares * (slots == best[:, None])).sum(axis=1)
        total = shares.sum(axis=1)
        chances = own / numpy.where(self.has_any, total, 1)
        unsure = numpy.nonzero(((1.0 if top_k else own) <= total - own) & self.has_any)[0]
        if len(unsure):
            some, of_unsure = scores[unsure], copy(self)
            of_unsure.words = self.words[unsure]
            best[unsure] = LemmaScores(of_unsure, some, top_k=top_k).values.argmax(axis=1)
            chances[unsure] = of_unsure._chances(some, best[unsure], 1.0)
        if temperature != 1:
            chances = self._chances(scores, best, temperature)
        chances = numpy.where(self.has_any, chances, numpy.nan).astype("float32")
        return numpy.where(self.has_any, best, -1), chances

    def _chances(self, scores: Floats2d, slots: Ints1d, temperature: float) -> Floats1d:
        """Return (words,) the probability of a lemma of each word."""
        every = softmax(LemmaScores(self, scores).values * (1.0 / temperature))[1]
        found: Floats1d = numpy.take_along_axis(every, slots[:, None], axis=1)[:, 0]
        return found

    def _by_word(self, scores: Floats2d) -> tuple[Floats2d, Ints2d]:
        """Return (words, the most labels of a form): the scores of the labels that apply to each
        word, -inf in the padding; the lemma that each makes."""
        width = max(1, int(self._counts.max(initial=0)))
        form = numpy.repeat(numpy.arange(len(self.forms)), self._counts)
        place = form, numpy.arange(len(form)) - numpy.repeat(self._starts, self._counts)
        labels, slots = numpy.zeros((2, len(self.forms), width), dtype="int64")
        absent = numpy.full((len(self.forms), width), -numpy.inf, dtype=scores.dtype)
        labels[place], slots[place], absent[place] = self._labels, self._slots, 0.0
        kept = numpy.take_along_axis(scores, labels[self.words], axis=1) + absent[self.words]
        return kept, slots[self.words]

    def encode(self, lemmas: Sequence[str | None]) -> tuple[Parts, Array]:
        """Encode lemmas of words as indicators of slots, as `encode_tags` does labels.

        lemmas (Sequence[str | None]): one a word, None or "" where it is not known.
        RETURNS (tuple[Parts, ndarray]): unary (words, 1, slots), float32; (words,) bool, whether
            it is known and some label makes it.
        """
        forms = [self.forms[form] for form in self.words.tolist()]
        of_words = [form.slot_of.get(lemma, -1) for form, lemma in zip(forms, lemmas)]
        slots = numpy.asarray(of_words, dtype="int64")
        unary = numpy.zeros((len(slots), 1, self.n_slots), dtype="float32")
        known = numpy.nonzero(slots >= 0)[0]
        unary[known, 0, slots[known]] = 1.0
        return Parts({"unary": unary}, numpy.ones(len(slots), dtype="int64")), slots >= 0


class LemmaScores:
    """Scores of the lemmas of words, by those of labels.

    options (LemmaOptions): which there are.
    values (Floats2d): (words, slots), nats, `IMPOSSIBLE` where there is no such lemma; of a word
        to which no label applies all 0.
    """

    def __init__(self, options: LemmaOptions, scores: Floats2d, *, top_k: int = 0):
        """scores: (words, labels). top_k (int): how many of the best labels that apply to a word
        count, 0 for all."""
        self.options = options
        xp = array_module(scores)
        word, labels, slots = (xp.asarray(array) for array in options.pairs())
        kept = scores[word, labels].astype("float64")
        if top_k:
            best = _best_of_each(word, kept, top_k)
            word, labels, slots, kept = word[best], labels[best], slots[best], kept[best]
        shape = (len(scores), options.n_slots)
        highest: Any = xp.full(shape[0], -xp.inf)
        highest_at: Any = xp.maximum
        highest_at.at(highest, word, kept)
        weights = xp.exp(xp.maximum(kept - highest[word], _LEAST))
        places = word * shape[1] + slots
        sums = xp.bincount(places, weights=weights, minlength=shape[0] * shape[1])
        self.shares: Floats1d = weights / sums[places]
        self._shape, self._index, self._places = scores.shape, (word, labels), (word, slots)
        sums = sums.reshape(shape)
        logs = xp.log(xp.where(sums > 0, sums, 1.0)) + highest[:, None]
        values = xp.where(sums > 0, logs, IMPOSSIBLE)
        nothing = xp.isinf(highest)[:, None]
        self.values: Floats2d = xp.where(nothing, 0.0, values).astype(scores.dtype)

    def backprop(self, d_values: Floats2d) -> Floats2d:
        """Return the gradient at the scores of labels, of that at `values`."""
        d_scores: Floats2d = array_module(d_values).zeros(self._shape, dtype=d_values.dtype)
        d_scores[self._index] = d_values[self._places] * self.shares
        return d_scores


def _best_of_each(word: Ints1d, scores: Floats1d, k: int) -> Ints1d:
    """Return which pairs are among the k best of their word. word (Ints1d): ascending."""
    order = numpy.lexsort((-scores, word))
    rank = numpy.arange(len(word)) - numpy.searchsorted(word, word)
    return numpy.sort(order[rank < k])
