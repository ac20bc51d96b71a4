"""What a teacher says of the next tag of a doc, given the tags so far: its own conditional, exact,
whatever a student has decided.

    P(y_i | y_1 ... y_(i-1)) = P(y_1 ... y_i) / P(y_1 ... y_(i-1))

Of a chain it depends on the tag before alone, and what may follow is in the backward messages; of
segments, on where the open span begins; of candidates, on which of them begin so; of a mixture, on
how probable each member made the tags so far. Such a conditional is the target of a student that
decides tag by tag: policy distillation (Czarnecki et al. 2019), along whatever trajectory.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy

from ..arrays import Array, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d
from ..codecs.bioes import OUTSIDE, span_tags
from ..structures import Parts, to_numpy
from ..structures.chain import sorted_chains
from ..structures.forward_backward import log_messages
from ..structures.parts import POSSIBLE_ABOVE

SCHEME = "BIOES"  # of the tags that a student decides


class NextTags(ABC):
    """Of one doc, at one of its words, the first to begin with.

    tags (tuple[str, ...]): BIOES tags of the student's labels.
    counts (float): how much the doc counts in the loss; 0 where nothing is known of it.
    lost (float): the teacher's probability of what the student has no tags for, 0 to 1.
    """

    counts: float = 1.0
    lost: float = 0.0

    def __init__(self, tags: tuple[str, ...]):
        self.tags = tags

    @abstractmethod
    def chances(self) -> Floats1d:
        """Return (tags,) the probabilities of the word's tags, which sum to 1; or 0 of each, if the
        teacher holds nothing possible that begins so."""

    @abstractmethod
    def follow(self, tag: int) -> None:
        """Go on to the next word: the word's tag is this one."""


class NoTags(NextTags):
    """Of a doc of which nothing is known."""

    counts = 0.0

    def chances(self) -> Floats1d:
        return numpy.zeros(len(self.tags))

    def follow(self, tag: int) -> None:
        pass


class ChainTags(NextTags):
    """Of a linear chain: P(y_i | y_(i-1)) in proportion to exp(A(y_(i-1), y_i) + ahead_i(y_i)).

    ahead (Floats2d): (words, tags) nats, each tag's score and the log sum of all that may follow
    it. transition (Floats2d): A, (tags, tags).
    """

    def __init__(self, tags: tuple[str, ...], ahead: Floats2d, transition: Floats2d):
        super().__init__(tags)
        self.ahead, self.transition = ahead, transition
        self.word, self.before = 0, -1

    def chances(self) -> Floats1d:
        scores = self.ahead[self.word]
        return shares(scores if self.before < 0 else scores + self.transition[self.before])

    def follow(self, tag: int) -> None:
        """See `NextTags.follow`. What follows a span of a label that the teacher lacks is as if
        nothing had been there."""
        ends_span = tag > 0 and (tag - 1) % len("BIES") > 1
        is_known = self.transition[tag].max() > POSSIBLE_ABOVE
        self.before = 0 if ends_span and not is_known else tag
        self.word += 1


def chains_of(
    parts: Parts, tags: tuple[str, ...], *, log_z: Floats1d, silent: Array | None
) -> list[NextTags]:
    """Return the chains of a batch.

    parts (Parts): of legal sequences of the student's tags, by these scores. log_z (Floats1d):
        (B,) of all of the teacher's. silent (ndarray | None): (B,) bool, of which units nothing is
        possible.
    """
    chains = sorted_chains(parts)
    messages = log_messages(parts.xp, chains)
    ahead = to_numpy(chains.unary + messages.after.transpose(1, 0, 2))
    left = to_numpy(messages.log_z[parts.xp.argsort(chains.order)] - log_z)
    tables = to_numpy(chains.transition)
    found: list[NextTags] = [NoTags(tags) for _ in ahead]
    for row, unit in enumerate(to_numpy(chains.order).tolist()):
        if silent is None or not silent[unit]:
            n = int(chains.lengths[row])
            table = tables[row if len(tables) > 1 else 0]
            found[unit] = ChainTags(tags, ahead[row, :n], table)
        found[unit].lost = lost_share(float(left[unit])) if found[unit].counts else 1.0
    return found


class SegmentTags(NextTags):
    """Of flat segments, a semi-Markov model: inside a span, it depends on where that begins.

    log B(m) = log(B(m + 1) + sum over j, r of w(m, j, r) B(j + 1)), all that may follow from word m

    span (Floats3d): (words, widths, labels) scores, nats; of spans that end within the doc alone.
    log_z (float): of all of the teacher's.
    """

    def __init__(self, tags: tuple[str, ...], span: Floats3d, *, log_z: float):
        super().__init__(tags)
        n, widths, n_labels = span.shape
        self.n_labels = n_labels
        ends = numpy.arange(n)[:, None] + numpy.arange(1, widths + 1)
        inside = (ends <= n)[..., None] & (span > POSSIBLE_ABOVE)
        self.after = numpy.zeros(n + 1)
        # (words, widths, labels): each span, with all that may follow it.
        self.ahead = numpy.where(inside, span.astype("float64"), -numpy.inf)
        for m in range(n - 1, -1, -1):
            self.ahead[m] += self.after[numpy.minimum(ends[m], n)][:, None]
            self.after[m] = log_sum([self.after[m + 1]], self.ahead[m].ravel())
        self.lost = lost_share(self.after[0] - log_z)
        # (words, widths + 1, labels): all spans that are at least as wide.
        closed = numpy.full((n, 1, n_labels), -numpy.inf)
        self.wider = numpy.concatenate([self.ahead, closed], axis=1)
        for width in range(widths - 1, -1, -1):
            self.wider[:, width] = numpy.logaddexp(self.ahead[:, width], self.wider[:, width + 1])
        self.word, self.label, self.width = 0, -1, 0

    def chances(self) -> Floats1d:
        scores = numpy.full(len(self.tags), -numpy.inf)
        by_tag = scores[1:].reshape(self.n_labels, len("BIES"))
        if self.label < 0:
            scores[0] = self.after[self.word + 1]
            by_tag[:, 0], by_tag[:, 3] = self.wider[self.word, 1], self.ahead[self.word, 0]
        elif self.width < self.ahead.shape[1]:
            first, label = self.word - self.width, self.label
            by_tag[label, 1] = self.wider[first, self.width + 1, label]
            by_tag[label, 2] = self.ahead[first, self.width, label]
        return shares(scores)

    def follow(self, tag: int) -> None:
        label, prefix = divmod(tag - 1, len("BIES"))
        if tag and prefix in (0, 1):
            self.width = self.width + 1 if prefix and self.label == label else 1
            self.label = label
        else:
            self.label = -1
        self.word += 1


class ListedTags(NextTags):
    """Of candidates: the shares of those that begin so. Where none does, which a student may bring
    about, of those that are in the same state there: outside, or within a span of the label.

    rows (Ints2d): (K, words) tags. weights (Floats1d): (K,) at least 0.
    """

    def __init__(self, tags: tuple[str, ...], rows: Ints2d, weights: Floats1d):
        super().__init__(tags)
        self.rows, self.weights = rows, weights
        self.open = open_labels(tags)
        self.word = 0
        self.begin_so = weights > 0

    def chances(self) -> Floats1d:
        rows = self.rows[self.begin_so, self.word]
        counted = numpy.zeros(len(self.tags))
        numpy.add.at(counted, rows, self.weights[self.begin_so])
        shared: Floats1d = counted / max(float(counted.sum()), 1e-300)
        return shared

    def follow(self, tag: int) -> None:
        here = self.rows[:, self.word]
        self.begin_so = self.begin_so & (here == tag)
        if not self.begin_so.any():
            self.begin_so = (self.weights > 0) & (self.open[here] == self.open[tag])
        self.word += 1


def candidates_of(
    tags: tuple[str, ...], named: Sequence[Sequence[str | None]], weights: Floats1d
) -> NextTags:
    """Return those of some candidates. named: of each, BIOES tags. One that has a tag which the
    student lacks is left out."""
    index: dict[str | None, int] = {tag: i for i, tag in enumerate(tags)}
    rows = numpy.asarray([[index.get(tag, -1) for tag in row] for row in named], dtype="int64")
    fits = (rows >= 0).all(axis=1) & (weights > 0)
    found = ListedTags(tags, rows[fits], weights[fits]) if fits.any() else NoTags(tags)
    found.lost = float(1.0 - weights[fits].sum() / weights.sum())
    return found


class MixedTags(NextTags):
    """Of several teachers: the mixture of their conditionals by how probable each is, given the
    tags so far, in proportion to w_j P_j(y_1 ... y_(i-1)). Where all hold these impossible, by w_j.

    members (Sequence[NextTags]): of each. weights (Sequence[float]): w_j, above 0.
    """

    def __init__(
        self,
        tags: tuple[str, ...],
        members: Sequence[NextTags],
        weights: Sequence[float],
        *,
        counts: float = 1.0,
    ):
        super().__init__(tags)
        known = [(each, w) for each, w in zip(members, weights) if each.counts]
        self.members = [each for each, _ in known]
        self.weights = numpy.asarray([w for _, w in known], dtype="float64")
        self.shares = self.weights
        self.counts = counts if known else 0.0
        self.lost = float(numpy.average([each.lost for each in members], weights=list(weights)))
        self._said: Floats2d | None = None

    def chances(self) -> Floats1d:
        said = self._each()
        speaking = self.shares * (said.sum(axis=1) > 0)
        if not speaking.sum():
            speaking = self.weights * (said.sum(axis=1) > 0)
        mixed: Floats1d = speaking @ said / max(speaking.sum(), 1e-300)
        return mixed

    def _each(self) -> Floats2d:
        if self._said is None:
            rows = [each.chances() for each in self.members]
            self._said = numpy.asarray(rows).reshape(len(rows), len(self.tags))
        return self._said

    def follow(self, tag: int) -> None:
        shares = self.shares * self._each()[:, tag]
        self.shares = shares / shares.sum() if shares.sum() > 0 else self.weights
        self._said = None
        for each in self.members:
            each.follow(tag)


def student_tags(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the tags of a student's labels: "O", then B, I, E and S of each."""
    return span_tags(labels, scheme=SCHEME)


def open_labels(tags: Sequence[str]) -> Ints1d:
    """Return (tags,) of each tag a number of the label whose span goes on after it, -1 for none."""
    names = {tag[2:]: i for i, tag in enumerate(tags) if tag != OUTSIDE}
    return numpy.asarray([names[tag[2:]] if tag[0] in "BI" else -1 for tag in tags])


def shares(scores: Floats1d) -> Floats1d:
    """Return probabilities of scores in nats; 0 of each, if all are impossible."""
    highest = scores.max()
    if highest <= POSSIBLE_ABOVE:
        return numpy.zeros(len(scores))
    odds = numpy.exp(scores - highest)
    normalized: Floats1d = odds / odds.sum()
    return normalized


def lost_share(log_ratio: float) -> float:
    """Return the share that is gone of a teacher's mass. log_ratio (float): nats, of what is left
    to all."""
    return max(0.0, -float(numpy.expm1(min(log_ratio, 0.0))))


def log_sum(*terms: Sequence[float] | Floats1d) -> float:
    """Return the log of the sum of the exponentials of all terms."""
    joined = numpy.concatenate([numpy.asarray(each, dtype="float64") for each in terms])
    highest = joined.max()
    return float(highest + numpy.log(numpy.exp(joined - highest).sum()))
