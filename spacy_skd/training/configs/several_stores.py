"""The config of a student of several stores: whom of them each component asks, and what else than
its first teacher's components they let it have."""

from collections.abc import Sequence
from dataclasses import replace

from spacy.language import Language
from thinc.api import Config

from ...layers.guesses import guess_layer
from ...layers.known import find_layer
from ...shards.store import BeliefStore
from ...shards.table import StoreEntry
from .paths import unread_paths
from .plan import TEACHER, TOK2VEC, Plan, Row, Student, is_derived
from .presets import Block

OF_STORES = "${paths.stores}"


def with_stores(plan: Plan, stores: Sequence[BeliefStore], nlp: Language) -> Plan:
    """Return a plan with a student, too, for each layer that the stores have and the first teacher
    does not teach.

    nlp (Language): the teacher of the plan, which has annotated one of the stores.
    RAISES (ValueError): if it has not, if no store has what a student asks, or if trees would have
        no sentences.
    """
    folders = [store.folder.resolve() for store in stores]
    if twice := [str(folder) for folder in folders if folders.count(folder) > 1]:
        raise ValueError(f"--store: expected each folder once, got {twice[0]} twice")
    if not any(store.is_of(nlp) for store in stores):
        stores[0].check_teacher(nlp)
    for student in plan.students:
        if not any(student.layer in _layers(store).values() for store in stores):
            has = "; ".join(f"{store.folder} has {', '.join(store.forms)}" for store in stores)
            raise ValueError(
                f"no store has what the student {student.name!r} asks, {student.asks!r}: {has}. "
                f"Annotate again with it, or leave it out by --pipes"
            )
    for store in stores:
        for pipe, layer in _layers(store).items():
            plan = _with_layer(plan, pipe, layer, store)
    trees = [student for student in plan.students if find_layer(student.layer).needs_sentences]
    if trees and not any(find_layer(s.layer).sets_sentences for s in plan.students):
        if not any(row.is_sourced for row in plan.rows):
            raise ValueError(
                f"the student {trees[0].name!r} needs sentence starts, which no student and none "
                f"of the teacher's components sets: annotate with one that does, too"
            )
    return plan


def _layers(store: BeliefStore) -> dict[str, str]:
    """Return the layer of each component of a store."""
    noted = store.manifest.layers
    return {pipe: noted.get(pipe) or guess_layer(pipe, form) for pipe, form in store.forms.items()}


def _with_layer(plan: Plan, pipe: str, layer: str, store: BeliefStore) -> Plan:
    """Add a student of a store's component, unless there is one of its layer, or none can be."""
    layers = {student.layer for student in plan.students}
    found = find_layer(layer)
    has_sentences = any(find_layer(each).sets_sentences for each in layers)
    if layer in layers or not found.family:
        return plan
    if found.sets_sentences and (has_sentences and is_derived(layer, asks=pipe)):
        return plan
    taken = {TEACHER, TOK2VEC, *plan.pipeline}
    last = pipe.rpartition(".")[2]
    names = (last, *(f"{last}_{n}" for n in range(2, len(taken) + 3)))
    name = next(each for each in names if each not in taken)
    row = Row(pipe, str(store.folder), (Student(name, layer, pipe),), loses=f"from {store.folder}")
    return replace(plan, rows=[*plan.rows, row])


def ask_stores(config: Config, stores: Sequence[BeliefStore], plan: Plan) -> Config:
    """Return a student's config that reads `paths.stores`, as `spacy-skd.DistillationCorpus.v1`
    and `skd_teacher` do: of each store as many words as it has unlabelled ones among all of them.
    """
    config = config.copy()
    train, component = config["corpora"]["train"], config["components"][TEACHER]
    words = [_unlabelled_words(store) for store in stores]
    ratio = train["ratio"] / max(1, sum(words))
    shared = {student.name: student.asks for student in plan.students}
    config["paths"]["stores"] = {
        name: _row(
            StoreEntry(
                name,
                str(store.folder),
                ratio=round(ratio * n, 4) if sum(words) else train["ratio"],
                student_to_teacher=_asked(plan, store, shared),
            )
        )
        for name, store, n in zip(_names(stores), stores, words)
    }
    train.update(store=None, stores=OF_STORES)
    component.update(teacher=None, store=None, stores=OF_STORES)
    if "teacher" in unread_paths(config):  # nothing is taken over from it
        config["paths"]["teacher"] = None
    return config


def _asked(plan: Plan, store: BeliefStore, shared: dict[str, str]) -> dict[str, str]:
    """Return whom of a store students ask under another name than of the others."""
    layers = _layers(store)
    by_layer = {layer: pipe for pipe, layer in reversed(layers.items())}
    return {
        student.name: by_layer[student.layer]
        for student in plan.students
        if student.layer in by_layer and layers.get(shared[student.name]) != student.layer
    }


def _unlabelled_words(store: BeliefStore) -> int:
    shards = store.manifest.shards.values()
    return sum(shard.words for shard in shards if not shard.labelled)


def _names(stores: Sequence[BeliefStore]) -> list[str]:
    """Return a name of each, that of its folder, numbered if another has it."""
    names: list[str] = []
    for store in stores:
        plain = store.folder.resolve().name.replace(".", "_")
        numbered = (f"{plain}_{n}" for n in range(2, len(stores) + 2))
        names.append(next(name for name in (plain, *numbered) if name not in names))
    return names


def _row(entry: StoreEntry) -> Block:
    row = vars(entry) | {"student_to_teacher": dict(entry.student_to_teacher)}
    return {key: value for key, value in row.items() if key != "name"}
