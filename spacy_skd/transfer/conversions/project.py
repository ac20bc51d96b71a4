"""*Project*: the teacher is richer than the student, so infer with the teacher's structure, less
what the student cannot express, and add up its marginals."""

from typing import Any

from ...arrays import ArrayModule, Floats3d, FloatsXd
from ...codecs.bioes import Legality, match_tags, span_tags
from ...structures import Parts, Structure
from ..posterior import Match, Posterior, Target, in_double, in_dtype, lost_mass
from .lift import no_support, span_match

_PREFIXES = "BIES"  # of the tags of a label, in the order of `span_tags`


def segments_to_tags(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Project flat spans to tags of tokens, independent or a chain. See `tag_marginals`."""
    match = span_match(match)
    scores = in_double(posterior.scores)
    log_z_all, _ = posterior.structure.infer(scores)
    span = match.labels.gather(scores.arrays["span"])
    kept = Parts({"span": span}, scores.lengths)
    log_z, spans = posterior.structure.infer(kept)
    empty = no_support(log_z - log_z_all)
    marginals = tag_marginals(spans, pairs="transition" in structure.parts)
    tags = span_tags(match.names, scheme="BIOES")
    if tags != match.tags:
        marginals = match_tags(teacher=tags, student=match.tags).add_up(marginals)
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    return Target(in_dtype(marginals, posterior.scores.arrays["span"].dtype), lost, empty)


def tag_marginals(spans: Parts, *, pairs: bool) -> Parts:
    """Turn marginals of flat spans, (B, N, W, L) float64, into those of the labels' BIOES tags.

    A tag's marginal is the sum over the spans that give it to the token. With `pairs` also how
    often each pair of tags is expected: inside a span by its width (B-E, or B-I, I-I ..., I-E);
    across a boundary, where what stands before is independent of what follows,

        P(x at i, y at i + 1) = P(x at i) P(y at i + 1) / P(boundary after i)

    for x of O, E, S and y of O, B, S, and P(boundary) the sum of either.
    """
    xp, P = spans.xp, spans.arrays["span"]
    b, n, widths, n_labels = P.shape
    inside, ends = xp.zeros((b, n, n_labels)), xp.zeros((b, n, n_labels))
    wider = xp.cumsum(P[:, :, ::-1], axis=2)[:, :, ::-1]  # of w + 1 tokens or more
    for w in range(1, min(widths, n)):
        ends[:, w:] += P[:, : n - w, w]
        if w + 1 < widths:
            inside[:, w:] += wider[:, : n - w, w + 1]
    single = P[:, :, 0]
    starts = wider[:, :, 1] if widths > 1 else xp.zeros_like(single)
    by_prefix = xp.stack([starts, inside, ends, single], axis=-1)
    covered = by_prefix.sum(axis=(2, 3))
    outside = xp.where(spans.mask, xp.maximum(1.0 - covered, 0.0), 0.0)
    unary = xp.concatenate([outside[..., None], by_prefix.reshape(b, n, 4 * n_labels)], axis=2)
    arrays = {"unary": unary}
    if pairs:
        arrays["transition"] = _pairs(xp, P, unary)
    return Parts(arrays, spans.lengths)


def _pairs(xp: ArrayModule, P: FloatsXd, unary: Floats3d) -> Floats3d:
    """Return (B, C, C) expected numbers of pairs. P: (B, N, W, L); unary: (B, N, C) of BIOES
    tags."""
    b, _, widths, n_labels = P.shape
    last, first = _columns(xp, n_labels, "ES"), _columns(xp, n_labels, "BS")
    before, after = unary[:, :-1, last], unary[:, 1:, first]
    boundary = before.sum(axis=-1, keepdims=True)
    given = xp.where(boundary > 0, after / xp.where(boundary > 0, boundary, 1.0), 0.0)
    pairs = xp.zeros((b, unary.shape[2], unary.shape[2]))
    pairs[:, last[:, None], first[None]] = before.transpose(0, 2, 1) @ given
    number = P.sum(axis=1)  # (B, W, L) spans of each width
    start, inner, end = (1 + 4 * xp.arange(n_labels) + _PREFIXES.index(p) for p in "BIE")
    if widths > 1:
        pairs[:, start, end] = number[:, 1]
    if widths > 2:
        pairs[:, start, inner] = pairs[:, inner, end] = number[:, 2:].sum(axis=1)
        pairs[:, inner, inner] = (number[:, 2:] * xp.arange(widths - 2)[:, None]).sum(axis=1)
    return pairs


def _columns(xp: ArrayModule, n_labels: int, prefixes: str) -> Any:
    """Return the columns of "O" and of the tags of some prefixes, among the BIOES tags of the
    labels."""
    tags = [1 + 4 * xp.arange(n_labels) + _PREFIXES.index(prefix) for prefix in prefixes]
    return xp.concatenate([xp.zeros(1, dtype="int64"), *tags])
