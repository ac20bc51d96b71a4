"""Scores of a pipeline in three settings."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..disk import refuse_stream
from ..layers.entity_tags import log_repaired, repair_entities
from ..layers.known import known_layers
from ..shards.files import files_of_docs, unpacked
from ..training.conversion.multiwords import merge, multiwords_of
from .predicting import SETTINGS as SETTINGS
from .predicting import Given, predicted_as_given

# Of components that are no layer's, or not counted as the layer's facts are (`CATS`). Both are
# scored as 0 where nothing sets them.
_OTHERS: dict[str, tuple[str, Callable[[Doc], Any]]] = {
    "lemma_acc": ("LEMMA", lambda doc: doc.has_annotation("LEMMA")),
    "cats_score": ("CATS score", lambda doc: doc.cats),
}
_SPANS = re.compile(r"spans_(.*)_f")  # spaCy's score of doc.spans, by key


def read_docs(path: Path, nlp: Language) -> list[Doc]:
    """Read a `.spacy` file, or all of a folder. RAISES (ValueError): if there is none, or it holds
    no docs."""
    refuse_stream(path)
    if not path.exists():
        raise ValueError(f"expected a .spacy file, found none at {path}")
    docs = [doc for file in files_of_docs(path) for _, doc in unpacked(file, nlp.vocab)]
    if not docs:
        raise ValueError(f"{path}: expected docs, found none")
    log_repaired(str(path), sum(map(repair_entities, docs)))
    return docs


def unannotated(
    nlp: Language, references: Sequence[Doc], *, setting: str = "predicted_sentences"
) -> Iterator[Doc]:
    """Make what the pipeline is to annotate, see `score`.

    RAISES (ValueError): for another setting.
    """
    for reference in references:
        yield Given.of(reference, setting=setting).doc(nlp)


def predict_here(nlp: Language, references: Sequence[Doc], *, setting: str) -> Iterator[Doc]:
    """Yield what the pipeline predicts, in this process."""
    return predicted_as_given(nlp, list(unannotated(nlp, references, setting=setting)))


class Predict(Protocol):
    """Returns what a pipeline predicts of references, in their order and its vocab."""

    def __call__(
        self, nlp: Language, references: Sequence[Doc], *, setting: str
    ) -> Iterable[Doc]: ...


def score(
    nlp: Language, references: list[Doc], *, setting: str, predict: Predict = predict_here
) -> dict[str, float]:
    """Return spaCy's scores, 0 to 1, of annotation that the references have; and `all_uas`,
    `all_las`, which count punctuation too (spaCy's leave it out), where the tokens are the
    references'.

    setting (str): "predicted_sentences" (gold tokens), "gold_sentences" (gold tokens and sentence
        starts) or "from_text" (the pipeline's own tokens, of the treebank's real text: multiword
        tokens whose words do not spell it are one token of the reference). Gold tokens that its
        tokenizer makes, too, have the norms that it gives them.
    predict (Predict): who does it.
    """
    if setting == "from_text":
        references = [merge(doc, multiwords_of(doc)) for doc in references]
    predicted = predict(nlp, references, setting=setting)
    examples = [Example(doc, reference) for doc, reference in zip(predicted, references)]
    measured = Scorer(nlp=nlp).score(examples)
    names = [*_of_layers(), *(name for name in measured if spans_key(name) is not None)]
    names += [name for name in _OTHERS if name not in names and _is_set(name, examples)]
    scores = {name: float(measured[name]) for name in names if measured.get(name) is not None}
    if setting != "from_text" and "dep_las" in scores:
        scores.update(_with_punctuation(examples))
    return scores


def titles() -> dict[str, str]:
    """Return the scores that are reported, in order, with the title of each."""
    return {**_of_layers(), **{name: title for name, (title, _) in _OTHERS.items()}}


def _of_layers() -> dict[str, str]:
    return {score: title for la in known_layers() for score, title in la.columns.items()}


def _is_set(name: str, examples: Sequence[Example]) -> bool:
    """Whether gold has it, and the pipeline sets it."""
    is_set = _OTHERS[name][1]
    docs = [eg.reference for eg in examples], [eg.predicted for eg in examples]
    return all(any(map(is_set, of_one)) for of_one in docs)


def spans_key(score: str) -> str | None:
    """Return the key of `doc.spans` that a score is of, None for other scores."""
    match = _SPANS.fullmatch(score)
    return match.group(1) if match else None


def _with_punctuation(examples: list[Example]) -> dict[str, float]:
    heads: list[bool] = []
    labelled: list[bool] = []
    for eg in examples:
        for predicted, gold in zip(eg.predicted, eg.reference):
            if not gold.dep:
                continue
            heads.append(predicted.head.i == gold.head.i)
            labelled.append(heads[-1] and predicted.dep_ == gold.dep_)
    if not heads:
        return {}
    return {"all_uas": float(numpy.mean(heads)), "all_las": float(numpy.mean(labelled))}
