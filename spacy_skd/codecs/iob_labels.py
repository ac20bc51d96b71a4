"""Labels of somebody else's model as tags of spans: IOB1, IOB2 (BIO) and BIOES by any of their
spellings, and its probabilities as scores of the tags.

    O                     outside
    B-X, I-X              begins a span, goes on; also "B_X"
    E-X, L-X; S-X, U-X    ends one; is one; "M-X" goes on
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Array, Bools, Floats2d
from ..errors import check_one_of
from ..structures import IMPOSSIBLE
from .bioes import OUTSIDE, span_tags

SCHEMES = ("auto", "bio", "iob1", "bioes")
_LABEL = re.compile(r"([BIELSUM])[-_](.+)", re.DOTALL)
_PREFIX = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
# What a tag becomes of a word that goes on within a piece, and of one that is gone on with.
_CONTINUES = (("B", "I"), ("S", "E"))
_CONTINUED = (("S", "B"), ("E", "I"))


@dataclass(frozen=True)
class IobLabels:
    """How labels are read.

    tags (tuple[str, ...]): of BIO or BIOES. columns (tuple[int, ...]): of each tag its label, -1
        where there is none. is_iob1 (bool): whether "I-X" begins a span unless one of X is before.
    """

    tags: tuple[str, ...]
    columns: tuple[int, ...]
    is_iob1: bool

    def scores(self, log_p: Floats2d, *, shared: Bools | None = None) -> Floats2d:
        """Return scores of the tags, (words, tags) nats.

        log_p (Floats2d): (words, labels), NaN where the model says nothing: such a word is outside.
        shared (Bools | None): (words,) whether the model reads the word in one piece with the word
            before, so that one label is of both: a span that has both does not begin in between.
        """
        silent = numpy.isnan(log_p).any(axis=1)
        kept = numpy.asarray(self.columns)
        p = numpy.where(kept >= 0, numpy.exp(log_p.astype("float64"))[:, kept], 0.0)
        p[silent] = numpy.asarray([tag == OUTSIDE for tag in self.tags], dtype="float64")
        if self.is_iob1:
            self._begin(p)
        if shared is not None:
            self._move(p, shared, _CONTINUES)
            self._move(p, numpy.append(shared[1:], False), _CONTINUED)
        scores = numpy.full(p.shape, IMPOSSIBLE, dtype="float32")
        numpy.log(p, out=scores, where=p > 0, casting="same_kind")
        return scores

    def _begin(self, p: Floats2d) -> None:
        """Read IOB1: of independent labels the chance that X begins at i is

        P(B-X at i) + P(I-X at i) (1 - P(X at i - 1)).
        """
        for begin, inside in self._pairs("B", "I"):
            of_label = p[:, begin] + p[:, inside]
            before = numpy.append(0.0, of_label[:-1])
            p[:, begin] += p[:, inside] * (1.0 - before)
            p[:, inside] *= before

    def _move(self, p: Floats2d, rows: Array, moves: Sequence[tuple[str, str]]) -> None:
        for source, target in moves:
            for a, b in self._pairs(source, target):
                p[rows, b] += p[rows, a]
                p[rows, a] = 0.0

    def _pairs(self, a: str, b: str) -> list[tuple[int, int]]:
        """Return the columns of two prefixes, of each label of spans that has both."""
        index = {tag: i for i, tag in enumerate(self.tags)}
        both = ((tag, f"{b}{tag[1:]}") for tag in self.tags if tag.startswith(f"{a}-"))
        return [(index[x], index[y]) for x, y in both if y in index]


def read_iob_labels(labels: Sequence[str], *, scheme: str = "auto") -> IobLabels:
    """Find out how labels are to be read.

    scheme (str): of `SCHEMES`. "auto": BIOES if some label ends a span; IOB1 if none begins one;
        else BIO, since IOB1 cannot be told from it by names.
    RAISES (ValueError): if the labels are none of spans, or not of the scheme.
    """
    check_one_of("scheme", scheme, SCHEMES)
    found = {label: _LABEL.fullmatch(label) for label in labels if label != OUTSIDE}
    others = [label for label, match in found.items() if match is None]
    if others or OUTSIDE not in labels or not found:
        raise ValueError(
            f"expected IOB labels ('O', 'B-X', 'I-X'; BIOES and BILOU, too), got {list(labels)}: "
            f"name the layer of words that they are of, such as --layer pos; if they name spans "
            f"without a prefix, rename X to I-X in the classifier's own config.json (id2label)"
        )
    named = {label: f"{_PREFIX[match[1]]}-{match[2]}" for label, match in found.items() if match}
    prefixes = {tag[0] for tag in named.values()}
    if scheme == "auto":
        scheme = "bioes" if prefixes & {"E", "S"} else "bio" if "B" in prefixes else "iob1"
    if scheme != "bioes" and prefixes & {"E", "S"}:
        raise ValueError(f"scheme: expected bioes for labels like {labels[:4]}, got {scheme}")
    types = tuple(dict.fromkeys(tag[2:] for tag in named.values()))
    tags = span_tags(types, scheme="BIOES" if scheme == "bioes" else "BIO")
    columns: dict[str, int] = {}
    for i, label in enumerate(labels):
        other = columns.setdefault(named.get(label, label), i)
        if other != i:
            raise ValueError(f"expected one label of each kind, got {labels[other]} and {label}")
    _check_possible(types, columns, scheme)
    return IobLabels(tags, tuple(columns.get(tag, -1) for tag in tags), scheme == "iob1")


def _check_possible(types: Sequence[str], tags: Container[str], scheme: str) -> None:
    """Raise ValueError if no span of some type could be one."""
    needed = {"bio": ("B",), "iob1": ("I",), "bioes": ("B", "E")}[scheme]
    for name in types:
        whole = all(f"{prefix}-{name}" in tags for prefix in needed)
        if not (whole or (scheme == "bioes" and f"S-{name}" in tags)):
            raise ValueError(
                f"scheme {scheme}: expected {' and '.join(f'{p}-{name}' for p in needed)} among "
                f"the labels, without which no {name} can be: give another --scheme"
            )
