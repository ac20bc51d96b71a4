"""Illegal BIO of entities: repaired as spaCy does, counted, never silently dropped."""

import logging
from collections.abc import Sequence

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc
from spacy.training import iob_to_biluo

from ..codecs.bioes import OUTSIDE

logger = logging.getLogger("spacy.skd")

_I, _O, _B = 1, 2, 3  # spaCy's numbers; 0 is missing
_WARNING = (
    "%s: %d tags of entities%s are no legal BIO (an I that continues no entity of its label); each "
    "begins an entity of its own, as in spaCy%s"
)


class RepairedEntities:
    """Repairs the docs of one component or corpus.

    tags (int): that were changed so far.
    """

    def __init__(self, name: str):
        self.name = name
        self.tags = 0

    def __call__(self, doc: Doc) -> Doc:
        """Repair a doc in place, and return it."""
        n = repair_entities(doc)
        if n and not self.tags:
            logger.warning(_WARNING, self.name, n, " of a doc", " (counted in `repaired.tags`)")
        self.tags += n
        return doc


def log_repaired(name: str, n: int) -> None:
    """Warn of repaired tags. name (str): of a corpus that was read whole. n: tags of it that were
    repaired."""
    if n:
        logger.warning(_WARNING, name, n, "", "")


def repair_entities(doc: Doc) -> int:
    """Make an I that continues nothing, or an entity of another label, a B, as in `Doc.set_ents`
    and `Doc(..., ents=)`. Docs of a `DocBin` come as they are, and their `ents` raise or join two
    labels.

    RETURNS (int): how many tags were changed.
    """
    if not len(doc):
        return 0
    array = doc.to_array([ENT_IOB, ENT_TYPE])
    tags, labels = array.T
    before, label_before = numpy.roll(tags, 1), numpy.roll(labels, 1)
    before[0] = _O
    continues = ((before == _B) | (before == _I)) & (labels == label_before)
    wrong = (tags == _I) & ~continues
    if wrong.any():
        array[wrong, 0] = _B
        doc.from_array([ENT_IOB, ENT_TYPE], array)
    return int(wrong.sum())


def repair_biluo(tags: Sequence[str | None]) -> tuple[list[str | None], int]:
    """Return BILUO of a sentence as `spacy convert` reads it: an entity begins where none goes on,
    and ends where the next tag is no I or L of its label.

    tags (Sequence[str | None]): None for a word without one, which is outside.
    RETURNS: the tags, and how many were changed.
    """
    read = [tag or OUTSIDE for tag in tags]
    repaired = iob_to_biluo(read)
    n_changed = sum(a != b for a, b in zip(read, repaired))
    return [b if a or b != OUTSIDE else a for a, b in zip(tags, repaired)], n_changed
