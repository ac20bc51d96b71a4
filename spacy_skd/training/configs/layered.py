"""Configs whose components are those of some layers: of a teacher, of a student, of a stock rival.

The package has a template of each, with a component for every layer of a treebank.
"""

from collections.abc import Container, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from thinc.api import Config

from ...layers.known import corpus_layers, corpus_names, layers_of
from .plan import Student
from .presets import DEFAULT, PRESETS, Block
from .student_config import student_config

TEMPLATES = Path(__file__).with_name("templates")


def own_template(name: str) -> Config:
    """Return this package's template, with a component for each layer that it could have.

    name (str): "teacher", "stock", "rehead" or "student".
    """
    if name == "student":
        students = [Student(layer, layer, layer) for layer in corpus_names()]
        return student_config(students, preset=PRESETS[DEFAULT])
    config = Config().from_disk(TEMPLATES / f"{name}.cfg", interpolate=False)
    config["components"].update(_of_plugins(config["components"]))
    return config


def _of_plugins(blocks: dict[str, Block]) -> dict[str, Block]:
    """Return components of the layers that a template lacks, each as that of a layer like it."""
    layers = corpus_layers()
    more: dict[str, Block] = {}
    for layer in layers:
        alike = [la for la in layers if (la.family, la.settings) == (layer.family, layer.settings)]
        made = [b for b in blocks.values() if any(la.is_made_by(b) for la in alike)]
        ours = [block for block in made if block["factory"] == layer.factory]
        if ours and not any(layer.is_made_by(block) for block in blocks.values()):
            more[layer.name] = {**deepcopy(ours[0]), "layer": layer.name}
    return more


def config_of(
    name: str,
    layers: Sequence[str],
    *,
    scored: Container[str] | None = None,
    folder: Path | None = None,
) -> Config:
    """Return a config with components for some layers alone.

    name (str): see `own_template`.
    layers (Sequence[str]): some of `corpus_names()`. scored (Container[str] | None): those of
        them that count in evaluation; all by default.
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
    """Return a template with its components for some layers. more (Config): has those that it
    lacks.

    A stock parser sets the sentences itself, so its pipeline has no `senter`.
    """
    config = template.copy()
    blocks: dict[str, Block] = dict(config["components"])
    blocks.update(_lacking(blocks, layers, {} if more is None else more["components"]))
    wanted = set(layers)
    for layer in (layer for layer in corpus_layers() if layer.name in wanted):
        if any(block.get("factory") == layer.stock_factory for block in blocks.values()):
            wanted -= {*layer.writes} - {layer.name}
    chosen = [name for name in _ordered(config, blocks) if _is_wanted(blocks[name], wanted)]
    config["nlp"]["pipeline"] = chosen
    config["components"] = {name: blocks[name] for name in chosen}
    training = config["training"]
    counted = [layer for layer in layers if scored is None or layer in scored]
    training["score_weights"] = weigh(training["score_weights"], counted)
    return config


def weigh(weights: dict[str, Any], layers: Sequence[str]) -> dict[str, Any]:
    """Return weights of scores that sum to 1: of some layers, and of what is no layer's. None for
    the others, since spaCy puts back those that are left out."""
    own = {layer.name: layer.score_weights for layer in corpus_layers()}
    first_words = {s.partition("_")[0]: name for name, scores in own.items() for s in scores}
    of_layer = {score: first_words.get(score.partition("_")[0]) for score in weights}
    kept = {
        score: weight if of_layer[score] in (None, *layers) else None
        for score, weight in weights.items()
    }
    for layer in layers:
        if not any(kept.get(score) for score in own[layer]):
            kept.update(own[layer])
    total = sum(filter(None, kept.values())) or 1.0
    rounded = {score: weight and round(weight / total, 2) for score, weight in kept.items()}
    most = max(rounded, key=lambda score: rounded[score] or 0.0)
    rounded[most] = round(1 - sum(filter(None, rounded.values())) + (rounded[most] or 0.0), 2)
    return rounded


def _lacking(
    blocks: dict[str, Block], layers: Sequence[str], more: dict[str, Block]
) -> dict[str, Block]:
    """Return, of `more`, the components of layers that no block has."""
    known = {layer for block in blocks.values() for layer in layers_of(block)}
    needed = set(layers) - known
    return {
        name: deepcopy(block)
        for name, block in more.items()
        if needed.intersection(layers_of(block)) and name not in blocks
    }


def _ordered(config: Config, blocks: dict[str, Block]) -> list[str]:
    """Return the components in the config's order; what it has not in its pipeline in that of
    layers, so that sentences come before trees."""
    order = corpus_names()
    names = list(config["nlp"]["pipeline"])
    for name in (name for name in blocks if name not in names):
        ranks = [_rank(blocks[other], order) for other in names]
        higher = [i for i, rank in enumerate(ranks) if rank > _rank(blocks[name], order)]
        lower = [i + 1 for i, rank in enumerate(ranks) if rank >= 0]
        names.insert(higher[0] if higher else (lower or [len(names)])[-1], name)
    return names


def _rank(block: Block, order: Sequence[str]) -> int:
    """Rank what annotates no layer below all: it stays where it is."""
    return max((order.index(layer) for layer in layers_of(block) if layer in order), default=-1)


def _is_wanted(block: Block, wanted: Container[str]) -> bool:
    order = corpus_names()
    layers = [layer for layer in layers_of(block) if layer in order]
    return not layers or any(layer in wanted for layer in layers)
