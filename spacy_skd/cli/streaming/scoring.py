"""Scores of one student on several corpora."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ...layers.base import Layer
from ...layers.known import find_layer
from ...report.scores import SETTINGS, predict_here, read_docs, score
from ...teachers.loading import load_trained


@dataclass(frozen=True)
class Known:
    """What a corpus says. test (Path): labelled docs, `.spacy`. labels: of each layer that its
    teacher knows, the labels."""

    test: Path
    labels: Mapping[str, Collection[str]]


def score_on(student: Path, corpora: Mapping[str, Known]) -> dict[str, dict[str, float]]:
    """Return by corpus the scores of what it has annotation of, 0 to 1, on its tokens, with the
    student's own sentences.

    A corpus says nothing of labels that it does not know: of spans those of other labels, which the
    student may have learnt of other corpora, do not count on it.

    corpora (Mapping[str, Known]): by name.
    """
    nlp = load_trained(student, what="student")
    scores: dict[str, dict[str, float]] = {}
    for name, known in corpora.items():
        references = read_docs(known.test, nlp)
        layers = [(find_layer(layer), set(labels)) for layer, labels in known.labels.items()]
        layers = [(layer, labels) for layer, labels in layers if layer.of_spans]
        for layer, labels in layers:
            labels.update(fact.label for doc in references for fact in layer.decisions(doc))
        predict = partial(_predict, layers=layers)
        scores[name] = score(nlp, references, setting=SETTINGS[0], predict=predict)
    return scores


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
