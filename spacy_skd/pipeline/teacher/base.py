"""What every teacher component says to students and to spaCy, whoever answers."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...shards.store import BeliefStore
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief
from ...transfer.similarities import WordStates
from .live import LiveTeacher

logger = logging.getLogger("spacy.skd")


class SkdTeacher(ABC):
    """A component that students ask in training, see `make_skd_teacher`. Holds no weights of the
    pipeline it is in, so it saves nothing.

    members (list[LiveTeacher]): the teachers; one whose path is None cannot run.
    store (str | None): the folder of the one teacher's beliefs, if there is one.
    students (list[str]): all that will ask.
    seconds (float): that students have waited for its answers so far.
    """

    is_of_training = True
    model: Any = None
    members: list[LiveTeacher]
    store: str | None = None
    strangers_told = False

    def __init__(self, name: str):
        self.name = name
        self.students: list[str] = []
        self.listeners: list[Model[Any, Any]] = []
        self.listener_map: dict[str, list[Model[Any, Any]]] = {}
        self.listening_components: list[str] = []
        self.seconds = 0.0

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

    @abstractmethod
    def pipe_of(self, student: str) -> str:
        """Return the teacher's component that answers a student's component, of several the
        first's."""

    @abstractmethod
    def labels_of(self, student: str) -> tuple[str, ...]:
        """Return the labels of the teacher's component, of several all that one has.
        RAISES (ValueError): if one has no such component; of several stores, if none has."""

    def tell_strangers(self) -> None:
        """Tell whom `student_to_teacher` names though no student is called so."""
        self.strangers_told = True
        named = {student for member in self.members for student in member.student_to_teacher}
        if strangers := sorted(named.difference(self.students)):
            logger.warning(
                "%s: student_to_teacher names %s, but no student of that name asks; those that do "
                "are %s. A student that is not named asks the component of its own name",
                self.name,
                strangers,
                sorted(self.students),
            )

    @abstractmethod
    def beliefs(self, examples: Sequence[Example], student: str) -> list[Belief]:
        """Return what the teacher believes of the predicted docs, in the reference's sentences if
        it has any, else in the teacher's own.

        RAISES (ValueError): if the teacher lacks the component; if there is none, and a belief is
            not stored; if a stored one is not of these words or of another teacher.
        """

    @abstractmethod
    def states(self, examples: Sequence[Example], *, trees: bool) -> list[WordStates | None]:
        """Return what hidden states of the teacher's transformer are stored of the words of each
        predicted doc; None of docs that are not stored.

        trees (bool): whether to say which words share an arc, too.
        RAISES (ValueError): if what a reference has is of another store or of other words.
        """

    # Who answers

    @property
    @abstractmethod
    def folders(self) -> list[str]:
        """The paths of what is stored."""

    @property
    @abstractmethod
    def stores(self) -> list[BeliefStore]:
        """The stored beliefs, opened. RAISES (ValueError): if a folder is unfit."""

    @property
    def teacher(self) -> str | None:
        """Folder or package of the teacher, of several of the first."""
        return self.members[0].path

    @property
    def passes(self) -> int:
        """Docs that teachers have been run on."""
        return sum(member.passes for member in self.members)

    @property
    def runner(self) -> TeacherRunner:
        """The loaded teacher, of several the first. RAISES (ValueError): if there is none."""
        return self.members[0].runner

    @property
    def nlp(self) -> Language:
        """The teacher's pipeline, loaded."""
        return self.runner.nlp

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


def is_teacher(pipe: Any) -> bool:
    return isinstance(pipe, SkdTeacher)
