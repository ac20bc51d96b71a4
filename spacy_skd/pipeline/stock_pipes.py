"""Components of this package as stock ones that predict the same, so that it need not be installed.

A tagger of independent labels is linear over its vectors, as spaCy's `Tagger` is: the same weights
under a softmax, which does not change the best label. So is a `trainable_lemmatizer`, whose trees
are others (`stock_lemmatizer`). Transition students are stock components already. Chains and trees
have no stock counterpart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy
from spacy.language import Language
from thinc.api import Config, Model

from ..models.frozen import listeners
from ..rules import is_fast, make_original
from ..structures import to_numpy
from .distilling import DistillingPipe
from .gold_config import OURS, is_ours, learning_alone, read_gold
from .teacher.base import is_teacher
from .transitions.stock import make_transitions_stock, stock_factory_of

_TOK2VEC = {"spacy-skd.Tok2Vec.v1": "spacy.Tok2Vec.v2"}


@dataclass
class Exported:
    """exported (dict[str, str]): by component, the stock factory that it is now. kept (dict[str,
    str]): the components that still need this package, each with the reason. notes (list[str]): in
    what the exported ones differ."""

    exported: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def make_stock(nlp: Language) -> Exported:
    """Replace, in place, each component that can be by a stock one that predicts the same.

    RETURNS (Exported): what was done. The config no longer names what this package registers, but
        in the components that are kept.
    """
    found = Exported()
    # A block of a config may refer to any other ("${components.tok2vec.model.encode.width}").
    values = nlp.config.interpolate()
    blocks = values["components"]
    for name in list(nlp.component_names):
        pipe: Any = nlp.get_pipe(name)
        if is_fast(pipe):
            found.exported[name] = make_original(nlp, name)
        elif stock_factory_of(pipe):
            found.exported[name] = make_transitions_stock(nlp, name, blocks[name])
        elif _is_ours(pipe):
            reason = _why_not(pipe)
            if reason:
                found.kept[name] = reason
            else:
                _replace_tagger(nlp, name, pipe, blocks[name], found)
        elif nlp.get_pipe_meta(name).factory == "tok2vec":
            _replace_tok2vec(nlp, name, blocks[name], found)
    for name in nlp.component_names:
        nlp._pipe_configs[name] = Config(_written_out(nlp.get_pipe_config(name), blocks[name]))
        named = sorted(set(_named(nlp.get_pipe_config(name))))
        if named and name not in found.kept:
            found.kept[name] = f"its model is built of {', '.join(named)}"
    if not any(is_teacher(pipe) for _, pipe in nlp.components):
        nlp._pipe_configs = learning_alone(nlp)
    nlp.config = _without_ours(nlp.config.copy(), values, found)
    return found


def _is_ours(pipe: Any) -> bool:
    return type(pipe).__module__.partition(".")[0] == __name__.partition(".")[0]


def _why_not(pipe: Any) -> str:
    """Why a component of this package cannot be exported; "" if it can."""
    if not hasattr(pipe, "task"):
        return "there is no stock component"
    if why := pipe.task.why_not_stock():
        return str(why)
    if not pipe.model.get_ref("output_layer").has_param("W"):
        return "it is not initialized"
    return ""


# Taggers


def _replace_tagger(
    nlp: Language, name: str, pipe: DistillingPipe, block: dict[str, Any], found: Exported
) -> None:
    """block (dict[str, Any]): the component's, without references."""
    task = pipe.task
    factory = task.layer.stock_factory
    scorer = block.get("scorer")
    overwrite = block["overwrite"]
    block, tok2vec = _stock_tok2vec(block["model"]["tok2vec"], pipe.model.get_ref("tok2vec"))
    config: dict[str, Any] = {
        "model": {"@architectures": "spacy.Tagger.v2", "tok2vec": block, "normalize": False},
        "overwrite": overwrite,
    }
    if scorer is not None:
        config["scorer"] = scorer
    config.update(task.stock_settings(found.exported.values()))
    stock: Any = nlp.replace_pipe(name, factory, config=config)
    _copy_weights(pipe, stock, tok2vec)
    found.exported[name] = factory
    if task.layer.stock_difference:
        found.notes.append(f"{name}: {task.layer.stock_difference}")


def _copy_weights(pipe: DistillingPipe, stock: Any, tok2vec: Model[Any, Any]) -> None:
    """scores = W x + b, with a threshold of the layer in b."""
    labels, shifts = pipe.task.add_stock_labels(stock)
    model: Model[Any, Any] = stock.model
    old, new = pipe.model.get_ref("output_layer"), model.get_ref("output_layer")
    W, b = (to_numpy(old.get_param(key))[numpy.asarray(labels)] for key in ("W", "b"))
    b += numpy.asarray(shifts, dtype="float32")
    for dim, size in (("nO", W.shape[0]), ("nI", W.shape[1])):
        if not new.has_dim(dim):
            new.set_dim(dim, size)
    new.set_param("W", new.ops.asarray(W))
    new.set_param("b", new.ops.asarray(b))
    if not listeners(tok2vec):
        model.get_ref("tok2vec").from_bytes(tok2vec.to_bytes())


# Vectors


def _replace_tok2vec(nlp: Language, name: str, block: dict[str, Any], found: Exported) -> None:
    """Make a stock `tok2vec` whose model is this package's fast one of stock layers. block
    (dict[str, Any]): the component's, without references."""
    pipe: Any = nlp.get_pipe(name)
    block, model = _stock_tok2vec(block["model"], pipe.model)
    if model is not pipe.model:
        stock: Any = nlp.replace_pipe(name, "tok2vec", config={"model": block})
        stock.model.from_bytes(model.to_bytes())
        found.exported[name] = "tok2vec"


def _stock_tok2vec(
    block: dict[str, Any], model: Model[Any, Any]
) -> tuple[dict[str, Any], Model[Any, Any]]:
    """`spacy-skd.Tok2Vec.v1` is `spacy.Tok2Vec.v2` on another BLAS: the model inside it, if its
    layers are stock; else what is given."""
    stock = _TOK2VEC.get(block["@architectures"])
    if stock is None or any(True for part in ("embed", "encode") for _ in _named(block[part])):
        return block, model
    return {**block, "@architectures": stock}, model.layers[0]


# Config


def _named(block: Any) -> Iterator[str]:
    """Return what a block of a config names of this package's registered functions."""
    if isinstance(block, dict):
        for key, value in block.items():
            if key.startswith("@") and str(value).startswith(OURS):
                yield value
            yield from _named(value)


def _written_out(block: Any, interpolated: Any) -> Any:
    """Return a block with the values in place of its references to components, which are no longer
    what they were. interpolated: the same block, without any reference."""
    if isinstance(block, dict) and isinstance(interpolated, dict):
        return {key: _written_out(value, interpolated.get(key)) for key, value in block.items()}
    if isinstance(block, (str, list)) and "${components." in str(block).replace(":", "."):
        return interpolated
    return block


def _without_ours(config: Config, values: Config, found: Exported) -> Config:
    """Return the settings of training (not of components) without this package's readers and
    callbacks: spaCy's own reader, and of callbacks those that ours call first.

    values (Config): without references, of before.
    """
    for section in set(config) - {"components"}:
        config[section] = _written_out(config[section], values.get(section))
    for name in found.exported:
        config.get("initialize", {}).get("components", {}).pop(name, None)
    read_gold(config)
    if is_ours(config.get("training", {}).get("logger"), "@loggers"):
        config["training"]["logger"] = {"@loggers": "spacy.ConsoleLogger.v1", "progress_bar": False}
    for section in ("corpora", "training", "initialize", "nlp", "pretraining"):
        if section in config:
            config[section] = _cleaned(config[section])
    return config


def _cleaned(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    if any(key.startswith("@") and str(value).startswith(OURS) for key, value in block.items()):
        return _cleaned(block.get("first"))  # a callback that is called before ours
    return {key: _cleaned(value) for key, value in block.items()}
