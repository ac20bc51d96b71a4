"""The config of heads on a pipeline's frozen embedding."""

from collections.abc import Container
from copy import deepcopy

from spacy.language import Language
from thinc.api import Config

from ...layers.known import layers_of
from ...teachers.embedding import find_listener
from ...teachers.merging import merges
from ..callbacks import DROP
from .heads import Head, HeadPlan
from .layered import own_template, weigh
from .presets import Block
from .student_config import overwrite_as, own_settings

SOURCE = "${paths.source}"
# Of a pipeline's `nlp`: what is the pipeline's own, beside its components.
OWN = ("lang", "tokenizer", "vectors", "before_creation", "after_creation",
       "after_pipeline_creation")  # fmt: skip


def rehead_config(
    template: Config,
    nlp: Language,
    plan: HeadPlan,
    *,
    source: str,
    scored: Container[str] | None = None,
) -> Config:
    """Fill the template with a plan's heads and the pipeline's other components, sourced and
    frozen.

    template (Config): has heads by layer; those that it lacks are the package's.
    source (str): where `nlp` was loaded from.
    scored (Container[str] | None): the layers that count in evaluation; all by default.
    RAISES (ValueError): if nothing could be scored.
    """
    layers = [layer for layer in plan.layers if scored is None or layer in scored]
    if not layers:
        raise ValueError(f"dev has no labels of what heads learn: {', '.join(plan.layers)}")
    config = template.copy()
    blocks = {**_heads(own_template("rehead")), **_heads(template)}
    heads = {head.name: _head(blocks[head.layer], head, nlp) for head in plan.heads}
    config["components"] = {name: heads.get(name, {"source": SOURCE}) for name in plan.pipeline}
    config["paths"]["source"] = source
    own = own_settings(nlp)
    config["nlp"].update({key: own[key] for key in OWN if key in own})
    disabled = [name for name in plan.kept if name in nlp.disabled]
    merging = [name for name in plan.kept if merges(nlp, name) and name not in disabled]
    # Evaluation compares tokens with gold's.
    config["nlp"].update(pipeline=plan.pipeline, disabled=[*disabled, *merging])
    training = config["training"]
    if merging:
        training["before_to_disk"] = {"@callbacks": DROP, "enable": merging}
    training.update(frozen_components=plan.kept, annotating_components=[plan.embedding])
    training["score_weights"] = weigh(training["score_weights"], layers)
    for name in plan.kept:  # what they are scored by by default
        for score in nlp.get_pipe_meta(name).default_score_weights or {}:
            training["score_weights"].setdefault(score, None)
    return config


def _heads(template: Config) -> dict[str, Block]:
    """Return the heads by layer."""
    blocks = template["components"].values()
    return {layer: block for block in blocks for layer in layers_of(block)}


def _head(block: Block, head: Head, nlp: Language) -> Block:
    """Make a head that listens to the pipeline's embedding, and overwrites as what it replaces."""
    block = deepcopy(block)
    _, listener = find_listener(nlp)
    block["model"]["tok2vec"]["listener"] = listener
    if head.replaces:
        overwrite_as(block, nlp, head.replaces)
    return block
