"""What a component decides of docs, and how probable that is at any temperature."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..arrays import Array, Bools, Floats1d
from ..layers.base import Layer
from ..layers.facts import Fact
from ..models.words import in_batches
from ..pipeline.tasks.scored_spans import LeastConfidence
from ..teachers.merging import mergers
from .counting import known_facts, unknown_chars
from .scores import unannotated

BATCH_WORDS = 5_000


def decisions_of(
    nlp: Language, references: Sequence[Doc], names: Collection[str]
) -> Iterator[tuple[str, "Decisions"]]:
    """Yield what some components decide, each of docs as the components before it annotate them,
    but for those that merge tokens. What is yielded holds until the next one is asked for.

    references (Sequence[Doc]): with gold; their tokens are taken. names (Collection[str]): of
        components of this package.
    """
    docs = list(unannotated(nlp, list(references)))
    merging = mergers(nlp)
    for name in (each for each in nlp.pipe_names if each not in merging):
        if name in names:
            decisions = Decisions(nlp.get_pipe(name), docs, references)
            yield name, decisions
            docs = decisions.annotated
            if decisions.pipe.layer.sets_sentences:
                docs = decisions.annotate()  # trees count how sure it says that it is of them now
        else:
            others = [other for other in nlp.pipe_names if other != name]
            with probabilities_told([nlp.get_pipe(name)], activations=False):
                docs = list(nlp.pipe(docs, disable=others))


@contextmanager
def probabilities_told(pipes: Iterable[Any], *, activations: bool) -> Iterator[None]:
    """Let those components that can tell how sure they are: a parser's probabilities depend on what
    is told of sentence starts. activations (bool): whether they keep whole distributions, too."""
    telling = [pipe for pipe in pipes if hasattr(pipe, "believe")]
    before = [(pipe.save_activations, pipe.confidences) for pipe in telling]
    try:
        for pipe in telling:
            pipe.save_activations, pipe.confidences = pipe.save_activations or activations, True
        yield
    finally:
        for pipe, (kept, told) in zip(telling, before):
            pipe.save_activations, pipe.confidences = kept, told


class Decisions:
    """Of one component: what it says of docs with gold, at all thresholds.

    pipe (DistillingPipe): the component.
    docs (Sequence[Doc]): on which the components before it have run; they stay as they are.
    annotated (list[Doc]): copies, as the component annotates them.
    right (Bools): (n,) of the decisions of which gold says something.
    labels (Array): (n,) of each its label, "" for none.
    n_gold (Counter[str]): what there was to find, by label.
    """

    def __init__(self, pipe: Any, docs: Sequence[Doc], references: Sequence[Doc]):
        self.pipe = pipe
        self._batches = [*in_batches(docs, most=BATCH_WORDS)]
        self._model: Any = _KeptScores(pipe.model)
        self.annotated = self.annotate()
        layer = pipe.layer
        references = [layer.of_labels(doc, pipe.labels) for doc in references]
        own = (layer.of_labels(doc, pipe.labels) for doc in self.annotated)
        self._facts = [layer.decisions(doc) for doc in own]
        pairs = zip(self._facts, references)
        right = numpy.concatenate([numpy.zeros(0), *(judged(layer, *pair) for pair in pairs)])
        # NaN of what another component has written, too.
        self._counts: Bools = numpy.isfinite(right) & numpy.isfinite(self._chances(1.0))
        self.right: Bools = right[self._counts] == 1
        labels = [fact.label for of_doc in self._facts for fact in of_doc]
        self.labels: Array = numpy.asarray(labels, dtype=object)[self._counts]
        golden = (fact for doc in references for fact in _known(layer, layer.decisions(doc), doc))
        self.n_gold = Counter(fact.label for fact in golden)

    def annotate(self) -> list[Doc]:
        """Return copies, as the component annotates them, and tells how sure it is."""
        annotated: list[Doc] = []
        with self._telling(self.pipe.calibration):
            for batch in self._batches:
                copies = [doc.copy() for doc in batch]
                predictions = self.pipe.predict(batch)._replace(activations=None)
                self.pipe.set_annotations(copies, predictions)
                annotated += copies
        return annotated

    def confidences(self, temperature: float) -> Floats1d:
        """Return (n,) the probability of each decision."""
        chances: Floats1d = self._chances(temperature)[self._counts]
        return chances

    def _chances(self, temperature: float) -> Floats1d:
        """(all decisions,), NaN of those that are another component's."""
        pipe, facts = self.pipe, iter(zip(self.annotated, self._facts))
        chances: list[float] = []
        with self._telling(temperature):
            for batch in self._batches:
                for kept in pipe.predict(batch).activations or ():
                    doc, of_doc = next(facts)
                    told = {**kept, "labels": pipe.labels}
                    chances += pipe.layer.confidences(doc, of_doc, told) or [numpy.nan] * len(
                        of_doc
                    )
        return numpy.asarray(chances, dtype="float64")

    @contextmanager
    def _telling(self, temperature: float) -> Iterator[None]:
        """Let the component tell the probability of all that it decides."""
        pipe, task = self.pipe, self.pipe.task
        before = pipe.model, pipe.cfg, pipe.save_activations, pipe.confidences
        least = task.least_confidence
        pipe.model, pipe.cfg = self._model, dict(pipe.cfg)
        pipe.save_activations = pipe.confidences = True
        task.least_confidence = None if least is None else LeastConfidence()
        try:
            pipe.calibration = temperature
            yield
        finally:
            pipe.model, pipe.cfg, pipe.save_activations, pipe.confidences = before
            task.least_confidence = least


class _KeptScores:
    """A model that remembers what it returned of docs."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept: dict[tuple[int, ...], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, X: Any) -> Any:
        docs = X[0] if isinstance(X, tuple) else X  # a parser's have units beside them
        key = tuple(map(id, docs))
        if key not in self._kept:
            self._kept[key] = self._model.predict(X)
        return self._kept[key]


def judged(layer: Layer, decisions: Sequence[Fact], reference: Doc) -> Floats1d:
    """Return (decisions,) 1 for right, 0 for wrong, NaN where the reference says nothing."""
    known = {id(fact) for fact in _known(layer, decisions, reference)}
    gold = {fact.key for fact in layer.decisions(reference)} if known else set()
    values = [float(f.key in gold) if id(f) in known else numpy.nan for f in decisions]
    return numpy.asarray(values, dtype="float64")


def _known(layer: Layer, facts: Sequence[Fact], reference: Doc) -> list[Fact]:
    """Of what a reference says whether it is so."""
    if not layer.is_annotated(reference):
        return []
    starts = (token.idx for token in reference)
    unknown = unknown_chars(starts, layer.unknown(reference))
    return [fact for fact in known_facts(facts, unknown) if layer.says(reference, fact)]
