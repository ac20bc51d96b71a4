"""Who answers the students of a training: what `skd_teacher` asks, whatever it was told to."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from spacy.training import Example

from ...shards.store import BeliefStore
from ...transfer.beliefs import Belief
from ...transfer.similarities import WordStates
from .live import LiveTeacher


class Answers(ABC):
    """Of teachers and stores.

    name (str): of the component, for errors. members (list[LiveTeacher]): the teachers; one whose
        path is None cannot run.
    store (str | None): the folder of the one teacher's beliefs, if there is one.
    """

    name: str
    members: list[LiveTeacher]
    store: str | None = None

    @property
    @abstractmethod
    def folders(self) -> list[str]:
        """The paths of what is stored."""

    @property
    @abstractmethod
    def stores(self) -> list[BeliefStore]:
        """The stored beliefs, opened. RAISES (ValueError): if a folder is unfit."""

    @abstractmethod
    def pipe_of(self, student: str) -> str:
        """Return the teacher's component that answers a student's, of several the first's."""

    @abstractmethod
    def labels_of(self, student: str) -> tuple[str, ...]:
        """Return the labels of the teacher's component, of several all that one has.
        RAISES (ValueError): if there is no such component."""

    @abstractmethod
    def beliefs(
        self, examples: Sequence[Example], student: str, *, students: Iterable[str]
    ) -> list[Belief]:
        """Return what is believed of the predicted docs. students: all that will ask.
        RAISES (ValueError): see `SkdTeacher.beliefs`."""

    @abstractmethod
    def states(self, examples: Sequence[Example], *, trees: bool) -> list[WordStates | None]:
        """Return what hidden states are stored of the words of each predicted doc; None where there
        are none. trees (bool): see `BeliefStore.states`. RAISES (ValueError): if a reference has
        something stored of another store or of other words."""

    def share(self, other: "Answers") -> None:
        """Take over what another has loaded. RAISES (ValueError): if it has other teachers."""
        if len(self.members) != len(other.members):
            raise ValueError(
                f"{self.name}: expected to share the beliefs of the same {len(self.members)} "
                f"teachers, got {len(other.members)}"
            )
        for mine, theirs in zip(self.members, other.members):
            mine.share(theirs)
