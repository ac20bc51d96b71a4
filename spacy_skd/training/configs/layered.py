"""Configs whose components are those of some layers: of a teacher, of a student, of a stock rival.

The package has a template of each, with a component for every layer of a treebank.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Token
from thinc.api import Config

from .plan import Student
from .presets import DEFAULT, PRESETS, Block
from .student_config import WEIGHTS, student_config

TEMPLATES = Path(__file__).with_name("templates")
# Of a treebank, in the order in which components annotate.
LAYERS = ("sent", "tag", "pos", "morph", "parser", "ents")
# By factory, the layers of a component; a distilling tagger names its own.
OF_FACTORY: dict[str, tuple[str, ...]] = {
    "tagger": ("tag",),
    "morphologizer": ("pos", "morph"),
    "senter": ("sent",),
    "parser": ("parser",),
    "distilling_parser": ("parser",),
    "ner": ("ents",),
}
# By the first word of spaCy's scores.
OF_SCORE = {
    "tag": "tag",
    "pos": "pos",
    "morph": "morph",
    "sents": "sent",
    "dep": "parser",
    "ents": "ents",
}
_LABELS: dict[str, Callable[[Token], Any]] = {
    "tag": lambda token: token.tag_,
    "pos": lambda token: token.pos_,
    "morph": lambda token: str(token.morph),
    "parser": lambda token: token.has_head() and token.dep_,
}


def own_template(name: str) -> Config:
    """This package's template. name (str): "teacher", "stock", "rehead" or "student"."""
    if name == "student":
        students = [Student(layer, layer, layer) for layer in LAYERS]
        return student_config(students, preset=PRESETS[DEFAULT])
    return Config().from_disk(TEMPLATES / f"{name}.cfg", interpolate=False)


def config_of(
    name: str,
    layers: Sequence[str],
    *,
    scored: Container[str] | None = None,
    folder: Path | None = None,
) -> Config:
    """A config with components for some layers alone.

    name (str): see `own_template`.
    layers (Sequence[str]): some of `LAYERS`. scored (Container[str] | None): those of them that
        count in evaluation; all by default.
    folder (Path | None): where a config of the user's own may be, name.cfg. What it lacks of the
        layers is added from this package's, what it has that is no layer's stays.
    """
    own = own_template(name)
    path = None if folder is None else folder / f"{name}.cfg"
    if path is None or not path.is_file():
        return choose(own, layers, scored=scored)
    config = Config().from_disk(path, interpolate=False)
    return choose(config, layers, scored=scored, more=own)


def choose(
    template: Config,
    layers: Sequence[str],
    *,
    scored: Container[str] | None = None,
    more: Config | None = None,
) -> Config:
    """A template with its components for some layers. more (Config): has those that it lacks.

    A stock parser sets the sentences itself, so its pipeline has no `senter`.
    """
    config = template.copy()
    blocks: dict[str, Block] = dict(config["components"])
    blocks.update(_lacking(blocks, layers, {} if more is None else more["components"]))
    wanted = set(layers)
    if any(block.get("factory") == "parser" for block in blocks.values()) and "parser" in wanted:
        wanted.discard("sent")
    chosen = [name for name in _ordered(config, blocks) if _is_wanted(blocks[name], wanted)]
    config["nlp"]["pipeline"] = chosen
    config["components"] = {name: blocks[name] for name in chosen}
    training = config["training"]
    counted = [layer for layer in layers if scored is None or layer in scored]
    training["score_weights"] = weigh(training["score_weights"], counted)
    return config


def layers_of(block: Block) -> tuple[str, ...]:
    """What a component of a config annotates, of `LAYERS`."""
    if block.get("factory") == "distilling_tagger":
        return (block["layer"],)
    return OF_FACTORY.get(block.get("factory", ""), ())


def weigh(weights: dict[str, Any], layers: Sequence[str]) -> dict[str, Any]:
    """Weights of scores that sum to 1: of some layers, and of what is no layer's. None for the
    others, since spaCy puts back those that are left out."""
    of_layer = {score: OF_SCORE.get(score.partition("_")[0]) for score in weights}
    kept = {
        score: weight if of_layer[score] in (None, *layers) else None
        for score, weight in weights.items()
    }
    for layer in layers:
        if not any(kept.get(score) for score in WEIGHTS[layer]):
            kept.update(WEIGHTS[layer])
    total = sum(filter(None, kept.values())) or 1.0
    rounded = {score: weight and round(weight / total, 2) for score, weight in kept.items()}
    most = max(rounded, key=lambda score: rounded[score] or 0.0)
    rounded[most] = round(1 - sum(filter(None, rounded.values())) + (rounded[most] or 0.0), 2)
    return rounded


def labelled_layers(docs: Iterable[Doc]) -> list[str]:
    """Those of `LAYERS` that docs have labels of: what a component can learn from them.

    Sentences count where a doc has their starts. A tree cannot be learnt without its sentence, so
    trees come with them.
    """
    found = set()
    for doc in docs:
        found |= {layer for layer in _LABELS if layer not in found and _has_labels(doc, layer)}
        found |= {"ents"} if doc.ents else set()
        found |= {"sent"} if doc.has_annotation("SENT_START") else set()
    return [layer for layer in LAYERS if layer in found]


def _has_labels(doc: Doc, layer: str) -> bool:
    return any(_LABELS[layer](token) for token in doc)


def _lacking(
    blocks: dict[str, Block], layers: Sequence[str], more: dict[str, Block]
) -> dict[str, Block]:
    """Of `more`, the components of layers that no block has."""
    known = {layer for block in blocks.values() for layer in layers_of(block)}
    needed = set(layers) - known
    return {
        name: deepcopy(block)
        for name, block in more.items()
        if needed.intersection(layers_of(block)) and name not in blocks
    }


def _ordered(config: Config, blocks: dict[str, Block]) -> list[str]:
    """The components in the config's order; what it has not in its pipeline in that of layers, so
    that sentences come before trees."""
    names = list(config["nlp"]["pipeline"])
    for name in (name for name in blocks if name not in names):
        ranks = [_rank(blocks[other]) for other in names]
        higher = [i for i, rank in enumerate(ranks) if rank > _rank(blocks[name])]
        lower = [i + 1 for i, rank in enumerate(ranks) if rank >= 0]
        names.insert(higher[0] if higher else (lower or [len(names)])[-1], name)
    return names


def _rank(block: Block) -> int:
    """Of what annotates no layer, below all: it stays where it is."""
    return max((LAYERS.index(layer) for layer in layers_of(block) if layer in LAYERS), default=-1)


def _is_wanted(block: Block, wanted: Container[str]) -> bool:
    layers = [layer for layer in layers_of(block) if layer in LAYERS]
    return not layers or any(layer in wanted for layer in layers)
