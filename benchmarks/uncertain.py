"""Raw text by what the teacher is unsure of: `benchmarks.UncertainCorpus.v1` (see recipe.py)."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy
from spacy import registry
from spacy.language import Language

from spacy_skd.errors import check_between
from spacy_skd.shards.docs import read_beliefs
from spacy_skd.shards.messages import unpack_message
from spacy_skd.training.corpora.distillation import DistillationCorpus
from spacy_skd.training.corpora.items import Item
from spacy_skd.transfer.beliefs import TokenBelief

_SAMPLE = 2000  # docs that the threshold is taken from


@registry.readers("benchmarks.UncertainCorpus.v1")
def make_uncertain_corpus(
    store: Path,
    path: Path | None = None,
    ratio: float = 4.0,
    buffer: int = 2000,
    max_length: int = 0,
    layer: str = "tag",
    share: float = 0.5,
    seed: int = 0,
) -> DistillationCorpus:
    """As `spacy-skd.DistillationCorpus.v1`, with the unlabelled docs of the highest mean entropy of
    a token's tag. layer (str): the teacher's component, of independent labels. share (float): of
    the unlabelled words, how many are kept.

    RAISES (ValueError): for another component, and a share that is not above 0 and at most 1.
    """
    check_between("share", share, low=1e-6, high=1)
    corpus = UncertainCorpus(
        store, path, ratio=ratio, buffer=buffer, max_length=max_length, seed=seed
    )
    corpus.layer, corpus.share = layer, share
    return corpus


class UncertainCorpus(DistillationCorpus):
    layer: str
    share: float

    def _unlabelled(self, nlp: Language) -> Iterator[Item]:
        every = super()._unlabelled
        sample = [(self._entropy(item), item.n_words) for item in islice(every(nlp), _SAMPLE)]
        least = threshold(sample, share=self.share)
        return (item for item in every(nlp) if self._entropy(item) >= least)

    def _entropy(self, item: Item) -> float:
        """Nats a token."""
        found = read_beliefs(unpack_message(item.bin.user_data[0] or b""))
        assert found is not None
        belief = found.belief(self.layer, self.store.forms[self.layer])
        if not isinstance(belief, TokenBelief):
            raise ValueError(f"layer: expected independent labels, found those of {self.layer!r}")
        chances = numpy.exp(belief.scores - belief.scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        return float(-(chances * numpy.log(numpy.maximum(chances, 1e-30))).sum(axis=1).mean())


def threshold(sample: list[tuple[float, int]], *, share: float) -> float:
    """sample: entropies and words. RETURNS (float): of the docs with at least this entropy come
    `share` of the words."""
    ordered = sorted(sample, reverse=True)
    words = numpy.cumsum([n for _, n in ordered])
    return ordered[int(numpy.searchsorted(words, share * words[-1]))][0]
