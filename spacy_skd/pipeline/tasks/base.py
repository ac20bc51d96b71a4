"""What every task says: its labels, its lessons, its loss, what it writes and what it believes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, Ops

from ...arrays import Array, Floats1d, Floats2d, Ints2d
from ...codecs.trees import Gold
from ...layers.base import Block, Layer
from ...layers.confidences import Record
from ...structures import Parts, Structure
from ...structures.parts import check_scores
from ...transfer.beliefs import Belief
from ...transfer.loss import mixed_loss
from ...transfer.posterior import Target
from ...transfer.students import Student
from ..lost_mass import LABELS, Reason
from .analyses import Analysis
from .predictions import BEST, Pipe, Predictions
from .scored_spans import LeastConfidence

if TYPE_CHECKING:
    from typing_extensions import Self

LessonT = TypeVar("LessonT")  # what a batch is trained on: gold, and beliefs if there are
InputT = TypeVar("InputT")  # what the model is given
ScoresT = TypeVar("ScoresT")  # what it returns
GradientT = TypeVar("GradientT")  # what its way back takes
BestT = TypeVar("BestT")  # what is written into a doc
CalibratedT = TypeVar("CalibratedT", Parts, Array)


class Task(ABC, Generic[LessonT, InputT, ScoresT, GradientT, BestT]):
    """One kind of structure that a component learns and writes.

    structure (Structure): what the loss is over. layer (Layer): what is annotated.
    pipe (Pipe): the component, see `belong_to`.
    takes (tuple[str, ...]): settings of the factory that are arguments of this class.
    changeable (tuple[str, ...]): attributes that may be set at any time, see `Changeable`.
    decoding (str): the setting `decode`, of tasks that have it.
    least_confidence (LeastConfidence | None): below which nothing is annotated, of tasks that have
        such.
    """

    structure: Structure
    layer: Layer
    pipe: Pipe
    fixed_labels: tuple[str, ...] | None = None
    noted: tuple[str, ...] = ()
    takes: ClassVar[tuple[str, ...]] = ()
    changeable: ClassVar[tuple[str, ...]] = ()
    decoding: str = BEST
    least_confidence: LeastConfidence | None = None

    def belong_to(self, pipe: Pipe) -> None:
        """Become the task of a component."""
        self.pipe = pipe

    @classmethod
    def of(cls, task: "Task[Any, Any, Any, Any, Any]") -> "Self":
        """Return a component's task, as one of this class. RAISES (ValueError): if it is
        another."""
        if isinstance(task, cls):
            return task
        raise ValueError(f"expected a {cls.__name__}, got a {type(task).__name__}")

    def why_not_stock(self) -> str:
        """Why a component of this task cannot be exported as one of spaCy's; "" if it can."""
        return f"there is no stock component of its structure, {type(self.structure).__name__}"

    def count(self, lengths: Sequence[int]) -> int:
        """Return what a loss is the mean over: words, of docs of some lengths."""
        return sum(lengths)

    def settings_of_student(self) -> Block:
        """Return settings of a student's component where the layer's own do not serve."""
        return {}

    def stock_settings(self, exported: Collection[str]) -> dict[str, Any]:
        """Return settings of that component, see `Layer.stock_settings`."""
        return self.layer.stock_settings(exported)

    def add_stock_labels(self, stock: Any) -> tuple[Sequence[int], Sequence[float]]:
        """Give that component its labels. RETURNS: of each of its outputs, which of our labels has
        its score, and what is added to that, in nats."""
        raise NotImplementedError

    @property
    def units_each(self) -> int:
        """Return how many units one of what `count` counts is cut into."""
        return 1

    # Labels

    def n_outputs(self, labels: Sequence[str]) -> int:
        """How many outputs of the model labels need."""
        return len(labels)

    def copies(self, label: str) -> Ints2d:
        """See `grow_output`, of one more label."""
        n = len(self.pipe.labels)
        return numpy.asarray([[*range(n), old] for old in range(n)])

    def check_labels(self, labels: Sequence[str]) -> None:
        """Check labels. RAISES (ValueError): if one is none of this task."""

    def check_settings(self, labels: Sequence[str]) -> None:
        """Check settings that name labels. RAISES (ValueError): if one is none of these."""

    def check_more(self, label: str) -> None:
        """Check a label. RAISES (ValueError): if it cannot be added."""

    def permanent(self, labels: Iterable[str]) -> Iterable[str]:
        """Return the strings that are written for labels, which outlive a memory zone."""
        return labels

    def given_labels(self, labels: Iterable[str]) -> list[str]:
        """Labels as they are given at initialization."""
        return list(dict.fromkeys(labels))

    def taught_labels(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return what a teacher's labels are to the student."""
        return labels

    def check_taught(self, labels: tuple[str, ...]) -> None:
        """Check a teacher's labels, and tell what one side alone has. RAISES (ValueError): if the
        student can learn none of them."""
        self.pipe.match(self.taught_labels(labels))

    def initial_labels(
        self,
        get_examples: Callable[[], Iterable[Example]],
        taught: tuple[str, ...],
        ask: Callable[[Sequence[Example]], Sequence[Belief]],
    ) -> list[str]:
        """Return the labels of a teacher and of the examples.

        taught (tuple[str, ...]): the teacher's. ask: what it believes of examples.
        """
        return [*self.taught_labels(taught), *self.labels_in(get_examples()), *self.noted]

    def note_gold(self, examples: Iterable[Example]) -> None:
        """Remember labels of gold beside those of the examples that `initial_labels` is shown."""
        self.noted = tuple(dict.fromkeys((*self.noted, *self.labels_in(examples))))

    @abstractmethod
    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        """Return the labels of the annotation."""

    @abstractmethod
    def initialize(self, model: Model[Any, Any], docs: list[Doc]) -> None:
        """Set the sizes of a model for the student's labels."""

    def begin(self, model: Model[Any, Any], get_examples: Callable[[], Iterable[Example]]) -> None:
        """Initialize a model: its sizes, and the scores that it begins with."""
        some = islice(get_examples(), 10)  # of which a model's sizes are known
        self.initialize(model, [eg.predicted for eg in some])

    # Prediction

    @abstractmethod
    def predict(self, docs: list[Doc]) -> Predictions:
        """Return the best annotation of each doc. RAISES (ValueError): if a score is NaN."""

    @abstractmethod
    def write(self, docs: Sequence[Doc], best: Sequence[BestT]) -> None:
        """Write what is best into the docs."""

    def records(self, docs: Sequence[Doc], predictions: Predictions) -> list[Record]:
        """Return what docs keep of the confidences of what was written, one a doc."""
        raise NotImplementedError(f"{self.pipe.name}: {type(self).__name__} has no confidences")

    def calibrated(self, scores: CalibratedT) -> CalibratedT:
        """Return scores, (...) or `Parts`, as they count for what is told of probabilities."""
        temperature = self.pipe.calibration
        return scores if temperature == 1 else scores * (1.0 / temperature)

    def uncalibrated(self, scores: CalibratedT) -> CalibratedT:
        """Return scores of `calibrated`, of a belief of the component's own, as they decide."""
        temperature = self.pipe.calibration
        return scores if temperature == 1 else scores * temperature

    @abstractmethod
    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        """Return the k likeliest analyses of each unit of a doc, unit by unit."""

    # As a teacher

    @abstractmethod
    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return the scores of every doc. Does not change the docs."""

    def recall(self, examples: Sequence[Example], docs: Sequence[Doc]) -> list[Belief]:
        """`believe` of docs, in the units that the examples are learnt in."""
        return self.believe(docs)

    @abstractmethod
    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        """Return what `predict` would say, from what `believe` said."""

    # Training

    @abstractmethod
    def has_gold(self, eg: Example) -> bool:
        """Whether each word is annotated."""

    @abstractmethod
    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> LessonT:
        """Return what a batch is trained on: gold, and the teacher's beliefs if there are."""

    @abstractmethod
    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> LessonT:
        """Return what a batch without annotation is trained on."""

    @abstractmethod
    def inputs(self, docs: list[Doc], lesson: LessonT) -> InputT:
        """Return what the model is given."""

    @abstractmethod
    def loss(self, lesson: LessonT, scores: ScoresT) -> tuple[float, GradientT]:
        """Return the loss in nats, summed over the batch; its gradient at the scores."""

    def mixed_loss(
        self,
        scores: Parts,
        *,
        gold: Gold,
        target: Target | None,
        units: Floats1d | None = None,
    ) -> tuple[float, Parts]:
        """Return the loss of a batch of units from gold and from the teacher; see `mixed_loss`."""
        objective = self.pipe.objective
        return mixed_loss(
            self.structure,
            scores,
            gold=gold,
            target=target,
            weight=self.pipe.weight,
            temperature=objective.loss_temperature,
            teacher_loss=objective.loss,
            nats=self.pipe.meter,
            units=units,
        )

    def student(self) -> Student:
        """Return what a belief must know to teach this task."""
        pipe = self.pipe
        return Student(
            name=pipe.name,
            teacher=lambda: pipe.teacher_pipe,
            labels=pipe.labels,
            structure=self.structure,
            objective=pipe.objective,
            match=pipe.match,
            ops=pipe.model.ops,
        )

    def learnt(self, beliefs: Sequence[Belief] | None) -> Sequence[Belief] | None:
        """Return what of beliefs is learnt: all of them, or the best structures. None if nothing is
        known of any doc."""
        k = self.pipe.objective.n_best
        if beliefs is not None and not any(belief.is_known for belief in beliefs):
            return None
        return beliefs if beliefs is None or k is None else [each.best(k=k) for each in beliefs]

    def tempered(
        self, target: Target, *, weights: Floats1d | None = None, reason: Reason = LABELS
    ) -> Target:
        """Return a teacher's target as it is learnt. What is lost of it is reported.

        weights (Floats1d | None): (B,) of the units; 1 if not given.
        """
        objective, reports = self.pipe.objective, self.pipe.lost_mass
        weights = self.ops.asarray(target.counts) if target.counts is not None else weights
        reports.add(target.lost, empty=target.empty, weights=weights, reason=reason)
        return objective.temper(target) if objective.tempers else target

    def word_scores(self, docs: Sequence[Doc]) -> Floats2d:
        """Return (words of the batch, labels), nats. RAISES (ValueError): if a score is NaN."""
        if not any(len(doc) for doc in docs):
            return numpy.zeros((0, len(self.pipe.labels)), dtype="float32")
        scores: Floats2d = self.pipe.model.predict(list(docs))
        check_scores(scores, name=self.pipe.name)
        return scores

    @property
    def ops(self) -> Ops:
        """Of the component's model."""
        return self.pipe.model.ops
