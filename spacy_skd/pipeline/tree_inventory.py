"""Which tags of heads occur: in annotated docs, and in a teacher's best trees."""

from collections import Counter
from itertools import islice
from typing import Callable, Iterable, Iterator, List, Sequence, Tuple

import numpy
from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ..codecs.head_labels import HeadLabels
from ..transfer.belief import Belief, Mixture
from ..transfer.best import best
from ..transfer.candidates import TreeCandidates

# Docs that a teacher is asked about at initialization.
TEACHER_DOCS = 1000
Counts = Counter[Tuple[int, str]]


def count_tags(docs: Iterable[Doc]) -> Counts:
    """How often each pair of offset and deprel occurs in what is annotated."""
    counts: Counts = Counter()
    for doc in docs:
        array = doc.to_array([HEAD, DEP])
        array = array[array[:, 1] != 0]
        offsets = array[:, 0].astype("int64").tolist()
        counts.update(zip(offsets, (doc.vocab.strings[d] for d in array[:, 1].tolist())))
    return counts


def count_taught_tags(
    ask: Callable[[Sequence[Example]], Sequence[Belief]], examples: Iterable[Example]
) -> Counts:
    """The same of a teacher's best trees of the first `TEACHER_DOCS` examples, of several teachers
    those of all.

    ask: examples to a belief each.
    """
    counts: Counts = Counter()
    for batch in minibatch(islice(examples, TEACHER_DOCS), 64):
        for tree in _trees(best(ask(batch), k=1)):
            heads, deprels = tree.heads[0], tree.deprels[0]
            offsets = numpy.where(heads < 0, 0, heads - numpy.arange(len(heads)))
            known = deprels >= 0
            names = (tree.labels[d] for d in deprels[known].tolist())
            counts.update(zip(offsets[known].tolist(), names))
    return counts


def not_longer(tags: Sequence[str], *, max_offset: int) -> List[str]:
    """Those tags whose arc has at most as many tokens, 0 for no limit."""
    offsets = HeadLabels(tuple(tags)).offsets.tolist()
    return [tag for tag, o in zip(tags, offsets) if not max_offset or abs(o) <= max_offset]


def _trees(beliefs: Sequence[Belief]) -> Iterator[TreeCandidates]:
    for belief in beliefs:
        if isinstance(belief, Mixture):
            yield from _trees(belief.beliefs)
        elif isinstance(belief, TreeCandidates):
            yield belief
