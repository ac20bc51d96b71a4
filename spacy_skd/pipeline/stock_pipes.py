"""Components of this package as stock ones that predict the same, so that it need not be installed.

A tagger of independent labels is linear over its vectors, as spaCy's `Tagger` is: the same weights
under a softmax, which does not change the best label. Chains and trees have no stock counterpart.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Tuple

from spacy.language import Language
from spacy.morphology import Morphology
from thinc.api import Config, Model

from .layers import SentLayer
from .token_tagger import DistillingTagger

OURS = "spacy-skd."
_FACTORIES = {"tag": "tagger", "pos": "morphologizer", "morph": "morphologizer", "sent": "senter"}
_TOK2VEC = {"spacy-skd.Tok2Vec.v1": "spacy.Tok2Vec.v2"}


@dataclass
class Exported:
    """exported (Dict[str, str]): by component, the stock factory that it is now. kept (Dict[str,
    str]): the components that still need this package, each with the reason. notes (List[str]): in
    what the exported ones differ."""

    exported: Dict[str, str] = field(default_factory=dict)
    kept: Dict[str, str] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)


def make_stock(nlp: Language) -> Exported:
    """Replace, in place, each component that can be by a stock one that predicts the same.

    RETURNS (Exported): what was done. The config no longer names what this package registers, but
        in the components that are kept.
    """
    found = Exported()
    for name in list(nlp.component_names):
        pipe: Any = nlp.get_pipe(name)
        if _is_ours(pipe):
            reason = _why_not(pipe)
            if reason:
                found.kept[name] = reason
            else:
                _replace_tagger(nlp, name, pipe, found)
        elif nlp.get_pipe_meta(name).factory == "tok2vec":
            _replace_tok2vec(nlp, name, found)
    for name in nlp.component_names:
        named = sorted(set(_named(nlp.get_pipe_config(name))))
        if named and name not in found.kept:
            found.kept[name] = f"its model is built of {', '.join(named)}"
    nlp.config = _without_ours(nlp.config, found)
    return found


def _is_ours(pipe: Any) -> bool:
    return type(pipe).__module__.partition(".")[0] == __name__.partition(".")[0]


def _why_not(pipe: Any) -> str:
    """Why a component of this package cannot be exported; "" if it can."""
    if not isinstance(pipe, DistillingTagger):
        structure = getattr(pipe, "structure", None)
        what = "" if structure is None else f" of its structure, {type(structure).__name__}"
        return f"there is no stock component{what}"
    if not pipe.model.get_ref("output_layer").has_param("W"):
        return "it is not initialized"
    if pipe.layer.name == "morph":
        if pipe.overwrite:
            return "a morphologizer that overwrites FEATS would overwrite POS too"
        normal = {Morphology.dict_to_feats(Morphology.feats_to_dict(x)) for x in pipe.labels}
        if len(normal) < len(pipe.labels):
            return "some of its labels are the same FEATS in another order"
    return ""


# Taggers


def _replace_tagger(nlp: Language, name: str, pipe: DistillingTagger, found: Exported) -> None:
    layer, factory = pipe.layer.name, _FACTORIES[pipe.layer.name]
    block, tok2vec = _stock_tok2vec(
        nlp.get_pipe_config(name)["model"]["tok2vec"], pipe.model.get_ref("tok2vec")
    )
    config: Dict[str, Any] = {
        "model": {"@architectures": "spacy.Tagger.v2", "tok2vec": block, "normalize": False},
        "overwrite": pipe.overwrite,
    }
    if factory == "morphologizer":
        # A morphologizer of POS alone sets empty FEATS too, and must not clear or bar others.
        config["extend"] = layer == "pos" or "morphologizer" in found.exported.values()
    stock: Any = nlp.replace_pipe(name, factory, config=config)
    for label in pipe.labels:
        if layer != "sent":
            stock.add_label(f"POS={label}" if layer == "pos" else label)
    _copy_weights(pipe, stock.model, tok2vec)
    found.exported[name] = factory
    if layer == "sent" and isinstance(pipe.layer, SentLayer) and pipe.layer.max_length:
        found.notes.append(
            f"{name}: a senter does not cut sentences of more than {pipe.layer.max_length} tokens"
        )


def _copy_weights(pipe: DistillingTagger, model: Model, tok2vec: Model) -> None:
    """scores = W x + b, with the threshold of sentence starts in b."""
    old, new = pipe.model.get_ref("output_layer"), model.get_ref("output_layer")
    W, b = (old.ops.to_numpy(old.get_param(key)).copy() for key in ("W", "b"))
    if isinstance(pipe.layer, SentLayer):
        b[1] -= pipe.layer.least_margin
    for dim, size in (("nO", W.shape[0]), ("nI", W.shape[1])):
        if not new.has_dim(dim):
            new.set_dim(dim, size)
    new.set_param("W", new.ops.asarray(W))
    new.set_param("b", new.ops.asarray(b))
    if "listener" not in tok2vec.name:
        model.get_ref("tok2vec").from_bytes(tok2vec.to_bytes())


# Vectors


def _replace_tok2vec(nlp: Language, name: str, found: Exported) -> None:
    """A stock `tok2vec` whose model is this package's fast one of stock layers."""
    pipe: Any = nlp.get_pipe(name)
    block, model = _stock_tok2vec(nlp.get_pipe_config(name)["model"], pipe.model)
    if model is not pipe.model:
        stock: Any = nlp.replace_pipe(name, "tok2vec", config={"model": block})
        stock.model.from_bytes(model.to_bytes())
        found.exported[name] = "tok2vec"


def _stock_tok2vec(block: Dict[str, Any], model: Model) -> Tuple[Dict[str, Any], Model]:
    """`spacy-skd.Tok2Vec.v1` is `spacy.Tok2Vec.v2` on another BLAS: the model inside it, if its
    layers are stock; else what is given."""
    stock = _TOK2VEC.get(block["@architectures"])
    if stock is None or any(True for part in ("embed", "encode") for _ in _named(block[part])):
        return block, model
    return {**block, "@architectures": stock}, model.layers[0]


# Config


def _named(block: Any) -> Iterator[str]:
    """What a block of a config names of this package's registered functions."""
    if isinstance(block, dict):
        for key, value in block.items():
            if key.startswith("@") and str(value).startswith(OURS):
                yield value
            yield from _named(value)


_STOCK: Dict[str, Callable[[Dict[str, Any]], Any]] = {
    "@readers": lambda block: {
        "@readers": "spacy.Corpus.v1",
        "path": block.get("path"),
        "gold_preproc": False,
        "max_length": block.get("max_length", 0),
        "limit": 0,
        "augmenter": None,
    }
}


def _without_ours(config: Config, found: Exported) -> Config:
    """The settings of training (not of components) without this package's readers and callbacks:
    spaCy's own reader, and no callback."""
    config = config.copy()
    for name in found.exported:
        config.get("initialize", {}).get("components", {}).pop(name, None)
    for section in ("corpora", "training", "initialize", "nlp", "pretraining"):
        if section in config:
            config[section] = _cleaned(config[section])
    return config


def _cleaned(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    for key, value in block.items():
        if key.startswith("@") and str(value).startswith(OURS):
            return _STOCK.get(key, lambda block: None)(block)
    return {key: _cleaned(value) for key, value in block.items()}
