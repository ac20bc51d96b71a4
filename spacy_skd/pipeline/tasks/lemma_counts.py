"""Which labels of lemmas occur: in annotated docs, and in what a teacher believes."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from spacy.training import Example

from ...codecs.lemma_labels import lemma_label
from ...transfer.beliefs import Belief, LemmaBelief
from .head_tag_counts import TEACHER_DOCS, batches

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
    of_labels: Counter[str] = Counter()
    for (form, lemma), n in counts.items():
        label = lemma_label(form, lemma) if lemma else None
        if label is not None:
            of_labels[label] += n
    ordered = sorted(of_labels.items(), key=lambda item: (-item[1], item[0]))
    return [label for label, n in ordered if n >= least]
