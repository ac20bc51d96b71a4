"""A corpus of labelled docs and annotated shards, streamed: `spacy-skd.DistillationCorpus.v1`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from spacy.language import Language
from spacy.training import Example

from ...errors import check_between
from ...registry import reader
from .items import Item
from .lower_case import lower_cased
from .stream import RATIO, StoredCorpus


@reader("spacy-skd.DistillationCorpus.v1")
def make_distillation_corpus(
    store: Path | None = None,
    path: Path | None = None,
    ratio: float = RATIO,
    buffer: int = 2000,
    max_length: int = 0,
    seed: int = 0,
    lower_case: float = 0.0,
    guesses: bool = False,
    stores: dict[str, dict[str, Any]] | None = None,
) -> Callable[[Language], Iterator[Example]]:
    """Mix labelled docs and docs that a teacher annotated, in constant memory.

    A pass has every labelled doc once, and unlabelled ones among them; the next goes on in the
    unlabelled where it stopped. Beliefs come along in the references' user data, for `skd_teacher`
    with the same `store`. The teacher's guesses stay behind: they are no gold to our components.

    Resuming. The order depends on the seed and the folder alone. Where a pass begins follows from
    the number of examples that the pipeline has learnt from, which its distilling components save:
    `spacy train` with components sourced from `model-last` goes on with the very next example.
    That needs `max_epochs = -1`, which streams; otherwise spaCy reads a pass whole and shuffles it.

    store (Path | None): folder that `spacy skd annotate` wrote. Required; None is what the
        config of a student says that was saved without its teacher.
    path (Path | None): labelled docs, a `.spacy` file or a folder of them; by default those of
        the store. Without either, a pass is all unlabelled docs.
    ratio (float): words of unlabelled docs for each labelled word.
    buffer (int): docs of each kind in memory, from which the next is drawn at random; shards come
        in a random order, too.
    max_length (int): labelled docs of more words are left out (not cut, which would lose their
        beliefs); 0 for no limit.
    seed (int): of the order.
    lower_case (float): chance of an annotated doc to be in lower case, 0 to 1, with the gold and
        the teacher's beliefs of the doc as it was. Labelled docs of `path` stay as they are.
    guesses (bool): whether components that are not ours, and learn from gold alone, are shown the
        teacher's guess where gold lacks a kind of annotation; of labelled docs, where the store
        was annotated with `--retrain`.
    stores (dict[str, dict[str, Any]] | None): in place of `store` and `ratio`, several, by name, as
        of `skd_teacher`, whose table it may be: of each row "path" and "ratio" count here.
    RAISES (ValueError): if there is no store, one was not annotated to the end, all ratios are 0,
        `ratio` is given beside `stores`, or a setting is out of range.
    """
    return DistillationCorpus(
        store,
        path,
        ratio=ratio,
        buffer=buffer,
        max_length=max_length,
        seed=seed,
        lower_case=lower_case,
        guesses=guesses,
        stores=stores,
    )


class DistillationCorpus(StoredCorpus):
    """See `make_distillation_corpus`."""

    def __init__(
        self,
        store: Path | None,
        path: Path | None,
        *,
        lower_case: float = 0.0,
        guesses: bool = False,
        **mix: Any,
    ):
        """Read the mix. mix: settings of a `StoredCorpus`."""
        super().__init__(store, path, **mix)
        check_between("lower_case", lower_case, low=0, high=1)
        self.lower_case = lower_case
        self.guesses = guesses

    def _example(self, nlp: Language, item: Item, number: int) -> Example:
        if self.lower_case and item.has_belief:
            if Random(f"{self.seed} lower case {number}").random() < self.lower_case:
                return lower_cased(nlp, item)
        return item.example(nlp)

    def _shown(self, nlp: Language, eg: Example, item: Item) -> Example:
        return item.guessed(nlp, eg) if self.guesses else eg
