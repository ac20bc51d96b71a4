"""The three ways in which a distilling component learns: `update`, `distill` and `rehearse`.

All are one step of one loss; they differ in who answers, and in whether gold counts. The names and
the contract of `distill` are those of spaCy v4, `rehearse` is spaCy's.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Protocol

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from thinc.api import Model, Optimizer, set_dropout_rate

from ..layers.base import Layer
from ..models.words import words_of
from ..shards.guesses import of_gold
from ..structures import Parts
from ..transfer.annealing import finish_step
from ..transfer.beliefs import Belief
from .asking import ask, check_distillation
from .lost_mass import LostMass
from .meter import Meter
from .rehearsal import Memory, recalled
from .saved import CALIBRATION
from .tasks.base import Task


class Updated(Protocol):
    """What `update` needs of a component. cfg: counts the examples that it has "seen"."""

    name: str
    cfg: dict[str, Any]
    has_gradient: bool

    def n_learnt(self, docs: Sequence[Doc]) -> int:
        """Return of how many words (of categories, docs) a loss is the mean."""

    def learn_examples(self, examples: Sequence[Example], *, n: int, drop: float) -> float:
        """Learn gold, and the teacher's beliefs. n: `n_learnt`, above 0. RETURNS: mean nats."""

    def finish_update(self, sgd: Optimizer) -> None: ...


class Learner(Updated, Protocol):
    """What `distill` needs, too, also of spaCy's transition systems. layer (Layer): what is
    annotated."""

    @property
    def layer(self) -> Layer: ...

    def learn_beliefs(
        self, docs: list[Doc], beliefs: Sequence[Belief], *, n: int, of: str, drop: float
    ) -> float:
        """Learn what a component believes, likewise. of (str): its name."""


class LearningPipe(TrainablePipe):  # type: ignore[misc, unused-ignore]
    """A component that learns from lessons: what gold and a teacher say of a batch.

    task (Task): makes the lessons, and knows their loss.
    meter (Meter | None): what it measures in training, where that is read.
    """

    name: str
    model: Model[Any, Any]
    cfg: dict[str, Any]
    task: Task[Any, Any, Any, Any, Any]
    lost_mass: LostMass
    meter: Meter | None = None
    _taught_by: str | None = None  # the component that `distill` or `rehearse` asks
    _memory: Memory | None = None
    finish_update = finish_step

    def __copy__(self) -> Any:
        """Return a component of the same parts, whose task is its own."""
        make, arguments, state = list(self.__reduce_ex__(4))[:3]
        clone: Any = make(*arguments)
        clone.__setstate__(state)
        clone.task = copy(self.task)
        clone.task.layer = copy(self.task.layer)
        clone.task.belong_to(clone)
        return clone

    @property
    def layer(self) -> Layer:
        """RETURNS (Layer): what is annotated."""
        return self.task.layer

    def beliefs_of_teacher(self, examples: Sequence[Example]) -> list[Belief] | None:
        """Return what the linked teacher believes; None to train on gold alone."""
        raise NotImplementedError

    def labels_of_teacher(self) -> tuple[str, ...]:
        """Return those of a linked teacher that counts."""
        raise NotImplementedError

    def labels_in_common(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the labels, and what the teacher's are to this component."""
        return tuple(self.labels), self.task.taught_labels(self.labels_of_teacher())

    @property
    def is_initialized(self) -> bool:
        """RETURNS (bool): whether the model has weights."""
        return bool(self.model.get_ref("output_layer").has_param("W"))

    def has_gold(self, eg: Example) -> bool:
        """Tell whether each word is annotated."""
        return self.task.has_gold(eg)

    # Losses

    def start_meter(self) -> Meter:
        """Measure what is learnt from now on. RETURNS (Meter): of this component."""
        self.meter = self.lost_mass.meter = Meter(self.task.units_each)
        return self.meter

    def get_loss(self, examples: Iterable[Example], scores: Any) -> tuple[float, Any]:
        """Mean loss of a word (of categories, of a doc) in nats, and its gradient at the scores,
        what the model returned for the predicted docs. RAISES (ValueError): if it is not finite."""
        examples = of_gold(examples)
        lesson = self.task.lesson(examples, self.beliefs_of_teacher(examples))
        n = self.n_learnt([eg.predicted for eg in examples])
        return self._mean(self.task.loss(lesson, scores), n=n)

    def get_teacher_student_loss(
        self, teacher_scores: Sequence[Belief], student_scores: Any, normalize: bool = False
    ) -> tuple[float, Any]:
        """Cross-entropy between the teacher's and the student's distributions over structures.

        teacher_scores (Sequence[Belief]): a belief a doc, as `believe` gives them.
        student_scores: what the student's model returned for the same docs.
        normalize (bool): the mean over the words of the batch instead of the sum.
        RETURNS (tuple[float, Any]): loss in nats; gradient at the student's scores.
        """
        lesson = self.task.lesson_without_gold(teacher_scores)
        lengths = [belief.n_tokens for belief in teacher_scores]
        n = self.task.count(lengths) if normalize else 1
        return self._mean(self.task.loss(lesson, student_scores), n=n)

    def _mean(self, loss_and_gradient: tuple[float, Any], *, n: int) -> tuple[float, Any]:
        loss, gradient = loss_and_gradient
        loss /= max(1, n)
        if loss != loss or abs(loss) == float("inf"):
            raise ValueError(
                f"{self.name}: the loss is {loss}, so training diverged; lower the learning rate "
                f"or clip gradients (training.optimizer.grad_clip)"
            )
        return loss, _divided(gradient, max(1, n))

    # Steps

    def update(
        self: Updated,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch: gold where it is annotated, the teacher's beliefs elsewhere, both by
        `distill_weight`.

        losses (dict[str, float]): the mean loss of a word of the batch, in nats, is added.
        RAISES (ValueError): if a teacher is needed and there is none; if the loss is not finite.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        examples = of_gold(examples)
        n = self.n_learnt([eg.predicted for eg in examples])
        if n:  # one that has seen nothing yet may need a teacher
            losses[self.name] += self.learn_examples(examples, n=n, drop=drop)
            self.has_gradient = True
        self.cfg["seen"] = self.cfg.get("seen", 0) + len(examples)
        if n and sgd:
            self.finish_update(sgd)
        return losses

    @property
    def is_distillable(self) -> bool:
        """RETURNS (bool): True: it can learn from another component by `distill`."""
        return True

    def distill(
        self: Learner,
        teacher_pipe: Any,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn the distribution of another component, of this package or stock. Gold is not used.

        teacher_pipe (TrainablePipe | None): the teacher; required.
        examples (Iterable[Example]): `reference` is the teacher's doc, on which what its component
            listens to has run, `predicted` the student's; the same tokens. If the student listens
            to a tok2vec, that has been updated with these examples before, as in `nlp.update`.
        losses (dict[str, float]): the mean loss of a word of the batch, in nats, is added.
        RAISES (ValueError): without a teacher, or if it has no vectors, other labels or another
            kind of annotation, or if tokens differ.
        """
        examples = check_distillation(teacher_pipe, examples, name=self.name)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        docs = [eg.predicted for eg in examples]
        if not (n := self.n_learnt(docs)):
            return losses
        beliefs = ask(teacher_pipe, [eg.reference for eg in examples], layer=self.layer.name)
        of = teacher_pipe.name
        losses[self.name] += self.learn_beliefs(docs, beliefs, n=n, of=of, drop=drop)
        if sgd:
            self.finish_update(sgd)
        return losses

    def n_learnt(self, docs: Sequence[Doc]) -> int:
        return self.task.count([len(words) for words in words_of(docs)])

    def learn_examples(self, examples: Sequence[Example], *, n: int, drop: float) -> float:
        lesson = self.task.lesson(examples, self.beliefs_of_teacher(examples))
        return self._learn([eg.predicted for eg in examples], lesson, n=n, drop=drop)

    def learn_beliefs(
        self, docs: list[Doc], beliefs: Sequence[Belief], *, n: int, of: str, drop: float
    ) -> float:
        self._taught_by = of
        try:
            return self._learn(docs, self.task.lesson_without_gold(beliefs), n=n, drop=drop)
        finally:
            self._taught_by = None

    # Rehearsal. The name of the property is spaCy's: `nlp.resume_training` sets it.

    @property
    def _rehearsal_model(self) -> Model[Any, Any] | None:
        return None if self._memory is None else self._memory.model

    @_rehearsal_model.setter
    def _rehearsal_model(self, model: Model[Any, Any] | None) -> None:
        self._memory = None if model is None else Memory(model, tuple(self.cfg["labels"]))

    @property
    def memory(self) -> Memory | None:
        """RETURNS (Memory | None): the state that `rehearse` keeps to."""
        return self._memory

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
        **config: Any,
    ) -> dict[str, float]:
        """Learn the distribution of the component's own earlier state, that of the last
        `nlp.resume_training()`; without one, do nothing. Gold is not used. A label that was added
        since has probability 0 in that state.

        The units of a parser are the reference's sentences, else those of the predicted doc.
        losses (dict[str, float]): the mean loss of a word of the batch, in nats, is added.
        RAISES (ValueError): if the model listens to a tok2vec whose earlier state is not kept; see
            `spacy_skd.pipeline.rehearsal.resume_training`.
        """
        examples = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, f"{type(self).__name__}.rehearse")
        docs = [eg.predicted for eg in examples]
        memory = self._memory
        if memory is None or not (n := self.n_learnt(docs)):
            return losses
        memory.check(self.model, name=self.name)
        with memory.recalled_by(self):
            beliefs = self.task.recall(examples, recalled(docs, memory))
        memory.send_vectors(examples, to=self.name, drop=drop)
        losses[self.name] += self.learn_beliefs(docs, beliefs, n=n, of=self.name, drop=drop)
        if sgd:
            self.finish_update(sgd)
            memory.finish_update(sgd, of=self.name)
        return losses

    def _learn(self, docs: list[Doc], lesson: Any, *, n: int, drop: float) -> float:
        """Forward, loss, backward. RETURNS (float): mean nats a word."""
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update(self.task.inputs(docs, lesson))
        loss, d_scores = self._mean(self.task.loss(lesson, scores), n=n)
        backprop(d_scores)
        self.cfg.pop(CALIBRATION, None)  # it was that of other weights
        return loss


def _divided(gradient: Any, n: int) -> Any:
    """Divide a gradient, or lists and tuples of gradients, by a number."""
    if isinstance(gradient, (list, tuple)):
        return type(gradient)(_divided(part, n) for part in gradient)
    return gradient * (1.0 / n) if isinstance(gradient, Parts) else gradient / n
