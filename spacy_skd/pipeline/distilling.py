"""The distilling component: labels, the link to the teacher, the weight, saving. What it learns is
the matter of its task."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model

from ..codecs.labels import LabelMatch
from ..errors import named
from ..layers.confidences import add_records
from ..models.growth import GROW, grow_output
from ..shards.guesses import only_gold
from ..structures import Structure
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs import Belief
from ..transfer.target import STRUCTURAL, Objective
from .annotating import annotate_stream
from .asking import check_vectors
from .gold_config import check_resumes
from .learning import LearningPipe
from .lost_mass import LostMass
from .no_teacher import NoTeacher
from .saved import CALIBRATION, NONE, check_calibration, check_outputs, checked_cfg, new_cfg
from .settings import Scheduled, with_settings
from .tasks.activations import keep_activations, register_extension
from .tasks.analyses import Analysis, check_k
from .tasks.base import Task
from .tasks.predictions import Predictions
from .unknown_labels import UnknownLabels


@with_settings
class DistillingPipe(LearningPipe):
    """A component that learns its task from gold, from a teacher's beliefs, or from both.

    `cfg` holds what is saved beside the weights: the labels, the `calibration`, the step that
    anneals `distill_weight`, and how many examples were `seen` (so that a resumed run goes on).

    needs_teacher (bool): whether a component that has learnt nothing yet refuses to learn from gold
        alone, though `distill_weight` is above 0.
    """

    distill_weight: Any = Scheduled()

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str,
        *,
        task: Task[Any, Any, Any, Any, Any],
        distill_weight: float | WeightSchedule = 0.0,
        objective: Objective = STRUCTURAL,
        scorer: Callable[..., dict[str, Any]] | None = None,
        save_activations: bool = False,
        confidences: bool = False,
        needs_teacher: bool = True,
    ):
        register_extension()
        self.vocab, self.model, self.name = vocab, model, name
        self.task = task
        self.distill_weight = distill_weight
        self.objective = objective
        objective.check(task.structure)
        self.scorer = scorer
        self.save_activations = save_activations
        self.confidences = confidences
        self.needs_teacher = needs_teacher
        self.cfg: dict[str, Any] = new_cfg(task.fixed_labels or ())
        self.lost_mass = LostMass(name)
        self.unknown_labels = UnknownLabels(name)
        self._no_teacher = NoTeacher(name)
        self._teacher: Any | None = None
        self._matches: dict[tuple[tuple[str, ...], tuple[str, ...]], LabelMatch] = {}
        task.belong_to(self)

    @property
    def structure(self) -> Structure:
        """RETURNS (Structure): what the loss is over."""
        return self.task.structure

    # Prediction, and what it says as a teacher

    pipe = annotate_stream

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """Return the best annotation of each doc, and its probabilities if these are asked for.

        RAISES (ValueError): if a score is NaN.
        """
        return self.task.predict(list(docs))

    def set_annotations(self, docs: Iterable[Doc], predictions: Predictions) -> None:
        """Write predictions into the docs, and what is kept of their probabilities."""
        docs = list(docs)
        self.task.write(docs, predictions.best)
        for doc, activations in zip(docs, predictions.activations or ()):
            keep_activations(doc, self.name, activations)
        if predictions.confidences is not None:
            add_records(docs, self.name, self.task.records(docs, predictions))

    @property
    def calibration(self) -> float:
        """RETURNS (float): the temperature that divides all scores before inference: of what is
        told of probabilities, and as a teacher; not of what is annotated, nor of one's own loss."""
        return float(self.cfg.get(CALIBRATION, 1.0))

    @calibration.setter
    def calibration(self, temperature: float) -> None:
        with named(self.name):
            self.cfg[CALIBRATION] = check_calibration(temperature)

    def analyses(self, doc: Doc, k: int = 5) -> list[Analysis]:
        """Return the k likeliest analyses of each unit of a doc, which is not changed and on which
        the components before this one have run; see `Analysis`.

        k (int): 1 to 10,000; fewer where there are not so many. RAISES (ValueError): for another k,
            or of a doc without the vectors that the model listens to.
        """
        with named(self.name):
            check_k(k)
            check_vectors(self.model, doc)
            return self.task.analyses(doc, k=k)

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """As a teacher: the scores of every doc. Does not change the docs."""
        return self.task.believe(docs)

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """As a teacher: annotate the docs as `predict` would, from what `believe` said."""
        self.set_annotations(docs, self.task.decode(docs, beliefs)._replace(confidences=None))

    # Labels

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): the labels, in the order of the model's output."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): what `spacy init labels` writes."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Add a label, before the model is initialized or later. Later the model's output grows:
        the old labels keep their weights, the new one starts as the mean of the old ones, and
        learns as any other does. Gradients that are not applied yet are lost.

        RETURNS (int): 0 if the label is already present, otherwise 1.
        RAISES (ValueError): if the label is no string, or the model cannot grow.
        """
        if not isinstance(label, str):
            raise ValueError(f"{self.name}: expected a label of type str, got {type(label)}")
        self.task.check_more(label)
        if label in self.cfg["labels"]:
            return 0
        output = self.model.get_ref("output_layer")
        if output.has_dim("nO"):
            if not output.has_param("W"):
                raise ValueError(
                    f"{self.name}: cannot add the label {label!r}: the config sets nO = "
                    f"{output.get_dim('nO')}; leave it null"
                )
            self.model = grow_output(self.model, self.task.copies(label))
        self.cfg["labels"] = [*self.cfg["labels"], label]
        self._intern([label])
        return 1

    def _intern(self, labels: Iterable[str]) -> None:
        """Labels outlive a memory zone, unlike the words that are seen in it."""
        for label in self.task.permanent(labels):
            self.vocab.strings.add(label, allow_transient=False)  # type: ignore[call-arg]

    def note_gold(self, examples: Iterable[Example]) -> None:
        """Tell `initialize` labels of gold beside those of the examples that it is shown."""
        self.task.note_gold(examples)

    @property
    def is_resizable(self) -> bool:
        """RETURNS (bool): whether `add_label` works on an initialized model."""
        return self.task.fixed_labels is None and GROW in self.model.attrs

    def set_output(self, nO: int) -> None:
        """Refuse: outputs have names here. RAISES (ValueError): always; use `add_label`."""
        raise ValueError(f"{self.name}: expected a label, got a number of outputs; use add_label()")

    # Teacher

    def set_teacher(self, teacher: Any | None) -> None:
        """Link a teacher; the teacher component calls it when the pipeline is linked."""
        self._teacher = teacher

    @property
    def weight(self) -> float:
        """The teacher's share of the loss at this step, for units with gold."""
        return float(self.distill_weight(self.cfg["step"]))

    def beliefs_of_teacher(self, examples: Sequence[Example]) -> list[Belief] | None:
        """Return what the teacher believes of each example; None for training on gold alone."""
        if not self.objective.asks:
            return None
        if self._teacher is None:
            self._no_teacher.check(self.distill_weight, self.cfg, needed=self.needs_teacher)
            return None
        if self.weight == 0 and all(self.task.has_gold(eg) for eg in examples):
            return None
        return list(self._teacher.beliefs(examples, self.name))

    def match(self, teacher_labels: Sequence[str]) -> LabelMatch:
        """Match the two inventories by name; tell once what only one side has."""
        pair = tuple(teacher_labels), self.labels
        if pair not in self._matches:
            match = self.unknown_labels.match(*pair, teacher_pipe=self.teacher_pipe)
            self._matches[pair] = match
        return self._matches[pair]

    @property
    def teacher_pipe(self) -> str:
        """RETURNS (str): the name of the component that teaches, for messages."""
        if self._taught_by is not None:
            return self._taught_by
        return self._teacher.pipe_of(self.name) if self._teacher is not None else "none"

    # Initialization

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Set the labels (given, else all of those of `add_label`, of the teacher and of the
        examples; see the task) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        get_gold = only_gold(get_examples)
        self._set_labels(self._initial_labels(get_gold, labels), nlp=nlp)
        self.task.begin(self.model, get_gold)

    def _initial_labels(
        self, get_examples: Callable[[], Iterable[Example]], labels: Iterable[str] | None
    ) -> list[str]:
        if self.task.fixed_labels is not None:
            return list(self.task.fixed_labels)
        if labels is not None:
            return self.task.given_labels(labels)  # `distill` may follow, which needs no link
        if self._teacher is None and self.objective.asks:
            self._no_teacher.check(self.distill_weight, {}, needed=self.needs_teacher)
        more = self.task.initial_labels(get_examples, self.labels_of_teacher(), self._ask)
        return list(dict.fromkeys([*self.cfg["labels"], *more]))

    def _ask(self, examples: Sequence[Example]) -> Sequence[Belief]:
        return () if self._teacher is None else self._teacher.beliefs(examples, self.name)

    def labels_of_teacher(self) -> tuple[str, ...]:
        """Those of a linked teacher that counts."""
        if self._teacher is None or not self.objective.asks:
            return ()
        return tuple(self._teacher.labels_of(self.name))

    def _set_labels(self, labels: Sequence[str], *, nlp: Language | None) -> None:
        if not labels:
            raise ValueError(
                f"{self.name}: no labels. Expected some in the examples, in `labels` of "
                f"[initialize.components.{self.name}] or at the teacher; check that the training "
                f"corpus has this annotation."
            )
        self.task.check_labels(labels)
        check_outputs(self, labels)
        self.task.check_settings(labels)
        check_resumes(nlp)
        self.cfg.pop(CALIBRATION, None)  # of other weights, as are the counts
        self.cfg.update(new_cfg(labels))
        self._intern(labels)
        if self._teacher is not None and self.objective.asks:
            self.task.check_taught(self.labels_of_teacher())

    # Saving

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = NONE) -> "DistillingPipe":
        """As spaCy's. RAISES (ValueError): if the file `cfg` does not fit the model."""
        with checked_cfg(self, f"{Path(path) / 'cfg'}", exclude):
            super().from_disk(path, exclude=exclude)
        return self

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = NONE) -> "DistillingPipe":
        """As spaCy's. RAISES (ValueError): if the saved `cfg` does not fit the model."""
        with checked_cfg(self, "the saved cfg", exclude):
            super().from_bytes(bytes_data, exclude=exclude)
        return self
