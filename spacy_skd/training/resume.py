"""Going on with a training, or with a saved student: `paths.resume` of a student's config."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.pipeline import AttributeRuler, EntityRuler
from spacy.tokens import Doc

from ..pipeline.gold_config import is_ours
from ..pipeline.learners import LEARNERS
from ..pipeline.of_training import is_of_training
from ..pipeline.saved import CALIBRATION, COUNTS
from ..pipeline.teacher.base import is_teacher
from ..pipeline.transitions.actions import add_actions
from ..pipeline.transitions.stock import stock_factory_of
from ..registry import callback
from ..teachers.loading import load_trained
from .configs.paths import unread_paths
from .lexicon.setting import lexicon_path, set_lexicon
from .origin import inherit_origin

logger = logging.getLogger("spacy.skd")
RESUME = "spacy-skd.resume.v1"
BEGIN = "spacy-skd.begin_from.v1"
OF_PATHS = "${paths.resume}"
REMEDY = (
    "The config of a saved pipeline has neither rules nor weights; to begin with those that are "
    "saved beside it, name its folder: --paths.resume out/model-best"
)


@callback(RESUME)
def make_resume(
    path: Path | None = None, first: Callable[[Language], Language] | None = None
) -> Callable[[Language], Language]:
    """Let, for `[initialize.after_init]`, training begin where another has stopped.

    Restored are weights, labels, the step that anneals `distill_weight`, the place in the stream of
    a store, and the tokenizer's rules. The optimizer and its learning rate begin anew: spaCy does
    not save them. Components that `spacy-skd.drop_teacher.v1` enables in what is saved are disabled
    until then, as they were in the first training.

    path (Path | None): the folder (`out/model-last`) or package; None for a training that begins
        at the beginning.
    first (Callable[[Language], Language] | None): another such callback, which is called before.
    """

    def after_init(nlp: Language) -> Language:
        nlp = nlp if first is None else first(nlp)
        for name, value in unread_paths(nlp.config).items():
            logger.warning("paths.%s: nothing in the config reads it, got %s", name, value)
        if path is None:
            check_frozen(nlp)
        else:
            resume(nlp, str(path))
        _disable_until_saved(nlp)
        return nlp

    return after_init


def _disable_until_saved(nlp: Language) -> None:
    saving = nlp.config["training"].get("before_to_disk")
    names = saving.get("enable", ()) if is_ours(saving, "@callbacks") else ()
    for name in names:
        if name in nlp.pipe_names:
            nlp.disable_pipe(name)


@callback(BEGIN)
def make_begin_from(
    path: Path | None = None, first: Callable[[Language], Language] | None = None
) -> Callable[[Language], Language]:
    """Let, for `[initialize.after_init]` or for `first` of `spacy-skd.resume.v1`, a new training
    begin with what an earlier student knows: weights, labels and the tokenizer's rules. The steps
    that anneal `distill_weight` and the stream of a store begin anew, and so do components that the
    earlier student lacks.

    path (Path | None): the folder or package; None begins with nothing.
    first (Callable[[Language], Language] | None): another such callback, which is called before.
    """

    def after_init(nlp: Language) -> Language:
        nlp = nlp if first is None else first(nlp)
        if path is not None:
            resume(nlp, str(path), is_new=True)
            for _, pipe in nlp.components:
                if isinstance(pipe, LEARNERS):
                    pipe.cfg.update(dict.fromkeys(COUNTS, 0))
                    pipe.cfg.pop(CALIBRATION, None)  # of the weights of before
        return nlp

    return after_init


def switch() -> dict[str, Any]:
    """Return the block of a config whose `paths.resume` it makes count."""
    return {"@callbacks": RESUME, "path": OF_PATHS, "first": None}


def resume(nlp: Language, path: str, *, is_new: bool = False) -> None:
    """Give the components of an initialized pipeline the state of those of a saved one.

    is_new (bool): whether it may have components that the saved one lacks, which stay as they are.
    RAISES (ValueError): if there is no such pipeline, or one of its components is missing or does
        not fit.
    """
    saved = load_trained(path, what="pipeline to resume")
    for string in saved.vocab.strings:
        nlp.vocab.strings.add(string)
    lexicon = lexicon_path(nlp)  # which is to take the place of what is saved
    resumed: list[str] = []
    for name, pipe in nlp.components:
        if is_of_training(pipe) or not hasattr(pipe, "from_bytes"):
            continue
        if name in saved.component_names:
            _check_fits(nlp, saved, name, path)
            if new := _add_labels(saved.get_pipe(name), pipe):
                logger.warning("resume: %r learns labels that are new to %s: %s", name, path, new)
            _add_labels(pipe, saved.get_pipe(name))
            _restore(name, pipe, saved.get_pipe(name), path)
            resumed.append(name)
        elif name not in _frozen(nlp) and not is_new:
            raise ValueError(
                f"resume: {path} has no component {name!r}, but {', '.join(saved.component_names)}"
                f": resume with the config of that training, or source the components that it has "
                f'from it (source = "{path}") in another config'
            )
    if not nlp.vocab.vectors.shape[1]:  # of components that were taken over
        nlp.vocab.vectors = saved.vocab.vectors
    _restore_tokenizer(nlp.tokenizer, saved.tokenizer)
    if lexicon is not None:
        set_lexicon(nlp, lexicon)
    inherit_origin(nlp, saved)
    logger.info("Resumed from %s: %s", path, ", ".join(resumed))


def _check_fits(nlp: Language, saved: Language, name: str, path: str) -> None:
    """Raise ValueError if the component was made by another factory, or has other labels and can
    take none."""
    factory, saved_factory = nlp.get_pipe_meta(name).factory, saved.get_pipe_meta(name).factory
    if saved_factory not in (factory, stock_factory_of(nlp.get_pipe(name))):
        raise ValueError(
            f"resume: {name!r} is a {factory}, but a {saved_factory} in {path}: resume with the "
            f"config of that training"
        )
    # A frozen component was not initialized: it has no labels yet.
    new, old = (set(getattr(p.get_pipe(name), "labels", ())) for p in (nlp, saved))
    grows = getattr(nlp.get_pipe(name), "is_resizable", False)
    if new != old and not grows and name not in _frozen(nlp):
        raise ValueError(
            f"resume: {name!r} has other labels in {path}: it alone has {sorted(old - new)}, this "
            f"training alone {sorted(new - old)}. Train on the data and the teacher of before, or "
            f"write the labels into [initialize.components.{name}] (spacy init labels)"
        )


def _add_labels(pipe: Any, other: Any) -> list[str]:
    """Add to an initialized component those labels of another that it lacks, so that the weights of
    one fit the other: gold mostly lacks some that a teacher has, and may have some that it has not.
    Of a transition-based component it is actions that are added. (A frozen component, not
    initialized, has no labels yet.)

    RETURNS (list[str]): the labels that were added.
    """
    if not getattr(pipe, "is_resizable", False) or not getattr(pipe, "labels", ()):
        return []
    lacking = [label for label in other.labels if label not in pipe.labels]
    if hasattr(pipe, "moves"):
        add_actions(pipe, other)
    else:
        for label in lacking:
            pipe.add_label(label)
    return lacking


def _restore(name: str, pipe: Any, saved: Any, path: str) -> None:
    if isinstance(pipe, AttributeRuler):
        pipe.clear()  # spaCy adds what is saved to the rules that there are
    try:
        pipe.from_bytes(saved.to_bytes(exclude=["vocab"]), exclude=["vocab"])
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"resume: {name!r} has a model of other layers or sizes in {path} ({error}): resume "
            f"with the config of that training"
        ) from error
    if isinstance(pipe, EntityRuler):  # spaCy's `from_bytes` makes the matcher of phrases anew
        pipe.clear()
        pipe.add_patterns(saved.patterns)
    if hasattr(pipe, "moves"):  # not saved by spaCy: what has no weights yet
        pipe.model.attrs["unseen_classes"] = set(saved.model.attrs["unseen_classes"])


def _restore_tokenizer(tokenizer: Any, saved: Any) -> None:
    if type(tokenizer) is type(saved) and hasattr(saved, "to_bytes"):
        tokenizer.from_bytes(saved.to_bytes(exclude=["vocab"]), exclude=["vocab"])


def _frozen(nlp: Language) -> list[str]:
    names: list[str] = nlp.config["training"].get("frozen_components", [])
    return names


def check_frozen(nlp: Language) -> None:
    """Check the frozen components of a student that was saved without its teacher, from whom they
    were taken over: its config alone makes them without their rules, tables and weights.

    RAISES (ValueError): if one cannot run without them.
    """
    pipes = dict(nlp.components)
    if any(map(is_teacher, pipes.values())):
        return
    for name in _frozen(nlp):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pipes[name](Doc(nlp.vocab, ["a"]))
        except Exception as error:  # whatever a component misses
            raise ValueError(f"{name!r} is frozen, and cannot run: {error}\n{REMEDY}") from error
    if _frozen(nlp):
        logger.info("Frozen, not trained: %s. %s", ", ".join(_frozen(nlp)), REMEDY)
