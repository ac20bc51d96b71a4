"""Which tags of heads occur: in annotated docs, and in a teacher's best trees."""

from collections import Counter
from itertools import islice
from typing import Callable, Iterable, List, Sequence, Tuple

from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ..codecs.head_labels import HeadLabels
from ..transfer.belief import TreeBelief, tree_decoder
from .tree_plan import best_arcs

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
    ask: Callable[[Sequence[Example]], List[TreeBelief]], examples: Iterable[Example]
) -> Counts:
    """The same of a teacher's best trees of the first `TEACHER_DOCS` examples.

    ask: examples to a belief each.
    """
    counts: Counts = Counter()
    for batch in minibatch(islice(examples, TEACHER_DOCS), 64):
        beliefs = ask(batch)
        structure, labels = beliefs[0].structure, beliefs[0].labels
        lengths = [len(eg.predicted) for eg in batch]
        offsets, deprels = best_arcs(beliefs, lengths=lengths, decoder=tree_decoder(structure))
        counts.update((o, labels[d]) for o, d in zip(offsets.tolist(), deprels.tolist()))
    return counts


def not_longer(tags: Sequence[str], *, max_offset: int) -> List[str]:
    """Those tags whose arc has at most as many tokens, 0 for no limit."""
    offsets = HeadLabels(tuple(tags)).offsets.tolist()
    return [tag for tag, o in zip(tags, offsets) if not max_offset or abs(o) <= max_offset]
