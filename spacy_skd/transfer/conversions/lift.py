"""*Lift*: the teacher's family embeds in the student's, so move its scores and infer with the
student's structure; conditioning on what the student can express comes for free."""

from typing import Any

from ...arrays import Array, ArrayModule, Floats3d, FloatsXd, array_module
from ...codecs.bioes import Legality
from ...codecs.labels import LabelMatch
from ...codecs.spans import SpanMatch
from ...structures import IMPOSSIBLE, FlatSegments, Parts, SpanStructure, Structure, to_numpy
from ...structures.parts import POSSIBLE_ABOVE
from ..posterior import (
    Inferred,
    Match,
    Posterior,
    Target,
    in_double,
    in_dtype,
    lost_mass,
    without_support,
)

# What a token that cannot be outside loses if it is: what is impossible, yet a score that can be
# subtracted. A share of the teacher's mass that is smaller than exp(half of it) is none.
_RULED_OUT = POSSIBLE_ABOVE
_NO_SUPPORT = _RULED_OUT / 2


def tokens_to_segments(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Take independent tags given that they are legal, and that no span is wider than the
    student's:

        span[i, w, l] = sum of log p(tag) - log p(O) over the span's tokens

    since a token outside has score 0 in flat segments.
    """
    match = span_match(match)
    scores, empty = without_support(in_double(posterior.scores))
    log_z_all, _ = posterior.structure.infer(scores)
    outside = _outside(scores.xp, scores.arrays["unary"], match.outside)
    span = _span_scores(scores, outside, match, widths=FlatSegments.of(structure).max_width)
    parts = Parts({"span": span}, scores.lengths)
    log_z, marginals = structure.infer(parts)
    inferred = Inferred(log_z, marginals, parts)
    log_z = log_z + (outside[..., 0] * scores.mask).sum(axis=1)
    return _target(posterior, inferred, log_z, of=log_z_all, empty=empty)


def segments_to_segments(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Mask spans whose label the student lacks, or that are wider than its own."""
    scores = in_double(posterior.scores)
    log_z_all, _ = posterior.structure.infer(scores)
    span = scores.arrays["span"]
    if match is not None:
        if not isinstance(match, LabelMatch):
            raise ValueError(f"expected a LabelMatch between labels, got {type(match).__name__}")
        span = match.gather(span)
    span = to_width(span, SpanStructure.of(structure).max_width)
    parts = Parts({"span": span}, scores.lengths)
    log_z, marginals = structure.infer(parts)
    inferred = Inferred(log_z, marginals, parts)
    return _target(posterior, inferred, log_z, of=log_z_all, empty=None)


def span_match(match: Match) -> SpanMatch:
    """Raise ValueError if it is no `SpanMatch`."""
    if isinstance(match, SpanMatch):
        return match
    raise ValueError(f"expected a SpanMatch between tags and spans, got a {type(match).__name__}")


def to_width(span: FloatsXd, widths: int) -> FloatsXd:
    """Bring scores (B, N, W, L) of spans to another width: cut, or filled up with `IMPOSSIBLE`."""
    xp = array_module(span)
    b, n, w, n_labels = span.shape
    if w >= widths:
        return span[:, :, :widths]
    none = xp.full((b, n, widths - w, n_labels), IMPOSSIBLE, dtype=span.dtype)
    return xp.concatenate([span, none], axis=2)


def no_support(log_ratio: Any) -> Array | None:
    """Tell which units have no mass left. log_ratio: (B,) its log, relative to all."""
    empty = to_numpy(log_ratio) <= _NO_SUPPORT
    return empty if empty.any() else None


def either(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a | b


def _target(posterior: Posterior, inferred: Inferred, log_z: Any, *, of: Any, empty: Any) -> Target:
    empty = either(empty, no_support(log_z - of))
    dtype = posterior.scores.arrays[next(iter(posterior.scores.arrays))].dtype
    lost = lost_mass(log_z, of=of, empty=empty)
    return Target(in_dtype(inferred.marginals, dtype), lost, empty, inferred)


def _outside(xp: ArrayModule, unary: Floats3d, column: int) -> Floats3d:
    """Return (B, N, 1) the scores of "O". Of a token that cannot be outside, one so low that
    whatever covers it wins."""
    own = unary[..., column]
    top = unary.max(axis=-1)
    return xp.where(own > POSSIBLE_ABOVE, own, top + _RULED_OUT)[..., None]


def _span_scores(scores: Parts, outside: Floats3d, match: SpanMatch, *, widths: int) -> FloatsXd:
    """Score (B, N, W, L) from tags, by growing spans token by token."""
    xp, unary = scores.xp, scores.arrays["unary"]
    first, inner, last, single = (
        _of_tags(xp, unary, match.columns(prefix), outside) for prefix in "BIES"
    )
    b, n, n_labels = first.shape
    span = xp.full((b, n, widths, n_labels), IMPOSSIBLE)
    span[:, :, 0] = single
    so_far = first.copy()
    for w in range(1, min(widths, n)):
        span[:, : n - w, w] = so_far[:, : n - w] + last[:, w:]
        so_far[:, : n - w] += inner[:, w:]
    return span


def _of_tags(xp: ArrayModule, unary: Floats3d, columns: Any, outside: Floats3d) -> Floats3d:
    """Return (B, N, student's labels) log p(tag) - log p(O)."""
    index = xp.asarray(columns)
    own = unary[..., xp.maximum(index, 0)]
    possible = (index >= 0) & (own > POSSIBLE_ABOVE)
    return xp.where(possible, own - outside, IMPOSSIBLE)
