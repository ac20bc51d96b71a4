"""Labelled spans as tags of tokens: BIO and BIOES, their legality, and matching two inventories.

A tag is "O" or a prefix, a hyphen and a label: "B-PER". BILUO is spaCy's name of BIOES (L for E, U
for S); it is translated where examples are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy

from ..arrays import Array, Floats1d, Floats2d, FloatsXd, Ints1d, array_module
from ..structures import IMPOSSIBLE, Parts, chain_indicators
from ..structures.parts import POSSIBLE_ABOVE, softmax
from .trees import Gold

OUTSIDE = "O"
PREFIXES = {"BIO": "BI", "BIOES": "BIES"}
# What a prefix of BIOES becomes in BIO.
_TO_BIO = {"B": "B", "S": "B", "I": "I", "E": "I"}

TypedSpan = tuple[int, int, str]  # start and end token, end exclusive; label


def span_tags(labels: Sequence[str], *, scheme: str) -> tuple[str, ...]:
    """Return the tag inventory of some span labels. RAISES (ValueError): if there is no such
    scheme."""
    if scheme not in PREFIXES:
        raise ValueError(f"scheme: expected one of {', '.join(PREFIXES)}, got {scheme!r}")
    return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in PREFIXES[scheme]))


def scheme_of(tags: Sequence[str]) -> str:
    """Return "BIOES" if the inventory has S or E tags, else "BIO"."""
    return "BIOES" if any(tag[:2] in ("S-", "E-") for tag in tags) else "BIO"


def are_span_tags(labels: Sequence[str]) -> bool:
    """Tell whether an inventory is that of some spans, as `span_tags` makes it, and not that of a
    tagger, whose labels may look alike ("O", "S-bar")."""
    return _are_span_tags(tuple(labels))


@lru_cache(maxsize=64)  # asked of each doc's belief
def _are_span_tags(labels: tuple[str, ...]) -> bool:
    spans = labels_of_tags(labels)
    return bool(spans) and labels == span_tags(spans, scheme=scheme_of(labels))


def labels_of_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of the spans that an inventory of tags is of."""
    return tuple(dict.fromkeys(tag[2:] for tag in tags if tag[2:]))


def encode_spans(spans: Sequence[TypedSpan], *, n: int, scheme: str) -> list[str]:
    """Return one tag a token.

    RAISES (ValueError): if spans overlap or lie outside the n tokens.
    """
    tags = [OUTSIDE] * n
    for start, end, label in spans:
        if not 0 <= start < end <= n or any(tag != OUTSIDE for tag in tags[start:end]):
            raise ValueError(
                f"expected spans within {n} tokens that do not overlap, got ({start}, {end}, "
                f"{label!r}); filter them first (spacy.util.filter_spans)"
            )
        tags[start:end] = [f"I-{label}"] * (end - start)
        tags[start] = f"B-{label}"
        if scheme == "BIOES":
            tags[end - 1] = f"E-{label}" if end - start > 1 else f"S-{label}"
    return tags


def decode_spans(tags: Sequence[str]) -> list[TypedSpan]:
    """Return spans of a legal sequence of tags, of either scheme."""
    spans: list[TypedSpan] = []
    start = 0
    for i, tag in enumerate(tags):
        if tag == OUTSIDE:
            continue
        if tag[0] in "BS":
            start = i
        following = tags[i + 1] if i + 1 < len(tags) else OUTSIDE
        if following not in (f"I-{tag[2:]}", f"E-{tag[2:]}"):
            spans.append((start, i + 1, tag[2:]))
    return spans


@dataclass(frozen=True, eq=False)
class Legality:
    """What a tag may follow, as scores: 0 or `IMPOSSIBLE`.

    start (Floats1d): (C,) at the first token. end (Floats1d): (C,) at the last.
    transition (Floats2d): (C, C) from a tag to the next token's.
    """

    start: Floats1d
    end: Floats1d
    transition: Floats2d

    def add_to(self, scores: Parts) -> Parts:
        """Make illegal sequences impossible in the scores of a linear chain."""
        xp = scores.xp
        unary = scores.arrays["unary"].copy()
        units = xp.nonzero(scores.lengths > 0)[0]
        unary[units, 0] += xp.asarray(self.start)
        unary[units, xp.asarray(scores.lengths)[units] - 1] += xp.asarray(self.end)
        bare = Parts({**scores.arrays, "unary": unary}, scores.lengths)
        table = xp.broadcast_to(xp.asarray(self.transition), (len(unary), *self.transition.shape))
        zeros = xp.broadcast_to(xp.zeros((), dtype=unary.dtype), unary.shape)
        return bare + Parts({"unary": zeros, "transition": table}, scores.lengths)


def legality(tags: Sequence[str]) -> Legality:
    """Return the legal sequences of an inventory: its spans begin, go on and end with one label.

    In BIOES a span of one token is S and a longer one ends with E; in BIO it ends anywhere.
    """
    letters = numpy.array([tag[0] for tag in tags], dtype="U1")
    index = {name: i for i, name in enumerate(labels_of_tags(tags))}
    labels = numpy.array([index.get(tag[2:], -1) for tag in tags], dtype="int64")
    is_open, goes_on = numpy.isin(letters, ("B", "I")), numpy.isin(letters, ("I", "E"))
    # What is open must go on; in BIO it may also have ended.
    end = ~is_open if scheme_of(tags) == "BIOES" else numpy.ones(len(tags), dtype=bool)
    same = is_open[:, None] & (labels[:, None] == labels)
    follows = numpy.where(goes_on, same, end[:, None])
    return Legality(_scores(~goes_on), _scores(end), _scores(follows))


def _scores(allowed: Array) -> FloatsXd:
    return numpy.where(allowed, 0.0, IMPOSSIBLE).astype("float32")


def encode_chains(
    tags: Sequence[Sequence[str | None]], inventory: Sequence[str], rules: Legality
) -> tuple[Gold, int]:
    """Encode tags of the units of a bucket as indicators of labels and transitions.

    tags (Sequence[Sequence[str | None]]): per unit, one tag a token; None, "" or a tag outside
        the inventory where it is not known.
    RETURNS (tuple[Gold, int]): unary (B, N, C) and transition (B, C, C), 0 for what is not known;
        how many units were taken as unknown as a whole, since no legal sequence agrees with them.
    """
    labels, lengths, illegal = tag_ids(tags, inventory, rules)
    indicators = chain_indicators(labels, like=blank_chains(labels, lengths, len(inventory)))
    return Gold(indicators, labels >= 0), illegal


def blank_chains(labels: Array, lengths: Ints1d, n_tags: int) -> Parts:
    """Return parts of 0 for labels (B, N) of units of some lengths (B,)."""
    b, n = labels.shape
    unary = numpy.zeros((b, n, n_tags), dtype="float32")
    transition = numpy.zeros((b, n_tags, n_tags), dtype="float32")
    return Parts({"unary": unary, "transition": transition}, lengths)


def tag_ids(
    tags: Sequence[Sequence[str | None]], inventory: Sequence[str], rules: Legality
) -> tuple[Array, Array, int]:
    """Return (B, N) index of each token's tag, -1 where it is not known, in the padding and in
    units with which no legal sequence agrees; (B,) tokens; how many such units there are."""
    index: dict[str | None, int] = {tag: i for i, tag in enumerate(inventory)}
    labels = numpy.full((len(tags), max(map(len, tags), default=0)), -1, dtype="int64")
    for row, unit in zip(labels, tags):
        row[: len(unit)] = [index.get(tag, -1) for tag in unit]
    lengths = numpy.asarray([len(unit) for unit in tags], dtype="int64")
    illegal = _illegal(labels, lengths, rules)
    labels[illegal] = -1
    return labels, lengths, int(illegal.sum())


def _illegal(labels: Array, lengths: Array, rules: Legality) -> Array:
    """Return (B,) bool, whether no legal sequence agrees with what is known. labels: (B, N), -1
    unknown."""
    illegal = numpy.zeros(len(labels), dtype=bool)
    inside = numpy.arange(labels.shape[1]) < lengths[:, None]
    n_known = ((labels >= 0) & inside).sum(axis=1)
    whole = numpy.flatnonzero((n_known == lengths) & (lengths > 0))
    if len(whole):
        illegal[whole] = _breaks_rules(labels[whole], lengths[whole], rules)
    partly = numpy.flatnonzero((n_known < lengths) & (n_known > 0))
    if len(partly):
        illegal[partly] = ~_may_be_legal(labels[partly], lengths[partly], rules)
    return illegal


def _breaks_rules(labels: Array, lengths: Array, rules: Legality) -> Array:
    """Return (B,) bool, of units of at least one token, all of whose tags are known."""
    units = numpy.arange(len(labels))
    follows = rules.transition[labels[:, :-1], labels[:, 1:]]
    is_pair = numpy.arange(1, labels.shape[1]) < lengths[:, None]
    scores = numpy.where(is_pair, follows, 0.0)
    ends = rules.start[labels[:, 0]] + rules.end[labels[units, lengths - 1]]
    lowest = numpy.minimum(scores.min(axis=1, initial=0.0), ends)
    return numpy.asarray(lowest <= POSSIBLE_ABOVE)


def _may_be_legal(labels: Array, lengths: Array, rules: Legality) -> Array:
    """Return (B,) bool, whether a legal sequence agrees with the known tags of a unit of at least
    one token: by the set of tags that each token may have after those before."""
    follows = (rules.transition > POSSIBLE_ABOVE).astype("float32")
    everything = numpy.ones(len(follows), dtype="float32")
    choices = numpy.vstack([numpy.eye(len(follows), dtype="float32"), everything])
    reached = choices[labels[:, 0]] * (rules.start > POSSIBLE_ABOVE)
    for i in range(1, labels.shape[1]):
        step = ((reached @ follows) > 0) * choices[labels[:, i]]
        reached = numpy.where((i < lengths)[:, None], step, reached)
    ending = reached * (rules.end > POSSIBLE_ABOVE)
    return numpy.asarray((ending > 0).any(axis=1))


@dataclass(frozen=True, eq=False)
class TagMatch:
    """Which tags of a teacher are which tags of a student, by label and scheme.

    same (ndarray): (teacher tags, student tags) bool: both can be tags of the same token.
    """

    same: Array

    @property
    def finer(self) -> bool:
        """The teacher tells apart what the student does not (BIOES to BIO)."""
        return bool((self.same.sum(axis=0) > 1).any())

    @property
    def coarser(self) -> bool:
        """The student tells apart what the teacher does not (BIO to BIOES)."""
        return bool((self.same.sum(axis=1) > 1).any())

    @property
    def loses(self) -> bool:
        """The teacher has tags that the student cannot express."""
        return not bool(self.same.any(axis=1).all())

    def gather(self, scores: FloatsXd) -> FloatsXd:
        """Give each student tag the score of the teacher's tag that it is part of, `IMPOSSIBLE`
        if there is none. scores: (..., teacher tags). For a teacher that is not finer."""
        xp = array_module(scores)
        columns = xp.asarray(self.same.argmax(axis=0))
        absent = xp.asarray(~self.same.any(axis=0))
        return xp.where(absent, xp.asarray(IMPOSSIBLE, dtype=scores.dtype), scores[..., columns])

    def gather_pairs(self, transition: Floats2d) -> Floats2d:
        """Turn (teacher tags, teacher tags) into (student tags, student tags), as `gather`."""
        xp = array_module(transition)
        return xp.ascontiguousarray(self.gather(self.gather(transition).T).T)

    def log_sum(self, scores: FloatsXd) -> FloatsXd:
        """Return log of the sum of exp over the teacher's tags of each student tag."""
        xp = array_module(scores)
        table = xp.where(xp.asarray(self.same), 0.0, IMPOSSIBLE).astype(scores.dtype)
        sums, _ = softmax((scores[..., None] + table).swapaxes(-1, -2))
        return xp.maximum(sums, IMPOSSIBLE).astype(scores.dtype)

    def add_up(self, marginals: Parts) -> Parts:
        """Add marginals of the teacher's tags and pairs up to the student's. For a finer
        teacher."""
        same = marginals.xp.asarray(self.same, dtype=marginals.arrays["unary"].dtype)
        arrays = {"unary": marginals.arrays["unary"] @ same}
        if "transition" in marginals.arrays:
            arrays["transition"] = same.T @ marginals.arrays["transition"] @ same
        return Parts(arrays, marginals.lengths)

    def mask(self, scores: FloatsXd) -> FloatsXd:
        """Return `IMPOSSIBLE` for the teacher's tags that the student cannot express."""
        xp = array_module(scores)
        lost = xp.asarray(~self.same.any(axis=1))
        return xp.where(lost, xp.asarray(IMPOSSIBLE, dtype=scores.dtype), scores)


def match_tags(*, teacher: Sequence[str], student: Sequence[str]) -> TagMatch:
    """Match two inventories by name, of the same or of different schemes."""
    mixed = scheme_of(teacher) != scheme_of(student)
    a, b = ([_bio(tag) if mixed else tag for tag in tags] for tags in (teacher, student))
    same = numpy.array([[x == y for y in b] for x in a], dtype=bool)
    return TagMatch(same.reshape(len(teacher), len(student)))


def _bio(tag: str) -> str:
    return tag if tag == OUTSIDE else f"{_TO_BIO[tag[0]]}-{tag[2:]}"
