"""Some docs in lower case, with what is believed of them as they were:
`benchmarks.LowerCasedCorpus.v1` (see recipe.py)."""

from pathlib import Path
from random import Random
from typing import Optional

from spacy import registry
from spacy.attrs import DEP, HEAD, NORM, POS, TAG
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.errors import check_between
from spacy_skd.pipeline.sentences import reference_starts
from spacy_skd.shards.docs import KEY, doc_key
from spacy_skd.training.distillation import DistillationCorpus
from spacy_skd.training.items import Item

_GOLD = [TAG, POS, HEAD, DEP]


@registry.readers("benchmarks.LowerCasedCorpus.v1")
def make_lower_cased_corpus(
    store: Path,
    path: Optional[Path] = None,
    ratio: float = 4.0,
    buffer: int = 2000,
    max_length: int = 0,
    chance: float = 0.1,
    seed: int = 0,
) -> DistillationCorpus:
    """As `spacy-skd.DistillationCorpus.v1`. chance (float): of a doc to be in lower case, 0 to 1.
    The teacher is not asked again: as in spaCy's `spacy.lower_case.v1`, annotation stays."""
    check_between("chance", chance, low=0, high=1)
    corpus = LowerCasedCorpus(
        store, path, ratio=ratio, buffer=buffer, max_length=max_length, seed=seed
    )
    corpus.chance = chance
    return corpus


class LowerCasedCorpus(DistillationCorpus):
    chance: float

    def _example(self, nlp: Language, item: Item, number: int) -> Example:
        eg = super()._example(nlp, item, number)
        drawn = Random(f"{self.seed} case {number}").random() < self.chance
        return lower_cased(eg) if drawn else eg


def lower_cased(eg: Example) -> Example:
    """A copy; the reference has its belief."""
    predicted, reference = _lower(eg.predicted), _lower(eg.reference)
    if eg.reference.has_annotation("DEP"):
        reference.from_array(_GOLD, eg.reference.to_array(_GOLD))
    copy = Example(predicted, reference)
    if KEY in eg.reference.user_data:
        key = doc_key(predicted, reference_starts(copy))
        reference.user_data[KEY] = {**eg.reference.user_data[KEY], "key": key}
    return copy


def _lower(doc: Doc) -> Doc:
    words, spaces = [token.lower_ for token in doc], [bool(token.whitespace_) for token in doc]
    lower = Doc(doc.vocab, words=words, spaces=spaces)
    return lower.from_array([NORM], doc.to_array([NORM]).reshape(-1, 1))
