"""Non-projective dependency trees: the matrix-tree theorem.

Koo et al., "Structured Prediction Models via the Matrix-Tree Theorem" (EMNLP 2007), section 3. With
w[d, h] = exp(score) and r[d] the weight of ROOT as head of d, the Laplacian is

    L[h, d] = - w[d, h]  (h != d),    L[d, d] = sum_h w[d, h],    and row 0 replaced by r

    Z = det(L),   B = inv(L)
    P(h -> d) = w[d, h] ([d != 0] B[d, d] - [h != 0] B[d, h]),   P(ROOT -> d) = r[d] B[d, 0]

for trees with one root; with several, L[d, d] also has r[d], no row is replaced, and P(ROOT -> d) =
r[d] B[d, d]. float64. Peaked scores make L ill-conditioned, so each unit is checked, and one that
fails is done again without a subtraction (elimination.py).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy

from ..arrays import ArrayModule, Bools, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d
from .base import check_k
from .draws import draw
from .heads import Trees, is_tree, masked_arcs
from .parts import IMPOSSIBLE, POSSIBLE_ABOVE, Parts, no_structure, to_numpy
from .spanning.best import best_trees
from .spanning.elimination import eliminate
from .spanning.maximum import maximum_trees
from .spanning.sample import possible_roots, sample_trees
from .tokens import indicate

logger = logging.getLogger("spacy.skd")
NO_TREE = "the possible arcs form no rooted tree"
TOLERANCE = 1e-9
# Scores are shifted so that no weight is above 1; the relative error of det and inverse is then
# about the inverse's largest entry times 1e-16. Row sums alone may hide an error 30 times as large.
LARGEST_INVERSE = 1e5
# Arcs of units that are decoded together: fewer take more rounds, more leave the processor's cache.
MAX_ARCS = 200_000


@dataclass(frozen=True)
class SpanningTrees(Trees):
    """Directed spanning trees from ROOT, crossing arcs allowed. Parts: arc (B, N, N + 1)."""

    name: ClassVar[str] = "tree"

    def contains(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        return is_tree(heads, lengths, single_root=self.single_root)

    def agrees(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        """Unknown heads can be chosen freely, so only a circle, or a second root, of what is known
        excludes all trees."""
        inside = numpy.arange(heads.shape[1])[None] < lengths[:, None]
        agrees = is_tree(numpy.maximum(heads, 0), lengths, single_root=False)
        if self.single_root:
            agrees &= ((heads == 0) & inside).sum(axis=1) <= 1
        return agrees

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        xp = scores.xp
        arc, mask = masked_arcs(scores, what="spanning trees")
        exact = arc.astype("float64")
        log_z, marginals, good = _matrix_tree(xp, exact, mask, single_root=self.single_root)
        failed = [int(unit) for unit in xp.nonzero(~good)[0]]
        if failed:
            logger.debug("%d of %d units by exact elimination", len(failed), len(good))
        for unit in failed:
            n = int(scores.lengths[unit])
            again = eliminate(to_numpy(exact[unit, :n, : n + 1]), single_root=self.single_root)
            if again is None:
                raise no_structure("spanning trees", unit, NO_TREE)
            log_z[unit], marginals[unit] = again[0], 0.0
            marginals[unit, :n, : n + 1] = xp.asarray(again[1])
        return log_z, Parts({"arc": marginals.astype(arc.dtype)}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        """Greedy heads where they are a tree already, Chu-Liu/Edmonds for the other units."""
        xp = scores.xp
        heads = xp.asarray(self.best_heads([scores])[0])
        heads = xp.where(scores.mask, heads, -1)
        return Parts({"arc": indicate(xp, heads, like=scores.arrays["arc"])}, scores.lengths)

    def best_heads(self, batch: Sequence[Parts]) -> list[Ints2d]:
        """See `ArcStructure.best_heads`. Units that need more than greedy heads are done together:
        faster than one batch after the other."""
        found: list[Ints2d] = []
        left: list[tuple[Ints2d, Ints1d, Floats3d, Ints1d]] = []
        for scores in batch:
            arc, lengths = to_numpy(scores.arrays["arc"]).copy(), to_numpy(scores.lengths)
            heads = _greedy_heads(scores, arc, lengths)
            good = is_tree(heads, lengths, single_root=self.single_root)
            found.append(heads)
            if not good.all():
                rest = numpy.flatnonzero(~good)
                left.append((heads, rest, arc[rest], lengths[rest]))
        if left:
            for first, end in _small_enough([arc.shape[:2] for _, _, arc, _ in left]):
                self._solve(left[first:end])
        return found

    def _solve(self, left: Sequence[tuple[Ints2d, Ints1d, Floats3d, Ints1d]]) -> None:
        """left: heads, changed; which units; their scores; their lengths."""
        lengths = numpy.concatenate([some for _, _, _, some in left])
        n = int(lengths.max())
        arc = numpy.full((len(lengths), n, n + 1), IMPOSSIBLE, dtype=left[0][2].dtype)
        start = 0
        for _, rest, some, _ in left:
            m = min(n, some.shape[1])
            arc[start : start + len(rest), :m, : m + 1] = some[:, :m, : m + 1]
            start += len(rest)
        best = maximum_trees(arc, lengths, single_root=self.single_root)
        trees = is_tree(best, lengths, single_root=self.single_root)
        best = numpy.where(numpy.arange(n)[None] < lengths[:, None], best, 0)
        _check_possible(
            arc, best, numpy.concatenate([rest for _, rest, _, _ in left]), lengths, trees
        )
        start = 0
        for heads, rest, _, _ in left:
            m = min(n, heads.shape[1])
            heads[rest, :m] = best[start : start + len(rest), :m]
            start += len(rest)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        """By partition, k times the work of `argmax` for each token at most: for a small k."""
        check_k("spanning trees", k)
        xp, lengths = scores.xp, to_numpy(scores.lengths)
        arc, _ = masked_arcs(scores, what="spanning trees")
        totals = numpy.full((len(arc), k), -numpy.inf)
        heads = numpy.full((len(arc), k, arc.shape[1]), -1)
        for unit, n in enumerate(lengths.tolist()):
            some = to_numpy(arc[unit, :n, : n + 1]).astype("float64")
            best, trees = best_trees(some, k, single_root=self.single_root)
            if not best:
                raise no_structure("spanning trees", unit, NO_TREE)
            totals[unit, : len(best)] = best
            heads[unit, : len(best), :n] = trees
        found = [indicate(xp, xp.asarray(heads[:, rank]), like=arc) for rank in range(k)]
        return xp.asarray(totals), [Parts({"arc": array}, scores.lengths) for array in found]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        """Of a single root, that is drawn first, by its marginal."""
        xp, lengths = scores.xp, to_numpy(scores.lengths)
        arc, _ = masked_arcs(scores, what="spanning trees")
        exact = Parts({"arc": arc.astype("float64")}, scores.lengths)
        marginals = to_numpy(self.infer(exact)[1].arrays["arc"])
        some = to_numpy(exact.arrays["arc"])
        some = numpy.where(some > POSSIBLE_ABOVE, some, -numpy.inf)
        roots = numpy.full(len(some), -1)
        filled = numpy.nonzero(lengths > 0)[0]
        if self.single_root and len(filled):
            possible = possible_roots(some[filled], lengths[filled]) & (marginals[filled, :, 0] > 0)
            masses = numpy.where(possible, marginals[filled, :, 0], 1.0)
            roots[filled] = draw(numpy, numpy.where(possible, numpy.log(masses), -numpy.inf), rng)
        heads = sample_trees(some, lengths, roots, rng)
        return Parts({"arc": indicate(xp, xp.asarray(heads), like=arc)}, scores.lengths)


def _matrix_tree(
    xp: ArrayModule, arc: Floats3d, mask: Any, *, single_root: bool
) -> tuple[Floats1d, Floats3d, Any]:
    """log Z (B,), marginals (B, N, N + 1), and whether the unit passes the checks (B,)."""
    if not arc.size:
        ones = xp.ones(len(arc), dtype=bool)
        return xp.zeros(len(arc), dtype="float64"), xp.zeros_like(arc), ones
    highest = xp.where(mask, arc.max(axis=-1), 0.0)
    weights = xp.exp(arc - highest[..., None]) * mask[..., None]
    root, inner = weights[..., 0], weights[..., 1:]
    laplacian = _laplacian(xp, root, inner, mask, single_root=single_root)
    with numpy.errstate(all="ignore"):
        sign, log_det = xp.linalg.slogdet(laplacian)
        regular = (sign > 0) & xp.isfinite(log_det)
        if not regular.all():  # one that has no inverse makes numpy raise for all
            laplacian = xp.where(regular[:, None, None], laplacian, xp.eye(arc.shape[1])[None])
        inverse = xp.linalg.inv(laplacian)
        diagonal = xp.einsum("bii->bi", inverse).copy()
        across = inverse.copy()  # [d, h]
        if single_root:
            p_root = root * inverse[:, :, 0]
            diagonal[:, 0] = 0.0
            across[:, :, 0] = 0.0
        else:
            p_root = root * diagonal
        p_inner = inner * (diagonal[:, :, None] - across)
        marginals = xp.concatenate([p_root[..., None], p_inner], axis=-1)
        good = _passes(xp, marginals, mask, single_root=single_root)
        good &= xp.abs(inverse).max(axis=(1, 2)) < LARGEST_INVERSE
    good &= regular
    log_z = log_det + highest.sum(axis=-1)
    return log_z, xp.clip(marginals, 0.0, 1.0), good


def _laplacian(xp: ArrayModule, root: Any, inner: Any, mask: Any, *, single_root: bool) -> Floats3d:
    """(B, N, N), [head, dependent]; the identity in the padding."""
    n = inner.shape[1]
    laplacian: Floats3d = -inner.transpose(0, 2, 1)
    diagonal = inner.sum(axis=-1)
    if not single_root:
        diagonal = diagonal + root
    index = xp.arange(n)
    laplacian[:, index, index] = xp.where(mask, diagonal, 1.0)
    if single_root:
        filled = mask[:, 0]
        laplacian[filled, 0] = root[filled]
    return laplacian


def _passes(xp: ArrayModule, marginals: Floats3d, mask: Any, *, single_root: bool) -> Any:
    """(B,): each token's heads sum to 1, root mass is 1, all in [0, 1]."""
    rows = xp.where(mask, marginals.sum(axis=-1), 1.0)
    good = (xp.abs(rows - 1.0) < TOLERANCE).all(axis=-1)
    inside = (marginals > -TOLERANCE) & (marginals < 1 + TOLERANCE)
    good &= inside.all(axis=(1, 2))
    if single_root:
        roots = xp.where(mask[:, 0], marginals[..., 0].sum(axis=-1), 1.0)
        good &= xp.abs(roots - 1.0) < TOLERANCE
    return good


def _greedy_heads(scores: Parts, arc: Floats3d, lengths: Ints1d) -> Ints2d:
    """Return (B, N) the best head of each token, 0 in the padding.

    arc (Floats3d): the scores, changed: `IMPOSSIBLE` where the head is the token itself or lies in
        the padding. RAISES (ValueError): see `masked_arcs`.
    """
    own = numpy.arange(arc.shape[1])
    arc[:, own, own + 1] = IMPOSSIBLE
    outside = own >= lengths[:, None]
    is_padded = bool(outside.any())
    if is_padded:
        arc[:, :, 1:][numpy.broadcast_to(outside[:, None], arc[:, :, 1:].shape)] = IMPOSSIBLE
        arc[outside] = IMPOSSIBLE
    heads: Ints2d = arc.argmax(axis=2)
    best = numpy.take_along_axis(arc, heads[..., None], axis=2)[..., 0]
    if is_padded:
        best[outside] = heads[outside] = 0
    if best.size and not (best.min() > POSSIBLE_ABOVE and best.max() < numpy.inf):
        masked_arcs(scores, what="spanning trees")
    return heads


def _small_enough(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Slices of one, or of at most `MAX_ARCS` when padded. shapes: units and tokens of each."""
    slices: list[tuple[int, int]] = []
    first = units = longest = 0
    for i, (count, n) in enumerate(shapes):
        longest = max(longest, n)
        if i > first and (units + count) * longest**2 > MAX_ARCS:
            slices.append((first, i))
            first, units, longest = i, 0, n
        units += count
    return [*slices, (first, len(shapes))] if shapes else []


def _check_possible(arc: Any, heads: Any, units: Any, lengths: Any, trees: Any) -> None:
    """units: the names of the units, in the error."""
    index = numpy.arange(len(arc))[:, None]
    chosen = arc[index, numpy.arange(arc.shape[1])[None], heads]
    inside = numpy.arange(arc.shape[1])[None] < lengths[:, None]
    wrong = ((chosen <= POSSIBLE_ABOVE) & inside).any(axis=1) | ~trees
    if wrong.any():
        raise no_structure("spanning trees", int(units[wrong.argmax()]), NO_TREE)
