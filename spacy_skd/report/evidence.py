"""What pipelines say of a corpus, gathered once for everything that a report shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..arrays import Array
from ..layers.base import Layer
from ..layers.facts import Fact
from ..layers.known import known_layers
from ..models.words import in_batches, word_lengths
from ..teachers.embedding import cleaners
from .counting import Gold, Having, Tally, known_facts
from .deciding import probabilities_told
from .differing import Differences, Said
from .divergence import can_compare, component_of, divergence
from .predicting import predicted_as_given
from .reliability import Reliability, measure
from .scores import unannotated
from .slices import DocSlices, Slices

BATCH_WORDS = 5_000
ACTIVATIONS = "activations"


@dataclass
class Found:
    """Of one pipeline.

    gold, agreement (Tally): against gold; against the pipeline that the others are compared with.
    confidences, right (dict[str, list[float]], dict[str, list[bool]]): by layer, of decisions that
        have both. nats (dict[str, tuple[float, int]]): by layer the KL from the other pipeline's
        distribution, and of how many words; differences (Differences): from it.
    """

    gold: Tally = field(default_factory=Tally)
    agreement: Tally = field(default_factory=Tally)
    confidences: dict[str, list[float]] = field(default_factory=dict)
    right: dict[str, list[bool]] = field(default_factory=dict)
    nats: dict[str, tuple[float, int]] = field(default_factory=dict)
    differences: Differences = field(default_factory=Differences)

    def predictions(self, layer: str) -> tuple[Array, Array]:
        """Return (n,) probabilities, and which are right."""
        return numpy.asarray(self.confidences[layer]), numpy.asarray(self.right[layer])

    def reliability(self) -> dict[str, Reliability]:
        """Return by layer how far its probabilities are true."""
        return {layer: measure(*self.predictions(layer)) for layer in self.right}


@dataclass
class Evidence:
    """Of all pipelines.

    base (str): the name of the pipeline with which the others are compared. teaches (bool): whether
        it is named as their teacher.
    layers (dict[str, str]): by title of a score, the layer that it is of.
    n_docs, n_words (int): of the corpus.
    """

    base: str
    teaches: bool
    found: dict[str, Found]
    layers: dict[str, str] = field(default_factory=dict)
    n_docs: int = 0
    n_words: int = 0

    @property
    def titles(self) -> list[str]:
        """Return the scores that some pipeline has."""
        return [*self.layers]

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Return by pipeline what a JSON report has of it beside its scores."""
        return {
            name: {
                "reliability": {la: each.to_json() for la, each in found.reliability().items()},
                "nats_to_" + self.base: {
                    la: nats / max(1, n) for la, (nats, n) in found.nats.items()
                },
            }
            for name, found in self.found.items()
        }


def gather(
    pipelines: Mapping[str, Language],
    references: Sequence[Doc],
    *,
    slices: Slices,
    teacher: str | None = None,
) -> Evidence:
    """Run pipelines over the words of docs and compare what they say with gold and each other.

    pipelines (Mapping[str, Language]): by name; each has its own tokens only if it changes those
        that it is given.
    references (Sequence[Doc]): with gold or without.
    teacher (str | None): the name of the one that the others learnt from. Without, they are
        compared with the first.
    RAISES (ValueError): if there is no such pipeline, or a slice that no doc has.
    """
    if teacher is not None and teacher not in pipelines:
        raise ValueError(
            f"teacher: expected one of the pipelines {', '.join(pipelines)}, got {teacher!r}"
        )
    slices.check(references)
    base = teacher or next(iter(pipelines))
    evidence = Evidence(base, teacher is not None, {name: Found() for name in pipelines})
    gathering = _Gathering(evidence, pipelines, slices, references)
    pipes = (pipe for nlp in pipelines.values() for _, pipe in nlp.pipeline)
    with probabilities_told(pipes, activations=True):
        for batch in _batches(references):
            gathering.add(batch)
    gathering.end()
    return evidence


def _batches(references: Sequence[Doc]) -> Iterator[list[Doc]]:
    """Yield docs together, with one of several tokens if there is any: of others it is not known
    what a pipeline annotates."""
    waiting: list[Doc] = []
    for batch in in_batches(references, most=BATCH_WORDS):
        if all(any(len(doc) > 1 for doc in docs) for docs in (waiting, batch)):
            yield waiting
            waiting = []
        waiting += batch
    if waiting:
        yield waiting


class _Gathering:
    """Adds docs to evidence, batch by batch. Whether a pipeline has a layer is a matter of all
    docs: when it first says something of it, what it did not say before counts (and is no example
    of where pipelines differ)."""

    def __init__(
        self,
        evidence: Evidence,
        pipelines: Mapping[str, Language],
        slices: Slices,
        references: Sequence[Doc],
    ) -> None:
        self.evidence = evidence
        self.pipelines = pipelines
        self.slices = slices
        self.references = references
        self._has_gold: dict[str, bool] = {}  # by layer
        self._having = Having()
        self._of_base: dict[str, Tally] = {}  # by layer, what only some were compared with

    def add(self, references: Sequence[Doc]) -> None:
        docs = {
            name: list(
                predicted_as_given(
                    nlp, list(unannotated(nlp, list(references))), disable=cleaners(nlp)
                )
            )
            for name, nlp in self.pipelines.items()
        }
        evidence = self.evidence
        evidence.n_docs += len(references)
        evidence.n_words += sum(word_lengths(references))
        slices = [self.slices.of(doc) for doc in references]
        for found in evidence.found.values():
            for tally in (found.gold, found.agreement):
                tally.n_docs = evidence.n_docs
        everything = [*references, *(doc for of_one in docs.values() for doc in of_one)]
        for layer in (each for kind in known_layers() for each in kind.variants(everything)):
            self._add_layer(layer, references, docs, slices)

    def _add_layer(
        self,
        layer: Layer,
        references: Sequence[Doc],
        docs: Mapping[str, Sequence[Doc]],
        slices: Sequence[DocSlices],
    ) -> None:
        base, has_gold = self.evidence.base, self._is_of_gold(layer)
        said_now = [name for name in docs if _some_are_annotated(layer, docs[name])]
        titles = [*layer.facts(references[0])]
        having, new = self._having.note(titles, said_now, names=docs)
        if not having:
            return
        said = {name: self._said(layer, name, docs[name]) for name in {*having, base}}
        first = self.evidence.n_docs - len(references)
        for name in new:
            self._make_up(layer, name, self.references[:first])
        for i, (reference, of_doc) in enumerate(zip(references, slices)):
            gold = Gold(layer, reference, is_there=has_gold)
            if base in having and len(having) < len(docs):
                for title, facts in layer.facts(docs[base][i]).items():
                    unmet = self._of_base.setdefault(layer.full_name, Tally())
                    unmet.add(title, [], facts, _sliced(of_doc, layer, title), place=first + i)
            for name in having:
                found, doc = self.evidence.found[name], docs[name][i]
                others = layer.facts(docs[base][i]) if name != base else None
                for title, facts in layer.facts(doc).items():
                    self.evidence.layers.setdefault(title, layer.full_name)
                    sliced = _sliced(of_doc, layer, title)
                    if gold.facts is not None:
                        kept = known_facts(facts, gold.unknown)
                        found.gold.add(title, kept, gold.facts[title], sliced, place=first + i)
                    if others is not None:
                        place = first + i
                        found.agreement.add(title, facts, others[title], sliced, place=place)
                if gold.decisions is not None:
                    _judge(found, layer.full_name, said[name][i], gold)
                if others is not None:
                    found.differences.add(
                        layer, said[base][i], said[name][i], reference=reference,
                        right=gold.decisions, slices=of_doc.of_doc,
                    )  # fmt: skip
        for name in having:
            if name != base and base in having:
                self._diverge(layer, name, docs)

    def _is_of_gold(self, layer: Layer) -> bool:
        """Tell whether gold has a layer: all docs are looked at, but once."""
        if layer.full_name not in self._has_gold:
            self._has_gold[layer.full_name] = _some_are_annotated(layer, self.references)
        return self._has_gold[layer.full_name]

    def _make_up(self, layer: Layer, name: str, references: Sequence[Doc]) -> None:
        """Count what a pipeline has not said of the docs before it says something of a layer."""
        found, has_gold = self.evidence.found[name], self._is_of_gold(layer)
        for place, reference in enumerate(references):
            of_doc, gold = self.slices.of(reference), Gold(layer, reference, is_there=has_gold)
            for title, facts in (gold.facts or {}).items():
                found.gold.add(title, [], facts, _sliced(of_doc, layer, title), place=place)
        if name != self.evidence.base:
            found.agreement.take(self._of_base.get(layer.full_name, Tally()))

    def end(self) -> None:
        """Leave out how far pipelines agree with a base that does not have the layer."""
        for title, layer in self.evidence.layers.items():
            if self.evidence.base not in self._having.of(title):
                for found in self.evidence.found.values():
                    found.agreement.drop(title)
                    found.differences.drop(layer)

    def _said(self, layer: Layer, name: str, docs: Sequence[Doc]) -> list[Said]:
        pipe = component_of(self.pipelines[name], layer)
        said = []
        for doc in docs:
            decisions = layer.decisions(doc)
            said.append(Said(doc, decisions, confidences_of(layer, doc, decisions, pipe)))
        return said

    def _diverge(self, layer: Layer, name: str, docs: Mapping[str, Sequence[Doc]]) -> None:
        base, nats = self.evidence.base, self.evidence.found[name].nats
        student, teacher = (component_of(self.pipelines[each], layer) for each in (name, base))
        if student is None or teacher is None or not can_compare(student, teacher):
            return
        pairs = [(a, b) for a, b in zip(docs[name], docs[base]) if len(a)]
        if any([t.text for t in a] != [t.text for t in b] for a, b in pairs) or not pairs:
            return
        try:
            more, n = divergence(student, teacher, [a for a, _ in pairs], [b for _, b in pairs])
        except ValueError:  # of another form after all, which its message explains to who trains
            return
        total, words = nats.get(layer.full_name, (0.0, 0))
        nats[layer.full_name] = total + more, words + n


def _some_are_annotated(layer: Layer, docs: Sequence[Doc]) -> bool:
    """Tell so of docs. One token or none is annotated to spaCy, whatever the layer is."""
    longer = [doc for doc in docs if len(doc) > 1]
    return any(map(layer.is_annotated, longer or docs))


def confidences_of(
    layer: Layer, doc: Doc, decisions: Sequence[Fact], pipe: Any | None
) -> list[float] | None:
    """Return the probability of each decision, None where the pipeline says none.

    pipe (Any | None): its component of the layer, which keeps them with the doc.
    """
    kept: Mapping[str, Any] = {}
    if pipe is not None and Doc.has_extension(ACTIVATIONS):
        activations = doc._.get(ACTIVATIONS).get(pipe.name)
        kept = {**activations, "labels": pipe.labels} if activations else {}
    return layer.confidences(doc, decisions, kept)


def _judge(found: Found, layer: str, said: Said, gold: Gold) -> None:
    if said.confidences is None or gold.decisions is None:
        return
    for fact, confidence in zip(said.decisions, said.confidences):
        if confidence == confidence and known_facts([fact], gold.unknown):
            found.confidences.setdefault(layer, []).append(confidence)
            found.right.setdefault(layer, []).append(fact.key in gold.decisions)


def _sliced(of_doc: DocSlices, layer: Layer, title: str) -> Any:
    return lambda fact: of_doc(layer, title, fact)
