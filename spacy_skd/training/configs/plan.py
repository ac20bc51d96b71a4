"""Which students a teacher pipeline can have: one for each layer that its components annotate."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.ty import ListenedToComponent

from ...layers.base import Block
from ...layers.known import find_layer
from ...pipeline.teacher.base import is_teacher
from ...rules import fast_factory
from ...teachers.embedding import find_listener
from ...teachers.merging import merges
from ...teachers.runner import sets_sentences
from ...teachers.sources import CAN_TEACH, as_source, is_trained
from ...teachers.transition import TransitionSource
from ..callbacks import why_not_kept
from ..lexicon.reading import ReadLexicon
from .retrained import check_retrainable, check_taught

TEACHER, TOK2VEC = "teacher", "tok2vec"  # components of every student
NOTHING = {"", "_"}  # labels of a morphologizer that says nothing of a layer


@dataclass(frozen=True)
class Student:
    """A component to train. layer (str), settings (Block): see `View`. asks (str): what of the
    teacher answers it, a component or a view. is_transitions (bool): whether it is spaCy's own."""

    name: str
    layer: str
    asks: str
    settings: Block = field(default_factory=dict, compare=False)
    is_transitions: bool = False


@dataclass(frozen=True)
class Row:
    """What becomes of a component of the teacher. students (tuple[Student, ...]): that it teaches.
    is_sourced (bool): whether the student takes it over. is_retrained (bool): whether it trains it
    anew. reason (str): why neither, why it is taken over though it could teach, or as what. is_lost
    (bool): whether the student cannot do what it does. loses (str): what no student learns."""

    name: str
    factory: str
    students: tuple[Student, ...] = ()
    is_sourced: bool = False
    is_retrained: bool = False
    reason: str = ""
    is_lost: bool = False
    loses: str = ""


@dataclass(frozen=True)
class Plan:
    """rows (list[Row]): of the teacher's components, in its order. by_beam (list[str]): those of
    them whose probabilities are nearly all 0 or 1. embedding (str): the teacher's component that
    heads could listen to, "" if there is none. lexicon (ReadLexicon | None): of the user."""

    rows: list[Row] = field(default_factory=list)
    by_beam: list[str] = field(default_factory=list)
    embedding: str = ""
    lexicon: ReadLexicon | None = field(default=None, compare=False)

    @property
    def students(self) -> list[Student]:
        return [student for row in self.rows for student in row.students]

    @property
    def sourced(self) -> list[str]:
        return [row.name for row in self.rows if row.is_sourced]

    @property
    def retrained(self) -> list[str]:
        return [row.name for row in self.rows if row.is_retrained]

    @property
    def pipeline(self) -> list[str]:
        """The student's components, in the teacher's order but for sentence starts."""
        first = [s.name for s in self.students if find_layer(s.layer).sets_sentences]
        names = (
            name
            for row in self.rows
            for name in ([s.name for s in row.students] or [row.name])
            if row.students or row.is_sourced or row.is_retrained
        )
        return [TEACHER, TOK2VEC, *first, *(name for name in names if name not in first)]


def make_plan(
    nlp: Language,
    *,
    pipes: Sequence[str] = (),
    keep: Sequence[str] = (),
    teach: Sequence[str] = (),
    retrain: Sequence[str] = (),
) -> Plan:
    """Decide what becomes of each component of a teacher.

    nlp (Language): the teacher.
    pipes (Sequence[str]): its components to teach or to take over; all but disabled ones if empty.
    keep (Sequence[str]): those to take over as they are though they could teach, beside `pipes`. Of
        several of the same layer, one of which alone needs the teacher's vectors, that one teaches
        and the others are kept.
    teach (Sequence[str]): those to teach though they are rules (`lemmatizer`), which are else taken
        over.
    retrain (Sequence[str]): those to train anew, beside `pipes`.
    RAISES (ValueError): if one does not exist, cannot be kept, taught or trained anew, none can
        teach, two would teach one layer, the parser would have no sentences, or a name is taken.
    """
    if unknown := sorted({*pipes, *keep, *teach} - set(nlp.component_names)):
        expected = ", ".join(nlp.component_names)
        raise ValueError(f"pipes: expected some of {expected}, got {', '.join(unknown)}")
    for name in retrain:
        check_retrainable(nlp, name)
    if both := sorted(set(keep) & set(retrain)):
        raise ValueError(f"expected each component in one of keep and retrain, got {both} in both")
    rows = [
        Row(name, nlp.get_pipe_meta(name).factory, is_retrained=True)
        if name in retrain
        else (_kept(nlp, name, pipe) if name in keep else _row(nlp, name, pipe, pipes, teach))
        for name, pipe in nlp.components
    ]
    check_taught(teach, {row.name: row.reason for row in rows if not row.students})
    rows = _one_of_a_layer(nlp, rows)
    _check_layers(rows)
    rows = [_named(row, taken=nlp.component_names) for row in _with_sentences(nlp, rows)]
    by_beam = [row.name for row in rows if row.students and _searches(nlp, row.name)]
    plan = Plan(rows, by_beam, _embedding(nlp))
    for name in (*plan.sourced, *plan.retrained, *(s.name for s in plan.students)):
        if name in (TEACHER, TOK2VEC):
            raise ValueError(
                f"the teacher's component {name!r} has the name of a component that every student "
                f"has: rename it (nlp.rename_pipe) or leave it out by --pipes"
            )
    return plan


def check_trained(nlp: Language, plan: Plan) -> Plan:
    """Return the plan. RAISES (ValueError): naming the components that are to teach, but have no
    weights, as what was disabled when its pipeline was trained."""
    taught = [row.name for row in plan.rows if row.students]
    never = [name for name in taught if not is_trained(nlp.get_pipe(name))]
    if never:
        of_student = {*taught, *plan.sourced, *plan.retrained}
        others = ",".join(r.name for r in plan.rows if r.name in of_student.difference(never))
        remedy = f"leave them out (--pipes {others}) or train" if others else "train"
        raise ValueError(
            f"{', '.join(never)}: what has not been trained cannot teach: {remedy} them"
        )
    return plan


def with_gold(plan: Plan, docs: Sequence[Doc]) -> Plan:
    """Return a plan whose students can learn the annotation of docs, where their teacher's says
    nothing of it (that spans overlap)."""
    rows = [
        replace(row, students=tuple(_of_gold(student, docs) for student in row.students))
        for row in plan.rows
    ]
    return replace(plan, rows=rows)


def _of_gold(student: Student, docs: Sequence[Doc]) -> Student:
    settings = student.settings or find_layer(student.layer).settings_of_gold(docs)
    return replace(student, settings=settings)


def _row(nlp: Language, name: str, pipe: Any, pipes: Sequence[str], teach: Container[str]) -> Row:
    """Return the row of a component. Its students are still named as what they ask."""
    row = Row(name, nlp.get_pipe_meta(name).factory)
    if pipes and name not in pipes:
        return replace(row, reason="is not one of --pipes")
    if not pipes and name in nlp.disabled:
        return replace(row, reason="is disabled; name it by --pipes if it is to teach")
    if isinstance(pipe, ListenedToComponent) and not is_teacher(pipe):
        return replace(row, reason="students have a tok2vec of their own")
    source = as_source(pipe)
    views = {} if source is None else source.views()
    by_rules = all(view.is_certain for view in views.values())
    if source is not None and (name in teach or not by_rules):
        views = {name + suffix: view for suffix, view in views.items() if view.layer}
        said = {a: view for a, view in views.items() if by_rules or set(view.labels) - NOTHING}
        students = tuple(Student(a, view.layer, a, view.student) for a, view in said.items())
        if not students:
            return replace(row, reason="has no labels")
        return replace(row, students=students, loses=source.loses)
    reason = why_not_kept(pipe)
    if reason:
        return replace(row, reason=f"{reason}, and no student learns what it does", is_lost=True)
    return replace(row, is_sourced=True, reason=_how_taken(nlp, name))


def _kept(nlp: Language, name: str, pipe: Any) -> Row:
    """Return the row of what is taken over. RAISES (ValueError): if it cannot be."""
    if reason := why_not_kept(pipe):
        raise ValueError(f"keep: {name!r} cannot be taken over as it is: it {reason}")
    return Row(name, nlp.get_pipe_meta(name).factory, is_sourced=True, reason=_how_taken(nlp, name))


def _how_taken(nlp: Language, name: str) -> str:
    """Return how it is taken over if not as it is: as faster rules, or to be off in training."""
    if merges(nlp, name):
        return "taken over; off in training and scores, as it merges or splits tokens"
    factory = fast_factory(nlp.get_pipe(name))
    return factory and f"taken over, as a {factory}"


def _one_of_a_layer(nlp: Language, rows: Sequence[Row]) -> list[Row]:
    """Return the rows; where of those of a layer one alone cannot be taken over, the others are."""
    bound = {row.name for row in rows if row.students and why_not_kept(nlp.get_pipe(row.name))}
    layers = {row.name: {s.layer for s in row.students if not _is_of_parser(s)} for row in rows}
    taught = [layer for name in bound for layer in layers[name]]
    return [
        replace(row, students=(), is_sourced=True, loses="", reason=_beside(row, rows, bound))
        if row.name not in bound and layers[row.name].intersection(taught)
        else row
        for row in rows
    ]


def _beside(row: Row, rows: Sequence[Row], bound: Container[str]) -> str:
    layers = {student.layer for student in row.students}
    others = (r for r in rows if r.name in bound)
    teacher = next(r.name for r in others if layers & {s.layer for s in r.students})
    return f"taken over as it is, beside what {teacher!r} teaches"


def _check_layers(rows: Sequence[Row]) -> None:
    """Raise ValueError if no component can teach, or two teach the same layer."""
    teachers: dict[str, str] = {}
    for row in rows:
        for layer in (s.layer for s in row.students if not _is_of_parser(s)):
            if layer in teachers:
                raise ValueError(
                    f"the teacher's components {teachers[layer]!r} and {row.name!r} both teach the "
                    f"layer {layer!r}: choose one of them by --pipes; one that needs no vectors of "
                    f"the teacher's can be taken over as it is, by --keep"
                )
            teachers[layer] = row.name
    if not teachers:
        lines = (f"\n  {r.name} ({r.factory}): {r.reason or 'cannot teach'}" for r in rows)
        raise ValueError(
            f"the pipeline has no component that can teach: expected one of the factories "
            f"{CAN_TEACH}, found{''.join(lines) or ' none'}"
        )


def _is_of_parser(student: Student) -> bool:
    """Tell whether it learns the sentences of a stock parser, a view of it."""
    return is_derived(student.layer, asks=student.asks)


def is_derived(layer: str, *, asks: str) -> bool:
    """Tell whether a view of a component is of sentences that come with what it annotates."""
    return find_layer(layer).sets_sentences and asks.endswith(f".{layer}")


def _with_sentences(nlp: Language, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows; a student of the parser's sentences is left out if another student, or a
    component before the parser, sets some. RAISES (ValueError): if nothing does."""
    students = [student for row in rows for student in row.students if not _is_of_parser(student)]
    has_starts = any(find_layer(student.layer).sets_sentences for student in students)
    for row in rows:
        stays = row.is_sourced or row.is_retrained
        has_starts |= stays and sets_sentences(nlp, row.name, nlp.get_pipe(row.name))
        if has_starts:
            row = replace(row, students=tuple(s for s in row.students if not _is_of_parser(s)))
        elif [find_layer(s.layer).needs_sentences for s in row.students] == [True]:
            raise ValueError(
                f"the student of {row.name!r} needs sentence starts, which no component before it "
                f"sets: add one that does to --pipes, or leave {row.name!r} out"
            )
        yield row


def _named(row: Row, *, taken: Container[str]) -> Row:
    """Give students the teacher's names, those of views the view's ("pos" of
    "morphologizer.pos")."""
    named: list[Student] = []
    for student in row.students:
        view = student.asks[len(row.name) + 1 :]
        name = f"{row.name}_{view}" if view in taken else view
        named.append(replace(student, name=name or row.name))
    return replace(row, students=tuple(named))


def _embedding(nlp: Language) -> str:
    try:
        return find_listener(nlp)[0]
    except ValueError:
        return ""


def _searches(nlp: Language, name: str) -> bool:
    return isinstance(as_source(nlp.get_pipe(name)), TransitionSource)
