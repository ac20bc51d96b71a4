"""One teacher with its store, or several whose distributions are mixed."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Array
from ...models.words import reference_starts
from ...shards.store import BeliefStore, doc_key
from ...teachers.runner import starts_of
from ...transfer.beliefs import Belief, Mixture
from ...transfer.similarities import WordStates
from .base import SkdTeacher
from .live import LiveTeacher, check_teachers

logger = logging.getLogger("spacy.skd")


class Ensemble(SkdTeacher):
    """See `make_skd_teacher`, for the arguments too."""

    def __init__(
        self,
        name: str,
        *,
        teacher: str | None,
        teachers: Sequence[dict[str, Any]],
        store: str | None,
        student_to_teacher: dict[str, str],
        cache_bytes: int,
        batch_words: int,
    ):
        if teachers and (teacher is not None or store is not None):
            raise ValueError(
                f"{name}: expected `teachers` alone, or one `teacher` and its `store` (a folder of "
                f"stored beliefs is of one teacher), got teacher = {teacher!r}, store = {store!r} "
                f"beside {len(teachers)} teachers"
            )
        check_teachers(teachers)
        super().__init__(name)
        self.store = store
        self.cache_bytes = cache_bytes
        self.members = [
            LiveTeacher(
                name,
                settings["path"],
                weight=settings.get("weight", 1.0),
                student_to_teacher=settings.get("student_to_teacher", student_to_teacher),
                cache_bytes=cache_bytes // max(1, len(teachers)),
                batch_words=batch_words,
                check=self._check_stored,
            )
            for settings in (teachers or [{"path": teacher}])
        ]
        self._opened: BeliefStore | None = None
        self._warned = False

    @property
    def folders(self) -> list[str]:
        return [] if self.store is None else [self.store]

    @property
    def stores(self) -> list[BeliefStore]:
        return [] if self.stored is None else [self.stored]

    @property
    def stored(self) -> BeliefStore | None:
        """The stored beliefs, None without `store`. RAISES (ValueError): if its folder is unfit."""
        if self.store is None:
            return None
        if self._opened is None or self._opened.folder != Path(self.store):
            self._opened = BeliefStore(self.store, memory=self.cache_bytes, name=self.name)
        return self._opened

    def pipe_of(self, student: str) -> str:
        return self.members[0].pipe_of(student)

    def labels_of(self, student: str) -> tuple[str, ...]:
        pipe = self.pipe_of(student)
        if self.stored and pipe in self.stored.forms:
            return self.stored.forms[pipe].annotated
        found = [m.runner.labels(m.check_pipe(student)) for m in self.members]
        return tuple(dict.fromkeys(label for labels in found for label in labels))

    def beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        """See `SkdTeacher.beliefs`."""
        begun = time.perf_counter()
        if not self.strangers_told:
            self.tell_strangers()
        starts = [reference_starts(eg) for eg in examples]
        docs = [eg.predicted for eg in examples]
        keys = [doc_key(doc, start) for doc, start in zip(docs, starts)]
        asked: list[Belief | None] = [None] * len(keys)
        store = self.stored
        if store is not None:
            needed, pipe = self.members[0].path is None, self.members[0].pipe_of(student)
            pairs = zip(examples, keys)
            asked = [store.answer(eg, key, pipe, needed=needed) for eg, key in pairs]
        rest = [i for i, belief in enumerate(asked) if belief is None]
        if rest:
            few = [docs[i] for i in rest], [starts[i] for i in rest]
            for i, belief in zip(rest, self._live(student, *few)):
                asked[i] = belief
        self.seconds += time.perf_counter() - begun
        return [belief for belief in asked if belief is not None]

    def states(self, examples: Sequence[Example], *, trees: bool) -> list[WordStates | None]:
        store = self.stored
        if store is None:
            return [None] * len(examples)
        begun = time.perf_counter()
        keys = [doc_key(eg.predicted, reference_starts(eg)) for eg in examples]
        beliefs = [store.carried(eg, key) or store.find(key) for eg, key in zip(examples, keys)]
        states = [
            None if stored is None else store.states(stored, eg.predicted, trees=trees)
            for eg, stored in zip(examples, beliefs)
        ]
        self.seconds += time.perf_counter() - begun
        return states

    def _live(
        self, student: str, docs: Sequence[Doc], starts: Sequence[Array | None]
    ) -> list[Belief]:
        """From the teachers, or what they have said before."""
        columns: list[list[Belief]] = []
        for member in self.members:
            keys = [doc_key(doc, start) for doc, start in zip(docs, starts)]
            found, full = member.answers(student, keys, docs, starts, students=self.students)
            if full:
                self._warn_full()
            pipe = member.pipe_of(student)
            columns.append([beliefs[pipe] for beliefs in found])
            starts = [starts_of(*row) for row in zip(docs, found, starts)]
        if len(columns) == 1:
            return columns[0]
        weights = tuple(member.weight for member in self.members)
        return [Mixture(beliefs, weights) for beliefs in zip(*columns)]

    def _check_stored(self, nlp: Language) -> None:
        if self.stored is not None:
            self.stored.check_teacher(nlp)

    def _warn_full(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: the beliefs of more than %d docs exceed cache_mb = %d, so some texts pass "
                "through the teacher again; raise cache_mb, use less raw text, or annotate it once "
                "(spacy skd annotate)",
                self.name,
                len(self.members[0].cache),
                self.cache_bytes // 2**20,
            )
