"""How far a student's distribution is from its teacher's: KL(teacher || student), in nats."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..layers.base import Layer
from ..structures import Structure
from ..transfer.beliefs import Belief
from ..transfer.target import STRUCTURAL


def component_of(nlp: Language, layer: Layer) -> Any | None:
    """Return the last enabled component of this package that annotates a layer, None if there is
    none."""
    found = None
    for _, pipe in nlp.pipeline:
        own = getattr(pipe, "layer", None)
        if hasattr(pipe, "believe") and own is not None and own.name == layer.name:
            same_key = layer.full_name in (own.full_name, own.name)
            found = pipe if same_key else found
    return found


def can_compare(student: Any, teacher: Any) -> bool:
    """Tell whether the KL of two components can be said: of the same task, whose student has all
    labels of the teacher. A teacher of another structure is conditioned on the student's, as it is
    where it teaches."""
    same_task = type(student.task) is type(teacher.task)
    return same_task and set(teacher.labels) <= set(student.labels)


def divergence(
    student: Any, teacher: Any, docs: Sequence[Doc], docs_of_teacher: Sequence[Doc]
) -> tuple[float, int]:
    """Return KL(teacher || student) in nats, over all units, and how many words (of categories,
    docs) they have: the cross-entropy between the teacher and the student, less that between the
    teacher and itself. Deprels count of arcs that the teacher finds likely enough to teach them.

    student, teacher: components, see `can_compare`.
    docs, docs_of_teacher (Sequence[Doc]): of the same words, that the whole pipeline of each has
        annotated. Units are the teacher's.
    RAISES (ValueError): if the two cannot be compared after all.
    """
    beliefs = teacher.believe(docs_of_teacher)
    structure = student.structure
    cross_entropy = _loss(student, docs, beliefs, structure)
    entropy = _loss(teacher, docs_of_teacher, beliefs, structure)
    n = student.task.count([belief.n_tokens for belief in beliefs])
    return cross_entropy - entropy, n


def stored_divergence(student: Any, doc: Doc, belief: Belief) -> float:
    """Return KL(teacher || student) in nats of one doc, of which a belief is stored. What the
    student cannot express of it is ruled out.

    student: a component. doc (Doc): that its whole pipeline has annotated.
    """
    with _comparing(student, student.structure):
        meter = student.start_meter()
        try:
            loss = _loss(student, [doc], [belief], student.structure)
        finally:
            student.meter = student.lost_mass.meter = None
    # Where the marginals alone of what is learnt are known, its entropy is the belief's own.
    divergence = meter.divergence
    nats = divergence.total if divergence.weight > 0 else loss - belief.entropy()
    return max(0.0, float(nats))


def _loss(pipe: Any, docs: Sequence[Doc], beliefs: Sequence[Belief], structure: Structure) -> float:
    with _comparing(pipe, structure):
        lesson = pipe.task.lesson_without_gold(beliefs)
        scores = pipe.model.predict(pipe.task.inputs(list(docs), lesson))
        return float(pipe.get_teacher_student_loss(beliefs, scores)[0])


@contextmanager
def _comparing(pipe: Any, structure: Structure) -> Iterator[None]:
    """Let a component compare whole distributions over some structures, whatever it was trained to
    learn."""
    before = pipe.objective, pipe.task.structure
    pipe.objective, pipe.task.structure = STRUCTURAL, structure
    try:
        yield
    finally:
        pipe.objective, pipe.task.structure = before
