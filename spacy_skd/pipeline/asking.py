"""Steps of every component that learns from a teacher, `update` and `distill`, and what the latter
asks: another component, of docs on which the teacher's pipeline has run."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from thinc.api import Model, Optimizer

from ..models.frozen import has_vectors
from ..shards.guesses import of_gold
from ..teachers.sources import CAN_TEACH, as_source
from ..transfer.beliefs import Belief


class Learner(Protocol):
    """What the steps of a component, of `update_step` and `distill_step`, need of it.

    cfg (dict[str, Any]): counts the examples that it has "seen", and each "step" that anneals.
    """

    name: str
    cfg: dict[str, Any]

    def n_learnt(self, docs: Sequence[Doc]) -> int:
        """Return how many words there are to learn; of spaCy's components, tokens."""

    def learn_examples(self, examples: Sequence[Example], *, drop: float) -> float:
        """Learn gold, and what the linked teacher believes. RETURNS (float): mean nats."""

    def learn_beliefs(
        self, docs: list[Doc], beliefs: Sequence[Belief], *, of: str, drop: float
    ) -> float:
        """Learn what a component believes. of (str): its name. RETURNS (float): mean nats."""

    def finish_update(self, sgd: Optimizer) -> None:
        """Apply the gradients."""


def update_step(
    pipe: Learner,
    examples: Iterable[Example],
    *,
    drop: float,
    sgd: Optimizer | None,
    losses: dict[str, float] | None,
) -> dict[str, float]:
    """Do as spaCy's `update`, of gold and of the linked teacher's beliefs. Arguments and errors as
    of `LearningPipe.update`."""
    losses = {} if losses is None else losses
    losses.setdefault(pipe.name, 0.0)
    examples = list(examples)
    validate_examples(examples, f"{type(pipe).__name__}.update")
    examples = of_gold(examples)
    pipe.cfg["seen"] = pipe.cfg.get("seen", 0) + len(examples)
    if not pipe.n_learnt([eg.predicted for eg in examples]):
        return losses
    losses[pipe.name] += pipe.learn_examples(examples, drop=drop)
    pipe.cfg["step"] = pipe.cfg.get("step", 0) + 1
    if sgd:
        pipe.finish_update(sgd)
    return losses


def distill_step(
    pipe: Learner,
    teacher_pipe: Any,
    examples: Iterable[Example],
    *,
    layer: str,
    drop: float,
    sgd: Optimizer | None,
    losses: dict[str, float] | None,
) -> dict[str, float]:
    """Do as spaCy v4's `distill`, of another component. layer (str): what is annotated. Other
    arguments and errors as of `LearningPipe.distill`."""
    examples = check_distillation_examples(examples, name=pipe.name)
    losses = {} if losses is None else losses
    losses.setdefault(pipe.name, 0.0)
    docs = [eg.predicted for eg in examples]
    if teacher_pipe is None:
        raise ValueError(f"{pipe.name}: distill needs a teacher_pipe, got None")
    if not pipe.n_learnt(docs):
        return losses
    beliefs = ask(teacher_pipe, [eg.reference for eg in examples], layer=layer)
    losses[pipe.name] += pipe.learn_beliefs(docs, beliefs, of=teacher_pipe.name, drop=drop)
    if sgd:
        pipe.finish_update(sgd)
    return losses


def check_distillation_examples(examples: Iterable[Example], *, name: str) -> list[Example]:
    """Check examples. RAISES (ValueError): if teacher and student do not see the same tokens."""
    examples = list(examples)
    validate_examples(examples, f"{name}.distill")
    for eg in examples:
        words, mine = ([token.text for token in doc] for doc in (eg.reference, eg.predicted))
        if words != mine:
            raise ValueError(
                f"{name}: expected the same tokens in an example's reference (the teacher's doc) "
                f"and predicted (the student's), got {words[:8]} and {mine[:8]}"
            )
    return examples


def ask(teacher_pipe: Any, docs: Sequence[Doc], *, layer: str) -> list[Belief]:
    """Return what a component believes of docs that it does not change.

    layer (str): the student's: a component of several asks for its view of that name.
    RAISES (ValueError): if the component cannot teach, or listens to vectors that a doc lacks.
    """
    source = as_source(teacher_pipe)
    if source is None:
        raise ValueError(
            f"{teacher_pipe.name!r} ({type(teacher_pipe).__name__}) cannot teach: expected one of "
            f"{CAN_TEACH}"
        )
    model = getattr(teacher_pipe, "model", None)  # what matches patterns has none
    if model is not None and listeners(model) and not all(has_vectors(doc) for doc in docs):
        raise ValueError(
            f"{teacher_pipe.name!r} listens to another component of the teacher's pipeline, and a "
            f"doc has no vectors. Run that component over each example's reference first."
        )
    views = source.views()
    view = views.get(f".{layer}", views[""])
    return [view.read(belief) for belief in source.believe(docs)]


def listeners(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return the layers of a model that are fed by another component, spaCy's or a plugin's."""
    return [node for node in model.walk() if hasattr(node, "upstream_name")]


def first_docs(get_examples: Callable[[], Iterable[Example]]) -> list[Doc]:
    """Return some docs, of which a model's sizes are known."""
    return [eg.predicted for eg in islice(get_examples(), 10)]
