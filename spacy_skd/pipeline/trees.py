"""The distilling parser: a dependency tree for each sentence."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from ..arrays import Floats2d, Ints1d, Ints2d
from ..codecs.head_labels import deprels_of
from ..codecs.heads import ROOT_HEAD, UNKNOWN_HEAD
from ..codecs.tags import split_by_lengths
from ..codecs.trees import head_rows
from ..codecs.units import Bucket, batch_spans
from ..codecs.words import Words
from ..models.biaffine import Choose, ParserInput, ParserOutput
from ..models.words import words_of
from ..structures import ArcStructure, Parts, SpanningTrees
from ..structures.numerics import check_scores, softmax
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs import Belief, ParseBelief, TreeBelief
from ..transfer.beliefs.mixture import columns_of
from ..transfer.students import Student
from ..transfer.target import STRUCTURAL, Objective
from .activations import Activations, Predictions
from .lost_mass import HEADS
from .sentences import doc_starts, units_of
from .tree_activations import on_tokens, tree_activations
from .tree_beliefs import LABEL_FLOOR, arcs_by_row, likely_pairs, no_belief, tree_beliefs
from .tree_gold import GoldTrees
from .tree_loss import TreeLoss
from .tree_pipe import ParsingPipe
from .tree_plan import TreePlan, best_arcs, gold_arcs, make_plan, no_arcs

TREES = SpanningTrees(single_root=True)


class DistillingParser(ParsingPipe):
    """Dependency trees, one per sentence, by biaffine scores."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str = "distilling_parser",
        *,
        structure: ArcStructure = TREES,
        distill_weight: float | WeightSchedule = 0.0,
        objective: Objective = STRUCTURAL,
        max_length: int = 150,
        label_floor: float = LABEL_FLOOR,
        scorer: Callable | None = None,
        save_activations: bool = False,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=structure,
            distill_weight=distill_weight,
            objective=objective,
            max_length=max_length,
            scorer=scorer,
            save_activations=save_activations,
        )
        self.structure: ArcStructure = structure
        self.label_floor = label_floor
        self.gold_trees = GoldTrees(name)

    def _taught(self) -> tuple[str, ...]:
        """The deprels of a linked teacher that counts, also of one of tags."""
        return deprels_of(super()._taught())

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Set the deprels (given, else all of those of `add_label`, of the teacher and of the
        examples) and the sizes.

        RAISES (ValueError): if there are no deprels, or none that the teacher has.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        self.model.get_ref("output_layer").set_dim("nO", len(self.labels))
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        words = words_of(docs)
        units = units_of(doc_starts(docs)[0], words, max_length=self.max_length)
        spans = batch_spans(units, [len(each) for each in words])
        self.model.initialize(X=(docs, spans, _no_pairs))

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: per doc, of the best single-rooted tree of each
        sentence, the offset of each word's head (0 for a root) and the index of its deprel.

        Activations: "units" (U, 2), start and end token of the sentences; "marginals", of each
        sentence of n words (n, n + 1) the probabilities of heads, 0 being ROOT; "label_ids"
        (tokens,); "label_marginals" (tokens, deprels) given the chosen arc; "confidences"
        (tokens,), the probability of the chosen arc and deprel. The latter three are -1, 0 and 1
        of whitespace.
        """
        docs = list(docs)
        words = words_of(docs)
        lengths, units = [len(each) for each in words], self._units(docs, words)
        scores = self._scores(docs, words, units, choose=self._decode)
        rows, head_rows = scores[2][:, 0], scores[2][:, 1]
        heads, labels = numpy.zeros((2, sum(lengths)), dtype="int64")
        heads[rows] = numpy.where(head_rows == ROOT_HEAD, 0, head_rows - rows)
        labels[rows] = self.model.ops.to_numpy(scores[3]).argmax(axis=-1)
        best = list(zip(split_by_lengths(heads, lengths), split_by_lengths(labels, lengths)))
        if not self.save_activations:
            return Predictions(best)
        of_words = self._activations(units, best, scores)
        return Predictions(best, [on_tokens(*pair) for pair in zip(of_words, words)])

    def _activations(
        self,
        units: Sequence[Ints2d],
        best: Sequence[tuple[Ints1d, Ints1d]],
        scores: ParserOutput,
    ) -> list[Activations]:
        buckets, arcs, pairs, label_scores = scores
        marginals = [self._to_numpy(self.structure.infer(parts)[1]) for parts in arcs]
        given_arc = numpy.zeros(label_scores.shape, dtype="float32")
        given_arc[pairs[:, 0]] = softmax(self.model.ops.to_numpy(label_scores))[1]
        return tree_activations(
            units, best, marginals=arcs_by_row(buckets, marginals), label_marginals=given_arc
        )

    def _believe(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        """The scores of every sentence's arcs, and of the deprels of likely arcs.

        Likely: in the best tree, or a marginal of at least `label_floor`.
        """
        lengths = [len(each) for each in words]
        if not any(lengths):
            return [no_belief(self.structure, self.labels) for _ in docs]
        buckets, arcs, pairs, label_scores = self._scores(docs, words, units, choose=self._likely)
        return tree_beliefs(
            units,
            lengths,
            structure=self.structure,
            labels=self.labels,
            arcs=arcs_by_row(buckets, [self._to_numpy(parts) for parts in arcs]),
            pairs=pairs,
            label_scores=self.model.ops.to_numpy(label_scores),
        )

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        trees = [TreeBelief.of(belief) for belief in beliefs]
        lengths = [belief.n_tokens for belief in trees]
        arrays = best_arcs(trees, lengths=lengths, decoder=self.structure.decoder)
        heads, labels = (split_by_lengths(array, lengths) for array in arrays)
        self._write(docs, list(zip(heads, labels)))

    def _scores(
        self,
        docs: Sequence[Doc],
        words: Sequence[Words],
        units: Sequence[Ints2d],
        *,
        choose: Choose,
    ) -> ParserOutput:
        spans = batch_spans(units, [len(each) for each in words])
        if not len(spans):
            return [], [], _no_pairs((), ()), numpy.zeros((0, len(self.labels)), "float32")
        scores = self.model.predict((list(docs), spans, choose))
        # Those of arcs are checked by the decoder.
        check_scores(scores[3], name=f"{self.name} (deprels)")
        return scores

    def _decode(self, buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
        heads = self.structure.decoder.best_heads([self._to_numpy(parts) for parts in arcs])
        chosen = [head_rows(h, rows=b.rows, lengths=b.lengths) for b, h in zip(buckets, heads)]
        return numpy.concatenate(chosen) if chosen else numpy.zeros((0, 2), dtype="int64")

    def _likely(self, buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
        pairs = []
        for bucket, parts in zip(buckets, arcs):
            marginals = self._to_numpy(self.structure.infer(parts)[1])
            best, floor = self._best(parts), self.label_floor
            pairs.append(likely_pairs(bucket, best=best, marginals=marginals, floor=floor))
        return numpy.concatenate(pairs)

    def _best(self, parts: Parts) -> Parts:
        return self.structure.decoder.argmax(self._to_numpy(parts))

    def _to_numpy(self, parts: Parts) -> Parts:
        to_numpy = self.model.ops.to_numpy
        arrays = {key: to_numpy(value) for key, value in parts.arrays.items()}
        return Parts(arrays, to_numpy(parts.lengths))

    # Training

    def _lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> TreePlan:
        gold = [self._gold_arcs(eg) for eg in examples]
        if beliefs is None:
            units = [self._reference_units(eg) for eg in examples]
            return make_plan(gold, units=units)
        return self._plan(gold, beliefs)

    def _gold_arcs(self, eg: Example) -> tuple[Ints1d, Ints1d]:
        heads, deps = gold_arcs(eg, self.labels)
        if ((heads != UNKNOWN_HEAD) & (deps < 0)).any():  # an arc is learnt without its deprel
            named = (token.dep_ for token in eg.reference if not token.is_space)
            self.unknown_labels.add(named, set(self.labels))
        return heads, deps

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> TreePlan:
        return self._plan([no_arcs(belief.n_tokens) for belief in beliefs], beliefs)

    def _plan(self, gold: Sequence[tuple[Ints1d, Ints1d]], beliefs: Sequence[Belief]) -> TreePlan:
        beliefs = self._read(beliefs) or ()
        student = self._student
        columns = columns_of(beliefs)
        parses = [[self._parse_of(belief, student) for belief in column] for column in columns]
        return make_plan(
            gold,
            units=[self._shared_units(of_doc) for of_doc in zip(*parses)],
            parses=parses,
            student=student,
            weights=beliefs[0].shares,
        )

    def _shared_units(self, parses: Sequence[ParseBelief]) -> Ints2d:
        """RAISES (ValueError): if teachers have cut a doc into other sentences."""
        units = parses[0].units
        if any(not numpy.array_equal(belief.units, units) for belief in parses[1:]):
            raise ValueError(
                f"{self.name}: expected the same sentences of all teachers, got those that start "
                f"at {[belief.units[:, 0].tolist() for belief in parses]}; give their parsers the "
                f"same max_length"
            )
        return units.astype("int64")

    def _inputs(self, docs: list[Doc], lesson: TreePlan) -> ParserInput:
        return docs, lesson.spans, lambda *_: lesson.pairs

    def _loss(
        self, lesson: TreePlan, scores: ParserOutput
    ) -> tuple[float, tuple[list[Parts], Floats2d]]:
        loss_of = TreeLoss(
            self.structure,
            self.objective,
            self.weight,
            self.model.ops,
            self.lost_mass,
            self.gold_trees,
        )
        return loss_of(lesson, scores)

    def _parse_of(self, belief: Belief, student: Student) -> ParseBelief:
        parse, lost = belief.as_parse(student, floor=LABEL_FLOOR)
        if lost is not None:
            self.lost_mass.add_lost(lost, reason=HEADS)
        return parse


def _no_pairs(buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
    return numpy.zeros((0, 2), dtype="int64")
