"""What a teacher believes of words whatever their context, from an annotated folder: of each word
the mean of the marginals of its occurrences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...arrays import Floats1d, Floats2d
from ...models.words import words_of
from ...shards.store import BeliefStore, read_beliefs
from ..progress import Progress, Report, silent

SHRINK = 4.0  # occurrences that the mean of unknown words counts for
_SOME = 20  # docs, to know how many columns there are


@dataclass(frozen=True, eq=False)
class TypeBeliefs:
    """means (Floats2d): (words, K) of each word that was asked for. counts (Floats1d): (words,) how
    often it occurred. unknown (Floats1d): (K,) what is believed of a word that was never seen."""

    means: Floats2d
    counts: Floats1d
    unknown: Floats1d


def type_beliefs(
    folder: str | Path, words: Sequence[str], *, attr: str, vocab: Vocab, report: Report = silent
) -> TypeBeliefs:
    """Return the mean of what a store's components believe of each word (`Belief.of_each_word`).

    A word that occurs n times has (sum + c u) / (n + c), with c = `SHRINK` and u the mean of what
    is believed of words that occur once, the nearest thing to words that were never seen; of all,
    where none occurs once.

    folder (Union[str, Path]): that `spacy skd annotate` wrote.
    words (Sequence[str]): the words. attr (str): attribute of tokens that they are ("lower_").
    vocab (Vocab): of the language, which knows the attributes of words.
    report (Report): called now and then, in tokens.
    RAISES (ValueError): if there is no such folder, or its beliefs say nothing of words.
    """
    store = BeliefStore(folder, memory=0, name="type beliefs")
    index = {word: i for i, word in enumerate(words)}
    width = max((rows.shape[1] for _, rows in islice(_rows(store, vocab), _SOME)), default=0)
    if not width:
        raise ValueError(
            f"{folder}: expected what a teacher believes of words, in scores, found "
            f"{', '.join(form.kind for form in store.forms.values()) or 'no beliefs'}: annotate "
            f"with its tags, spans or trees"
        )
    sums, counts = numpy.zeros((len(words) + 1, width)), numpy.zeros(len(words) + 1)
    rare: dict[str, Floats1d] = {}  # words that are not asked for, while they have occurred once
    often: set[str] = set()
    for doc, rows in _rows(store, vocab):
        forms = [getattr(token, attr) for token in doc if not token.is_space]
        at = numpy.asarray([index.get(form, len(words)) for form in forms], dtype="int64")
        numpy.add.at(sums, at, rows)
        numpy.add.at(counts, at, 1)
        for i in numpy.flatnonzero(at == len(words)).tolist():
            if forms[i] in rare:
                often.add(forms[i])
                del rare[forms[i]]
            elif forms[i] not in often:
                rare[forms[i]] = rows[i]
        report(Progress(int(counts.sum()), 0, len(doc)))
    once = sums[:-1][counts[:-1] == 1]
    singles = numpy.concatenate([once, numpy.asarray([*rare.values()]).reshape(-1, width)])
    unknown = singles.mean(axis=0) if len(singles) else sums.sum(axis=0) / max(1, counts.sum())
    means = (sums + SHRINK * unknown) / (counts + SHRINK)[:, None]
    return TypeBeliefs(means[:-1], counts[:-1], unknown)


def _rows(store: BeliefStore, vocab: Vocab) -> Iterator[tuple[Doc, Floats2d]]:
    """Yield the docs that have all of a store's beliefs, and of each what is believed of its words,
    the components side by side."""
    for labelled in (True, False):
        for name in store.names(labelled=labelled):
            for doc in store.read(name).get_docs(vocab):
                stored = read_beliefs(doc.user_data)
                if stored is None or set(stored.packed) != set(store.forms):
                    continue
                beliefs = [store.belief(stored, pipe, doc) for pipe in store.forms]
                n_words = len(words_of([doc])[0])
                if n_words and all(belief.n_tokens == n_words for belief in beliefs):
                    parts = [belief.of_each_word() for belief in beliefs]
                    yield doc, numpy.concatenate(parts, axis=1)
