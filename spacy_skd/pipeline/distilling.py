"""What the distilling tagger and parser share: labels, the link to the teacher, the weight."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model

from ..arrays import Ints2d
from ..codecs.labels import LabelMatch, match_labels
from ..codecs.trees import Gold
from ..models.growth import GROW, grow_output
from ..structures import Parts, Structure
from ..transfer.annealing import WeightSchedule, as_schedule
from ..transfer.belief import Belief
from ..transfer.best import best
from ..transfer.conversions.table import Target
from ..transfer.loss import mixed_loss
from ..transfer.target import Objective
from .activations import Predictions, register_extension, store
from .gold_config import check_resumes
from .learning import LearningPipe
from .lost_mass import LostMass
from .unknown_labels import UnknownLabels

logger = logging.getLogger("spacy.skd")
MOST_SHOWN = 50  # labels in a warning


class DistillingPipe(LearningPipe):
    """A trainable pipe that learns from gold, from a teacher's beliefs, or from both.

    `cfg` holds what is saved beside the weights: the labels, the step that anneals
    `distill_weight`, and how many examples were `seen` (so a resumed run goes on where it stopped).

    needs_teacher (bool): whether a component that has learnt nothing yet refuses to learn from gold
        alone, though `distill_weight` is above 0.
    """

    needs_teacher: bool = True

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        *,
        structure: Structure,
        distill_weight: float | WeightSchedule,
        objective: Objective,
        scorer: Callable | None,
        save_activations: bool = False,
    ):
        register_extension()
        self.vocab = vocab
        self.model = model
        self.name = name
        self.structure = structure
        self.distill_weight = as_schedule(distill_weight)
        self.objective = objective
        objective.check(structure)
        self.scorer = scorer
        self.save_activations = save_activations
        self.cfg: dict[str, Any] = {"labels": [], "step": 0, "seen": 0}
        self.lost_mass = LostMass(name)
        self.unknown_labels = UnknownLabels(name)
        self._teacher: Any | None = None
        self._matches: dict[tuple[tuple[str, ...], tuple[str, ...]], LabelMatch] = {}
        self._warned: set[str] = set()
        self._noted: dict[str, None] = {}  # labels of gold

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """RETURNS (Predictions): the best annotation of each doc, and its probabilities if
        `save_activations` is on.

        RAISES (ValueError): if a score is NaN.
        """
        raise NotImplementedError

    def set_annotations(self, docs: Iterable[Doc], predictions: Predictions) -> None:
        """Write predictions into the docs, and their probabilities to `doc._.activations`."""
        docs = list(docs)
        self._write(docs, predictions.best)
        store(docs, predictions.activations, name=self.name)

    def _write(self, docs: Sequence[Doc], best: Sequence[Any]) -> None:
        raise NotImplementedError

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
        if label in self.cfg["labels"]:
            return 0
        output = self.model.get_ref("output_layer")
        if output.has_dim("nO"):
            if not output.has_param("W"):
                raise ValueError(
                    f"{self.name}: cannot add the label {label!r}: the config sets nO = "
                    f"{output.get_dim('nO')}; leave it null"
                )
            self.model = grow_output(self.model, self._copies(label))
        self.cfg["labels"] = [*self.cfg["labels"], label]
        self._intern([label])
        return 1

    def _intern(self, labels: Iterable[str]) -> None:
        """Labels outlive a memory zone, unlike the words that are seen in it."""
        for label in labels:
            self.vocab.strings.add(label, allow_transient=False)  # type: ignore[call-arg]

    def note_gold(self, examples: Iterable[Example]) -> None:
        """Tell `initialize` labels of gold beside those of the examples that it is shown."""
        self._noted.update(dict.fromkeys(self._labels_in(examples)))

    @property
    def is_resizable(self) -> bool:
        """RETURNS (bool): whether `add_label` works on an initialized model."""
        return GROW in self.model.attrs

    def set_output(self, nO: int) -> None:
        """RAISES (ValueError): always: outputs have names here; use `add_label`."""
        raise ValueError(f"{self.name}: expected a label, got a number of outputs; use add_label()")

    def _copies(self, label: str) -> Ints2d:
        """See `grow_output`."""
        n = len(self.labels)
        return numpy.asarray([[*range(n), old] for old in range(n)])

    # Teacher

    def set_teacher(self, teacher: Any | None) -> None:
        """Called by the teacher component when the pipeline is linked."""
        self._teacher = teacher

    @property
    def weight(self) -> float:
        """The teacher's share of the loss at this step, for units with gold."""
        return self.distill_weight(self.cfg["step"])

    @property
    def _asks(self) -> bool:
        """Whether a linked teacher counts."""
        return self.objective.target != "gold"

    def _beliefs(self, examples: Sequence[Example]) -> list[Belief] | None:
        """What the teacher believes of each example; None for training on gold alone."""
        if not self._asks:
            return None
        if self._teacher is None:
            self._check_no_teacher_needed()
            return None
        if self.weight == 0 and all(self._has_gold(eg) for eg in examples):
            return None
        return self._teacher.beliefs(examples, self.name)

    def _read(self, beliefs: Sequence[Belief] | None) -> Sequence[Belief] | None:
        """What of beliefs is learnt: all of them, or the best structures."""
        k = self.objective.n_best
        return beliefs if beliefs is None or k is None else best(beliefs, k=k)

    def _has_gold(self, eg: Example) -> bool:
        raise NotImplementedError

    def _check_no_teacher_needed(self) -> None:
        """One that has learnt was saved without its teacher, and learns on as any component does.
        Its config says so, but for those that were saved when it did not."""
        if not self._asks or self.distill_weight.highest == 0:
            return
        if self.needs_teacher and not self.cfg.get("step") and not self.cfg.get("seen"):
            raise ValueError(
                f"{self.name}: distill_weight is {self.distill_weight.highest} but the pipeline "
                f"has no teacher. Add a component with factory 'skd_teacher' before "
                f'{self.name!r} (and to training.frozen_components), or set target = "gold" '
                f"to train on gold alone."
            )
        if "teacher" not in self._warned:
            self._warned.add("teacher")
            logger.info("%s: the pipeline has no teacher; it learns from gold alone", self.name)

    def _label_match(self, teacher_labels: Sequence[str]) -> LabelMatch:
        """The two inventories by name; reports once what only one side has."""
        key = (tuple(teacher_labels), self.labels)
        if key not in self._matches:
            what = f"{self.name} (layer of the teacher: {self._teacher_pipe_name()})"
            match = match_labels(teacher=teacher_labels, student=self.labels, what=what)
            self._matches[key] = match
            for side, labels in (
                ("the teacher", match.only_teacher),
                ("the student", match.only_student),
            ):
                if labels:
                    shown = [*labels[:MOST_SHOWN], *["..."] * (len(labels) > MOST_SHOWN)]
                    logger.warning("%s: only %s has the labels %s", self.name, side, shown)
        return self._matches[key]

    def _teacher_pipe_name(self) -> str:
        if self._asked is not None:
            return self._asked
        return self._teacher.pipe_of(self.name) if self._teacher is not None else "none"

    # Initialization

    def _mixed_loss(
        self, scores: Parts, *, gold: Gold, target: Target | None
    ) -> tuple[float, Parts]:
        """The loss of a batch of units from gold and from the teacher; see `mixed_loss`."""
        return mixed_loss(
            self.structure,
            scores,
            gold=gold,
            teacher=None if target is None else target.marginals,
            silent=None if target is None else target.empty,
            weight=self.weight,
            temperature=self.objective.loss_temperature,
            teacher_loss=self.objective.loss,
        )

    def _parts(self, parts: Parts) -> Parts:
        """Move to the model's device."""
        ops = self.model.ops
        arrays = {key: ops.asarray(value) for key, value in parts.arrays.items()}
        return Parts(arrays, ops.asarray(parts.lengths))

    def _on_device(self, target: Target) -> Target:
        """A target that was made on the CPU."""
        lost = self.model.ops.asarray(target.lost)
        return Target(self._parts(target.marginals), lost, target.empty)

    def _initial_labels(
        self, get_examples: Callable[[], Iterable[Example]], labels: Iterable[str] | None
    ) -> list[str]:
        """Given, else all of: those of `add_label`, the teacher's, those of gold."""
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        if labels is not None:
            return list(dict.fromkeys(labels))
        if self._teacher is None:
            self._check_no_teacher_needed()
        labels = [*self.cfg["labels"], *self._taught(), *self._labels_in(get_examples())]
        return list(dict.fromkeys([*labels, *self._noted]))

    def _taught(self) -> tuple[str, ...]:
        """The labels of a linked teacher that counts."""
        if self._teacher is None or not self._asks:
            return ()
        labels: tuple[str, ...] = self._teacher.labels_of(self.name)
        return labels

    def _labels_in(self, examples: Iterable[Example]) -> list[str]:
        raise NotImplementedError

    def _set_labels(self, labels: Sequence[str], *, nlp: Language | None) -> None:
        if not labels:
            raise ValueError(
                f"{self.name}: no labels. Expected some in the examples, in `labels` of "
                f"[initialize.components.{self.name}] or at the teacher; check that the training "
                f"corpus has this annotation."
            )
        self._check_outputs(labels)
        check_resumes(nlp)
        self.cfg["labels"] = list(labels)
        self._intern(labels)
        if self._teacher is not None and self._asks:
            self._label_match(self._taught())

    def _check_outputs(self, labels: Sequence[str]) -> None:
        """RAISES (ValueError): if the model has another number of outputs already."""
        output, n = self.model.get_ref("output_layer"), self._n_outputs(labels)
        if output.has_dim("nO") and output.get_dim("nO") != n:
            raise ValueError(
                f"{self.name}: cannot initialize with {len(labels)} labels, which need nO = {n}: "
                f"the model has nO = {output.get_dim('nO')} already, from the config (leave it "
                f"null) or from an earlier initialize (use add_label for more labels, or a new "
                f"component for others)"
            )
