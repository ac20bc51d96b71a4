"""What the distilling tagger and parser share: labels, the link to the teacher, the weight."""

import logging
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from ..codecs.labels import LabelMatch, match_labels
from ..errors import check_positive
from ..structures import Parts, Structure
from ..transfer.annealing import WeightSchedule, as_schedule
from ..transfer.belief import Belief

logger = logging.getLogger("spacy.skd")


class DistillingPipe(TrainablePipe):
    """A trainable pipe that learns from gold, from a teacher's beliefs, or from both.

    `cfg` holds what is saved beside the weights: the labels, the step that anneals
    `distill_weight`, and how many examples were `seen` (so a resumed run goes on where it stopped).
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        *,
        structure: Structure,
        distill_weight: Union[float, WeightSchedule],
        temperature: float,
        scorer: Optional[Callable],
    ):
        self.vocab = vocab
        self.model = model
        self.name = name
        self.structure = structure
        self.distill_weight = as_schedule(distill_weight)
        self.temperature = check_positive("temperature", temperature)
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {"labels": [], "step": 0, "seen": 0}
        self._teacher: Optional[Any] = None
        self._match: Optional[LabelMatch] = None
        self._warned: Set[str] = set()

    # Labels

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels, in the order of the model's output."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): what `spacy init labels` writes."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Add a label before the model is initialized.

        RETURNS (int): 0 if the label is already present, otherwise 1.
        RAISES (ValueError): if the label is no string, or the model's outputs are fixed already.
        """
        if not isinstance(label, str):
            raise ValueError(f"{self.name}: expected a label of type str, got {type(label)}")
        if label in self.cfg["labels"]:
            return 0
        output = self.model.get_ref("output_layer")
        if output.has_dim("nO"):
            raise ValueError(
                f"{self.name}: cannot add the label {label!r}, the model has its "
                f"{output.get_dim('nO')} outputs already; add labels before initialize()"
            )
        self.cfg["labels"] = [*self.cfg["labels"], label]
        self.vocab.strings.add(label)
        return 1

    # Teacher

    def set_teacher(self, teacher: Optional[Any]) -> None:
        """Called by the teacher component when the pipeline is linked."""
        self._teacher = teacher
        self._match = None

    @property
    def has_teacher(self) -> bool:
        return self._teacher is not None

    @property
    def weight(self) -> float:
        """The teacher's share of the loss at this step, for units with gold."""
        return self.distill_weight(self.cfg["step"])

    def _beliefs(self, examples: Sequence[Example]) -> Optional[List[Belief]]:
        """What the teacher believes of each example; None for training on gold alone."""
        if self._teacher is None:
            self._check_no_teacher_needed()
            return None
        if self.weight == 0 and all(self._has_gold(eg) for eg in examples):
            return None
        return self._teacher.beliefs(examples, self.name)

    def _has_gold(self, eg: Example) -> bool:
        raise NotImplementedError

    def _check_no_teacher_needed(self) -> None:
        if self.distill_weight.highest > 0:
            raise ValueError(
                f"{self.name}: distill_weight is {self.distill_weight.highest} but the pipeline "
                f"has no teacher. Add a component with factory 'skd_teacher' before "
                f"{self.name!r} (and to training.frozen_components), or set distill_weight = 0.0 "
                f"to train on gold alone."
            )

    def _label_match(self, teacher_labels: Sequence[str]) -> LabelMatch:
        """The two inventories by name; reports once what only one side has."""
        if self._match is None:
            what = f"{self.name} (layer of the teacher: {self._teacher_pipe_name()})"
            self._match = match_labels(teacher=teacher_labels, student=self.labels, what=what)
            for side, labels in (
                ("the teacher", self._match.only_teacher),
                ("the student", self._match.only_student),
            ):
                if labels:
                    logger.warning("%s: only %s has the labels %s", self.name, side, list(labels))
        return self._match

    def _teacher_pipe_name(self) -> str:
        return self._teacher.pipe_of(self.name) if self._teacher is not None else "none"

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """As a teacher: the scores of every doc. Does not change the docs."""
        raise NotImplementedError

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """As a teacher: annotate the docs as `predict` would, from what `believe` said."""
        raise NotImplementedError

    # Training

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch: gold where it is annotated, the teacher's beliefs elsewhere, both by
        `distill_weight`.

        losses (Dict[str, float]): the mean loss of a token of the batch, in nats, is added.
        RAISES (ValueError): if a teacher is needed and there is none; if the loss is not finite.
        """
        examples = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, f"{type(self).__name__}.update")
        self.cfg["seen"] = self.cfg.get("seen", 0) + len(examples)
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        losses[self.name] += self._learn(examples)
        self.cfg["step"] += 1
        if sgd:
            self.finish_update(sgd)
        return losses

    def _learn(self, examples: Sequence[Example]) -> float:
        """Forward, loss, backward. RETURNS (float): mean nats a token."""
        raise NotImplementedError

    def _check_loss(self, loss: float) -> float:
        if loss != loss or abs(loss) == float("inf"):
            raise ValueError(
                f"{self.name}: the loss is {loss}, so training diverged; lower the learning rate "
                f"or clip gradients (training.optimizer.grad_clip)"
            )
        return loss

    def _parts(self, parts: Parts) -> Parts:
        """Move to the model's device."""
        ops = self.model.ops
        arrays = {key: ops.asarray(value) for key, value in parts.arrays.items()}
        return Parts(arrays, ops.asarray(parts.lengths))

    def _initial_labels(
        self, get_examples: Callable[[], Iterable[Example]], labels: Optional[Iterable[str]]
    ) -> List[str]:
        """Given, else the teacher's, else those of the examples."""
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        if labels is not None:
            return list(dict.fromkeys(labels))
        if self._teacher is not None:
            return list(self._teacher.labels_of(self.name))
        self._check_no_teacher_needed()
        return list(dict.fromkeys([*self.cfg["labels"], *self._labels_in(get_examples())]))

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        raise NotImplementedError

    def _set_labels(self, labels: Sequence[str], *, nlp: Optional[Language]) -> None:
        if not labels:
            raise ValueError(
                f"{self.name}: no labels. Expected some in the examples, in `labels` of "
                f"[initialize.components.{self.name}] or at the teacher; check that the training "
                f"corpus has this annotation."
            )
        self.cfg["labels"] = list(labels)
        self._match = None
        for label in labels:
            self.vocab.strings.add(label)
        if self._teacher is not None:
            self._label_match(self._teacher.labels_of(self.name))
