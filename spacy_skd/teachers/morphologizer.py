"""A stock `morphologizer` as a teacher: FEATS with POS, or either of the two alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from spacy.pipeline import Morphologizer
from spacy.tokens import Token

from ..arrays import Array, Floats2d
from ..codecs.words import SPACE_FEATS, SPACE_POS
from ..layers.known import stock_layers
from ..transfer.beliefs import Belief, TokenBelief
from .tagger import TaggerSource
from .views import View


class MorphologizerSource(TaggerSource):
    """spaCy's `Morphologizer`, whose labels join FEATS and POS ("Number=Sing|POS=NOUN").

    Views: "" its labels; ".pos" their POS; ".morph" their FEATS, "_" where there are none. The
    latter two are marginals: the probability of a POS is the sum over its labels.
    """

    def views(self) -> dict[str, View]:
        layers, cfg = stock_layers(Morphologizer), self.pipe.cfg
        parts = {
            suffix: _classes(
                [layer.of_stock_label(label, cfg) for label in self.labels], layer=layer.name
            )
            for suffix, layer in layers.items()
            if suffix
        }
        return {"": View(self.labels, joins=layers[""].name), **parts}

    def _write_space(self, token: Token) -> None:
        token.pos_ = SPACE_POS
        token.set_morph(SPACE_FEATS)  # type: ignore[attr-defined]


def _classes(names: Sequence[str], *, layer: str = "") -> View:
    """Return the view of a layer. names (Sequence[str]): the class of each of the component's
    labels."""
    labels = tuple(sorted(set(names)))
    index = numpy.asarray([labels.index(name) for name in names], dtype="int64")
    return View(labels, _Marginal(labels, index), layer)


@dataclass(frozen=True, eq=False)
class _Marginal:
    """Sums the probabilities of labels of one class.

    labels (tuple[str, ...]): the classes. index (ndarray): (component's labels,) class of each.
    """

    labels: tuple[str, ...]
    index: Array

    def __call__(self, belief: Belief) -> Belief:
        tokens = TokenBelief.of(belief)
        return TokenBelief(tokens.structure, self.labels, self._sum(tokens.scores))

    def _sum(self, scores: Floats2d) -> Floats2d:
        """Turn (tokens, component's labels) into (tokens, classes): log of the sum of exp."""
        order = numpy.argsort(self.index, kind="stable")
        first = numpy.searchsorted(self.index[order], numpy.arange(len(self.labels)))
        summed: Floats2d = numpy.logaddexp.reduceat(scores[:, order], first, axis=1)
        return summed
