"""spaCy's transition-based components, whose weights learn what a teacher believes."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples

from ...codecs.labels import LabelMatch
from ...layers.base import Layer
from ...shards.guesses import only_gold
from ...transfer.annealing import WeightSchedule, finish_step
from ...transfer.beliefs import Belief
from ..gold_config import check_resumes
from ..learning import LearningPipe
from ..lost_mass import LostMass
from ..meter import Meter
from ..no_teacher import NoTeacher
from ..saved import COUNTS
from ..settings import Scheduled
from ..unknown_labels import UnknownLabels
from .driver import Driver
from .learning import learn, wanted_actions
from .oracle import Oracle
from .reports import report


class TransitionPipe:
    """What spaCy's `EntityRecognizer` and `DependencyParser` lack to learn from a teacher: first
    base of a class whose second is one of these. What it saves is what that saves.

    stock_factory (str), stock_class (type): of spaCy's, which it teaches like. settings
        (tuple[str, ...]): of our factory, that this class alone has. n_features (tuple[int, ...]):
        tokens that a state of its models may be of.
    layer (Layer): what is annotated. driver (Driver): which actions are taken in training.
    lost_mass (LostMass): of the teacher's probability that lies on what cannot be done. unreachable
        (int): states so far at which no action keeps all of gold; it then learns what costs least.
    meter (Meter | None): what it measures in training, where that is read.
    """

    vocab: Any
    model: Any
    moves: Any
    name: str
    cfg: dict[str, Any]
    has_gradient: bool
    stock_factory: ClassVar[str]
    stock_class: ClassVar[type]
    settings: ClassVar[tuple[str, ...]]
    n_features: ClassVar[tuple[int, ...]]
    meter: Meter | None = None
    distill_weight: Any = Scheduled()
    _taught_by: str | None = None  # the component that `distill` asks

    def __init__(
        self,
        vocab: Any,
        model: Any,
        name: str,
        *,
        layer: Layer,
        driver: Driver,
        distill_weight: float | WeightSchedule = 0.0,
        needs_teacher: bool = True,
        **settings: Any,
    ):
        super().__init__(vocab, model, name, **settings)  # type: ignore[call-arg]
        self.layer, self.driver = layer, driver
        self.distill_weight = distill_weight
        self.needs_teacher = needs_teacher
        self.cfg.update(step=0, seen=0)
        self.lost_mass = LostMass(name)
        self.unknown_labels = UnknownLabels(name)
        self.unreachable = 0
        self._no_teacher = NoTeacher(name)
        self._teacher: Any | None = None
        self._matches: dict[tuple[tuple[str, ...], tuple[str, ...]], LabelMatch] = {}
        self._noted: list[Example] = []

    # What the classes define

    @abstractmethod
    def oracles(
        self, docs: Sequence[Doc], beliefs: Sequence[Belief] | None, golds: Sequence[Any]
    ) -> Sequence[Oracle]:
        """Return the oracle of each doc. golds (Sequence[Any]): spaCy's of each, or None."""

    @abstractmethod
    def actions_with(self, labels: Sequence[str], actions: dict[int, dict[str, int]]) -> Any:
        """Return what spaCy counts of gold for initialization, with a teacher's labels."""

    # Teacher

    def set_teacher(self, teacher: Any | None) -> None:
        """Link a teacher; the teacher component calls it when the pipeline is linked."""
        self._teacher = teacher

    @property
    def weight(self) -> float:
        """The teacher's share of the loss at this step, for docs with gold."""
        return float(self.distill_weight(self.cfg["step"]))

    @property
    def teacher_pipe(self) -> str:
        """RETURNS (str): the name of the component that teaches, for messages."""
        if self._taught_by is not None:
            return self._taught_by
        return self._teacher.pipe_of(self.name) if self._teacher is not None else "none"

    def labels_of_teacher(self) -> tuple[str, ...]:
        """Those of a linked teacher."""
        return () if self._teacher is None else tuple(self._teacher.labels_of(self.name))

    def beliefs_of_teacher(self, examples: Sequence[Example]) -> list[Belief] | None:
        """Return what the teacher believes of each example; None for training on gold alone."""
        if self._teacher is None:
            self._no_teacher.check(self.distill_weight, self.cfg, needed=self.needs_teacher)
            return None
        if self.weight == 0 and all(map(self.moves.has_gold, examples)):
            return None
        beliefs: list[Belief] = self._teacher.beliefs(examples, self.name)
        return beliefs

    def match(self, teacher_labels: Sequence[str]) -> LabelMatch:
        """Match the two inventories by name; tell once what only one side has."""
        pair = tuple(teacher_labels), tuple(self.taught_labels)
        if pair not in self._matches:
            match = self.unknown_labels.match(*pair, teacher_pipe=self.teacher_pipe)
            self._matches[pair] = match
        return self._matches[pair]

    def labels_in_common(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the labels, and those of the teacher."""
        return self.taught_labels, self.labels_of_teacher()

    @property
    def taught_labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): of the labels, those that a teacher can have."""
        return tuple(self.labels)  # type: ignore[attr-defined]

    @property
    def is_initialized(self) -> bool:
        return bool(self.model.get_ref("tok2vec").layers[-1].has_param("W"))

    def has_gold(self, eg: Example) -> bool:
        """Tell whether a doc is annotated."""
        return bool(self.moves.has_gold(eg))

    # Measures

    def start_meter(self) -> Meter:
        """Measure what is learnt from now on. RETURNS (Meter): of this component."""
        self.meter = self.lost_mass.meter = Meter()
        return self.meter

    # Initialization

    def note_gold(self, examples: Iterable[Example]) -> None:
        """Tell `initialize` of gold beside that of the examples that it is shown."""
        self._noted.extend(examples)

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], nlp: Any = None, labels: Any = None
    ) -> None:
        """Set the actions (of `labels`, as `spacy init labels` writes them; else of the examples
        and of the teacher's labels) and the sizes. RAISES (ValueError): if there are none."""
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        get_gold = only_gold(get_examples)
        check_resumes(nlp)
        if self._teacher is None:
            self._no_teacher.check(self.distill_weight, {}, needed=self.needs_teacher)
        if labels is None:
            counted = self.moves.get_actions(
                examples=[*get_gold(), *self._noted],
                min_freq=self.cfg["min_action_freq"],
                learn_tokens=self.cfg["learn_tokens"],
            )
            labels = self.actions_with(self.labels_of_teacher(), counted)
        self._noted = []
        super().initialize(get_gold, nlp=nlp, labels=labels)  # type: ignore[misc]
        self.cfg.update(dict.fromkeys(COUNTS, 0))  # of weights that have learnt nothing yet
        if not self.taught_labels:
            raise ValueError(
                f"{self.name}: no labels. Expected some in the examples, in `labels` of "
                f"[initialize.components.{self.name}] or at the teacher; check that the training "
                f"corpus has this annotation."
            )
        if self._teacher is not None:
            self.match(self.labels_of_teacher())

    # Learning

    # Of the mean loss of a token, at the states of a trajectory that the driver chooses.
    update = LearningPipe.update
    distill = LearningPipe.distill
    finish_update = finish_step

    @property
    def is_distillable(self) -> bool:
        """RETURNS (bool): True: it can learn from another component by `distill`."""
        return True

    def n_learnt(self, docs: Sequence[Doc]) -> int:
        return sum(map(len, docs))

    def learn_examples(self, examples: Sequence[Example], *, n: int, drop: float) -> float:
        docs = [eg.predicted for eg in examples]
        self._add_labels_of([*docs, *(eg.reference for eg in examples)])
        beliefs = self.beliefs_of_teacher(examples)
        return self._learn(docs, beliefs, self._golds(examples), n=n, drop=drop)

    def learn_beliefs(
        self, docs: list[Doc], beliefs: Sequence[Belief], *, n: int, of: str, drop: float
    ) -> float:
        self._add_labels_of(docs)
        self._taught_by = of
        try:
            return self._learn(docs, beliefs, [None] * len(docs), n=n, drop=drop)
        finally:
            self._taught_by = None

    def _add_labels_of(self, docs: Sequence[Doc]) -> None:
        """Add those of preset entities: else no action would be possible from there on."""
        self._ensure_labels_are_added(docs)  # type: ignore[attr-defined]

    def _golds(self, examples: Sequence[Example]) -> list[Any]:
        """Return spaCy's gold of each example, None of one without."""
        states = self.moves.init_batch([eg.predicted for eg in examples])
        return [
            self.moves.init_gold(state, eg)
            if len(eg.predicted) and self.moves.has_gold(eg)
            else None
            for state, eg in zip(states, examples)
        ]

    def _learn(
        self,
        docs: list[Doc],
        beliefs: Sequence[Belief] | None,
        golds: Sequence[Any],
        *,
        n: int,
        drop: float,
    ) -> float:
        """Learn a batch. RETURNS (float): mean nats a token."""
        oracles = self.oracles(docs, beliefs, golds)
        for oracle in oracles:
            oracle.share(weight=self.weight)
        loss, visited = learn(self, docs, oracles, self.driver, drop=drop)
        self.model.attrs["unseen_classes"] -= wanted_actions(loss, visited.advice)
        report(self, loss, visited.advice, docs, oracles)
        return float(loss.gold.sum() + loss.taught.sum()) / n
