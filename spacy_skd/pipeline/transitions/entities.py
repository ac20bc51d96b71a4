"""Oracles of spaCy's `ner`: an action is the tag of a token, B, I, L, U or O.

Whitespace, which a teacher says nothing of, is within an entity or outside as the word before it
left it, which is what the tags of words mean (codecs/words). An entity that a student ends there is
as if it had ended with that word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy
from spacy.attrs import ENT_IOB
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from thinc.api import NumpyOps

from ...arrays import Bools, Floats1d, Ints1d
from ...codecs.words import Words
from ...models.words import words_of
from ...structures import LinearChain
from ...transfer.beliefs import Belief
from ...transfer.next_tags import SCHEME, NextTags, NoTags, student_tags
from ...transfer.students import TagStudent
from ...transfer.target import STRUCTURAL
from .component import TransitionPipe
from .oracle import INVALID, Advice, Oracle

_OUTSIDE = "O"
_BILUO = {"B": "B", "I": "I", "E": "L", "S": "U"}  # of BIOES


@dataclass(frozen=True, eq=False)
class Actions:
    """Which actions there are.

    names (tuple[str, ...]): "B-PER", "O", ...; "U-" is of blocked tokens. tags (tuple[str, ...]):
        BIOES tags of the labels.
    of_tags (Ints1d): (tags,) the action that is each. tag_of (Ints1d): (actions,) the tag that each
        is, "O" of a blocked token.
    begins, units (Bools): (actions,) which are B, and U of a label.
    """

    names: tuple[str, ...]
    tags: tuple[str, ...]
    of_tags: Ints1d
    tag_of: Ints1d
    begins: Bools
    units: Bools
    outside: int
    index: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(names: tuple[str, ...], labels: Sequence[str]) -> "Actions":
        """Read spaCy's names of actions. labels: of the entities."""
        tags, index = student_tags(labels), {name: i for i, name in enumerate(names)}
        of_tags = numpy.asarray(
            [index[tag if tag == _OUTSIDE else _BILUO[tag[0]] + tag[1:]] for tag in tags]
        )
        tag_of = numpy.zeros(len(names), dtype="int64")
        tag_of[of_tags] = numpy.arange(len(tags))
        begins, units = (
            numpy.asarray([name[:2] == prefix and len(name) > 2 for name in names])
            for prefix in ("B-", "U-")
        )
        return Actions(names, tags, of_tags, tag_of, begins, units, index[_OUTSIDE], index)


actions_of = lru_cache(maxsize=8)(Actions.of)


class EntityOracle(Oracle):
    """See `Oracle`.

    moves (Any): spaCy's `BiluoPushDown`. teacher (NextTags): of the words. gold (Any): spaCy's
        `BiluoGold`; None where there is none.
    """

    def __init__(
        self, moves: Any, actions: Actions, doc: Doc, words: Words, teacher: NextTags, gold: Any
    ):
        self.moves, self.actions = moves, actions
        self.teacher, self.gold = teacher, gold
        self.counts, self.lost = teacher.counts, teacher.lost
        self.is_word = words.to_tokens(numpy.ones(len(words), dtype=bool), False)
        self.is_preset = doc.has_annotation(ENT_IOB)
        self.token = 0
        self.open = ""  # the label of the entity that is open
        self._last: str | None = None  # the tag of the word before, of which the teacher is to know
        self._index = {tag: i for i, tag in enumerate(actions.tags)}

    def at(self, state: Any) -> Advice:
        valid = self._valid(state)
        target, lost = (None, 0.0) if not self.counts else self._target(valid)
        gold = None
        if self.gold is not None:
            costs = numpy.full(len(valid), float(INVALID))
            for action in valid.nonzero()[0].tolist():
                costs[action] = self.moves.get_cost(state, self.gold, action)
            gold = self.cheapest(costs)
        return Advice(valid, target, gold=gold, lost=lost)

    def took(self, action: int) -> None:
        name = self.actions.names[action]
        if self.is_word[self.token]:
            self._last = self.actions.tags[self.actions.tag_of[action]]
        self.open = name[2:] if name[0] in "BI" else ""
        self.token += 1

    def _target(self, valid: Bools) -> tuple[Floats1d | None, float]:
        """Return the teacher's distribution over actions, and what of it is lost."""
        target = numpy.zeros(len(valid))
        if not self.is_word[self.token]:
            target[self.actions.index[f"I-{self.open}"] if self.open else self.actions.outside] = 1
        else:
            self._tell()
            target[self.actions.of_tags] = self.teacher.chances()
        total = target.sum()
        target *= valid
        kept = target.sum()
        if kept <= 0:
            return None, float(total > 0)
        return target / kept, float(1 - kept / total)

    def _tell(self) -> None:
        """Tell the teacher the tag of the word before, as it turned out."""
        if self._last is None:
            return
        prefix, label = self._last[0], self._last[2:]
        if prefix in "BI" and not self.open:
            prefix = {"B": "S", "I": "E"}[prefix]
        if label:
            self._last = f"{prefix}-{label}"
        self.teacher.follow(self._index[self._last])
        self._last = None

    def _valid(self, state: Any) -> Bools:
        """Return (actions,) which can be taken: of all labels alike, unless there are entities
        already."""
        actions, can = self.actions, self.moves.is_valid
        if self.is_preset:
            return numpy.asarray([can(state, name) for name in actions.names])
        valid = numpy.zeros(len(actions.names), dtype=bool)
        if self.open:
            inside, last = actions.index[f"I-{self.open}"], actions.index[f"L-{self.open}"]
            valid[inside], valid[last] = can(state, actions.names[inside]), True
            return valid
        valid[actions.outside] = True
        for group in (actions.begins, actions.units):
            if group.any() and can(state, actions.names[int(group.argmax())]):
                valid |= group
        return valid


def entity_oracles(
    pipe: Any,
    docs: Sequence[Doc],
    teachers: Sequence[NextTags | None],
    golds: Sequence[Any],
) -> list[EntityOracle]:
    """Return the oracle of each doc of a stock `ner`.

    teachers (Sequence[NextTags | None]): of the words of each; None if there is none. golds
        (Sequence[Any]): see `EntityOracle`.
    """
    names = tuple(pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves))
    actions = actions_of(names, pipe.labels)
    none = NoTags(actions.tags)
    return [
        EntityOracle(pipe.moves, actions, doc, words, teacher or none, gold)
        for doc, words, teacher, gold in zip(docs, words_of(docs), teachers, golds)
    ]


class DistillingEntityRecognizer(TransitionPipe, EntityRecognizer):  # type: ignore[misc, unused-ignore]
    """spaCy's `ner`, which learns the conditionals of a teacher's tags."""

    stock_factory = "ner"
    stock_class = EntityRecognizer
    settings = ("incorrect_spans_key",)
    n_features = (3, 6)

    def oracles(
        self, docs: Sequence[Doc], beliefs: Sequence[Belief] | None, golds: Sequence[Any]
    ) -> list[EntityOracle]:
        teachers: list[NextTags | None] = [None] * len(docs)
        asked = [i for i, belief in enumerate(beliefs or ()) if belief.n_tokens]
        if beliefs is not None and asked:
            known = [beliefs[i] for i in asked]
            for i, teacher in zip(asked, type(known[0]).next_tags(known, self._student())):
                teachers[i] = teacher
        return entity_oracles(self, docs, teachers, golds)

    def _student(self) -> TagStudent:
        return TagStudent(
            name=self.name,
            teacher=lambda: self.teacher_pipe,
            labels=self.taught_labels,
            structure=LinearChain(),
            objective=STRUCTURAL,
            match=self.match,
            ops=NumpyOps(),
            scheme=SCHEME,
        )

    def actions_with(
        self, labels: Sequence[str], actions: dict[int, dict[str, int]]
    ) -> dict[int, dict[str, int]]:
        """See `TransitionPipe.actions_with`: B, I, L and U of each label."""
        taught = self.moves.get_actions(entity_types=labels)
        for action, counts in taught.items():
            for label, count in counts.items():
                actions[action].setdefault(label, count)
        return actions
