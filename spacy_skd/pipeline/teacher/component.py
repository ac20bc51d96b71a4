"""`skd_teacher`: a frozen component that answers the students' questions during training.

It answers from stored beliefs (`spacy skd annotate`) where there are any, and runs the trained
teacher once per other distinct doc, however many students, epochs and evaluations there are; it
does nothing in prediction. It has the methods of spaCy's `ListenedToComponent`, so
that `Language` links it to the students whenever it links listeners.
"""

from collections.abc import Sequence
from typing import Any

from spacy.language import Language

from ...errors import check_between, check_positive, named
from ...shards.table import Table, check_one_of_two, read_table
from .base import SkdTeacher
from .ensemble import Ensemble
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
) -> SkdTeacher:
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
        return make_teacher(
            name,
            teacher=teacher,
            teachers=teachers,
            store=store,
            stores=stores,
            student_to_teacher=student_to_teacher,
            cache_bytes=int(check_positive("cache_mb", cache_mb) * 2**20),
            batch_words=int(check_between("batch_words", batch_words, low=1, high=10**9)),
        )


def make_teacher(
    name: str = "skd_teacher",
    *,
    teacher: str | None,
    teachers: Sequence[dict[str, Any]] = (),
    store: str | None = None,
    stores: Table | None = None,
    student_to_teacher: dict[str, str] | None = None,
    cache_bytes: int = 2**31,
    batch_words: int = 1000,
) -> SkdTeacher:
    """Do as `make_skd_teacher`, also of the errors. cache_bytes (int): `cache_mb` in bytes."""
    settings: dict[str, Any] = {
        "student_to_teacher": student_to_teacher or {},
        "cache_bytes": cache_bytes,
        "batch_words": batch_words,
    }
    if not stores:
        return Ensemble(name, teacher=teacher, teachers=teachers, store=store, **settings)
    if teacher is not None or teachers:
        raise ValueError(
            f"{name}: expected `stores` alone, got teacher = {teacher!r} and "
            f"{len(teachers)} teachers beside them; name the teacher of a store in its row"
        )
    check_one_of_two(store, stores, name=name)
    return StoreTable(name, read_table(stores), **settings)
