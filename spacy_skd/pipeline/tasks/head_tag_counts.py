"""Which tags of heads occur: in annotated docs, and in a teacher's best trees."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy
from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Ints1d
from ...codecs.head_labels import HeadLabels
from ...codecs.units import Heads
from ...models.words import words_of
from ...transfer.beliefs import Belief, TreeCandidates
from ...transfer.beliefs.base import TREES
from ...transfer.students import Student

# Docs that a teacher is asked about at initialization.
TEACHER_DOCS = 1000
BATCH = 64
Counts = Counter[tuple[int, str]]


def count_tags(docs: Iterable[Doc]) -> Counts:
    """How often each pair of offset, in words, and deprel occurs in what is annotated."""
    counts: Counts = Counter()
    for doc in docs:
        names = sorted({token.dep_ for token in doc if token.dep})
        index = {doc.vocab.strings[name]: i for i, name in enumerate(names)}
        array = doc.to_array([HEAD, DEP])
        (words,) = words_of([doc])
        deprels = numpy.asarray([index.get(dep, -1) for dep in array[:, 1].tolist()], "int64")
        heads = Heads.of_offsets(array[:, 0].astype("int64")).rows
        _count(counts, *words.heads_of_tokens(heads, deprels), names)
    return counts


def _count(counts: Counts, heads: Ints1d, deprels: Ints1d, labels: Sequence[str]) -> None:
    """heads, deprels (Ints1d): (words,) of a doc, deprels -1 where none is known."""
    offsets = Heads(heads).to_offsets()
    known = deprels >= 0
    names = (labels[i] for i in deprels[known].tolist())
    counts.update(zip(offsets[known].tolist(), names))


def count_taught_tags(
    ask: Callable[[Sequence[Example]], Sequence[Belief]],
    examples: Iterable[Example],
    *,
    student: Student,
) -> Counts:
    """Return the same of a teacher's best trees of the first `TEACHER_DOCS` examples, of several
    teachers those of all.

    ask: examples to a belief each. student (Student): who asks.
    RAISES (ValueError): if a teacher says nothing of trees.
    """
    counts: Counts = Counter()
    for batch in batches(islice(examples, TEACHER_DOCS)):
        for belief in ask(batch):
            for member in belief.members:
                best = member.best(k=1)
                if not best.of_trees:
                    raise student.refusal(TREES, annotates=best.annotates)
                tree = TreeCandidates.of(best)
                _count(counts, tree.heads[0], tree.deprels[0], tree.labels)
    return counts


def batches(examples: Iterator[Example]) -> Iterator[list[Example]]:
    while batch := list(islice(examples, BATCH)):
        yield batch


def not_longer(tags: Sequence[str], *, max_offset: int) -> list[str]:
    """Those tags whose arc has at most as many tokens, 0 for no limit."""
    offsets = HeadLabels(tuple(tags)).offsets.tolist()
    return [tag for tag, o in zip(tags, offsets) if not max_offset or abs(o) <= max_offset]
