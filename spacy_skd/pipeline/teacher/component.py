"""`skd_teacher`: a frozen component that answers the students' questions during training.

It answers from stored beliefs (`spacy skd annotate`) where there are any, and runs the trained
teacher once per other distinct doc, however many students, epochs and evaluations there are; it
does nothing in prediction. It has the methods of spaCy's `ListenedToComponent`, so
that `Language` links it to the students whenever it links listeners.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...errors import check_between, check_positive, named
from ...shards.store import BeliefStore
from ...shards.table import Table, check_one_of_two, read_table
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief
from ...transfer.similarities import WordStates
from .answers import Answers
from .ensemble import Ensemble
from .live import LiveTeacher
from .store_table import StoreTable


@Language.factory(
    "skd_teacher",
    default_config={
        "teacher": None,
        "teachers": [],
        "store": None,
        "stores": {},
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
    stores: dict[str, dict[str, Any]],
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
    stores (dict[str, dict[str, Any]]): in place of `teacher` and `store`, several, by name:
        {"path": ..., "ratio": 4.0, "share": 1.0, "teacher": null, "student_to_teacher": {}}, see
        `StoreEntry`. Of what no store knows of a doc, nothing is learnt from it.
    student_to_teacher (dict[str, str]): a student's component name to the teacher's; those that
        are not listed ask the component of the same name.
    cache_mb (float): the most megabytes (2**20 bytes) of beliefs to keep; the least recently used
        go first and cost another pass of the transformer. Several teachers share it evenly.
    batch_words (int): padded words of a batch of the teacher.
    RAISES (ValueError): if there are both `teachers` and a `teacher` or a `store`, or `stores`
        beside any of them.
    """
    with named(name):
        return SkdTeacher(
            name,
            teacher=teacher,
            teachers=teachers,
            store=store,
            stores=stores,
            student_to_teacher=student_to_teacher,
            cache_bytes=int(check_positive("cache_mb", cache_mb) * 2**20),
            batch_words=int(check_between("batch_words", batch_words, low=1, high=10**9)),
        )


class SkdTeacher:
    """See `make_skd_teacher`. Holds no weights of the pipeline it is in, so it saves nothing.

    seconds (float): that students have waited for its answers so far.
    """

    is_of_training = True
    model: Any = None

    def __init__(
        self,
        name: str = "skd_teacher",
        *,
        teacher: str | None,
        teachers: Sequence[dict[str, Any]] = (),
        store: str | None = None,
        stores: Table | None = None,
        student_to_teacher: dict[str, str] | None = None,
        cache_bytes: int = 2**31,
        batch_words: int = 1000,
    ):
        self.name = name
        self.answers: Answers
        settings: dict[str, Any] = {
            "student_to_teacher": student_to_teacher or {},
            "cache_bytes": cache_bytes,
            "batch_words": batch_words,
        }
        if stores:
            if teacher is not None or teachers:
                raise ValueError(
                    f"{name}: expected `stores` alone, got teacher = {teacher!r} and "
                    f"{len(teachers)} teachers beside them; name the teacher of a store in its row"
                )
            check_one_of_two(store, stores, name=name)
            self.answers = StoreTable(name, read_table(stores), **settings)
        else:
            self.answers = Ensemble(
                name, teacher=teacher, teachers=teachers, store=store, **settings
            )
        self.students: list[str] = []
        self.listeners: list[Model[Any, Any]] = []
        self.listener_map: dict[str, list[Model[Any, Any]]] = {}
        self.listening_components: list[str] = []
        self.seconds = 0.0

    @property
    def members(self) -> list[LiveTeacher]:
        """The teachers."""
        return self.answers.members

    @property
    def store(self) -> str | None:
        """Folder of the one teacher's stored beliefs."""
        return self.answers.store

    @store.setter
    def store(self, folder: str | None) -> None:
        self.answers.store = folder

    @property
    def folders(self) -> list[str]:
        """The paths of all stores."""
        return self.answers.folders

    @property
    def stores(self) -> list[BeliefStore]:
        """What is stored, opened. RAISES (ValueError): if a folder is unfit."""
        return self.answers.stores

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
        return self.answers.pipe_of(student)

    def labels_of(self, student: str) -> tuple[str, ...]:
        """Return the labels of the teacher's component, of several all that one has.
        RAISES (ValueError): if one has no such component; of several stores, if none has."""
        return self.answers.labels_of(student)

    def beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        """Return what the teacher believes of the predicted docs, in the reference's sentences if
        it has any, else in the teacher's own.

        RAISES (ValueError): if the teacher lacks the component; if there is none, and a belief is
            not stored; if a stored one is not of these words or of another teacher.
        """
        begun = time.perf_counter()
        try:
            return self.answers.beliefs(examples, student, students=self.students)
        finally:
            self.seconds += time.perf_counter() - begun

    def states(self, examples: Sequence[Example], *, trees: bool) -> list[WordStates | None]:
        """Return what hidden states of the teacher's transformer are stored of the words of each
        predicted doc; None of docs that are not stored.

        trees (bool): whether to say which words share an arc, too.
        RAISES (ValueError): if what a reference has is of another store or of other words.
        """
        begun = time.perf_counter()
        try:
            return self.answers.states(examples, trees=trees)
        finally:
            self.seconds += time.perf_counter() - begun

    def share(self, other: "SkdTeacher") -> None:
        """Take over the loaded teacher and the beliefs of another component of the same teacher, so
        that several trainings in one process run the transformer once. The other's `cache_mb`
        holds for both.

        RAISES (ValueError): if the other has another teacher.
        """
        self.answers.share(other.answers)
        self.students = other.students = sorted({*self.students, *other.students})

    @property
    def runner(self) -> TeacherRunner:
        """The loaded teacher, of several the first. RAISES (ValueError): if there is none."""
        return self.members[0].runner

    @property
    def nlp(self) -> Language:
        """The teacher's pipeline, loaded."""
        return self.runner.nlp


def is_teacher(pipe: Any) -> bool:
    return isinstance(pipe, SkdTeacher)
