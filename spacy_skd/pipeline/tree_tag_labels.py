"""The inventory of a parser by sequence labelling: its labels are tags of heads."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.training import Example, validate_get_examples

from ..codecs.head_labels import (
    HeadLabels,
    choose_head_labels,
    deprels_of,
    parse_head_label,
)
from ..transfer.belief import Belief, HeadLabelBelief, Mixture, TreeBelief
from ..transfer.candidates import TreeCandidates
from ..transfer.conversions.head_tags import head_labels
from .tree_inventory import count_tags, count_taught_tags, not_longer
from .tree_pipe import ParsingPipe

Taught = TreeBelief | HeadLabelBelief | TreeCandidates


class TaggingPipe(ParsingPipe):
    """min_count, max_offset (int): see `choose_head_labels`."""

    def __init__(self, *args: Any, min_count: int, max_offset: int, **settings: Any):
        super().__init__(*args, **settings)
        self.min_count = min_count
        self.max_offset = max_offset
        self._counted: Counter[tuple[int, str]] = Counter()  # tags of gold

    @property
    def tags(self) -> HeadLabels:
        """The inventory."""
        return head_labels(self.labels)

    def _check_labels(self, labels: Sequence[str]) -> None:
        HeadLabels(tuple(labels))

    @property
    def _deprels(self) -> tuple[str, ...]:
        return self.tags.deprels

    def _intern(self, labels: Iterable[str]) -> None:
        labels = list(labels)
        super()._intern(labels)
        super()._intern(head_labels(tuple(labels)).deprels)

    def add_label(self, label: str) -> int:
        """See `DistillingPipe.add_label`.

        RAISES (ValueError): if it is a deprel, or anything else but a tag such as "-2:det": a
            deprel alone names no output of the model.
        """
        if isinstance(label, str) and parse_head_label(label) is None:
            raise ValueError(
                f"{self.name}: expected a tag of a head such as '-2:det', '1:nsubj' or '0:ROOT' "
                f"(signed offset of the head, colon, deprel), got {label!r}; for a new deprel add "
                f"a tag for each offset"
            )
        return super().add_label(label)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Set the tags (given, else all of those of `add_label`, of the teacher's best trees of the
        examples, or of its own tags, and of the examples' gold) and the sizes.

        RAISES (ValueError): if there are no tags, or one is none, or the teacher has none of their
            deprels.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(1, len(self.labels)))

    def _initial_labels(
        self, get_examples: Callable[[], Iterable[Example]], labels: Iterable[str] | None
    ) -> list[str]:
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        if labels is not None:
            return list(HeadLabels(tuple(dict.fromkeys(labels))).tags)
        if self._teacher is None:
            self._check_no_teacher_needed()
        taught = self._inventory_of_teacher(get_examples)
        shown = count_tags(eg.reference for eg in get_examples())
        gold = self._chosen(shown | self._counted)
        return list(dict.fromkeys([*self.cfg["labels"], *taught, *gold]))

    def note_gold(self, examples: Iterable[Example]) -> None:
        """See `DistillingPipe.note_gold`."""
        self._counted += count_tags(eg.reference for eg in examples)

    def _chosen(self, counts: "Counter[tuple[int, str]]") -> list[str]:
        return choose_head_labels(counts, min_count=self.min_count, max_offset=self.max_offset)

    def _inventory_of_teacher(self, get_examples: Callable[[], Iterable[Example]]) -> list[str]:
        """Its tags; of a teacher of trees those of its best trees of the examples, since of a
        streamed corpus spaCy shows 100 examples at initialization, few of which may have gold."""
        taught = super()._taught()
        tags = [label for label in taught if parse_head_label(label) is not None]
        found = not_longer(tags, max_offset=self.max_offset)
        if len(tags) == len(taught):
            return found
        return [*found, *self._chosen(count_taught_tags(self._ask, get_examples()))]

    def _ask(self, examples: Sequence[Example]) -> Sequence[Belief]:
        beliefs: Sequence[Belief] = (
            () if self._teacher is None else self._teacher.beliefs(examples, self.name)
        )
        for belief in beliefs:
            for each in belief.beliefs if isinstance(belief, Mixture) else (belief,):
                self._taught_belief(each)
        return beliefs

    def _taught(self) -> tuple[str, ...]:
        """The teacher's tags, and the student's own that have a deprel of the teacher."""
        labels = super()._taught()
        deprels = {label for label in labels if parse_head_label(label) is None}
        mine = [tag for tag in self.labels if deprels_of([tag])[0] in deprels]
        return tuple(dict.fromkeys([*(tag for tag in labels if tag not in deprels), *mine]))

    def _taught_belief(self, belief: Belief) -> Taught:
        if isinstance(belief, (TreeBelief, HeadLabelBelief, TreeCandidates)):
            return belief
        raise ValueError(
            f"{self.name}: expected a teacher of dependency trees, but its component "
            f"{self._teacher_pipe_name()!r} annotates tokens; set student_to_teacher"
        )
