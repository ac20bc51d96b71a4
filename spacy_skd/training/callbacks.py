"""Callbacks of `spacy train`: take over the teacher's other pipes, save students without it."""

import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from spacy.language import Language
from thinc.api import Config, Model

from ..models.embedding.own_vectors import STATIC
from ..models.frozen import listeners
from ..pipeline.gold_config import is_ours, learning_alone, read_gold
from ..pipeline.of_training import is_of_training
from ..pipeline.teacher.base import SkdTeacher
from ..pipeline.transitions.stock import save_as_stock
from ..registry import callback
from ..teachers.sources import component_of
from .lexicon.setting import CALLBACK as LEXICON
from .origin import origin_of
from .resume import BEGIN, OF_PATHS, RESUME, switch

logger = logging.getLogger("spacy.skd")
KEEP = "spacy-skd.keep_pipes.v1"
DROP = "spacy-skd.drop_teacher.v1"
COPY = "spacy.copy_from_base_model.v1"  # spaCy's own
NO_VECTORS = "spacy-skd.needs_no_vectors.v1"
OF_TEACHER = "${paths.teacher}"


@callback(DROP)
def make_drop_teacher(enable: Sequence[str] = ()) -> Callable[[Language], Language]:
    """Drop the teacher, for `[training.before_to_disk]`: the saved pipeline has no teacher, no path
    to one and none of the callbacks that need one, and transition students are stock components.
    Its config trains: on gold, by spaCy's reader, without an error that there is no teacher.

    enable (Sequence[str]): components that are disabled in training alone, and enabled in what is
        saved: those that merge tokens, which evaluation compares with gold's.
    """

    def before_to_disk(nlp: Language) -> Language:
        clone = without_teacher(nlp)
        clone._disabled = clone._disabled - set(enable)
        training = clone._config["training"]
        # spaCy enables what is frozen at the end of initialization, even what cannot learn.
        training["frozen_components"] = [
            name
            for name in training["frozen_components"]
            if name not in enable or getattr(nlp.get_pipe(name), "is_trainable", False)
        ]
        return clone

    return before_to_disk


def without_teacher(nlp: Language) -> Language:
    """Return a shallow clone of a pipeline without its teacher component, and others of training
    alone, whose meta says what it was made of.

    The pipeline itself stays as it is: training goes on with it.
    RETURNS (Language): shares components and vocab with `nlp`.
    """
    names = [name for name, pipe in nlp._components if is_of_training(pipe)]
    clone = copy.copy(nlp)
    clone._components = [(n, pipe) for n, pipe in nlp._components if n not in names]
    clone._disabled = {n for n in nlp._disabled if n not in names}
    clone._pipe_meta = {n: v for n, v in nlp._pipe_meta.items() if n not in names}
    clone._pipe_configs = {n: v for n, v in learning_alone(nlp).items() if n not in names}
    save_as_stock(clone)
    clone._meta = copy.deepcopy(nlp._meta)
    for _, pipe in nlp._components:
        if isinstance(pipe, SkdTeacher):
            clone._meta.update(origin_of(nlp, pipe))
    clone._config = _scrub(nlp.config, names)
    return clone


def _scrub(config: Config, names: list[str]) -> Config:
    config = config.copy()
    for name in names:
        config.get("components", {}).pop(name, None)
        config.get("initialize", {}).get("components", {}).pop(name, None)
    training = config.get("training", {})
    training["frozen_components"] = [
        n for n in training.get("frozen_components", []) if n not in names
    ]
    saving = training.get("before_to_disk")
    if _is_callback(saving, DROP) and not saving.get("enable"):  # else a training on needs it
        training["before_to_disk"] = None
    initialize = config.get("initialize", {})
    after = initialize.get("after_init")
    if _is_callback(after, KEEP):
        initialize["after_init"] = None
    elif _is_callback(after, RESUME) and any(
        _is_callback(after.get("first"), n) for n in (KEEP, BEGIN)
    ):
        initialize["after_init"] = {**after, "first": None}
    if initialize.get("after_init") is None:  # of a config that was written when there was none
        initialize["after_init"] = switch()
        config.setdefault("paths", {}).setdefault("resume", None)
    read_gold(config)
    paths = config.get("paths", {})
    if initialize.get("vectors") in (OF_TEACHER, paths.get("teacher")):
        initialize["vectors"] = None  # saved with the vocab
    for settings in (initialize, *initialize.get("components", {}).values()):
        for name, value in settings.items():
            if is_ours(value, "@misc"):  # read where training is resumed
                settings[name] = {**value, "path": OF_PATHS}
    initialize["before_init"] = _without_copy(initialize.get("before_init"), paths)
    paths.pop("teacher", None)
    # Other blocks may refer to them.
    for name in {"store", "resume", "former", "lexicon"} & paths.keys():
        paths[name] = None
    if "stores" in paths:
        paths["stores"] = {}
    return config


def _without_copy(before: Any, paths: dict[str, Any]) -> Any:
    """Return a block of `before_init` that copies nothing of the teacher."""
    if _is_callback(before, NO_VECTORS):
        return _without_copy(before.get("first"), paths)
    if _is_callback(before, LEXICON):
        return {**before, "first": _without_copy(before.get("first"), paths)}
    is_copy = _is_callback(before, COPY)
    return None if is_copy and before["tokenizer"] in (OF_TEACHER, paths.get("teacher")) else before


def _is_callback(block: Any, name: str) -> bool:
    return isinstance(block, dict) and block.get("@callbacks") == name


@callback(NO_VECTORS)
def make_needs_no_vectors(
    first: Callable[[Language], Any] | None = None,
) -> Callable[[Language], Language]:
    """Let, for `[initialize.before_init]`, spaCy compare the vectors of the vocab with those of a
    source only for components that read some: of rules it would warn (W113) of what makes no
    difference.

    first (Callable[[Language], Any] | None): another such callback, which is called before.
    """

    def before_init(nlp: Language) -> Language:
        if first is not None:
            first(nlp)
        sources: dict[str, int] = nlp.meta.get("_sourced_vectors_hashes", {})  # spaCy's
        for name, pipe in nlp.components:
            if not reads_vectors(pipe):
                sources.pop(name, None)
        return nlp

    return before_init


@callback(KEEP)
def make_keep_pipes() -> Callable[[Language], Language]:
    """Source, for `[initialize.after_init]`, every pipe of the teacher that needs no transformer
    (attribute_ruler, lemmatizer, entity_ruler, ...) into the student, where training leaves it as
    it is."""

    def after_init(nlp: Language) -> Language:
        for _, pipe in nlp._components:
            if isinstance(pipe, SkdTeacher) and pipe.teacher is None and pipe.folders:
                logger.warning("No pipes are kept: beliefs are stored, and there is no teacher")
            elif isinstance(pipe, SkdTeacher):
                kept, dropped = keep_pipes(nlp, pipe)
                frozen = nlp.config["training"].setdefault("frozen_components", [])
                frozen.extend(name for name in kept if name not in frozen)
                logger.info("Kept from the teacher: %s", ", ".join(kept) or "nothing")
                if dropped:
                    logger.warning("Not taken over from the teacher: %s", "; ".join(dropped))
        return nlp

    return after_init


def keep_pipes(nlp: Language, teacher: SkdTeacher) -> tuple[list[str], list[str]]:
    """Add the teacher's pipes that run without its transformer to the end of the pipeline.

    RETURNS (tuple[list[str], list[str]]): names kept; names dropped, each with the reason. Those
        that teach a student's component are neither.
    """
    kept: list[str] = []
    dropped: list[str] = []
    if not nlp.vocab.vectors.shape[1] and any(reads_vectors(p) for _, p in teacher.nlp.components):
        nlp.vocab.vectors = teacher.nlp.vocab.vectors
    answered = {component_of(teacher.pipe_of(student)) for student in teacher.students}
    for name, pipe in teacher.nlp.components:
        if name in answered:
            continue
        reason = why_not_kept(pipe)
        if not reason and name in teacher.nlp.disabled:
            reason = "is disabled"
        if not reason and name in nlp.component_names:
            reason = "the student has a component of that name"
        if reason:
            dropped.append(f"{name} ({reason})")
            continue
        with warnings.catch_warnings():
            if not reads_vectors(pipe):
                warnings.filterwarnings("ignore", message=r"\[W113\]")
            nlp.add_pipe(name, source=teacher.nlp)
        kept.append(name)
    return kept, dropped


def reads_vectors(pipe: Any) -> bool:
    """Tell whether a pipe that is taken over may look words up in the vocab's static vectors: its
    model does, or it is not spaCy's, which may ask for anything (`doc.similarity`)."""
    if why_not_kept(pipe):
        return False
    model = getattr(pipe, "model", None)
    if isinstance(model, Model):
        return any(node.name == STATIC and not node.layers for node in model.walk())
    module = getattr(pipe, "__module__", type(pipe).__module__)
    return not module.startswith("spacy.")


def why_not_kept(pipe: Any) -> str:
    """Return why a teacher's pipe cannot go into a student, "" if it can."""
    if is_of_training(pipe):
        return "is of training alone"
    model = getattr(pipe, "model", None)
    if not isinstance(model, Model):
        return ""
    names = {node.name for node in model.walk()}
    if any("transformer" in name for name in names):
        return "needs the transformer"
    if listeners(model):
        return "listens to vectors of the teacher"
    if hasattr(pipe, "listening_components") and hasattr(pipe, "find_listeners"):
        return "makes vectors for the teacher's own components"
    return ""
