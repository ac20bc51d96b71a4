"""Which labels of lemmas occur: in annotated docs, and in what a teacher believes."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from spacy.training import Example

from ...codecs.lemma_labels import lemma_label
from ...transfer.beliefs import Belief, LemmaBelief
from .head_tag_counts import TEACHER_DOCS, batches

logger = logging.getLogger("spacy.skd")

Counts = Counter[tuple[str, str]]  # of a form and its lemma


def count_lemmas(examples: Iterable[Example]) -> Counts:
    """Return how often each pair of a form and a lemma occurs in the references."""
    return Counter(
        (token.text, token.lemma_)
        for eg in examples
        for token in eg.reference
        if token.lemma and not token.is_space
    )


def count_taught_lemmas(
    ask: Callable[[Sequence[Example]], Sequence[Belief]], examples: Iterable[Example]
) -> Counts:
    """Return the same of a teacher's best lemmas of the first `TEACHER_DOCS` examples, of several
    teachers those of all.

    RAISES (ValueError): if a teacher says nothing of lemmas.
    """
    counts: Counts = Counter()
    for batch in batches(islice(examples, TEACHER_DOCS)):
        for belief in ask(batch):
            for member in belief.members:
                forms = member.spelled()  # which refuses what is of something else
                counts.update(zip(forms, LemmaBelief.of(member).best_lemmas()))
    return counts


def choose_labels(counts: Counts, *, least: int) -> list[str]:
    """Return the labels of pairs that occur at least so often together, the most frequent first."""
    return [label for label, n in _counted(counts) if n >= least]


def most_frequent(counts: Counts, *, of: int, name: str) -> list[str]:
    """Return the labels that occur most often, and warn that none does so `of` times.

    name (str): of the component.
    """
    most = max((n for _, n in _counted(counts)), default=0)
    if most:
        logger.warning(
            "%s: no edit tree occurs min_tree_freq = %d times in the examples; those that occur %s "
            "are taken. A lower min_tree_freq gives more of them, as does more annotation",
            name,
            of,
            "once" if most == 1 else f"{most} times",
        )
    return choose_labels(counts, least=most)


def _counted(counts: Counts) -> list[tuple[str, int]]:
    of_labels: Counter[str] = Counter()
    for (form, lemma), n in counts.items():
        label = lemma_label(form, lemma) if lemma else None
        if label is not None:
            of_labels[label] += n
    return sorted(of_labels.items(), key=lambda item: (-item[1], item[0]))
