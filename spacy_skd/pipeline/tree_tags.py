"""The parser by sequence labelling: a tag for each token names its head and deprel."""

import logging
from collections import Counter
from itertools import islice
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d, Ints1d, Ints2d

from ..codecs.head_labels import (
    HeadLabels,
    are_head_labels,
    choose_head_labels,
    decode_head_labels,
    parse_head_label,
)
from ..codecs.tags import split_by_lengths
from ..codecs.trees import Gold, gold_tokens
from ..models.units import make_buckets
from ..structures import IndependentLabels, Parts
from ..structures.numerics import softmax
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, HeadLabelBelief, TreeBelief
from ..transfer.convert import Posterior, convert
from ..transfer.head_tags import head_labels
from ..transfer.loss import mixed_loss
from .activations import Activations, Predictions
from .lessons import belief_tokens
from .lost_mass import LostMass
from .sentences import batch_spans
from .tree_pipe import ParsingPipe
from .tree_plan import best_arcs, gold_arcs
from .tree_tag_targets import TreeTags, count_gold, gold_tags

logger = logging.getLogger("spacy.skd")
# Docs that the teacher is asked about for its inventory, at initialization.
TEACHER_DOCS = 1000
Taught = Union[TreeBelief, HeadLabelBelief]


class TagLesson(NamedTuple):
    """tags (Ints1d): (tokens of the batch,) gold tags, -1 where there is none. beliefs: one a
    doc."""

    tags: Ints1d
    beliefs: Optional[Sequence[Belief]]


class HeadTagParser(ParsingPipe):
    """Dependency trees, one per sentence, by independent tags of tokens.

    `labels` are the tags: "-2:det", "0:ROOT" (see codecs/head_labels.py).
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str = "distilling_parser",
        *,
        distill_weight: Union[float, WeightSchedule] = 0.0,
        temperature: float = 1.0,
        max_length: int = 150,
        min_count: int = 1,
        max_offset: int = 0,
        scorer: Optional[Callable] = None,
        save_activations: bool = False,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=IndependentLabels(),
            distill_weight=distill_weight,
            temperature=temperature,
            max_length=max_length,
            scorer=scorer,
            save_activations=save_activations,
        )
        self.min_count = min_count
        self.max_offset = max_offset
        self.untagged = 0  # gold arcs so far that have no tag
        self.lost_mass = LostMass(
            name,
            what="arcs without a tag, or whose deprels the teacher did not score",
            certain="arcs without a tag",
        )

    # Labels

    @property
    def tags(self) -> HeadLabels:
        """The inventory."""
        return head_labels(self.labels)

    @property
    def _deprels(self) -> Tuple[str, ...]:
        return self.tags.deprels

    def _intern(self, labels: Iterable[str]) -> None:
        labels = list(labels)
        super()._intern(labels)
        super()._intern(head_labels(tuple(labels)).deprels)

    def add_label(self, label: str) -> int:
        """See `DistillingPipe.add_label`.

        RAISES (ValueError): if it is a deprel, or anything else but a tag such as "-2:det": a
            deprel alone names no output of the model.
        """
        if isinstance(label, str) and parse_head_label(label) is None:
            raise ValueError(
                f"{self.name}: expected a tag of a head such as '-2:det', '1:nsubj' or '0:ROOT' "
                f"(signed offset of the head, colon, deprel), got {label!r}; for a new deprel add "
                f"a tag for each offset"
            )
        return super().add_label(label)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
    ) -> None:
        """Set the tags (given, else all of those of `add_label`, of the teacher's best trees of the
        examples, or of its own tags, and of the examples' gold) and the sizes.

        RAISES (ValueError): if there are no tags, or one is none, or the teacher has none of their
            deprels.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(1, len(self.labels)))

    def _initial_labels(
        self, get_examples: Callable[[], Iterable[Example]], labels: Optional[Iterable[str]]
    ) -> List[str]:
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        if labels is not None:
            return list(HeadLabels(tuple(dict.fromkeys(labels))).tags)
        if self._teacher is None:
            self._check_no_teacher_needed()
        taught = self._inventory_of_teacher(get_examples)
        gold = self._chosen(count_gold(get_examples()))
        return list(dict.fromkeys([*self.cfg["labels"], *taught, *gold]))

    def _chosen(self, counts: "Counter[Tuple[int, str]]") -> List[str]:
        return choose_head_labels(counts, min_count=self.min_count, max_offset=self.max_offset)

    def _inventory_of_teacher(self, get_examples: Callable[[], Iterable[Example]]) -> List[str]:
        """Its tags; of a teacher of trees those of its best trees of the examples, since of a
        streamed corpus spaCy shows 100 examples at initialization, few of which may have gold."""
        if self._teacher is None:
            return []
        if are_head_labels(super()._taught()):
            return self._chosen(Counter(dict.fromkeys(map(_parse, super()._taught()), 10**9)))
        counts: "Counter[Tuple[int, str]]" = Counter()
        for batch in minibatch(islice(get_examples(), TEACHER_DOCS), 64):
            beliefs = self._teacher.beliefs(batch, self.name)
            trees = [b for b in map(self._taught_belief, beliefs) if isinstance(b, TreeBelief)]
            offsets, deprels = best_arcs(trees, lengths=[len(eg.predicted) for eg in batch])
            labels = trees[0].labels
            counts.update((o, labels[d]) for o, d in zip(offsets.tolist(), deprels.tolist()))
        return self._chosen(counts)

    def _taught(self) -> Tuple[str, ...]:
        """The teacher's tags, or the student's own that have a deprel of the teacher."""
        labels = super()._taught()
        if are_head_labels(labels):
            return labels
        return tuple(tag for tag in self.labels if _parse(tag)[1] in set(labels))

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: per doc, of the best single-rooted tree of each
        sentence under the scores of the tags, the offset of each token's head (0 for a root) and
        the index of its deprel in `tags.deprels`.

        Activations: "units" (U, 2), start and end token of the sentences; "marginals" (tokens,
        tags); "label_ids" (tokens,), the tag of the chosen arc, -1 where it has none;
        "confidences" (tokens,), the probability of that tag, 0 without.
        """
        docs = list(docs)
        units, scores = self._units(docs), self._scores(docs)
        heads, tags, deprels = self._best(scores, units)
        lengths = [len(doc) for doc in docs]
        best = list(zip(split_by_lengths(heads, lengths), split_by_lengths(deprels, lengths)))
        if not self.save_activations:
            return Predictions(best)
        rows = zip(units, split_by_lengths(scores, lengths), split_by_lengths(tags, lengths))
        return Predictions(best, [_activations(*row) for row in rows])

    def _best(
        self, scores: Floats2d, units: Sequence[Ints2d]
    ) -> Tuple["numpy.ndarray", "numpy.ndarray", "numpy.ndarray"]:
        """Of each token of the batch, the offset of its head, the tag and the deprel."""
        tags, offsets = self.tags, numpy.zeros(len(scores), dtype="int64")
        ends = [int(mine[-1, 1]) if len(mine) else 0 for mine in units]
        for bucket in make_buckets(batch_spans(units, ends)):
            pairs = decode_head_labels(tags, scores, rows=bucket.rows, lengths=bucket.lengths)
            offsets[pairs[:, 0]] = numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])
        return (offsets, *tags.of_arcs(scores, offsets))

    def _scores(self, docs: Sequence[Doc]) -> Floats2d:
        """(tokens of the batch, tags), NumPy arrays."""
        if not any(len(doc) for doc in docs):
            return numpy.zeros((0, len(self.labels)), dtype="float32")
        scores = self.model.ops.to_numpy(self.model.predict(list(docs)))
        if numpy.isnan(scores).any():
            raise ValueError(f"{self.name}: the model's scores are NaN; its weights are damaged")
        return scores

    def _believe(self, docs: Sequence[Doc], units: Sequence[Ints2d]) -> List[Belief]:
        rows = split_by_lengths(self._scores(docs), [len(doc) for doc in docs])
        return [
            HeadLabelBelief(self.structure, self.labels, mine.astype("int32"), scores.copy())
            for mine, scores in zip(units, rows)
        ]

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        tags = [b for b in map(self._taught_belief, beliefs) if isinstance(b, HeadLabelBelief)]
        if not tags:
            return
        scores = numpy.concatenate([belief.scores for belief in tags])
        heads, _, deprels = self._best(scores, [b.units.astype("int64") for b in tags])
        lengths = [len(doc) for doc in docs]
        arrays = (split_by_lengths(array, lengths) for array in (heads, deprels))
        self._write(docs, list(zip(*arrays)))

    # Training

    def _lesson(
        self, examples: Sequence[Example], beliefs: Optional[Sequence[Belief]]
    ) -> TagLesson:
        units = [self._reference_units(eg) for eg in examples]
        if beliefs is not None:
            units = [self._taught_belief(belief).units for belief in beliefs]
        arcs = [gold_arcs(eg, self.tags.deprels) for eg in examples]
        tags, untagged = gold_tags(arcs, units, self.tags)
        if untagged and not self.untagged:
            logger.warning(
                "%s: %d gold arcs of a batch have no tag, so their tokens are taken as without "
                "annotation (counted in `untagged`); a larger inventory has more (min_count, "
                "max_offset, `labels` of [initialize.components.%s])",
                self.name,
                untagged,
                self.name,
            )
        self.untagged += untagged
        return TagLesson(tags, beliefs)

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> TagLesson:
        return TagLesson(numpy.full(sum(map(belief_tokens, beliefs)), -1), beliefs)

    def _loss(self, lesson: TagLesson, scores: Floats2d) -> Tuple[float, Floats2d]:
        """Each token is a unit. scores: (tokens of the batch, tags)."""
        teacher, silent = self._target(lesson.beliefs)
        loss, d_parts = mixed_loss(
            self.structure,
            self._as_parts(scores),
            gold=self._gold(lesson.tags),
            teacher=None if teacher is None else self._as_parts(self.model.ops.asarray(teacher)),
            silent=silent,
            weight=self.weight,
            temperature=self.temperature,
        )
        return loss, d_parts.arrays["unary"][:, 0]

    def _target(
        self, beliefs: Optional[Sequence[Belief]]
    ) -> Tuple[Optional[Floats2d], Optional["numpy.ndarray"]]:
        """RETURNS: (T, tags) the teacher's marginals; (T,) bool, tokens of which it says nothing
        that the student can express; None for none."""
        if beliefs is None:
            return None, None
        taught = [self._taught_belief(belief) for belief in beliefs]
        trees = [belief for belief in taught if isinstance(belief, TreeBelief)]
        if trees:
            to_tags = TreeTags(self.tags, self.temperature, self.lost_mass)
            return to_tags(trees)
        scores = numpy.concatenate([b.scores for b in taught if isinstance(b, HeadLabelBelief)])
        parts = Parts({"unary": scores[:, None]}, numpy.ones(len(scores), dtype="int64"))
        match = self._label_match(taught[0].labels)
        posterior = Posterior(IndependentLabels(), parts)
        target = convert(posterior, self.structure, match=match, temperature=self.temperature)
        self.lost_mass.add(target)
        return target.marginals.arrays["unary"][:, 0], target.empty

    def _taught_belief(self, belief: Belief) -> Taught:
        if isinstance(belief, (TreeBelief, HeadLabelBelief)):
            return belief
        raise ValueError(
            f"{self.name}: expected a teacher of dependency trees, but its component "
            f"{self._teacher_pipe_name()!r} annotates tokens; set student_to_teacher"
        )

    def _gold(self, tags: Ints1d) -> Gold:
        indicators = numpy.zeros((len(tags), len(self.labels)), dtype="float32")
        known = numpy.nonzero(tags >= 0)[0]
        indicators[known, tags[known]] = 1.0
        return gold_tokens(self._as_parts(self.model.ops.asarray(indicators)), tags >= 0)

    def _as_parts(self, scores: Floats2d) -> Parts:
        return Parts({"unary": scores[:, None]}, self.model.ops.xp.ones(len(scores), dtype="int64"))


def _parse(tag: str) -> Tuple[int, str]:
    offset, _, deprel = tag.partition(":")
    return int(offset), deprel


def _activations(units: Ints2d, scores: Floats2d, tags: Ints1d) -> Activations:
    marginals = softmax(scores)[1]
    chosen = marginals[numpy.arange(len(tags)), numpy.maximum(tags, 0)]
    found: Dict[str, object] = {"units": units, "marginals": marginals, "label_ids": tags}
    return {**found, "confidences": numpy.where(tags < 0, 0, chosen).astype("float32")}
