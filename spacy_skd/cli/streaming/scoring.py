"""Scores of one student on several corpora, and the docs by which its best weights are chosen."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ...layers.base import Layer
from ...layers.known import find_layer
from ...layers.known_labels import note_known
from ...report.scores import SETTINGS, predict_here, read_docs, score
from ...teachers.loading import load_trained
from ..texts.docs import docs_in


@dataclass(frozen=True)
class Known:
    """What a corpus says. test (Path): labelled docs, `.spacy`. labels: of each layer that its
    teacher knows, the labels."""

    test: Path
    labels: Mapping[str, Collection[str]]


def score_on(student: Path, corpora: Mapping[str, Known]) -> dict[str, dict[str, float]]:
    """Return by corpus the scores of what it has annotation of, 0 to 1, on its tokens, with the
    student's own sentences.

    A corpus says nothing of labels that it does not know: spans and categories of other labels,
    which the student may have learnt of other corpora, do not count on it.

    corpora (Mapping[str, Known]): by name.
    """
    nlp = load_trained(student, what="student")
    scores: dict[str, dict[str, float]] = {}
    for name, known in corpora.items():
        references = read_docs(known.test, nlp)
        labels = labels_on(references, known.labels)
        for doc in references:
            note_known(doc, labels)
        layers = [(find_layer(layer), of_layer) for layer, of_layer in labels.items()]
        predict = partial(_predict, layers=layers)
        scores[name] = score(nlp, references, setting=SETTINGS[0], predict=predict)
    return scores


def labels_on(
    docs: Sequence[Doc], labels: Mapping[str, Collection[str]]
) -> dict[str, Collection[str]]:
    """Return by layer of spans or docs the labels that count on a corpus: those that its teacher
    knows, and those of its docs."""
    layers = [(find_layer(layer), set(known)) for layer, known in labels.items()]
    return {
        layer.full_name: known.union(fact.label for doc in docs for fact in layer.inspected(doc))
        for layer, known in layers
        if layer.of_spans or layer.of_docs
    }


def write_dev(dev: Path, output: Path, *, labels: Mapping[str, Collection[str]]) -> None:
    """Copy labelled docs to evaluate on in training, and note in each which labels count on it.

    dev, output (Path): `.spacy` files. labels (Mapping): see `Known`.
    """
    docs = list(docs_in(dev))
    counted = labels_on(docs, labels)
    for doc in docs:
        note_known(doc, counted)
    DocBin(docs=docs, store_user_data=True).to_disk(output)


def _predict(
    nlp: Language,
    references: Sequence[Doc],
    *,
    setting: str,
    layers: Sequence[tuple[Layer, Collection[str]]],
) -> Iterator[Doc]:
    for doc in predict_here(nlp, references, setting=setting):
        for layer, labels in layers:
            layer.keep_labels(doc, labels)
        yield doc
