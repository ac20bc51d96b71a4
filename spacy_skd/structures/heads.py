"""Structures of heads, and the widest of them: each token has one head, chosen on its own."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy

from ..arrays import Bools, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d
from .base import Structure, check_k
from .draws import draw_rows
from .k_best import best_rows
from .parts import IMPOSSIBLE, POSSIBLE_ABOVE, Parts, check_rows, clean_scores, softmax, to_numpy
from .tokens import indicate, one_hot

if TYPE_CHECKING:
    from typing_extensions import Self


class ArcStructure(Structure):
    """Structures of heads. Parts: arc (B, N, N + 1), head 0 = ROOT, j + 1 = token j.

    A new one says what it contains; teachers are conditioned, gold is refused and trees are decoded
    by its own methods.
    """

    family: ClassVar[str] = "arcs"
    annotates: ClassVar[str] = "heads of tokens"
    parts: ClassVar[tuple[str, ...]] = ("arc",)

    @classmethod
    def by_name(cls) -> dict[str, "ArcStructure"]:
        """Return all that are registered, each with its default settings."""
        kinds = [kind for kind in Structure.registered.values() if issubclass(kind, ArcStructure)]
        return {kind.name: kind() for kind in kinds}

    @abstractmethod
    def contains(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        """Whether the heads of each unit are one of these structures.

        heads (Ints2d): (B, N) 0 = ROOT, j + 1 = token j; any value in the padding.
        RETURNS (Bools): (B,); True for a unit of no tokens.
        """

    @property
    def emissions(self) -> "ArcStructure":
        return HeadSelection()

    @property
    def single_root(self) -> bool:
        """Whether exactly one token has ROOT as its head."""
        return False

    @property
    def decoder(self) -> "ArcStructure":
        """The structure of which the best is chosen where a teacher or student annotates: of trees
        of one root."""
        return self

    def given(self, wider: "ArcStructure") -> "ArcStructure":
        """Those of these structures that are also of a wider kind: they differ in settings."""
        return self

    def read_by(self, student: "ArcStructure") -> "ArcStructure":
        """Return the structure of what a teacher of this one can mean to a student."""
        return self

    def agrees(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        """Whether a structure has all heads that are known of each unit, by `contains`, or where
        some are not by inference.

        heads (Ints2d): as of `contains`; negative where unknown. RETURNS (Bools): (B,).
        """
        inside = numpy.arange(heads.shape[1])[None] < lengths[:, None]
        known = (heads >= 0) & inside
        complete = (known == inside).all(axis=1)
        agrees: Bools = ~complete | self.contains(numpy.maximum(heads, 0), lengths)
        partial = numpy.nonzero(~complete & known.any(axis=1))[0]
        if len(partial):
            columns = numpy.arange(heads.shape[1] + 1)
            wrong = known[partial][..., None] & (heads[partial][..., None] != columns)
            arc = numpy.where(wrong, IMPOSSIBLE, 0.0).astype("float32")
            impossible = self.infer_possible(Parts({"arc": arc}, lengths[partial]))[2]
            agrees[partial] = True if impossible is None else ~impossible
        return agrees

    def infer_possible(self, scores: Parts) -> tuple[Floats1d, Parts, Bools | None]:
        """As `infer`, where some units may have no possible structure.

        RETURNS: log Z, marginals, which mean nothing for the units without; which these are, (B,)
            on the CPU, None if there are none.
        RAISES (ValueError): if a score is NaN or +inf.
        """
        scores = Parts({"arc": clean_scores(scores.arrays["arc"], what="arcs")}, scores.lengths)
        try:
            return (*self.infer(scores), None)
        except ValueError:  # of finite scores: the one error that is left
            empty = numpy.asarray([not self._is_possible(scores, u) for u in range(scores.n_units)])
        # Arcs that score 0 have a structure, whatever it is.
        arc, xp = scores.arrays["arc"], scores.xp
        blank = xp.where(xp.asarray(empty)[:, None, None], xp.asarray(0, dtype=arc.dtype), arc)
        return (*self.infer(Parts({"arc": blank}, scores.lengths)), empty)

    def _is_possible(self, scores: Parts, unit: int) -> bool:
        try:
            self.infer(scores[unit : unit + 1])
        except ValueError:
            return False
        return True

    def expected(self, scores: Parts) -> Parts:
        """Return as scores of arcs their marginals, `IMPOSSIBLE` where an arc is: by these a
        structure scores how many of its heads are expected to be right.

        scores (Parts): arc (B, N, N + 1), nats. RAISES (ValueError): as `infer`.
        """
        xp, marginals = scores.xp, self.infer(scores)[1].arrays["arc"]
        ruled_out = xp.asarray(IMPOSSIBLE, dtype=marginals.dtype)
        possible = scores.arrays["arc"] > POSSIBLE_ABOVE
        return Parts({"arc": xp.where(possible, marginals, ruled_out)}, scores.lengths)

    def best_heads(self, batch: Sequence[Parts]) -> list[Ints2d]:
        """Return the heads of `argmax` of some batches.

        RETURNS (list[Ints2d]): (B, N) of each, 0 = ROOT, j + 1 = token j; 0 in the padding.
        RAISES (ValueError): as `infer`.
        """
        best = (to_numpy(self.argmax(scores).arrays["arc"]) for scores in batch)
        return [arc.argmax(axis=-1) for arc in best]


@dataclass(frozen=True)
class Trees(ArcStructure):
    """Structures of heads that form a tree from ROOT.

    single_root (bool): whether exactly one token has ROOT as its head.
    """

    single_root: bool = True

    @property
    def decoder(self) -> "Self":
        return self if self.single_root else replace(self, single_root=True)

    def given(self, wider: ArcStructure) -> "Self":
        return replace(self, single_root=self.single_root or wider.single_root)


@dataclass(frozen=True)
class HeadSelection(ArcStructure):
    """One head (or ROOT) for each token, chosen on its own; the heads need not form a tree.

    P(y) = prod_i softmax(scores[i])[head_i]. Parts: arc (B, N, N + 1). A token is never its own
    head. Dozat & Manning (2017), section 2.2.
    """

    name: ClassVar[str] = "head_selection"
    independent: ClassVar[bool] = True
    has_positions: ClassVar[bool] = True

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        arc, mask = masked_arcs(scores, what="head selection")
        log_sums, probabilities = softmax(arc)
        log_z = (log_sums * mask).sum(axis=1)
        return log_z, Parts({"arc": probabilities * mask[..., None]}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        arc, mask = masked_arcs(scores, what="head selection")
        return Parts({"arc": one_hot(scores.xp, arc, mask)}, scores.lengths)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        check_k("head selection", k)
        arc, mask = masked_arcs(scores, what="head selection")
        totals, heads = best_rows(scores.xp, arc, mask, k)
        found = [indicate(scores.xp, heads[:, rank], like=arc) for rank in range(k)]
        return totals, [Parts({"arc": array}, scores.lengths) for array in found]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        arc, mask = masked_arcs(scores, what="head selection")
        return Parts({"arc": draw_rows(scores.xp, arc, mask, rng)}, scores.lengths)

    def contains(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        return _have_others(heads, lengths)

    def agrees(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        return _have_others(heads, lengths)

    @property
    def decoder(self) -> ArcStructure:
        """Trees: that heads are chosen on their own is how they are scored, not what they mean."""
        from .matrix_tree import SpanningTrees  # which is made of what is in this module

        return SpanningTrees(single_root=True)

    def read_by(self, student: ArcStructure) -> ArcStructure:
        """Trees, where a student learns trees of it: heads that form none are no reading of a
        sentence, so that nothing is lost with them, while a tree that the student excludes is."""
        if student == self:
            return self
        from .matrix_tree import SpanningTrees

        return SpanningTrees(single_root=student.single_root)


def _have_others(heads: Ints2d, lengths: Ints1d) -> Bools:
    """(B,) whether no token is its own head."""
    inside = numpy.arange(heads.shape[1])[None] < lengths[:, None]
    own = heads == numpy.arange(1, heads.shape[1] + 1)
    has_others: Bools = ~(own & inside).any(axis=1)
    return has_others


def masked_arcs(scores: Parts, *, what: str) -> tuple[Floats3d, Any]:
    """Scores with `IMPOSSIBLE` where the head is the token itself or lies in the padding.

    RETURNS (tuple[Floats3d, Any]): arc (B, N, N + 1); (B, N) bool, False in the padding.
    RAISES (ValueError): if a score is NaN or +inf, or a token has no possible head.
    """
    xp, mask = scores.xp, scores.mask
    arc = clean_scores(scores.arrays["arc"], what=what)
    n = scores.n_tokens
    allowed = ~xp.eye(n, n + 1, k=1, dtype=bool)[None]
    if not mask.all():
        inside = xp.concatenate([xp.ones((len(mask), 1), dtype=bool), mask], axis=1)
        allowed = allowed & inside[:, None] & mask[:, :, None]
    arc = xp.where(allowed, arc, xp.asarray(IMPOSSIBLE, dtype=arc.dtype))
    check_rows(what, arc, mask, "all heads of a token are impossible")
    return arc, mask


def is_tree(heads: Ints2d, lengths: Ints1d, *, single_root: bool) -> Bools:
    """Whether the heads of each unit form a tree from ROOT.

    heads (Ints2d): (B, N) 0 = ROOT, j + 1 = token j; any value in the padding.
    RETURNS (Bools): (B,); True for a unit of no tokens.
    """
    n = heads.shape[1]
    inside = numpy.arange(n)[None] < numpy.asarray(lengths)[:, None]
    nodes = numpy.zeros((len(heads), n + 1), dtype="int64")
    nodes[:, 1:] = numpy.where(inside, heads, 0)
    rooted: Bools = (ancestors(nodes) == 0).all(axis=1)
    if not single_root:
        return rooted
    roots: Ints1d = ((nodes[:, 1:] == 0) & inside).sum(axis=1)
    rooted &= (roots == 1) | (numpy.asarray(lengths) == 0)
    return rooted


def ancestors(heads: Ints2d) -> Ints2d:
    """Where each node comes to after at least as many steps as there are nodes: 0 unless the way
    ends in a cycle. heads: (B, M), node 0 is its own head."""
    offsets = numpy.arange(len(heads))[:, None] * heads.shape[1]
    reached = (heads + offsets).reshape(-1)
    for _ in range(max(1, int(heads.shape[1]).bit_length())):
        reached = reached[reached]
    ancestors: Ints2d = reached.reshape(heads.shape) - offsets
    return ancestors
