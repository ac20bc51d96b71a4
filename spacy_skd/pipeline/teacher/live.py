"""A trained teacher pipeline, and what it has said already."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ...arrays import Array
from ...errors import check_positive
from ...teachers.loading import load_trained
from ...teachers.runner import TeacherRunner
from .cache import BeliefCache, Beliefs

SETTINGS = ("path", "weight", "student_to_teacher")


class LiveTeacher:
    """Runs over each distinct doc once, as long as its beliefs fit into memory.

    name (str): of the component, for errors. path (str | None): folder or package, loaded when
        it is first asked.
    weight (float): above 0, its share among several teachers.
    student_to_teacher (dict[str, str]): whom of it each student asks, if not its namesake.
    check (Callable[[Language], None]): raises if this is not the pipeline that was meant.
    """

    def __init__(
        self,
        name: str,
        path: str | None,
        *,
        weight: float = 1.0,
        student_to_teacher: dict[str, str],
        cache_bytes: int,
        batch_words: int,
        check: Callable[[Language], None] = lambda nlp: None,
    ):
        self.name = name
        self.path = path
        self.weight = check_positive("weight", weight)
        self.student_to_teacher = student_to_teacher
        self.batch_words = batch_words
        self.check = check
        self.passes = 0  # docs that it has been run on
        self.cache = BeliefCache(cache_bytes)
        self._runner: TeacherRunner | None = None

    @property
    def is_loaded(self) -> bool:
        return self._runner is not None

    @property
    def runner(self) -> TeacherRunner:
        """RAISES (ValueError): if there is none to load."""
        if self._runner is None:
            self._runner = TeacherRunner(self._load(), batch_words=self.batch_words)
        return self._runner

    def share(self, other: "LiveTeacher") -> None:
        """Take over what another has loaded and said. RAISES (ValueError): if it is another."""
        if (self.path, self.batch_words) != (other.path, other.batch_words):
            raise ValueError(
                f"{self.name}: expected to share the beliefs of the same teacher, "
                f"{self.path!r} with batch_words = {self.batch_words}, got {other.path!r} "
                f"with batch_words = {other.batch_words}"
            )
        self.cache = other.cache
        if other.path is not None:
            self._runner = other.runner

    def pipe_of(self, student: str) -> str:
        """Return the component that answers a student's component."""
        return self.student_to_teacher.get(student, student)

    def check_pipe(self, student: str) -> str:
        """Return the component that a student asks. RAISES (ValueError): if there is none."""
        pipe = self.pipe_of(student)
        if pipe not in self.runner.pipes:
            raise ValueError(
                f"{self.name}: the student {student!r} asks the teacher's component {pipe!r}, but "
                f"the teacher {str(self.path)!r} can answer for {list(self.runner.pipes)}. Map "
                f"it in components.{self.name}.student_to_teacher, train such a component into the "
                f'teacher, or set the student\'s target = "gold" and leave the teacher out.'
            )
        return pipe

    def answers(
        self,
        student: str,
        keys: Sequence[bytes],
        docs: Sequence[Doc],
        starts: Sequence[Array | None],
        *,
        students: Iterable[str],
    ) -> tuple[list[Beliefs], bool]:
        """From the cache, or the pipeline itself.

        keys (Sequence[bytes]): `doc_key` of each doc, with its starts.
        students (Iterable[str]): all that will ask, so that one pass answers for all.
        RETURNS (tuple[list[Beliefs], bool]): per doc, by the teacher's component; whether others
            had to go from the cache.
        """
        pipe = self.check_pipe(student)
        found: dict[bytes, Beliefs] = {}
        missing: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            cached = self.cache.get(key)
            if cached is None or pipe not in cached:
                missing[key] = i
            else:
                found[key] = cached
        full = False
        for key, beliefs in self._run(missing, docs, starts, students):
            found[key] = beliefs
            full |= self.cache.put(key, beliefs)
        return [found[key] for key in keys], full

    def _run(
        self,
        missing: dict[bytes, int],
        docs: Sequence[Doc],
        starts: Sequence[Array | None],
        students: Iterable[str],
    ) -> Iterator[tuple[bytes, Beliefs]]:
        if not missing:
            return
        asked = {self.pipe_of(student) for student in students}
        pipes = asked & set(self.runner.pipes)
        index = list(missing.values())
        self.passes += len(index)
        answers = self.runner.run(
            [docs[i] for i in index], starts=[starts[i] for i in index], pipes=pipes
        )
        yield from zip(missing, answers)

    def _load(self) -> Language:
        if self.path is None:
            raise ValueError(
                f"{self.name}: no teacher is set. Set components.{self.name}.teacher to the folder "
                f"or package of a trained pipeline."
            )
        nlp = load_trained(self.path, what=f"teacher of {self.name!r}")
        self.check(nlp)
        return nlp


def check_teachers(teachers: Sequence[dict[str, Any]]) -> None:
    """Check the setting `teachers`. RAISES (ValueError): naming what is wrong with it."""
    for settings in teachers:
        unknown = set(settings) - set(SETTINGS)
        if unknown or not settings.get("path"):
            raise ValueError(
                f"teachers: expected each with a path, and of {', '.join(SETTINGS)} alone, got "
                f"{settings}"
            )
        check_positive("teachers: weight", settings.get("weight", 1.0))
