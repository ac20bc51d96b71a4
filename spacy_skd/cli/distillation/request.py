"""What is asked of `spacy skd distill`, checked before anything takes long."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ...disk import check_apart, digest_of, files_of, suffix_of
from ...errors import check_positive, named
from ...layers.known import annotated_layers
from ...shards.files import files_of_docs
from ...teachers.embedding import Embedder
from ...teachers.fingerprint import fingerprint
from ...teachers.loading import load_trained
from ...training.annotation.inputs import DOCS
from ...training.annotation.settings import Settings
from ...training.configs.paths import check_paths
from ...training.configs.plan import Plan, check_trained, make_plan
from ...training.configs.presets import DEFAULT, find_preset
from ...training.configs.transitions import with_transitions
from ...training.conversion.heldout import TextCounts, choose, count_texts
from ...training.conversion.raw_text import find_raw_files
from ...training.lexicon.reading import SUFFIXES, read_lexicon
from ..package import check_wheel
from ..texts.docs import docs_in
from .state import describe

HIDDEN = 24  # columns of hidden states
OVERRIDES = "SPACY_CONFIG_OVERRIDES"  # spaCy's own


@dataclass(frozen=True)
class Request:
    """See `spacy skd distill --help`. Names of components are the teacher's."""

    teacher: str
    texts: tuple[Path, ...]
    gold: Path | None = None
    dev: Path | None = None
    preset: str = DEFAULT
    effort: float = 1.0
    max_words: int = 300
    pipes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    teach: tuple[str, ...] = ()
    retrain: tuple[str, ...] = ()
    transitions: tuple[str, ...] = ()
    lexicon: Path | None = None
    hidden: bool = False
    name: str = "skd_student"
    version: str = "0.1.0"
    license: str = ""
    code: Path | None = None
    gpu_id: int = -1


@dataclass(frozen=True)
class Checked:
    """A request that can be fulfilled. nlp: the teacher, loaded; embeds: whether it has vectors of
    words. annotation: how it annotates. files, counts: of the texts. held_out: digests of those to
    evaluate on. gold, dev: tokens. settings: of the state."""

    request: Request
    nlp: Language
    embeds: bool
    plan: Plan
    annotation: Settings
    files: list[Path]
    counts: TextCounts
    held_out: set[str]
    gold: int
    dev: int
    settings: dict[str, Any]


def check(request: Request) -> Checked:
    """Load the teacher and read all inputs once.

    RAISES (ValueError): for whatever is wrong with them, with the remedy.
    """
    find_preset(request.preset)
    check_positive("effort", request.effort)
    Settings(max_words=request.max_words)
    if find_spec("threadpoolctl") is None:
        raise ValueError("the speeds of the report need: pip install threadpoolctl")
    files = _text_files(request.texts)
    docs = {path: list(docs_in(path)) for path in (request.gold, request.dev) if path is not None}
    nlp = load_trained(request.teacher, what="teacher")
    code = [request.code] if request.code else []
    check_wheel(str(nlp.lang), name=request.name, version=request.version, code=code)
    r = request
    plan = make_plan(nlp, pipes=r.pipes, keep=r.keep, teach=r.teach, retrain=r.retrain)
    plan = with_transitions(check_trained(nlp, plan), r.transitions)
    if r.lexicon is not None:
        plan = replace(plan, lexicon=read_lexicon(r.lexicon, nlp))
    annotation = _annotation(request, plan, nlp)
    for path, read in docs.items():
        _check_layers(path, read, plan)
    counts = count_texts(files)
    if not counts.texts:
        raise ValueError(
            f"{', '.join(map(str, request.texts))}: expected texts to learn from, found "
            f"{counts.rejected} unfit lines and no text"
        )
    held_out = choose(files, counts) if request.dev is None else set()
    settings = {
        "teacher": {"name": nlp.meta["name"], "blake2b": fingerprint(nlp)},
        "texts": describe(files),
        "gold": _described(request.gold),
        "dev": _described(request.dev),
        **{name: getattr(request, name) for name in ("preset", "effort", "max_words")},
        **{name: list(getattr(request, name)) for name in ("pipes", "keep", "teach", "retrain")},
        **{name: getattr(request, name) for name in ("name", "version", "license")},
        "annotation": {
            "beam_width": annotation.beam_width,
            "least": annotation.least,
            **({"hidden": annotation.hidden} if annotation.hidden else {}),
        },
        "code": request.code and {"file": request.code.name, "blake2b": digest_of(request.code)},
        "overrides": os.environ.get(OVERRIDES, ""),
        **_of_students(request),
    }
    gold, dev = (
        0 if path is None else sum(map(len, docs[path])) for path in (request.gold, request.dev)
    )
    return Checked(
        request,
        nlp,
        _embeds(nlp),
        plan,
        annotation,
        files,
        counts,
        held_out,
        gold,
        dev,
        settings,
    )


def _of_students(request: Request) -> dict[str, Any]:
    """Return settings of the state that are there only if they are given."""
    given: dict[str, Any] = {}
    if request.transitions:
        given["transitions"] = list(request.transitions)
    if request.lexicon is not None:
        given["lexicon"] = describe(files_of(request.lexicon, suffixes=SUFFIXES))
    return given


OF_STUDENTS = ("transitions", "lexicon")  # what `_of_students` may have


def check_output(request: Request, output: Path) -> None:
    """Check where the output lies. RAISES (ValueError): if it is among the inputs, or around, or
    the student's config could not name it, or them."""
    named = (request.gold, request.dev, request.code, request.lexicon)
    inputs: list[str | Path] = [
        request.teacher,
        *request.texts,
        *(path for path in named if path is not None),
    ]
    check_apart(output, inputs)
    check_paths([output, request.teacher, request.dev, request.lexicon])


def _annotation(request: Request, plan: Plan, nlp: Language) -> Settings:
    """Return how the teacher annotates: all that it can be asked, or, where components are chosen,
    what their students ask. RAISES (ValueError): if there are no hidden states, where they are
    asked for."""
    is_chosen = request.pipes or request.keep or request.teach
    asks = sorted({student.asks for student in plan.students}) if is_chosen else []
    with named("hidden"):
        hidden = min(HIDDEN, Embedder(nlp).width) if request.hidden else 0
    words, again = request.max_words, request.retrain
    return Settings(pipes=tuple(asks), max_words=words, retrain=again, hidden=hidden)


def _embeds(nlp: Language) -> bool:
    try:
        Embedder(nlp)
    except ValueError:
        return False
    return True


def _text_files(texts: Sequence[Path]) -> list[Path]:
    """Find files of raw text. RAISES (ValueError): naming what labelled docs are given by."""
    for path in texts:
        if suffix_of(path) == DOCS:
            raise ValueError(
                f"{path}: expected raw text, .jsonl or .txt; give labelled docs by --gold"
            )
    return find_raw_files(list(texts))


def _check_layers(path: Path, docs: Sequence[Doc], plan: Plan) -> None:
    """Check labelled docs. RAISES (ValueError): if none has anything that the students learn."""
    layers = [student.layer for student in plan.students]
    if not annotated_layers(docs, layers):
        raise ValueError(
            f"{path}: expected docs with some of the layers {', '.join(layers)}, which TEACHER "
            f"annotates, found none in {len(docs)} docs"
        )


def _described(path: Path | None) -> list[dict[str, Any]]:
    return [] if path is None else describe(files_of_docs(path))
