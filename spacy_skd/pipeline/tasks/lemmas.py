"""Lemmas by edit trees. The loss is over the lemmas that labels make of a form, not over labels.

With S(l) the score of lemma l (`codecs/lemma_options`), P_s its softmax over the lemmas that some
label makes of the form, and m the lemmas of gold or of the teacher,

    L = - sum_l m(l) log P_s(l)           dL / ds_i = P_s(i) - sum_l m(l) P_s(i | l)

so that which of several labels make a lemma is left to the student.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Array, Floats1d, Floats2d
from ...codecs.lemma_labels import is_lemma_label, parse_lemma_label
from ...codecs.lemma_options import LemmaLabels, LemmaOptions, LemmaScores
from ...codecs.trees import gold_tokens
from ...codecs.units import as_units, split_by_lengths
from ...codecs.words import Words
from ...errors import check_between, named
from ...layers.confidences import Record
from ...layers.token_layer import TokenLayer
from ...models.words import in_batches, words_of
from ...structures import IndependentLabels, Parts, to_numpy
from ...structures.parts import softmax
from ...transfer.beliefs import Belief, LemmaBelief
from ...transfer.students import LemmaStudent
from ..lost_mass import LEMMAS
from ..stock_lemmatizer import add_trees
from .activations import lemma_activations
from .analyses import Analysis, of_words
from .base import Task
from .lemma_counts import Counts, choose_labels, count_lemmas, count_taught_lemmas, most_frequent
from .lemma_predictions import BestOfDocs, Lemmas, check_backoff, values_of
from .predictions import Activations, Predictions, on_tokens

MOST_SCORES = 2**24  # of labels at once in prediction


class LemmaLesson(NamedTuple):
    """options: what the labels make of the batch's words. gold (Parts): indicators of their lemmas.
    known (Array): (words,) which lemmas are. beliefs: one a doc."""

    options: LemmaOptions
    gold: Parts
    known: Array
    beliefs: Sequence[Belief] | None


class LemmaTask(Task[LemmaLesson, list[Doc], Floats2d, Floats2d, Lemmas]):
    """The likeliest lemma of each word. Each word is a unit.

    top_k, backoff, min_tree_freq: see `make_distilling_tagger`.

    Activations: "marginals" (tokens, labels), 0 of those that do not apply; "label_ids" (tokens,),
    the likeliest label, -1 for none; "confidences" (tokens,), the probability of the lemma. Of
    whitespace 0, -1 and 1.
    """

    layer: TokenLayer
    takes = ("top_k", "backoff", "min_tree_freq")
    changeable = ("overwrite", "top_k", "backoff")

    def __init__(
        self,
        layer: TokenLayer,
        *,
        overwrite: bool = False,
        top_k: int = 0,
        backoff: str | None = "orth",
        min_tree_freq: int = 3,
    ):
        self.structure = IndependentLabels()
        self.layer = layer
        self.overwrite = overwrite
        self.top_k = int(check_between("top_k", top_k, low=0, high=10**6))
        self.min_tree_freq = int(check_between("min_tree_freq", min_tree_freq, low=1, high=10**9))
        self.backoff = check_backoff(backoff)
        self._counted: Counts = Counter()
        self._inventory = LemmaLabels(())

    @property
    def inventory(self) -> LemmaLabels:
        """The labels, read."""
        if self._inventory.labels != self.pipe.labels:
            self._inventory = LemmaLabels(self.pipe.labels)
        return self._inventory

    def why_not_stock(self) -> str:
        return self.layer.why_not_stock(self.pipe.labels, overwrite=self.overwrite)

    def stock_settings(self, exported: Collection[str]) -> dict[str, Any]:
        return {"backoff": self.backoff, "top_k": MOST_SCORES}

    def add_stock_labels(self, stock: Any) -> tuple[Sequence[int], Sequence[float]]:
        trees, labels, shifts = add_trees(stock.trees, self.pipe.labels)
        stock.cfg["labels"] = trees
        stock.tree2label = {tree: i for i, tree in enumerate(trees)}
        return labels, shifts

    # Labels

    def check_labels(self, labels: Sequence[str]) -> None:
        with named(self.pipe.name):
            LemmaLabels(labels)

    def check_more(self, label: str) -> None:
        with named(self.pipe.name):
            parse_lemma_label(label)

    def check_taught(self, labels: tuple[str, ...]) -> None:
        """Check nothing: teacher and student meet in lemmas."""

    def initial_labels(
        self,
        get_examples: Callable[[], Iterable[Example]],
        taught: tuple[str, ...],
        ask: Callable[[Sequence[Example]], Sequence[Belief]],
    ) -> list[str]:
        """Return the teacher's labels, or, if it has none, those of its best lemmas of the
        examples, and those of the examples' gold. Where none occurs often enough, those that occur
        most often."""
        counts: Counts = Counter()
        labels = [label for label in taught if is_lemma_label(label)]
        if not labels:
            counts = count_taught_lemmas(ask, get_examples())
            labels = self._chosen(counts)
        gold = count_lemmas(get_examples()) | self._counted
        labels += self._chosen(gold)
        return labels or most_frequent(gold | counts, of=self.min_tree_freq, name=self.pipe.name)

    def _chosen(self, counts: Counts) -> list[str]:
        return choose_labels(counts, least=self.min_tree_freq)

    def note_gold(self, examples: Iterable[Example]) -> None:
        self._counted += count_lemmas(examples)

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return self._chosen(count_lemmas(examples))

    def initialize(self, model: Model[list[Doc], Floats2d], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, len(self.pipe.labels)))

    # Prediction

    @property
    def _most_tokens(self) -> int:
        """Of docs that are scored together: few, where there are many labels."""
        return MOST_SCORES // max(1, len(self.pipe.labels))

    def predict(self, docs: list[Doc]) -> Predictions:
        best: list[Lemmas] = []
        activations: list[Activations] = []
        confidences: list[Floats1d] = []
        for batch in in_batches(docs, most=self._most_tokens):
            scores = to_numpy(self.word_scores(batch))
            words = words_of(batch, n_words=len(scores))
            found = self._best(batch, words, scores)
            best += found.lemmas
            if self.pipe.confidences:
                confidences += on_tokens(found.chances, words)
            if self.pipe.save_activations:
                rows = split_by_lengths(scores, [len(each) for each in words])
                activations += [self._activations(*row) for row in zip(batch, words, rows)]
        return Predictions(
            best,
            activations if self.pipe.save_activations else None,
            confidences if self.pipe.confidences else None,
        )

    def _best(self, docs: list[Doc], words: Sequence[Words], scores: Floats2d) -> BestOfDocs:
        """scores: (words of the docs, labels)."""
        if not len(scores):
            none = [Lemmas([], numpy.zeros(0, dtype="int64")) for _ in docs]
            return BestOfDocs(none, numpy.zeros(0, dtype="float32"))
        orths = [each.of_tokens(doc.to_array(ORTH)) for doc, each in zip(docs, words)]
        distinct, index = numpy.unique(numpy.concatenate(orths), return_inverse=True)
        strings = docs[0].vocab.strings
        forms = [strings[orth] for orth in distinct.tolist()]
        temperature = self.pipe.calibration if self.pipe.confidences else 1.0
        names, ids, chances = self.inventory.best(
            forms, index, scores, top_k=self.top_k, temperature=temperature
        )
        for word in numpy.flatnonzero(numpy.asarray([not name for name in names])[ids]).tolist():
            names[ids[word]] = self._back_off(forms[index[word]])
        of_docs = split_by_lengths(ids, [len(o) for o in orths])
        return BestOfDocs([Lemmas(names, each) for each in of_docs], chances)

    def _back_off(self, form: str) -> str:
        """Return the lemma of a word to which no label applies, "" for none."""
        return {"orth": form, "lower": form.lower()}.get(self.backoff or "", "")

    def _activations(self, doc: Doc, words: Words, scores: Floats2d) -> Activations:
        lemmas = LemmaScores(self.inventory.of_words(_forms([doc])), scores)
        chances = softmax(self.calibrated(lemmas.values))[1]
        return lemma_activations(lemmas, chances, words)

    def write(self, docs: Sequence[Doc], best: Sequence[Lemmas]) -> None:
        for doc, values in values_of(self.layer, docs, best):
            self.layer.write(doc, values, labels=(), overwrite=self.overwrite)

    def records(self, docs: Sequence[Doc], predictions: Predictions) -> list[Record]:
        layer = self.layer
        values = values_of(layer, docs, predictions.best)
        return [
            layer.record(len(doc), layer.on_tokens(doc, row, labels=())[:, None], chances)
            for (doc, row), chances in zip(values, predictions.confidences or ())
        ]

    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        """See `Task.analyses`. A word to which no label applies has none."""
        scores = to_numpy(self.word_scores([doc]))
        options = self.inventory.of_words(_forms([doc]))
        chances = softmax(self.calibrated(LemmaScores(options, scores).values))[1]
        forms = [options.forms[form].lemmas for form in options.words.tolist()]
        (words,) = words_of([doc], n_words=len(scores))
        applies = options.has_any[:, None]
        return of_words(words, chances * applies, lambda word, slot: forms[word][slot], k=k)

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """See `Task.believe`. All labels count, whatever `top_k` is."""
        beliefs: list[Belief] = []
        for batch in in_batches(docs, most=self._most_tokens):
            scores = to_numpy(self.word_scores(batch))
            lengths = [len(words) for words in words_of(batch, n_words=len(scores))]
            for doc, rows in zip(batch, split_by_lengths(scores, lengths)):
                forms = _forms([doc])
                options = self.inventory.of_words(forms)
                values = self.calibrated(LemmaScores(options, rows).values)
                beliefs.append(LemmaBelief.of_slots(self.pipe.labels, forms, options, values))
        return beliefs

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        own = [LemmaBelief.of(belief) for belief in beliefs]
        pairs = [list(zip(belief.best_lemmas(), belief.forms)) for belief in own]
        lemmas = [[lemma or self._back_off(form) for lemma, form in of_doc] for of_doc in pairs]
        return Predictions([Lemmas(of_doc, numpy.arange(len(of_doc))) for of_doc in lemmas])

    # Training

    def has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg))

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> LemmaLesson:
        """See `Task.lesson`. A lemma that no label makes of its form is unknown gold."""
        forms = _forms([eg.predicted for eg in examples])
        lemmas = [lemma for eg in examples for lemma in self.layer.gold(eg)]
        lesson = self._lesson(forms, lemmas, beliefs)
        pairs = (f"{form} -> {lemma}" for form, lemma, known in zip(forms, lemmas, lesson.known)
                 if lemma and not known)  # fmt: skip
        self.pipe.unknown_labels.add(pairs, ())
        return lesson

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> LemmaLesson:
        with named(self.pipe.name):
            forms = [form for belief in beliefs for form in belief.spelled()]
        return self._lesson(forms, [None] * len(forms), beliefs)

    def _lesson(
        self,
        forms: Sequence[str],
        lemmas: Sequence[str | None],
        beliefs: Sequence[Belief] | None,
    ) -> LemmaLesson:
        options = self.inventory.of_words(forms)
        return LemmaLesson(options, *options.encode(lemmas), self.learnt(beliefs))

    def inputs(self, docs: list[Doc], lesson: LemmaLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: LemmaLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        """See `Task.loss`. scores: (words of the batch, labels)."""
        target = None
        if lesson.beliefs is not None:
            student = LemmaStudent(**vars(self.student()), options=lesson.options)
            kind = type(lesson.beliefs[0])
            asked = kind.target_of_lemmas(lesson.beliefs, student)
            target = self.tempered(asked, reason=LEMMAS)
        lemmas = LemmaScores(lesson.options, scores)
        gold = gold_tokens(lesson.gold.on_device(self.ops), lesson.known)
        loss, d_parts = self.mixed_loss(as_units(lemmas.values), gold=gold, target=target)
        return loss, lemmas.backprop(d_parts.arrays["unary"][:, 0])


def _forms(docs: Sequence[Doc]) -> list[str]:
    """Return the words of docs."""
    pairs = zip(docs, words_of(docs))
    return [form for doc, words in pairs for form in words.items_of_tokens([t.text for t in doc])]
