"""What is looked for in gold before a student of trees learns it: sentences of no tree."""

import logging

import numpy
from spacy.training import Example

from ...arrays import Ints1d, Ints2d
from ...codecs.units import UNKNOWN_HEAD, Heads, make_buckets
from ...disk import digest
from .tree_loss import TREES

logger = logging.getLogger("spacy.skd")


class BrokenGold:
    """The sentences of no tree that were met, each once, until they are told of."""

    def __init__(self) -> None:
        self._sentences: dict[str, str] = {}  # by digest

    def inspect(self, eg: Example, heads: Ints1d, units: Ints2d) -> None:
        """Look for them.

        heads (Ints1d): (words,) gold of the example, see `Heads`. units (Ints2d): (U, 2) start and
        end word of its sentences.
        """
        if (heads == UNKNOWN_HEAD).all():
            return
        words = [token.text for token in eg.predicted if not token.is_space]
        for bucket in make_buckets(units):
            local = Heads(heads).to_local(rows=bucket.rows, lengths=bucket.lengths)
            is_broken = (local >= 0).any(axis=1) & ~TREES.agrees(local, bucket.lengths)
            for unit in numpy.flatnonzero(is_broken).tolist():
                first, n = int(bucket.rows[unit]), int(bucket.lengths[unit])
                text = " ".join(words[first : first + n])
                key = digest(repr((text, local[unit].tolist())).encode("utf8"))
                self._sentences[key] = text

    def tell(self, name: str) -> bool:
        """Tell of those that were met, and forget them. name (str): of the component.
        RETURNS (bool): whether there were any."""
        sentences = list(self._sentences.values())
        self._sentences.clear()
        if sentences:
            logger.warning(
                "%s: the heads of %d annotated sentences form no tree (a cycle, or two roots); "
                "they are taken as without annotation. The first: %r",
                name,
                len(sentences),
                sentences[0],
            )
        return bool(sentences)
