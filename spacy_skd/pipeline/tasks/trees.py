"""Dependency trees, one a sentence, by scores of arcs and of the deprels of chosen arcs."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Floats2d, Ints1d, Ints2d
from ...codecs.head_labels import deprels_of
from ...codecs.units import (
    ROOT_HEAD,
    UNKNOWN_HEAD,
    Bucket,
    Heads,
    batch_spans,
    head_rows,
    split_by_lengths,
)
from ...codecs.words import Words
from ...layers.trees import no_arcs
from ...models.biaffine import ParserGradient, ParserInput, ParserScores
from ...models.words import doc_starts, spans_of, split_units, words_of
from ...structures import ArcStructure, Parts, to_numpy
from ...structures.parts import check_scores, softmax
from ...transfer.beliefs import Belief, TreeBelief
from ...transfer.beliefs.base import LABEL_FLOOR
from .activations import arcs_by_row, arcs_on_tokens, tree_activations
from .gold_trees import BrokenGold
from .parsing import Arcs, ParsingTask
from .predictions import BEST, MARGINAL, Activations, Predictions, chosen_chances, on_tokens
from .tree_chances import Tree, chances_of_heads, k_labelled_trees
from .tree_loss import TREES, GoldTrees, TreeLesson, TreeLoss, make_lesson, taught_lesson


class TreeTask(ParsingTask[TreeLesson, ParserInput, ParserScores, ParserGradient]):
    """The best single-rooted tree of each sentence, by a model such as `BiaffineParser`.

    label_floor (float): as a teacher: the marginal from which on an arc's deprels are scored.

    Best: per doc, of the best tree of each sentence, the offset of each word's head (0 for a root)
    and the index of its deprel.

    Activations: "units" (U, 2), start and end token of the sentences; "marginals", of each sentence
    of n words (n, n + 1) the probabilities of heads, 0 being ROOT; "label_ids" (tokens,);
    "label_marginals" (tokens, deprels) given the chosen arc; "confidences" (tokens,), the
    probability of the chosen arc and deprel. The latter three are -1, 0 and 1 of whitespace.
    """

    structure: ArcStructure
    changeable = (*ParsingTask.changeable, "label_floor")

    def __init__(
        self,
        structure: ArcStructure = TREES,
        *,
        max_length: int = 150,
        label_floor: float = LABEL_FLOOR,
        decode: str = BEST,
    ):
        super().__init__(max_length=max_length, decode=decode)
        self.structure = structure
        self.label_floor = label_floor
        self.gold_trees = GoldTrees()
        self.broken_gold = BrokenGold()

    def taught_labels(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the deprels, also of a teacher of tags."""
        return deprels_of(labels)

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return super().labels_in(self._inspected(examples))

    def _inspected(self, examples: Iterable[Example]) -> Iterator[Example]:
        for eg in examples:
            heads, _ = self.layer.gold(eg, labels=())
            self.broken_gold.inspect(eg, heads, self.reference_units(eg))
            yield eg

    def begin(
        self, model: Model[ParserInput, ParserScores], get_examples: Callable[[], Iterable[Example]]
    ) -> None:
        self.gold_trees.is_told = self.broken_gold.tell(self.pipe.name)
        super().begin(model, get_examples)

    def initialize(self, model: Model[ParserInput, ParserScores], docs: list[Doc]) -> None:
        model.get_ref("output_layer").set_dim("nO", len(self.pipe.labels))
        words = words_of(docs)
        spans = spans_of(doc_starts(docs)[0], words, max_length=self.max_length)
        model.initialize(X=(docs, spans))

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        words = words_of(docs)
        lengths = [len(each) for each in words]
        starts, bare = doc_starts(docs)
        if bare:
            self.cut(bare, starts, docs, words)
        spans = spans_of(starts, words, max_length=self.max_length)
        scores = self._scores(docs, spans)
        best_heads = self._best_heads(scores.arcs)
        pairs = _pairs_of(scores, best_heads)
        deprels = self._deprel_scores(scores, pairs)
        rows, heads = pairs.T
        offsets, labels = numpy.zeros((2, sum(lengths)), dtype="int64")
        offsets[rows] = numpy.where(heads == ROOT_HEAD, 0, heads - rows)
        labels[rows] = deprels.argmax(axis=-1)
        best = list(zip(split_by_lengths(offsets, lengths), split_by_lengths(labels, lengths)))
        if not (self.pipe.save_activations or self.pipe.confidences):
            return Predictions(best)
        units = split_units(spans, lengths)
        activations = confidences = None
        if self.pipe.save_activations:
            of_words = self._activations(units, best, scores, rows, deprels)
            activations = [arcs_on_tokens(*pair) for pair in zip(of_words, words)]
        if self.pipe.confidences:
            chances = numpy.zeros(sum(lengths), dtype="float32")
            told = [self.calibrated(arcs) for arcs in scores.arcs]
            chances[rows] = chances_of_heads(self.structure, told, best_heads)
            chances[rows] *= chosen_chances(self.calibrated(deprels), labels[rows])
            confidences = on_tokens(chances, words)
        return self.told(docs, words, units, Predictions(best, activations, confidences))

    @property
    def deprels(self) -> tuple[str, ...]:
        return self.pipe.labels

    def _scores(self, docs: Sequence[Doc], spans: Ints2d) -> ParserScores:
        """spans: (U, 2) units as rows of the batch's words."""
        if not len(spans):
            none = numpy.zeros((0, len(self.pipe.labels)), "float32")
            return ParserScores([], [], lambda pairs: none)
        scores: ParserScores = self.pipe.model.predict((list(docs), spans))
        if self.pipe.model.ops.device_type == "cpu":
            return scores
        return scores._replace(arcs=[parts.on_cpu() for parts in scores.arcs])

    def _best_heads(self, batch: Sequence[Parts]) -> list[Ints2d]:
        """Return (B, N) of each bucket, see `ArcStructure.best_heads`."""
        if self.decoding == MARGINAL:
            batch = [self.structure.expected(arcs) for arcs in batch]
        return self.structure.decoder.best_heads(batch)

    def _deprel_scores(self, scores: ParserScores, pairs: Ints2d) -> Floats2d:
        """Those of arcs are checked by the decoder."""
        deprels: Floats2d = to_numpy(scores.deprels(pairs))
        check_scores(deprels, name=f"{self.pipe.name} (deprels)")
        return deprels

    def _activations(
        self,
        units: Sequence[Ints2d],
        best: Sequence[Arcs],
        scores: ParserScores,
        rows: Ints1d,
        deprels: Floats2d,
    ) -> list[Activations]:
        marginals = [self.structure.infer(self.calibrated(parts))[1] for parts in scores.arcs]
        given_arc = numpy.zeros(deprels.shape, dtype="float32")
        given_arc[rows] = softmax(self.calibrated(deprels))[1]
        by_row = arcs_by_row(scores.buckets, marginals)
        return tree_activations(units, best, marginals=by_row, label_marginals=given_arc)

    def k_trees(self, doc: Doc, units: Ints2d, k: int) -> list[list[Tree]]:
        scores = self._scores([doc], units)
        trees = k_labelled_trees(
            self.structure,
            scores,
            lambda pairs: self._deprel_scores(scores, pairs),
            temperature=self.pipe.calibration,
            k=k,
        )
        return [trees[unit] for unit in range(len(units))]

    def write(self, docs: Sequence[Doc], best: Sequence[Arcs]) -> None:
        self.layer.write(docs, best, labels=self.pipe.labels)

    # As a teacher

    def believe_units(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        """Return the scores of every sentence's arcs, and of the deprels of likely arcs: those in
        the best tree, or of a marginal of at least `label_floor`."""
        lengths = [len(each) for each in words]
        scores = self._scores(docs, batch_spans(units, lengths))
        best = self._best_heads(scores.arcs)
        scores = scores._replace(arcs=[self.calibrated(parts) for parts in scores.arcs])
        chosen = [self._likely_pairs(*each) for each in zip(scores.buckets, scores.arcs, best)]
        pairs = numpy.concatenate(chosen) if chosen else numpy.zeros((0, 2), dtype="int64")
        return tree_beliefs(
            units,
            lengths,
            structure=self.structure,
            labels=self.pipe.labels,
            arcs=arcs_by_row(scores.buckets, scores.arcs),
            pairs=pairs,
            label_scores=self.calibrated(self._deprel_scores(scores, pairs)),
        )

    def _likely_pairs(self, bucket: Bucket, arcs: Parts, heads: Ints2d) -> Ints2d:
        """(P, 2) dependent and head row, `ROOT_HEAD` for ROOT; the best tree's is the first of a
        dependent. heads: (B, N) of the best trees."""
        columns = numpy.arange(arcs.n_tokens + 1)
        is_best = (heads[..., None] == columns) & bucket.inside[..., None]
        p = self.structure.infer(arcs)[1].arrays["arc"]
        unit, token, head = numpy.nonzero(is_best | ((p >= self.label_floor) & (p > 0)))
        order = numpy.lexsort((~is_best[unit, token, head], token, unit))
        unit, token, head = unit[order], token[order], head[order]
        first = bucket.rows[unit]
        heads = numpy.where(head == 0, ROOT_HEAD, first + head - 1)
        return numpy.stack([first + token, heads], axis=1)

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        return Predictions([_best_arcs(TreeBelief.of(belief)) for belief in beliefs])

    # Training

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> TreeLesson:
        labels = self.pipe.labels
        gold = [self.layer.gold(eg, labels=labels) for eg in examples]
        for eg, (heads, deprels) in zip(examples, gold):
            if ((heads != UNKNOWN_HEAD) & (deprels < 0)).any():  # learnt without its deprel
                names = (token.dep_ for token in eg.reference if not token.is_space)
                self.pipe.unknown_labels.add(names, set(labels))
        if beliefs is None:
            return make_lesson(gold, units=[self.reference_units(eg) for eg in examples])
        return taught_lesson(self, gold, beliefs, lambda i: self.reference_units(examples[i]))

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> TreeLesson:
        return taught_lesson(self, [no_arcs(belief.n_tokens) for belief in beliefs], beliefs)

    def inputs(self, docs: list[Doc], lesson: TreeLesson) -> ParserInput:
        return docs, lesson.spans

    def loss(self, lesson: TreeLesson, scores: ParserScores) -> tuple[float, ParserGradient]:
        """See `Task.loss`. The gradients are those of the arc scores of each bucket and of the
        deprel scores (P, deprels)."""
        loss = TreeLoss(self, lesson, numpy.zeros((1 + len(lesson.teachers), len(lesson.pairs))))
        total, d_arcs = 0.0, []
        for bucket, parts in zip(scores.buckets, scores.arcs):
            of_arcs, d_parts = loss.arcs(bucket, parts)
            total += of_arcs
            d_arcs.append(d_parts)
        of_deprels, d_deprels = loss.deprels(scores.deprels(lesson.pairs))
        return total + of_deprels, (d_arcs, d_deprels)


def _pairs_of(scores: ParserScores, heads: Sequence[Ints2d]) -> Ints2d:
    """(words, 2) dependent and head row of trees. heads: (B, N) of each bucket."""
    chosen = zip(scores.buckets, heads)
    pairs = [head_rows(h, rows=b.rows, lengths=b.lengths) for b, h in chosen]
    return numpy.concatenate(pairs) if pairs else numpy.zeros((0, 2), dtype="int64")


def tree_beliefs(
    units: Sequence[Ints2d],
    lengths: Sequence[int],
    *,
    structure: ArcStructure,
    labels: tuple[str, ...],
    arcs: dict[int, Floats2d],
    pairs: Ints2d,
    label_scores: Floats2d,
) -> list[Belief]:
    """Return the scores of a batch as one belief a doc.

    units (Sequence[Ints2d]): per doc (U, 2) start and end word. lengths: words of each doc.
    arcs (dict[int, Floats2d]): see `arcs_by_row`.
    pairs (Ints2d): (P, 2) rows, the best tree's the first of a dependent. label_scores: (P, L).
    """
    beliefs: list[Belief] = []
    offset = 0
    for of_doc, length in zip(units, lengths):
        here = (pairs[:, 0] >= offset) & (pairs[:, 0] < offset + length)
        local = numpy.where(pairs[here] >= 0, pairs[here] - offset, ROOT_HEAD)
        _, best = numpy.unique(local[:, 0], return_index=True)
        beliefs.append(
            TreeBelief(
                structure=structure,
                labels=labels,
                units=of_doc.astype("int32"),
                arcs=tuple(arcs[int(start) + offset] for start in of_doc[:, 0]),
                pairs=local.astype("int32"),
                label_scores=label_scores[here],
                heads=local[best, 1],
            )
        )
        offset += length
    return beliefs


def _best_arcs(belief: TreeBelief) -> Arcs:
    """Offsets of heads, 0 for a root, and deprels of the best trees."""
    best = belief.best(k=1)
    offsets = Heads(best.heads[0].astype("int64")).to_offsets()
    return offsets, numpy.maximum(best.deprels[0], 0)
