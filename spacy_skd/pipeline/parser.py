"""`distilling_parser`: dependency trees that learn from gold and from a teacher's marginals."""

import warnings
from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy
from spacy.attrs import DEP, HEAD
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d, Ints1d, Ints2d

from ..codecs.trees import ROOT_HEAD, decode_trees, encode_trees
from ..errors import check_between
from ..models.units import Bucket
from ..structures import HeadSelection, IndependentLabels, Parts, SpanningTrees, Structure
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, TreeBelief
from ..transfer.convert import Posterior, convert
from ..transfer.loss import mixed_loss, structural_loss
from .distilling import DistillingPipe
from .sentences import (
    batch_spans,
    doc_starts,
    doc_units,
    reference_starts,
    split_long_units,
    units_from_starts,
)
from .tree_plan import TreePlan, best_arcs, make_plan, pair_masses

DEFAULT_PARSER_MODEL = """
[model]
@architectures = "spacy-skd.BiaffineParser.v1"

[model.tok2vec]
@architectures = "spacy-skd.Tok2Vec.v1"

[model.tok2vec.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[model.tok2vec.encode]
@architectures = "spacy-skd.ContextEncoder.v1"
width = 96
"""

STRUCTURES: Dict[str, Structure] = {
    "tree": SpanningTrees(single_root=True),
    "head_selection": HeadSelection(),
}
# Below this marginal an arc's deprel is not part of the target: its share of the loss is at most
# this, and the scores of deprels are most of a belief's bytes.
LABEL_FLOOR = 0.1


@Language.factory(
    "distilling_parser",
    assigns=["token.dep", "token.head"],
    requires=["doc.sents"],
    default_config={
        "model": Config().from_str(DEFAULT_PARSER_MODEL)["model"],
        "structure": "tree",
        "distill_weight": 0.0,
        "temperature": 1.0,
        "max_length": 150,
        "scorer": {"@scorers": "spacy.parser_scorer.v1"},
    },
    default_score_weights={"dep_uas": 0.5, "dep_las": 0.5, "dep_las_per_type": None},
)
def make_distilling_parser(
    nlp: Language,
    name: str,
    model: Model[Any, Any],
    structure: str,
    distill_weight: Union[float, WeightSchedule],
    temperature: float,
    max_length: int,
    scorer: Optional[Callable],
) -> "DistillingParser":
    """Construct a distilling parser.

    model (Model): (docs, spans, choose) to arc scores and deprel scores, see
        `spacy-skd.BiaffineParser.v1`.
    structure (str): what the loss is over: "tree" (single-rooted trees) or "head_selection" (a
        head for each token on its own). Decoding always yields the best single-rooted tree.
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a sentence
        that has gold, 0 to 1; 0 trains on gold alone. A sentence without gold has share 1.
    temperature (float): T > 0 of the distillation loss, on both sides.
    max_length (int): the most tokens of a unit; a longer sentence is cut. 0 for no limit: time
        and memory grow with its cube and its square.
    """
    if structure not in STRUCTURES:
        raise ValueError(f"structure: expected one of {', '.join(STRUCTURES)}, got {structure!r}")
    return DistillingParser(
        nlp.vocab,
        model,
        name,
        structure=STRUCTURES[structure],
        distill_weight=distill_weight,
        temperature=temperature,
        max_length=int(check_between("max_length", max_length, low=0, high=10**6)),
        scorer=scorer,
    )


class DistillingParser(DistillingPipe):
    """Dependency trees, one per sentence, by biaffine scores."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str = "distilling_parser",
        *,
        structure: Structure = STRUCTURES["tree"],
        distill_weight: Union[float, WeightSchedule] = 0.0,
        temperature: float = 1.0,
        max_length: int = 150,
        scorer: Optional[Callable] = None,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=structure,
            distill_weight=distill_weight,
            temperature=temperature,
            scorer=scorer,
        )
        self.max_length = max_length
        self._decoder = SpanningTrees(single_root=True)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
    ) -> None:
        """Set the deprels (given, else the teacher's, else those of the examples) and the sizes.

        RAISES (ValueError): if there are no deprels, or none that the teacher has.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        self.model.get_ref("output_layer").set_dim("nO", len(self.labels))
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        units = [doc_units(doc, max_length=self.max_length) for doc in docs]
        spans = batch_spans(units, [len(doc) for doc in docs])
        self.model.initialize(X=(docs, spans, _no_pairs))

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Tuple[List[Ints1d], List[Ints1d]]:
        """The best single-rooted tree of each sentence.

        RETURNS (Tuple[List[Ints1d], List[Ints1d]]): per doc, the offset of each token's head (0
            for a root) and the index of its deprel.
        RAISES (ValueError): if a score is NaN.
        """
        docs = list(docs)
        lengths = [len(doc) for doc in docs]
        n = sum(lengths)
        heads, labels = numpy.zeros(n, dtype="int64"), numpy.zeros(n, dtype="int64")
        if n:
            _, _, pairs, label_scores = self._scores(docs, choose=self._decode)
            rows, head_rows = pairs[:, 0], pairs[:, 1]
            heads[rows] = numpy.where(head_rows == ROOT_HEAD, 0, head_rows - rows)
            labels[rows] = self.model.ops.to_numpy(label_scores).argmax(axis=-1)
        cuts = numpy.cumsum(lengths)[:-1]
        return numpy.split(heads, cuts), numpy.split(labels, cuts)

    def set_annotations(
        self, docs: Iterable[Doc], predictions: Tuple[List[Ints1d], List[Ints1d]]
    ) -> None:
        """Write heads and deprels."""
        table = numpy.asarray([self.vocab.strings.add(label) for label in self.labels], "uint64")
        for doc, heads, labels in zip(docs, *predictions):
            if len(doc):
                array = numpy.stack([heads.astype("int64").view("uint64"), table[labels]], axis=1)
                doc.from_array([HEAD, DEP], array)

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """As a teacher: the scores of every sentence's arcs, and of the deprels of likely arcs.

        Likely: in the best tree, or a marginal of at least `LABEL_FLOOR`.
        """
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [_no_belief(self.structure, self.labels) for _ in docs]
        buckets, arcs, pairs, label_scores = self._scores(docs, choose=self._likely)
        to_numpy = self.model.ops.to_numpy
        by_unit: Dict[int, Floats2d] = {}
        for bucket, parts in zip(buckets, arcs):
            array = to_numpy(parts.arrays["arc"])
            for i, (row, n) in enumerate(zip(bucket.rows.tolist(), bucket.lengths.tolist())):
                by_unit[row] = array[i, :n, : n + 1].copy()
        labels = to_numpy(label_scores)
        beliefs: List[Belief] = []
        offset = 0
        for doc in docs:
            units = doc_units(doc, max_length=self.max_length)
            mine = (pairs[:, 0] >= offset) & (pairs[:, 0] < offset + len(doc))
            local = numpy.where(pairs[mine] >= 0, pairs[mine] - offset, ROOT_HEAD)
            beliefs.append(
                TreeBelief(
                    structure=self.structure,
                    labels=self.labels,
                    units=units.astype("int32"),
                    arcs=tuple(by_unit[int(start) + offset] for start in units[:, 0]),
                    pairs=local.astype("int32"),
                    label_scores=labels[mine],
                )
            )
            offset += len(doc)
        return beliefs

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `DistillingPipe.write_beliefs`."""
        trees = [self._tree_belief(belief) for belief in beliefs]
        lengths = [len(doc) for doc in docs]
        heads, labels = best_arcs(trees, lengths=lengths, decoder=self._decoder)
        cuts = numpy.cumsum(lengths)[:-1]
        self.set_annotations(docs, (numpy.split(heads, cuts), numpy.split(labels, cuts)))

    def _scores(
        self, docs: Sequence[Doc], *, choose: Callable
    ) -> Tuple[List[Bucket], List[Parts], Ints2d, Floats2d]:
        return self.model.predict((docs, self._spans(docs), choose))

    def _spans(self, docs: Sequence[Doc]) -> Ints2d:
        if "sents" not in self._warned and any(
            len(doc) > self.max_length > 0 and doc_starts(doc) is None for doc in docs
        ):
            self._warned.add("sents")
            warnings.warn(
                f"{self.name}: a doc of more than max_length = {self.max_length} tokens has no "
                f"sentence boundaries, so it is cut into even pieces. Add a component that sets "
                f"sentence starts before {self.name!r} (distilling_tagger with layer 'sent').",
                stacklevel=2,
            )
        units = [doc_units(doc, max_length=self.max_length) for doc in docs]
        return batch_spans(units, [len(doc) for doc in docs])

    def _decode(self, buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
        chosen = [decode_trees(self._best(p), rows=b.rows) for b, p in zip(buckets, arcs)]
        return numpy.concatenate(chosen) if chosen else numpy.zeros((0, 2), dtype="int64")

    def _likely(self, buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
        pairs = []
        for bucket, parts in zip(buckets, arcs):
            best = self._best(parts).arrays["arc"] > 0
            marginals = self.model.ops.to_numpy(self.structure.infer(parts)[1].arrays["arc"])
            unit, token, head = numpy.nonzero(best | (marginals >= LABEL_FLOOR))
            first = bucket.rows[unit]
            head_rows = numpy.where(head == 0, ROOT_HEAD, first + head - 1)
            pairs.append(numpy.stack([first + token, head_rows], axis=1))
        return numpy.concatenate(pairs)

    def _best(self, parts: Parts) -> Parts:
        to_numpy = self.model.ops.to_numpy
        arrays = {key: to_numpy(value) for key, value in parts.arrays.items()}
        return self._decoder.argmax(Parts(arrays, to_numpy(parts.lengths)))

    # Training

    def get_loss(
        self, plan: TreePlan, scores: Tuple[List[Bucket], List[Parts], Ints2d, Floats2d]
    ) -> Tuple[float, Tuple[List[Parts], Floats2d]]:
        """Mean loss of a token in nats, of arcs and of deprels given arcs, and the gradients.

        Cross-entropy of labelled trees = that of the arcs + the mean, over arcs drawn from the
        target, of that of their deprels.
        """
        buckets, arcs, _, label_scores = scores
        n = max(1, len(plan.heads))
        total = 0.0
        d_arcs: List[Parts] = []
        gold_weights = numpy.zeros(len(plan.pairs))
        teacher_weights = numpy.zeros(len(plan.pairs))
        for bucket, parts in zip(buckets, arcs):
            gold = encode_trees(plan.heads, rows=bucket.rows, lengths=bucket.lengths)
            teacher = self._arc_target(plan, bucket)
            loss, d_parts = mixed_loss(
                self.structure,
                parts,
                gold=type(gold)(self._parts(gold.indicators), gold.known),
                teacher=teacher,
                weight=self.weight,
                temperature=self.temperature,
            )
            total += loss
            d_arcs.append(d_parts * (1.0 / n))
            blank = gold.empty
            share = numpy.where(blank, 1.0, self.weight) * (teacher is not None)
            masses = teacher if teacher is not None else self._parts(gold.indicators)
            index, unit, mass = pair_masses(
                plan.pairs,
                rows=bucket.rows,
                lengths=bucket.lengths,
                marginals=self.model.ops.to_numpy(masses.arrays["arc"]),
            )
            gold_weights[index] = numpy.where(blank, 0.0, 1.0 - share)[unit]
            teacher_weights[index] = share[unit] * mass
        label_loss, d_labels = self._label_loss(plan, label_scores, gold_weights, teacher_weights)
        return self._check_loss((total + label_loss) / n), (d_arcs, d_labels / n)

    def _arc_target(self, plan: TreePlan, bucket: Bucket) -> Optional[Parts]:
        scores = plan.teacher_scores(bucket.units)
        if scores is None:
            return None
        posterior = Posterior(self._teacher_structure, self._parts(scores))
        return convert(posterior, self.structure, temperature=self.temperature).marginals

    def _label_loss(
        self,
        plan: TreePlan,
        scores: Floats2d,
        gold_weights: "numpy.ndarray",
        teacher_weights: "numpy.ndarray",
    ) -> Tuple[float, Floats2d]:
        """Each pair is a unit of one token, weighted by the probability of its arc."""
        ops = self.model.ops
        if not len(plan.pairs):
            return 0.0, scores
        structure = IndependentLabels()
        ones = ops.xp.ones(len(scores), dtype="int64")
        parts = Parts({"unary": scores[:, None]}, ones)
        indicators = numpy.zeros((len(scores), 1, len(self.labels)), dtype="float32")
        known = numpy.nonzero(plan.gold_labels >= 0)[0]
        indicators[known, 0, plan.gold_labels[known]] = 1.0
        loss, d_parts = structural_loss(
            structure,
            parts,
            Parts({"unary": ops.asarray(indicators)}, ones),
            weights=ops.asarray(gold_weights * (plan.gold_labels >= 0)),
        )
        if plan.teacher_labels is not None:
            teacher = Parts({"unary": ops.asarray(plan.teacher_labels[:, None])}, ones)
            target = convert(Posterior(structure, teacher), structure, temperature=self.temperature)
            more, d_more = structural_loss(
                structure,
                parts,
                target.marginals,
                temperature=self.temperature,
                weights=ops.asarray(teacher_weights * plan.has_teacher_labels),
            )
            loss, d_parts = loss + more, d_parts + d_more
        return loss, d_parts.arrays["unary"][:, 0]

    def _learn(self, examples: Sequence[Example]) -> float:
        plan = self._plan(examples)
        docs = [eg.predicted for eg in examples]
        scores, backprop = self.model.begin_update((docs, plan.spans, lambda *_: plan.pairs))
        loss, gradients = self.get_loss(plan, scores)
        backprop(gradients)
        return loss

    def _plan(self, examples: Sequence[Example]) -> TreePlan:
        beliefs = self._beliefs(examples)
        if beliefs is None:
            units = [self._reference_units(eg) for eg in examples]
            return make_plan(examples, units=units, beliefs=None, labels=self.labels, match=None)
        trees = [self._tree_belief(belief) for belief in beliefs]
        self._teacher_structure = trees[0].structure
        return make_plan(
            examples,
            units=[belief.units.astype("int64") for belief in trees],
            beliefs=trees,
            labels=self.labels,
            match=self._label_match(trees[0].labels),
        )

    def _reference_units(self, eg: Example) -> Ints2d:
        starts = reference_starts(eg)
        if starts is None:
            return doc_units(eg.predicted, max_length=self.max_length)
        return split_long_units(units_from_starts(starts), max_length=self.max_length)

    def _tree_belief(self, belief: Belief) -> TreeBelief:
        if not isinstance(belief, TreeBelief):
            raise ValueError(
                f"{self.name}: expected a teacher of dependency trees, but its component "
                f"{self._teacher_pipe_name()!r} annotates tokens; set student_to_teacher"
            )
        return belief

    def _has_gold(self, eg: Example) -> bool:
        return eg.reference.has_annotation("DEP", require_complete=True)

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        return sorted({token.dep_ for eg in examples for token in eg.reference if token.dep})


def _no_pairs(buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> Ints2d:
    return numpy.zeros((0, 2), dtype="int64")


def _no_belief(structure: Structure, labels: Tuple[str, ...]) -> TreeBelief:
    none = numpy.zeros((0, 2), dtype="int32")
    return TreeBelief(structure, labels, none, (), none, numpy.zeros((0, len(labels)), "float32"))
