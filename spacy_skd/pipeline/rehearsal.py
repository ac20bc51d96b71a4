"""Rehearsal: the earlier state of a component, and of what it listens to.

spaCy's `nlp.resume_training()` keeps a copy of a component's own model. A model that listens to a
shared tok2vec is only half of what predicted then; `resume_training` here keeps the other half.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.ty import ListenedToComponent
from thinc.api import Model, Optimizer

from ..models.frozen import frozen_layers, listeners
from .saved import CALIBRATION

LEARN_RATE = 0.001


@dataclass
class Memory:
    """What a component was.

    model (Model): its earlier model. labels (tuple[str, ...]): its labels then.
    upstreams (List): each component that it listens to, and the earlier model of that.
    """

    model: Model[Any, Any]
    labels: tuple[str, ...]
    upstreams: list[tuple[Any, Model[Any, Any]]] = field(default_factory=list)

    @contextmanager
    def recalled_by(self, pipe: Any) -> Iterator[None]:
        """Put the earlier model and labels in place of a component's current ones."""
        model, cfg = pipe.model, pipe.cfg
        pipe.model = self.model
        pipe.cfg = {**cfg, "labels": list(self.labels), CALIBRATION: 1.0}
        try:
            yield
        finally:
            pipe.model, pipe.cfg = model, cfg

    def check(self, model: Model[Any, Any], *, name: str) -> None:
        """Check the memory. RAISES (ValueError): if the model listens to a component that is not
        remembered. A frozen one need not be: its vectors are on the docs, and have not changed."""
        if not self.upstreams and _open_listeners(model):
            raise ValueError(
                f"{name}: cannot rehearse: its model listens to another component, of which "
                f"nlp.resume_training() keeps no copy. Call "
                f"spacy_skd.pipeline.rehearsal.resume_training(nlp) in its place, or give the "
                f"component a tok2vec of its own (nlp.replace_listeners)."
            )

    def send_vectors(self, examples: Sequence[Example], *, to: str, drop: float) -> None:
        """Let the components that it listens to run forward for it alone, so that its gradient
        goes back through them."""
        for upstream in self._feeding(to):
            with _listening_alone(upstream, to):
                upstream.update(examples, drop=drop, sgd=None, losses={})

    def finish_update(self, sgd: Optimizer, *, of: str) -> None:
        """Let the components that it listens to apply what came back."""
        for upstream in self._feeding(of):
            upstream.finish_update(sgd)

    def _feeding(self, name: str) -> list[Any]:
        """Without those whose listeners have been replaced since (`nlp.replace_listeners`)."""
        return [upstream for upstream, _ in self.upstreams if name in upstream.listener_map]


def resume_training(nlp: Language, *, sgd: Optimizer | None = None) -> Optimizer:
    """`nlp.resume_training()` for pipelines with a shared tok2vec or transformer: `nlp.rehearse`
    then keeps to the earlier state of the two together, and trains both.

    The components are rehearsed one after the other, which costs a copy of the shared model and
    two passes of it for each component. Of one call, spaCy 3.8 applies the gradients of the
    component alone that comes last in its random order; the others' are kept and added to those of
    later calls.
    RETURNS (Optimizer): as `nlp.resume_training`. A schedule that warms up begins at 0, where it
        would stay, as `spacy train` alone moves it on: then with spaCy's own rate, 0.001.
    """
    optimizer = nlp.resume_training(sgd=sgd)
    if sgd is None and optimizer.learn_rate == 0:
        optimizer.learn_rate = LEARN_RATE
    pipes: list[tuple[str, Any]] = nlp.pipeline
    for _, upstream in pipes:
        if not isinstance(upstream, ListenedToComponent):
            continue
        fed = [pipe for name, pipe in pipes if name in upstream.listener_map]
        memories = [pipe.memory for pipe in fed if _rehearses(pipe)]
        if memories:
            earlier = copy.deepcopy(upstream.model)
            for memory in memories:
                memory.upstreams.append((upstream, earlier))
    return optimizer


def recalled(docs: Sequence[Doc], memory: Memory) -> list[Doc]:
    """Return the docs as they were to the earlier state: copies with the earlier vectors."""
    if not memory.upstreams:
        return list(docs)
    copies = [doc.copy() for doc in docs]
    for upstream, earlier in memory.upstreams:
        current, upstream.model = upstream.model, earlier
        try:
            copies = list(upstream.pipe(copies, batch_size=len(copies)))
        finally:
            upstream.model = current
    return copies


def _rehearses(pipe: Any) -> bool:
    return isinstance(getattr(pipe, "memory", None), Memory) and bool(_open_listeners(pipe.model))


def _open_listeners(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return listeners that send a gradient: those that are not wrapped as frozen."""
    closed = {id(node) for node in frozen_layers(model)}
    return [node for node in listeners(model) if id(node) not in closed]


@contextmanager
def _listening_alone(upstream: Any, name: str) -> Iterator[None]:
    """Let a component send its vectors to one listener, whose gradient it takes back at once."""
    everyone = upstream.listener_map
    upstream.listener_map = {name: everyone[name]}
    try:
        yield
    finally:
        upstream.listener_map = everyone
