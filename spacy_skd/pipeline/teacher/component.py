"""`skd_teacher`: a frozen component that answers the students' questions during training.

It answers from stored beliefs (`spacy skd annotate`) where there are any, and runs the trained
teacher once per other distinct doc, however many students, epochs and evaluations there are; it
does nothing in prediction. It has the methods of spaCy's `ListenedToComponent`, so
that `Language` links it to the students whenever it links listeners.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Array
from ...errors import check_between, check_positive, named
from ...layers.sentences import reference_starts
from ...models.words import words_of
from ...shards.store import BeliefStore, doc_key
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief, Mixture
from .cache import Beliefs
from .live import LiveTeacher, check_teachers

logger = logging.getLogger("spacy.skd")


@Language.factory(
    "skd_teacher",
    default_config={
        "teacher": None,
        "teachers": [],
        "store": None,
        "student_to_teacher": {},
        "cache_mb": 2048,
        "batch_words": 1000,
    },
)
def make_skd_teacher(
    nlp: Language,
    name: str,
    teacher: str | None,
    teachers: list[dict[str, Any]],
    store: str | None,
    student_to_teacher: dict[str, str],
    cache_mb: float,
    batch_words: int,
) -> "SkdTeacher":
    """Construct the teacher component. List it in `training.frozen_components`.

    teacher (str | None): folder or package of the trained teacher pipeline, loaded when it is
        first asked; prediction never needs it. None where all beliefs are stored.
    teachers (list[dict[str, Any]]): in place of `teacher`, several: {"path": ..., "weight": 0.5},
        whose distributions are mixed by weight (1 if not given). Each may have labels and
        structures of its own, and its own "student_to_teacher". Where the reference has no
        sentences, they are those of the first.
    store (str | None): folder of docs that this teacher annotated (`spacy skd annotate`). Only
        docs that are not in it need the teacher.
    student_to_teacher (dict[str, str]): a student's component name to the teacher's; those that
        are not listed ask the component of the same name.
    cache_mb (float): the most megabytes (2**20 bytes) of beliefs to keep; the least recently used
        go first and cost another pass of the transformer. Several teachers share it evenly.
    batch_words (int): padded words of a batch of the teacher.
    RAISES (ValueError): if there are both `teachers` and a `teacher` or a `store`.
    """
    with named(name):
        return SkdTeacher(
            name,
            teacher=teacher,
            teachers=teachers,
            store=store,
            student_to_teacher=student_to_teacher,
            cache_bytes=int(check_positive("cache_mb", cache_mb) * 2**20),
            batch_words=int(check_between("batch_words", batch_words, low=1, high=10**9)),
        )


class SkdTeacher:
    """See `make_skd_teacher`. Holds no weights of the pipeline it is in, so it saves nothing.

    seconds (float): that students have waited for its answers so far.
    """

    model: Any = None

    def __init__(
        self,
        name: str = "skd_teacher",
        *,
        teacher: str | None,
        teachers: Sequence[dict[str, Any]] = (),
        store: str | None = None,
        student_to_teacher: dict[str, str] | None = None,
        cache_bytes: int = 2**31,
        batch_words: int = 1000,
    ):
        if teachers and (teacher is not None or store is not None):
            raise ValueError(
                f"{name}: expected `teachers` alone, or one `teacher` and its `store` (a folder of "
                f"stored beliefs is of one teacher), got teacher = {teacher!r}, store = {store!r} "
                f"beside {len(teachers)} teachers"
            )
        check_teachers(teachers)
        self.name = name
        self.store = store
        self.cache_bytes = cache_bytes
        self.members = [
            LiveTeacher(
                name,
                settings["path"],
                weight=settings.get("weight", 1.0),
                student_to_teacher=settings.get("student_to_teacher", student_to_teacher or {}),
                cache_bytes=cache_bytes // max(1, len(teachers)),
                batch_words=batch_words,
                check=self._check_stored,
            )
            for settings in (teachers or [{"path": teacher}])
        ]
        self.students: list[str] = []
        self.listeners: list[Model[Any, Any]] = []
        self.listener_map: dict[str, list[Model[Any, Any]]] = {}
        self.listening_components: list[str] = []
        self._stored: BeliefStore | None = None
        self._warned = False
        self.seconds = 0.0

    @property
    def teacher(self) -> str | None:
        """Folder or package of the teacher, of several of the first."""
        return self.members[0].path

    @property
    def passes(self) -> int:
        """Docs that teachers have been run on."""
        return sum(member.passes for member in self.members)

    # A pipe that changes nothing

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        yield from stream

    # spaCy's ListenedToComponent

    def add_listener(self, listener: Model[Any, Any], component_name: str) -> None:
        """Nothing listens to vectors here."""

    def remove_listener(self, listener: Model[Any, Any], component_name: str) -> bool:
        return False

    def find_listeners(self, component: Any) -> None:
        """Hand itself to a student."""
        if hasattr(component, "set_teacher"):
            component.set_teacher(self)
            if component.name not in self.students:
                self.students.append(component.name)

    # What students ask

    def pipe_of(self, student: str) -> str:
        """Return the teacher's component that answers a student's component, of several of the
        first."""
        return self.members[0].student_to_teacher.get(student, student)

    def labels_of(self, student: str) -> tuple[str, ...]:
        """Return the labels of the teacher's component, of several all that one has.
        RAISES (ValueError): if one has no such component."""
        pipe = self.pipe_of(student)
        if self.stored and pipe in self.stored.forms:
            return self.stored.forms[pipe].annotated
        found = [m.runner.labels(m.check_pipe(student)) for m in self.members]
        return tuple(dict.fromkeys(label for labels in found for label in labels))

    def beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        """Return what the teacher believes of the predicted docs, in the reference's sentences if
        it has any, else in the teacher's own.

        RAISES (ValueError): if the teacher lacks the component; if there is none, and a belief is
            not stored; if a stored one is not of these words or of another teacher.
        """
        begun = time.perf_counter()
        try:
            return self._beliefs(examples, student)
        finally:
            self.seconds += time.perf_counter() - begun

    def _beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        starts = [reference_starts(eg) for eg in examples]
        docs = [eg.predicted for eg in examples]
        keys = [doc_key(doc, start) for doc, start in zip(docs, starts)]
        asked: list[Belief | None] = [None] * len(keys)
        store = self.stored
        if store is not None:
            needed, pipe = self.members[0].path is None, self.pipe_of(student)
            pairs = zip(examples, keys)
            asked = [store.answer(eg, key, pipe, needed=needed) for eg, key in pairs]
        rest = [i for i, belief in enumerate(asked) if belief is None]
        if rest:
            few = [docs[i] for i in rest], [starts[i] for i in rest]
            for i, belief in zip(rest, self._live(student, *few)):
                asked[i] = belief
        return [belief for belief in asked if belief is not None]

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
            columns.append([beliefs[member.pipe_of(student)] for beliefs in found])
            starts = [_starts_of(*row) for row in zip(docs, found, starts)]
        if len(columns) == 1:
            return columns[0]
        weights = tuple(member.weight for member in self.members)
        return [Mixture(beliefs, weights) for beliefs in zip(*columns)]

    def share(self, other: "SkdTeacher") -> None:
        """Take over the loaded teacher and the beliefs of another component of the same teacher, so
        that several trainings in one process run the transformer once. The other's `cache_mb`
        holds for both.

        RAISES (ValueError): if the other has another teacher.
        """
        if len(self.members) != len(other.members):
            raise ValueError(
                f"{self.name}: expected to share the beliefs of the same {len(self.members)} "
                f"teachers, got {len(other.members)}"
            )
        for mine, theirs in zip(self.members, other.members):
            mine.share(theirs)
        self.students = other.students = sorted({*self.students, *other.students})

    @property
    def runner(self) -> TeacherRunner:
        """The loaded teacher, of several the first. RAISES (ValueError): if there is none."""
        return self.members[0].runner

    @property
    def stored(self) -> BeliefStore | None:
        """The stored beliefs, None without `store`. RAISES (ValueError): if its folder is unfit."""
        if self.store is None:
            return None
        if self._stored is None:
            self._stored = BeliefStore(self.store, memory=self.cache_bytes, name=self.name)
        return self._stored

    @property
    def nlp(self) -> Language:
        """The teacher's pipeline, loaded."""
        return self.runner.nlp

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


def _starts_of(doc: Doc, beliefs: Beliefs, starts: Array | None) -> Array | None:
    """(tokens,) sentence starts as a teacher decided, if none were given and it has trees."""
    sentences = (belief.sentences() for belief in beliefs.values())
    units = next((units for units in sentences if units is not None), None)
    if starts is not None or units is None:
        return starts
    (words,) = words_of([doc])
    return words.starts_to_tokens(numpy.isin(numpy.arange(len(words)), units[:, 0]))


def is_teacher(pipe: Any) -> bool:
    return isinstance(pipe, SkdTeacher)
