"""What a teacher believes of a whole doc: scores of its labels, or weighted sets of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy

from ...arrays import Array, Floats1d, Ints1d
from ...codecs.words import Words
from ...structures import IndependentLabels, Parts
from ..conversions.documents import doc_target
from ..conversions.table import convert
from ..draws import DrawnTrees, choose
from ..expect import equal_weights, heaviest, tempered_weights
from ..posterior import Posterior, Target
from ..students import Student
from .base import CATEGORIES, Belief, k_best
from .entropy import entropy_of_listed, entropy_of_unit
from .form import (
    Form,
    Packed,
    pack_array,
    pack_rows,
    pack_weights,
    unpack_array,
    unpack_rows,
    unpack_weights,
)
from .merging import merge_docs, shared_weights

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


class DocumentBelief(Belief):
    """Of the labels of a doc. n_words (int): of the doc, of which it says nothing."""

    annotates: ClassVar[str] = CATEGORIES
    n_words: int

    @property
    def n_tokens(self) -> int:
        return self.n_words

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        raise ValueError(f"expected trees, got {self.annotates}")


@dataclass(frozen=True, eq=False)
class DocBelief(DocumentBelief):
    """Scores of labels.

    structure (IndependentLabels): whether one of them holds, or each on its own (`LabelSets`).
    scores (Floats1d): (labels,) nats; of `LabelSets` log odds.
    """

    structure: IndependentLabels
    labels: tuple[str, ...]
    scores: Floats1d
    n_words: int
    kind: ClassVar[str] = "docs"
    scored: ClassVar[type] = IndependentLabels

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    def of_words(self, words: Words) -> "DocBelief":
        return replace(self, n_words=len(words))

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels)

    def _parts(self) -> Parts:
        """Return scores of the doc, as one unit."""
        return self.structure.of_label_scores(self.scores[None])

    def pack(self, *, least: float) -> Packed:
        rows = pack_rows("score", self._parts().arrays["unary"][0], least=least)
        return {**rows, "words": pack_array(numpy.asarray([self.n_words], dtype="int32"))}

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. The mean of probabilities, exactly."""
        own = [cls.of(mixture.beliefs[0]) for mixture in mixtures]
        structure, labels = own[0].structure, mixtures[0].labels
        rows = merge_docs(mixtures, structure)
        pairs = zip(own, rows)
        return [cls(structure, labels, row, belief.n_words) for belief, row in pairs]

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "DocBelief":
        structure = cast(IndependentLabels, form.structure)
        shape = structure.of_label_scores(numpy.zeros((1, len(form.labels)))).arrays["unary"].shape
        rows = unpack_rows("score", packed, n_columns=shape[2]).reshape(shape)
        scores = structure.label_scores(Parts({"unary": rows}, numpy.asarray([shape[1]])))
        return cls(structure, form.labels, scores[0], int(unpack_array(packed["words"])[0]))

    def entropy(self) -> float:
        return entropy_of_unit(self.structure, self._parts())

    def best(self, *, k: int) -> "DocCandidates":
        totals, found = k_best(self.structure, self._parts(), k)
        rows = numpy.stack([self.structure.label_chances(parts)[0] > 0 for parts in found])
        sets = rows[numpy.isfinite(totals[0])]
        return DocCandidates(self.labels, sets, numpy.ones(len(sets)), self.n_words)

    def draw_categories(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> dict[str, float]:
        drawn = self.structure.sample(self._parts() * (1.0 / temperature), rng=rng)
        return _named(self.labels, self.structure.label_chances(drawn)[0])

    def chances(self) -> Floats1d:
        """Return (labels,), the probability of each."""
        _, marginals = self.structure.infer(self._parts())
        row: Floats1d = self.structure.label_chances(marginals)[0]
        return row

    @classmethod
    def target_of_docs(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        scores = student.ops.asarray(numpy.stack([belief.scores for belief in beliefs]))
        structure = beliefs[0].structure
        return convert(
            Posterior(structure, structure.of_label_scores(scores)),
            student.structure,
            match=student.match(beliefs[0].labels),
            temperature=student.temperature,
        )


@dataclass(frozen=True, eq=False)
class DocCandidates(DocumentBelief):
    """Weighted sets of a doc's labels.

    sets (ndarray): (K, labels) bool. weights (Floats1d): (K,) in proportion to their
    probabilities, at least 0.
    """

    labels: tuple[str, ...]
    sets: Array
    weights: Floats1d
    n_words: int
    kind: ClassVar[str] = "listed docs"

    @property
    def nbytes(self) -> int:
        return int(self.sets.nbytes + self.weights.nbytes)

    def of_words(self, words: Words) -> "DocCandidates":
        return replace(self, n_words=len(words))

    @property
    def form(self) -> Form:
        return Form(self.kind, None, self.labels)

    def pack(self, *, least: float) -> Packed:
        return {
            "sets": pack_array(self.sets.astype("int8")),
            "weights": pack_weights(self.weights[None]),
            "words": pack_array(numpy.asarray([self.n_words], dtype="int32")),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "DocCandidates":
        sets, (weights,) = unpack_array(packed["sets"]), unpack_weights(packed["weights"])
        if sets.shape != (len(weights), len(form.labels)):
            raise ValueError(f"expected {len(weights)} sets of {len(form.labels)} labels")
        return cls(form.labels, sets != 0, weights, int(unpack_array(packed["words"])[0]))

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. All candidates, exactly."""
        return [cls._all(mixture) for mixture in mixtures]

    @classmethod
    def _all(cls, mixture: "Mixture") -> "DocCandidates":
        own, labels = [cls.of(belief) for belief in mixture.beliefs], mixture.labels
        sets = [
            numpy.stack([each.sets[:, each.labels.index(label)] if label in each.labels
                         else numpy.zeros(len(each.sets), dtype=bool) for label in labels], axis=1)
            for each in own
        ]  # fmt: skip
        weights = shared_weights([each.weights[None] for each in own], mixture.weights)
        return cls(labels, numpy.concatenate(sets), weights[0], own[0].n_words)

    def entropy(self) -> float:
        return entropy_of_listed([row.tobytes() for row in self.sets], self.weights)

    def best(self, *, k: int) -> "DocCandidates":
        order = heaviest(self.weights[None], k)[0]
        return replace(self, sets=self.sets[order], weights=equal_weights(self.weights[order]))

    def draw_categories(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> dict[str, float]:
        (chosen,) = choose(self.weights[None], rng=rng, temperature=temperature)
        return _named(self.labels, self.sets[chosen])

    @classmethod
    def target_of_docs(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        """Expect labels. A set that the student's structure has not, or not without the labels
        that the student lacks, cannot be expressed."""
        columns = student.match(beliefs[0].labels).columns
        structure = IndependentLabels.of(student.structure)
        rows = [belief._expected(structure, columns, student.temperature) for belief in beliefs]
        chances, lost = (numpy.asarray(column, dtype="float32") for column in zip(*rows))
        empty = lost >= 1
        return doc_target(structure, chances, lacking=columns < 0, lost=lost, empty=empty).to(
            student.ops
        )

    def _expected(
        self, structure: IndependentLabels, columns: Ints1d, temperature: float
    ) -> tuple[Floats1d, float]:
        """Return (student's labels,), the probability of each; the share of the sets that cannot be
        expressed. columns: see `LabelMatch`."""
        own = (columns >= 0) & self.sets[:, numpy.maximum(columns, 0)]
        possible = structure.has_labels(own) & structure.has_labels(self.sets)
        shares = tempered_weights(self.weights[None], temperature=temperature)[0] * possible
        left = float(shares.sum())
        return shares @ own / (left or 1.0), max(0.0, 1.0 - left)


def _named(labels: Sequence[str], chosen: Floats1d) -> dict[str, float]:
    return {label: float(holds) for label, holds in zip(labels, chosen.tolist())}
