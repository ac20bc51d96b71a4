"""`skd_teacher`: a frozen component that answers the students' questions during training.

It answers from stored beliefs (`spacy skd annotate`) where there are any, and runs the trained
teacher once per other distinct doc, however many students, epochs and evaluations there are; it
does nothing in prediction. It has the methods of spaCy's `ListenedToComponent`, so
that `Language` links it to the students whenever it links listeners.
"""

import logging
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ..errors import check_positive
from ..shards.docs import doc_key
from ..teachers.runner import TeacherRunner
from ..transfer.belief import Belief, best_only
from .belief_cache import BeliefCache, Beliefs
from .sentences import reference_starts
from .stored import Stored

logger = logging.getLogger("spacy.skd")


@Language.factory(
    "skd_teacher",
    default_config={
        "teacher": None,
        "store": None,
        "student_to_teacher": {},
        "cache_mb": 2048,
        "batch_words": 1000,
        "best_only": False,
    },
)
def make_skd_teacher(
    nlp: Language,
    name: str,
    teacher: Optional[str],
    store: Optional[str],
    student_to_teacher: Dict[str, str],
    cache_mb: float,
    batch_words: int,
    best_only: bool,
) -> "SkdTeacher":
    """Construct the teacher component. List it in `training.frozen_components`.

    teacher (Optional[str]): folder or package of the trained teacher pipeline, loaded when it is
        first asked; prediction never needs it. None where all beliefs are stored.
    store (Optional[str]): folder of docs that this teacher annotated (`spacy skd annotate`). Only
        docs that are not in it need the teacher.
    student_to_teacher (Dict[str, str]): a student's component name to the teacher's; those that
        are not listed ask the component of the same name.
    cache_mb (float): the most megabytes (2**20 bytes) of beliefs to keep; the least recently used
        go first and cost another pass of the transformer.
    batch_words (int): padded words of a batch of the teacher.
    best_only (bool): teach the best guess as if it were certain (the Top-1 baseline) instead of the
        distribution.
    """
    return SkdTeacher(
        name,
        teacher=teacher,
        store=store,
        student_to_teacher=student_to_teacher,
        cache_bytes=int(check_positive("cache_mb", cache_mb) * 2**20),
        batch_words=int(check_positive("batch_words", batch_words)),
        best_only=best_only,
    )


class SkdTeacher:
    """See `make_skd_teacher`. Holds no weights of the pipeline it is in, so it saves nothing."""

    model: Any = None

    def __init__(
        self,
        name: str = "skd_teacher",
        *,
        teacher: Optional[str],
        store: Optional[str] = None,
        student_to_teacher: Optional[Dict[str, str]] = None,
        cache_bytes: int = 2**31,
        batch_words: int = 1000,
        best_only: bool = False,
    ):
        self.name = name
        self.teacher = teacher
        self.store = store
        self.student_to_teacher = dict(student_to_teacher or {})
        self.cache_bytes = cache_bytes
        self.batch_words = batch_words
        self.best_only = best_only
        self.passes = 0  # docs that the teacher has been run on
        self.students: List[str] = []
        self.listeners: List[Model] = []
        self.listener_map: Dict[str, List[Model]] = {}
        self.listening_components: List[str] = []
        self._runner: Optional[TeacherRunner] = None
        self._stored: Optional[Stored] = None
        self._cache = BeliefCache(cache_bytes)
        self._warned = False

    # A pipe that changes nothing

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        yield from stream

    # spaCy's ListenedToComponent

    def add_listener(self, listener: Model, component_name: str) -> None:
        """Nothing listens to vectors here."""

    def remove_listener(self, listener: Model, component_name: str) -> bool:
        return False

    def find_listeners(self, component: Any) -> None:
        """Hand itself to a student."""
        if hasattr(component, "set_teacher"):
            component.set_teacher(self)
            if component.name not in self.students:
                self.students.append(component.name)

    # What students ask

    def pipe_of(self, student: str) -> str:
        """The teacher's component that answers a student's component."""
        return self.student_to_teacher.get(student, student)

    def labels_of(self, student: str) -> Tuple[str, ...]:
        """RETURNS: the labels of the teacher's component. RAISES (ValueError): if it has none."""
        pipe = self.pipe_of(student)
        if self.stored and pipe in self.stored.forms:
            return self.stored.forms[pipe].annotated
        return self.runner.labels(self._check_pipe(student))

    def beliefs(self, examples: Sequence[Example], student: str) -> List[Belief]:
        """What the teacher believes of the predicted docs, in the reference's sentences if it has
        any, else in the teacher's own.

        RAISES (ValueError): if the teacher lacks the component; if there is none, and a belief is
            not stored; if a stored one is not of these words or of another teacher.
        """
        pipe = self.pipe_of(student)
        starts = [reference_starts(eg) for eg in examples]
        docs = [eg.predicted for eg in examples]
        keys = [doc_key(doc, start) for doc, start in zip(docs, starts)]
        asked: List[Optional[Belief]] = [None] * len(keys)
        if self.stored is not None:
            needed = self.teacher is None
            pairs = zip(examples, keys)
            asked = [self.stored.find(eg, key, pipe, needed=needed) for eg, key in pairs]
        rest = [i for i, belief in enumerate(asked) if belief is None]
        if rest:
            self._check_pipe(student)
            few = [keys[i] for i in rest], [docs[i] for i in rest], [starts[i] for i in rest]
            for i, belief in zip(rest, self._live(pipe, *few)):
                asked[i] = belief
        beliefs = [belief for belief in asked if belief is not None]
        return [best_only(belief) for belief in beliefs] if self.best_only else beliefs

    def _live(
        self,
        pipe: str,
        keys: Sequence[bytes],
        docs: Sequence[Doc],
        starts: Sequence[Optional["numpy.ndarray"]],
    ) -> List[Belief]:
        """From the cache, or the teacher itself."""
        found: Dict[bytes, Beliefs] = {}
        missing: Dict[bytes, int] = {}
        for i, key in enumerate(keys):
            cached = self._cache.get(key)
            if cached is None or pipe not in cached:
                missing[key] = i
            else:
                found[key] = cached
        for key, beliefs in self._run(missing, docs, starts):
            found[key] = beliefs
            if self._cache.put(key, beliefs):
                self._warn_full()
        return [found[key][pipe] for key in keys]

    def share(self, other: "SkdTeacher") -> None:
        """Take over the loaded teacher and the beliefs of another component of the same teacher, so
        that several trainings in one process run the transformer once. The other's `cache_mb`
        holds for both.

        RAISES (ValueError): if the other has another teacher.
        """
        if (self.teacher, self.batch_words) != (other.teacher, other.batch_words):
            raise ValueError(
                f"{self.name}: expected to share the beliefs of the same teacher, "
                f"{self.teacher!r} with batch_words = {self.batch_words}, got {other.teacher!r} "
                f"with batch_words = {other.batch_words}"
            )
        self._runner, self._cache = other.runner, other._cache
        self.students = other.students = sorted({*self.students, *other.students})

    @property
    def runner(self) -> TeacherRunner:
        """The loaded teacher. RAISES (ValueError): if there is none to load."""
        if self._runner is None:
            self._runner = TeacherRunner(self._load(), batch_words=self.batch_words)
        return self._runner

    @property
    def stored(self) -> Optional[Stored]:
        """The stored beliefs, None without `store`. RAISES (ValueError): if its folder is unfit."""
        if self.store is None:
            return None
        if self._stored is None:
            self._stored = Stored(self.name, self.store, memory=self.cache_bytes)
        return self._stored

    @property
    def nlp(self) -> Language:
        """The teacher's pipeline, loaded."""
        return self.runner.nlp

    def _load(self) -> Language:
        if self.teacher is None:
            raise ValueError(
                f"{self.name}: no teacher is set. Set components.{self.name}.teacher to the folder "
                f"or package of a trained pipeline."
            )
        try:
            nlp = spacy.load(self.teacher)
        except OSError as error:
            raise ValueError(
                f"{self.name}: cannot load the teacher {str(self.teacher)!r}: {error}"
            ) from error
        if self.stored is not None:
            self.stored.check_teacher(nlp)
        return nlp

    def _check_pipe(self, student: str) -> str:
        pipe = self.pipe_of(student)
        if pipe not in self.runner.pipes:
            raise ValueError(
                f"{self.name}: the student {student!r} asks the teacher's component {pipe!r}, but "
                f"the teacher {str(self.teacher)!r} can answer for {list(self.runner.pipes)}. Map "
                f"it in components.{self.name}.student_to_teacher, train such a component into the "
                f"teacher, or set the student's distill_weight = 0.0 and leave the teacher out."
            )
        return pipe

    def _run(
        self,
        missing: Dict[bytes, int],
        docs: Sequence[Doc],
        starts: Sequence[Optional["numpy.ndarray"]],
    ) -> Iterator[Tuple[bytes, Beliefs]]:
        if not missing:
            return
        pipes = {self.pipe_of(student) for student in self.students} & set(self.runner.pipes)
        index = list(missing.values())
        self.passes += len(index)
        answers = self.runner.run(
            [docs[i] for i in index], starts=[starts[i] for i in index], pipes=pipes
        )
        yield from zip(missing, answers)

    def _warn_full(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: the beliefs of more than %d docs exceed cache_mb = %d, so some texts pass "
                "through the teacher again; raise cache_mb, use less raw text, or annotate it once "
                "(spacy skd annotate)",
                self.name,
                len(self._cache),
                self.cache_bytes // 2**20,
            )


def is_teacher(pipe: Any) -> bool:
    return isinstance(pipe, SkdTeacher)
