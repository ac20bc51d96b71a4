"""Fast rules in the place of spaCy's own, and back."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.pipeline import AttributeRuler

from ..registry import callback
from .attribute_ruler import FAST_RULER, FastAttributeRuler
from .lemmatizer import FAST_LEMMATIZER, FastLemmatizer, reads

FAST_RULES = "spacy-skd.fast_rules.v1"


def make_fast(nlp: Language) -> list[str]:
    """Replace, in place, each `attribute_ruler` and `lemmatizer` by one that annotates the same in
    a fraction of the time, with its rules and tables.

    RETURNS (list[str]): the components that were replaced. One of another class than spaCy's own
        stays, and so does a lemmatizer that asks an analyser (Russian, Ukrainian).
    """
    fast = {name: fast_factory(pipe) for name, pipe in nlp.components}
    for name, factory in fast.items():
        if factory:
            original = nlp.get_pipe(name)
            _replace(nlp, name, factory).take_over(original)
    return [name for name, factory in fast.items() if factory]


@callback(FAST_RULES)
def make_fast_rules() -> Callable[[Language], Language]:
    """For `[initialize.after_init]` or `[nlp.after_pipeline_creation]`: see `make_fast`."""

    def after_init(nlp: Language) -> Language:
        make_fast(nlp)
        return nlp

    return after_init


def fast_factory(pipe: Any) -> str:
    """Return the factory of what can stand in a component's place, "" if nothing can."""
    if type(pipe) is AttributeRuler:
        return FAST_RULER
    return FAST_LEMMATIZER if reads(pipe) else ""


def is_fast(pipe: Any) -> bool:
    return isinstance(pipe, FastAttributeRuler | FastLemmatizer)


def make_original(nlp: Language, name: str) -> str:
    """Put spaCy's own in the place of a fast component. RETURNS (str): its factory."""
    fast: Any = nlp.get_pipe(name)
    factory = "lemmatizer" if isinstance(fast, FastLemmatizer) else "attribute_ruler"
    _replace(nlp, name, factory).from_bytes(fast.to_bytes(exclude=["vocab"]), exclude=["vocab"])
    return factory


def _replace(nlp: Language, name: str, factory: str) -> Any:
    """Replace a component by one of another factory, with those settings that this one has, too."""
    known = nlp.get_factory_meta(factory).default_config or {}
    settings = nlp.get_pipe_config(name).items()
    config = {key: value for key, value in settings if key in known and value is not None}
    is_disabled = name in nlp.disabled
    initialized = nlp.config["initialize"]["components"].get(name)
    pipe = nlp.replace_pipe(name, factory, config=config)
    if is_disabled:
        nlp.disable_pipe(name)
    if initialized is not None:
        nlp.config["initialize"]["components"][name] = initialized
    return pipe
