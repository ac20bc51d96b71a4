"""A stock `parser` as a teacher: trees of its beam."""

from collections.abc import Sequence

import numpy
from spacy.attrs import DEP, HEAD, SENT_START
from spacy.pipeline import DependencyParser
from spacy.pipeline._parser_internals.nonproj import deprojectivize
from spacy.tokens import Doc

from ..arrays import Array, Floats1d, Ints1d, Ints2d
from ..codecs.units import ROOT_HEAD
from ..codecs.words import SPACE_DEPREL
from ..layers.known import stock_layers
from ..models.words import START_LABELS, words_of
from ..transfer.beliefs import Belief, LabelCandidates, TreeCandidates
from .beam import Hypothesis
from .transition import TransitionSource, bare_copy
from .views import View

_PSEUDO = "||"  # in a label: the deprel, and that of the head to which it belongs
_ROOT = "ROOT"


class ParserSource(TransitionSource):
    """spaCy's `DependencyParser`: candidates are trees of the doc's sentences.

    Where the doc has sentence starts, all candidates have these. Otherwise the sentences are the
    likeliest candidate's; of another, which has an arc across their borders or two roots in one,
    a student learns nothing for that sentence and reports its share as lost.

    The view ".sent" is where these sentences start, as certain as they are chosen, for students of
    a pipeline whose parser sets its sentences.

    Pseudo-projective arcs are put where they belong. Candidates are of a sentence, though the beam
    is of the doc: those that differ elsewhere alone are one, of all their weight.
    """

    @property
    def labels(self) -> tuple[str, ...]:
        names = (name.partition("-")[2] for name in self.pipe.move_names)
        return tuple(sorted({_ROOT, *(name.partition(_PSEUDO)[0] for name in names if name)}))

    def views(self) -> dict[str, View]:
        layers = stock_layers(DependencyParser)
        sentences = {
            suffix: View(START_LABELS, _sentences, layer.name)
            for suffix, layer in layers.items()
            if suffix
        }
        return {"": View(self.labels, layer=layers[""].name), **sentences}

    @property
    def inventory(self) -> tuple[str, ...]:
        return self.labels

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        for doc, belief, words in zip(docs, beliefs, words_of(docs)):
            if len(doc):
                heads, deprels = TreeCandidates.of(belief).heaviest()
                unknown = numpy.where(heads == ROOT_HEAD, _ROOT, SPACE_DEPREL).tolist()
                pairs = zip(unknown, deprels.tolist())
                known = [none if i < 0 else belief.labels[i] for none, i in pairs]
                names = numpy.full(len(doc), SPACE_DEPREL, dtype=object)
                names[words.of_tokens(numpy.arange(len(doc)))] = known
                own = numpy.arange(len(heads))
                offsets = numpy.where(heads == ROOT_HEAD, 0, heads - own)
                _set_tree(doc, words.heads_to_tokens(offsets), names.tolist())

    def _row(self, doc: Doc, hypothesis: Hypothesis) -> Ints2d:
        return self._as_row(doc, hypothesis.arcs)

    def _greedy(self, doc: Doc) -> Ints2d:
        if not len(doc):
            return numpy.zeros((2, 0), dtype="int32")
        return self._as_row(doc, self.pipe.greedy_parse([doc])[0].arcs)

    def _as_row(self, doc: Doc, arcs: Sequence[dict[str, int]]) -> Ints2d:
        """Return head tokens, `ROOT_HEAD` for a root, and indices of deprels."""
        heads, names = numpy.arange(len(doc)), [_ROOT] * len(doc)
        for arc in arcs:
            heads[arc["child"]] = arc["head"]
            names[arc["child"]] = doc.vocab.strings[arc["label"]]
        copy = bare_copy(doc)
        _set_tree(copy, heads - numpy.arange(len(doc)), names)
        deprojectivize(copy)
        roots = [token.head.i == token.i for token in copy]
        head_tokens = [ROOT_HEAD if root else token.head.i for token, root in zip(copy, roots)]
        deprels = [self._index[_ROOT if root else token.dep_] for token, root in zip(copy, roots)]
        return numpy.asarray([head_tokens, deprels], dtype="int32")

    def _candidates(self, doc: Doc, rows: Array, weights: Floats1d) -> Belief:
        units = self._units(doc, rows[0])
        chosen = [_distinct(_within(rows, unit), weights) for unit in units.tolist()]
        k = max((len(candidates) for _, candidates in chosen), default=1)
        heads = numpy.full((k, len(doc)), -1, dtype="int32")
        deprels = heads.copy()
        shares = numpy.zeros((len(units), k))
        for (start, end), share, (candidates, masses) in zip(units.tolist(), shares, chosen):
            heads[: len(candidates), start:end] = candidates[:, 0]
            deprels[: len(candidates), start:end] = candidates[:, 1]
            share[: len(candidates)] = masses
        return TreeCandidates(tuple(self._index), units, heads, deprels, shares)

    def _units(self, doc: Doc, row: Ints2d) -> Ints2d:
        """Return (U, 2) start and end token of the doc's sentences, or else those of a
        candidate."""
        if not len(doc):
            return numpy.zeros((0, 2), dtype="int32")
        starts = doc.to_array([SENT_START]).reshape(-1)
        if not starts[1:].any():
            copy, own = bare_copy(doc), numpy.arange(len(doc))
            names = [self.labels[i] for i in row[1].tolist()]
            _set_tree(copy, numpy.where(row[0] == ROOT_HEAD, 0, row[0] - own), names)
            starts = copy.to_array([SENT_START]).reshape(-1)
        first = numpy.union1d(0, numpy.nonzero(starts == 1)[0])
        return numpy.stack([first, numpy.append(first[1:], len(doc))], axis=1).astype("int32")


def _sentences(belief: Belief) -> LabelCandidates:
    """Return sentence starts of trees, of which there is one candidate."""
    trees = TreeCandidates.of(belief)
    row = numpy.zeros((1, trees.n_tokens), dtype="int32")
    row[0, trees.units[:, 0]] = START_LABELS.index("S")
    return LabelCandidates(START_LABELS, row, numpy.ones(1))


def _within(rows: Array, unit: Sequence[int]) -> Array:
    """Cut candidates to a unit (start and end token). An arc from elsewhere has no deprel.

    rows (ndarray): (K, 2, tokens of the doc). RETURNS (ndarray): (K, 2, tokens of the unit).
    """
    start, end = unit
    inside = rows[:, :, start:end].copy()
    heads, deprels = inside[:, 0], inside[:, 1]
    deprels[(heads != ROOT_HEAD) & ((heads < start) | (heads >= end))] = -1
    return inside


def _distinct(rows: Array, weights: Floats1d) -> tuple[Array, Floats1d]:
    """Return candidates of a sentence that differ, heaviest first. rows: (K, 2, tokens)."""
    masses: dict[bytes, float] = {}
    first: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        key = row.tobytes()
        masses[key] = masses.get(key, 0.0) + float(weights[i])
        first.setdefault(key, i)
    keys = sorted(masses, key=lambda key: -masses[key])
    return rows[[first[key] for key in keys]], numpy.asarray([masses[key] for key in keys])


def _set_tree(doc: Doc, offsets: Ints1d, deprels: Sequence[str]) -> None:
    """Set a doc's tree. offsets (Ints1d): (tokens,) of heads, 0 for a root."""
    offsets = offsets.astype("int64").view("uint64")
    names = numpy.asarray([doc.vocab.strings.add(name) for name in deprels], dtype="uint64")
    doc.from_array([HEAD, DEP], numpy.stack([offsets, names], axis=1))
