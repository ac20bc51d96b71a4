"""Components of a teacher that a student trains anew: their factory and settings, its tok2vec."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.ty import ListenedToComponent

from ...models.embedding.own_vectors import STATIC
from ..callbacks import OF_TEACHER, why_not_kept
from ..inherited import KNOWLEDGE, LABELS
from .presets import LISTENER, Block

# Beside what has an `upstream`: a transformer of a component's own, and our listener.
_TRANSFORMERS = ("spacy-transformers.Tok2VecTransformer", "spacy-skd.FrozenListener")


def check_retrainable(nlp: Language, name: str) -> None:
    """Check that a student can train a teacher's component anew.

    RAISES (ValueError): if there is none, it learns by a student of ours, cannot be trained, is
        taken over as it is, embeds tokens, or the config does not say what its model listens to.
    """
    if name not in nlp.component_names:
        expected = ", ".join(nlp.component_names)
        raise ValueError(f"retrain: expected some of {expected}, got {name}")
    pipe: Any = nlp.get_pipe(name)
    if isinstance(pipe, ListenedToComponent):
        raise ValueError(
            f"retrain: {name!r} embeds tokens, and students have a tok2vec of their own: leave it "
            f"out"
        )
    if hasattr(pipe, "believe"):
        raise ValueError(
            f"retrain: {name!r} has a student, which learns more than its output: leave it out"
        )
    if not all(hasattr(pipe, part) for part in ("model", "update", "initialize")):
        raise ValueError(
            f"retrain: {name!r} cannot be trained, it lacks `model`, `update` or `initialize`: "
            f"leave it out, and it is taken over as it is"
        )
    if not why_not_kept(pipe):
        raise ValueError(
            f"retrain: {name!r} needs no vectors of the teacher's and can be taken over as it is: "
            f"leave it out, or name it by --keep if it would teach"
        )
    if not any(_listeners(retrained_model(nlp, name))):
        raise ValueError(
            f"retrain: the config of {name!r} does not say what its model listens to: expected in "
            f"[components.{name}.model] an architecture with `upstream`, as "
            f"spacy-transformers.TransformerListener.v1 has. Let its factory take a `model`"
        )


def check_taught(teach: Iterable[str], others: Mapping[str, str]) -> None:
    """Check the components that are to be taught though they are rules.

    others (Mapping[str, str]): those that teach nothing, each with the reason, if there is one.
    RAISES (ValueError): if one of them is to be taught.
    """
    for name in teach:
        if name in others:
            reason = others[name] or "nothing that it does can be learnt, or --keep names it"
            raise ValueError(f"teach: {name!r} would not be taught: {reason}. Leave it out")


def retrained_model(nlp: Language, name: str) -> Block:
    """Return the config of a component's model, {} if it has none."""
    model = _config(nlp, name).get("model")
    return model if isinstance(model, dict) else {}


def retrained_component(nlp: Language, name: str) -> Block:
    """Return a component's config, in which the model listens to the student's tok2vec."""
    block = deepcopy(_config(nlp, name))
    block["model"] = _on_tok2vec(block["model"])
    return block


def retrained_settings(nlp: Language, name: str) -> Block:
    """Return what a component is initialized with: the settings that the teacher's config has, its
    labels and its knowledge base."""
    pipe: Any = nlp.get_pipe(name)
    known = nlp.config["initialize"].get("components", {}).get(name, {})
    settings = {key: value for key, value in known.items() if _is_plain(value)}
    of_teacher = {"path": OF_TEACHER, "component": name}
    if getattr(pipe, "label_data", None):
        settings["labels"] = {"@misc": LABELS, **of_teacher}
    if getattr(pipe, "kb", None) is not None:
        settings["kb_loader"] = {"@misc": KNOWLEDGE, **of_teacher}
    return settings


def retrained_weights(
    nlp: Language, name: str, docs: Iterable[Doc] | None = None
) -> dict[str, float]:
    """Return which scores of a component count, and how much.

    docs (Iterable[Doc] | None): to evaluate on; without what the component does, none count.
    """
    pipe: Any = nlp.get_pipe(name)
    key = getattr(pipe, "cfg", {}).get("spans_key", "sc")
    defaults: Mapping[str, float | None] = nlp.get_pipe_meta(name).default_score_weights or {}
    weights = {
        score.replace("spans_sc_", f"spans_{key}_"): weight
        for score, weight in defaults.items()
        if weight
    }
    return weights if docs is None or _can_score(pipe, docs, weights) else {}


def reads_words(nlp: Language, name: str) -> bool:
    """Tell whether a component looks words up in static vectors beside what it listens to."""
    model: Any = nlp.get_pipe(name).model  # type: ignore[attr-defined]
    return any(node.name == STATIC and not node.layers for node in model.walk())


def _config(nlp: Language, name: str) -> Block:
    block: Block = nlp.config.interpolate()["components"][name]
    return block


def _listeners(block: Any) -> Iterator[Block]:
    if not isinstance(block, dict):
        return
    if _is_listener(block):
        yield block
        return
    for value in block.values():
        yield from _listeners(value)


def _on_tok2vec(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    if _is_listener(block):
        return dict(LISTENER)
    return {key: _on_tok2vec(value) for key, value in block.items()}


def _is_listener(block: Block) -> bool:
    return "upstream" in block or str(block.get("@architectures", "")).startswith(_TRANSFORMERS)


def _is_plain(value: Any) -> bool:
    """Tell whether a setting names nothing that may be elsewhere: a file, a section, a function."""
    is_reference = isinstance(value, str) and "${" in value
    return value is not None and not isinstance(value, dict) and not is_reference


def _can_score(pipe: Any, docs: Iterable[Doc], weights: Mapping[str, float]) -> bool:
    docs_left = iter(docs)
    while some := list(islice(docs_left, 256)):
        scores = pipe.score([Example(doc, doc) for doc in some])
        if any(scores.get(name) for name in weights):
            return True
    return False
