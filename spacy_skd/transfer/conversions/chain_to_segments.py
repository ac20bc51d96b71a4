"""A linear chain to flat segments: the probabilities of all spans up to a width."""

from ...arrays import ArrayModule, Floats1d, Floats3d, FloatsXd
from ...codecs.bioes import Legality, scheme_of
from ...codecs.spans import SpanMatch
from ...structures import IMPOSSIBLE, FlatSegments, Parts, Structure, to_numpy
from ...structures.chain import sorted_chains
from ...structures.forward_backward import Chains, Messages, log_messages, log_sum
from ..posterior import (
    Match,
    Posterior,
    Target,
    in_double,
    in_dtype,
    lost_mass,
    without_support,
)
from .lift import either, span_match

_PREFIXES = "BIES"


def chain_to_segments(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Take as P(span) that of all its tags in a row, and that it ends there: the product of the
    ratios of pair to unary marginals, here by forward and backward messages.

    No score of a chain tells how wide a span is, so those wider than the student's cannot be
    masked. With `match.drop_wide` they are taken as outside: the target is the distribution of what
    is left of the teacher's structures without them. `lost` then has the expected number of such
    spans of a unit, at most 1, which is at least the probability that there are any.
    RAISES (ValueError): if a unit is longer than the student's spans may be, without `drop_wide`.
    """
    match, max_width = span_match(match), FlatSegments.of(structure).max_width
    _check_width(posterior.scores, max_width, match)
    scores = in_double(posterior.scores)
    log_z_all, _ = posterior.structure.infer(scores)
    kept, empty = without_support(_without_labels(scores, match))
    chains = sorted_chains(kept)
    messages = log_messages(kept.xp, chains)
    none = ~kept.xp.isfinite(messages.log_z)
    span, starts = _span_probabilities(kept.xp, chains, messages, match, max_width)
    back = kept.xp.argsort(chains.order)
    log_z, none = messages.log_z[back], to_numpy(none[back])
    empty = either(empty, none if none.any() else None)
    wide = kept.xp.maximum(starts - span.sum(axis=(1, 2, 3)), 0.0)[back]
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    lost = 1.0 - (1.0 - lost) * kept.xp.maximum(1.0 - wide, 0.0)
    marginals = Parts({"span": span[back]}, scores.lengths)
    return Target(in_dtype(marginals, posterior.scores.arrays["unary"].dtype), lost, empty)


def _check_width(scores: Parts, max_width: int, match: SpanMatch) -> None:
    longest = int(scores.lengths.max()) if scores.n_units else 0
    if longest > max_width and not match.drop_wide:
        raise ValueError(
            f"a linear-chain teacher may find spans of up to {longest} tokens (the length of a "
            f"unit), the student's segments have at most max_width = {max_width}, and no "
            f"score of a chain can be masked to exclude wider ones. Set drop_wide = true to take "
            f"those as outside (their mass is reported), or raise max_width"
        )


def _without_labels(scores: Parts, match: SpanMatch) -> Parts:
    """Make tags of labels that the student lacks impossible."""
    xp = scores.xp
    known = {match.outside, *(c for prefix in _PREFIXES for c in match.columns(prefix).tolist())}
    lost = [i for i in range(len(match.tags)) if i not in known]
    if not lost:
        return scores
    unary = scores.arrays["unary"].copy()
    unary[..., xp.asarray(lost)] = IMPOSSIBLE
    return Parts({**scores.arrays, "unary": unary}, scores.lengths)


def _span_probabilities(
    xp: ArrayModule, chains: Chains, messages: Messages, match: SpanMatch, widths: int
) -> tuple[FloatsXd, Floats1d]:
    """Return the probabilities of spans, units in the order of `chains`.

    log P(i, w, l) = a_i(B) + A(B, I) + u_(i+1)(I) + ... + A(I, E) + u_(i+w)(E)
                     + end_(i+w)(E) - log Z

    with `end` the messages after the last tag, given that the span ends there.
    RETURNS: (B, N, W, L) probabilities; (B,) the expected number of spans of any width.
    """
    tags = _Tags(xp, chains, match)
    before = messages.before.transpose(1, 0, 2)
    end = _ends(xp, chains, messages, match)
    log_z = xp.where(xp.isfinite(messages.log_z), messages.log_z, xp.inf)[:, None, None]
    b, n = before.shape[:2]
    span = xp.full((b, n, widths, len(match.names)), -xp.inf)
    span[:, :, 0] = tags.of(before, "S") + tags.of(end, "S") - log_z
    so_far = tags.of(before, "B") - log_z
    last, inner = tags.of(chains.unary + end, "E"), tags.of(chains.unary, "I")
    prefix = "B"
    for w in range(1, min(widths, n)):
        span[:, : n - w, w] = so_far[:, : n - w] + tags.pair(prefix, "E") + last[:, w:]
        so_far[:, : n - w] += tags.pair(prefix, "I") + inner[:, w:]
        prefix = "I"
    inside = xp.arange(n)[:, None] + xp.arange(widths) < chains.lengths[:, None, None]
    span = xp.where(inside[..., None], span, -xp.inf)
    starts = _starts(xp, tags, messages, chains) if n else xp.zeros(b)
    return xp.exp(xp.minimum(span, 0.0)), starts


class _Tags:
    """The columns of the student's labels among the teacher's tags."""

    def __init__(self, xp: ArrayModule, chains: Chains, match: SpanMatch):
        self.xp = xp
        self.transition = chains.transition
        self.columns = {prefix: xp.asarray(match.columns(prefix)) for prefix in _PREFIXES}

    def of(self, values: Floats3d, prefix: str) -> Floats3d:
        """Turn (B, N, teacher's tags) into (B, N, L); -inf where the teacher has no such tag."""
        columns = self.columns[prefix]
        return self.xp.where(columns >= 0, values[..., columns], -self.xp.inf)

    def pair(self, first: str, second: str) -> Floats3d:
        """Return (B or 1, 1, L) scores of two tags of one label in a row."""
        return self.transition[:, None, self.columns[first], self.columns[second]]


def _ends(xp: ArrayModule, chains: Chains, messages: Messages, match: SpanMatch) -> Floats3d:
    """Return (B, N, C) messages after a tag given that no I of its label follows, which of BIO is
    where a span ends; as they are in BIOES."""
    after = messages.after.transpose(1, 0, 2)
    if scheme_of(match.tags) == "BIOES":
        return after
    ends = after.copy()
    b, n, _ = after.shape
    ahead = chains.unary[:, 1:] + after[:, 1:]
    goes_on = xp.arange(1, n)[None] < chains.lengths[:, None]
    for name in match.names:
        if f"I-{name}" not in match.tags:
            continue
        own = match.tags.index(f"I-{name}")
        others = xp.asarray([i for i in range(len(match.tags)) if i != own])
        for tag in (match.tags.index(f"B-{name}"), own):
            table = chains.transition[:, None, tag, others]
            others_ahead = log_sum(xp, table + ahead[:, :, others], axis=-1)
            ends[:, :-1, tag] = xp.where(goes_on, others_ahead, after[:, :-1, tag])
    return ends


def _starts(xp: ArrayModule, tags: _Tags, messages: Messages, chains: Chains) -> Floats1d:
    """Return (B,) the expected number of first tags."""
    log_z = xp.where(xp.isfinite(messages.log_z), messages.log_z, xp.inf)[:, None, None]
    unary = (messages.before + messages.after).transpose(1, 0, 2)
    prefixes = "B" if bool((tags.columns["B"] == tags.columns["S"]).all()) else "BS"
    inside = xp.arange(unary.shape[1])[None] < chains.lengths[:, None]
    total = sum(xp.exp(tags.of(unary, prefix) - log_z).sum(axis=-1) for prefix in prefixes)
    expected: Floats1d = (total * inside).sum(axis=1)
    return expected
