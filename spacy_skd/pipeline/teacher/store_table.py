"""Several stores, each of a teacher of its own: those that know a doc say what is believed."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Array
from ...models.words import reference_starts, words_of
from ...shards.store import BeliefStore, StoredBeliefs, doc_key, read_beliefs
from ...shards.table import StoreEntry
from ...shards.texts import Texts
from ...teachers.runner import starts_of
from ...transfer.beliefs import Belief, Pooled
from ...transfer.similarities import WordStates
from .base import SkdTeacher
from .live import LiveTeacher

NOBODY = ""  # name of a component that no teacher has


class StoreTable(SkdTeacher):
    """A doc comes from one store, or is found in it by its words, spaces and sentence starts. Other
    stores that have it, too, answer beside; of those that have not, the teacher runs, if one is
    named. What is left is unknown: neither loss nor gradient comes of it.

    entries (Sequence[StoreEntry]): the table. student_to_teacher: of all that have none of their
        own. cache_bytes, batch_words: as of `SkdTeacher`, the former shared evenly.
    """

    def __init__(
        self,
        name: str,
        entries: Sequence[StoreEntry],
        *,
        student_to_teacher: Mapping[str, str],
        cache_bytes: int,
        batch_words: int,
    ):
        super().__init__(name)
        self.rows = list(entries)
        self._memory = cache_bytes // len(self.rows)
        self.members = [
            LiveTeacher(
                name,
                row.teacher,
                weight=row.share or 1.0,
                student_to_teacher={
                    **student_to_teacher,
                    **{student: pipe or NOBODY for student, pipe in row.student_to_teacher.items()},
                },
                cache_bytes=self._memory,
                batch_words=batch_words,
                check=partial(self._check, place),
            )
            for place, row in enumerate(self.rows)
        ]
        self._stores: list[BeliefStore] = []
        self._texts: list[Texts] = []

    @property
    def folders(self) -> list[str]:
        return [row.path for row in self.rows]

    @property
    def stores(self) -> list[BeliefStore]:
        if not self._stores:
            found = (BeliefStore(r.path, memory=self._memory, name=self.name) for r in self.rows)
            self._stores = list(found)
            self._texts = [Texts(store) for store in self._stores]
            self._check_mappings()
        return self._stores

    def _check_mappings(self) -> None:
        """Raise ValueError if a row maps a student to a component that its store lacks."""
        for row, store in zip(self.rows, self._stores):
            for student, pipe in row.student_to_teacher.items():
                if pipe is not None and pipe not in store.forms and row.teacher is None:
                    raise ValueError(
                        f"{self.name}: stores.{row.name}.student_to_teacher lets {student!r} ask "
                        f"{pipe!r}, which {store.folder} lacks: it has {list(store.forms)}. Name "
                        f"one of these, or annotate again with that component"
                    )

    def _check(self, place: int, nlp: Language) -> None:
        self.stores[place].check_teacher(nlp)

    def _can_say(self, place: int, pipe: str) -> bool:
        """Whether a row's teacher can run, and has a component."""
        return self.rows[place].teacher is not None and pipe in self.members[place].runner.pipes

    def pipe_of(self, student: str) -> str:
        """See `SkdTeacher.pipe_of`: of the first store that has it."""
        pipes = [member.pipe_of(student) for member in self.members]
        known = (pipe for pipe, store in zip(pipes, self.stores) if pipe in store.forms)
        return next(known, pipes[0])

    def labels_of(self, student: str) -> tuple[str, ...]:
        found: list[tuple[str, ...]] = []
        for place, (member, store) in enumerate(zip(self.members, self.stores)):
            pipe = member.pipe_of(student)
            if pipe in store.forms:
                found.append(store.forms[pipe].annotated)
            elif self._can_say(place, pipe):
                found.append(member.runner.labels(pipe))
        if not found:
            has = "; ".join(f"{store.folder} has {', '.join(store.forms)}" for store in self.stores)
            raise ValueError(
                f"{self.name}: the student {student!r} asks the component "
                f"{self.pipe_of(student)!r}, which no store has: {has}. Map it in "
                f"components.{self.name}.student_to_teacher, annotate with such a component, or "
                f'set the student\'s target = "gold"'
            )
        return tuple(dict.fromkeys(label for labels in found for label in labels))

    def beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        """See `SkdTeacher.beliefs`."""
        begun = time.perf_counter()
        if not self.strangers_told:
            self.tell_strangers()
        self.labels_of(student)  # which some store must have
        starts = [reference_starts(eg) for eg in examples]
        keys = [doc_key(eg.predicted, start) for eg, start in zip(examples, starts)]
        stored = [self._stored(eg, key, student) for eg, key in zip(examples, keys)]
        columns: list[list[Belief | None]] = []
        for place, (member, store) in enumerate(zip(self.members, self.stores)):
            pipe = member.pipe_of(student)
            column = [
                store.belief(found, pipe, eg.predicted)
                if found and pipe in found.packed and self.rows[place].share
                else None
                for eg, found in zip(examples, (of_doc[place] for of_doc in stored))
            ]
            rest = [i for i, belief in enumerate(column) if belief is None]
            if rest and self.rows[place].share and self._can_say(place, pipe):
                docs = [examples[i].predicted for i in rest]
                given = [self._starts(docs[j], stored[i], starts[i]) for j, i in enumerate(rest)]
                asked = [doc_key(*pair) for pair in zip(docs, given)]
                live, _ = member.answers(student, asked, docs, given, students=self.students)
                for i, beliefs in zip(rest, live):
                    column[i] = beliefs[pipe]
            columns.append(column)
        shares = tuple(row.share or 1.0 for row in self.rows)  # of those that say anything
        words = words_of([eg.predicted for eg in examples])
        self.seconds += time.perf_counter() - begun
        return [Pooled(len(each), row, shares) for each, row in zip(words, zip(*columns))]

    def states(self, examples: Sequence[Example], *, trees: bool) -> list[WordStates | None]:
        """See `SkdTeacher.states`: of the first store of a share that has some."""
        begun = time.perf_counter()
        states: list[WordStates | None] = []
        for eg in examples:
            key = doc_key(eg.predicted, reference_starts(eg))
            heard = [
                store.states(found, eg.predicted, trees=trees)
                for row, store, found in zip(self.rows, self.stores, self._found(eg, key))
                if found is not None and row.share
            ]
            states.append(next((each for each in heard if each is not None), None))
        self.seconds += time.perf_counter() - begun
        return states

    def _starts(
        self, doc: Doc, stored: Sequence[StoredBeliefs | None], starts: Array | None
    ) -> Array | None:
        """(tokens,) sentence starts for a teacher that runs: as a stored belief of trees has it, if
        none were given."""
        for store, found in zip(self.stores, stored):
            trees = [pipe for pipe in found.packed if store.forms[pipe].of_trees] if found else []
            if found and trees and starts is None:
                return starts_of(doc, {"": store.belief(found, trees[0], doc)}, starts)
        return starts

    def _stored(self, eg: Example, key: bytes, student: str) -> list[StoredBeliefs | None]:
        """Return what each store has of an example. Of several stores of the same teacher one
        answers.

        RAISES (ValueError): if the reference's belief is of no store or of other words; if no
            store has the doc, and no teacher can run; if a store has its text in other tokens.
        """
        found = self._found(eg, key)
        if not any(found) and not any(row.teacher for row in self.rows):
            raise ValueError(self.stores[0].missing(eg, self.pipe_of(student)))
        return found

    def _found(self, eg: Example, key: bytes) -> list[StoredBeliefs | None]:
        """Return the same, also if it is nothing. RAISES (ValueError): see `_stored`. Tokens are
        compared of docs that a store has as raw text: those of gold another need not have."""
        carried = read_beliefs(eg.reference.user_data)
        found: list[StoredBeliefs | None] = [None] * len(self.rows)
        said: set[bytes] = set()
        if carried is not None:
            found[self._place(eg, carried, key)] = carried
            said.add(carried.id)
        lacking: list[Texts] = []
        for place, store in enumerate(self.stores):
            if store.id in said:
                continue
            found[place] = store.find(key)
            if found[place] is not None:
                said.add(store.id)
            elif self.rows[place].share:
                lacking.append(self._texts[place])
        if lacking and self._is_raw(eg.predicted, found):
            for texts in lacking:
                texts.check(eg.predicted, name=self.name)
        return found

    def _is_raw(self, doc: Doc, found: Sequence[StoredBeliefs | None]) -> bool:
        """Tell whether a store that is heard has a doc as raw text, or none has it at all and no
        teacher can run."""
        if not any(found):
            return not any(row.teacher for row in self.rows)
        heard = (t for t, row, each in zip(self._texts, self.rows, found) if each and row.share)
        return any(texts.has(doc) for texts in heard)

    def _place(self, eg: Example, carried: StoredBeliefs, key: bytes) -> int:
        """Return which store a carried belief is of."""
        for place, (row, store) in enumerate(zip(self.rows, self.stores)):
            if store.id == carried.id and carried.row in ("", row.name):
                if carried.key != key:
                    raise ValueError(store.unfit(eg, carried))
                return place
        raise ValueError(self.stores[0].unfit(eg, carried))

    def share(self, other: SkdTeacher) -> None:
        """See `SkdTeacher.share`, of what is stored, too."""
        if not isinstance(other, StoreTable) or self.rows != other.rows:
            raise ValueError(f"{self.name}: expected to share the beliefs of the same stores")
        super().share(other)
        self._stores, self._texts = other.stores, other._texts
