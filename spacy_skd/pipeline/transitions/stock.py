"""A transition student is spaCy's own component with another way to learn: what it saves is read by
the stock one, under the name of whose factory it is saved."""

from typing import Any

from spacy.language import Language
from thinc.api import Config

from .component import TransitionPipe


def stock_factory_of(pipe: Any) -> str:
    """Return the factory of spaCy's component of the same weights; "" if it is no such student."""
    return pipe.stock_factory if isinstance(pipe, TransitionPipe) else ""


def stock_block(pipe: Any, block: dict[str, Any]) -> Config:
    """Return the config of that component, without its factory. block (dict[str, Any]): the
    student's."""
    defaults = Language.get_factory_meta(pipe.stock_factory).default_config or {}
    own = {key: block[key] for key in defaults if block.get(key) is not None}
    return Config({**defaults, **own})


def save_as_stock(nlp: Language) -> None:
    """Let a clone of a pipeline, whose `_pipe_meta` and `_pipe_configs` are its own, be saved with
    stock components in place of transition students, which it shares."""
    for name, pipe in nlp._components:
        if factory := stock_factory_of(pipe):
            nlp._pipe_meta[name] = nlp.get_factory_meta(factory)
            nlp._pipe_configs[name] = stock_block(pipe, nlp._pipe_configs[name])


def make_transitions_stock(nlp: Language, name: str, block: dict[str, Any]) -> str:
    """Replace, in place, a transition student by the stock component of its weights.

    block (dict[str, Any]): its config, without references. RETURNS (str): the stock factory.
    """
    pipe: Any = nlp.get_pipe(name)
    factory = stock_factory_of(pipe)
    stock: Any = nlp.replace_pipe(name, factory, config=stock_block(pipe, block))
    stock.moves.from_bytes(pipe.moves.to_bytes(exclude=["strings"]), exclude=["strings"])
    stock.cfg.update(pipe.cfg)
    stock.set_output(stock.moves.n_moves)
    stock.model.from_bytes(pipe.model.to_bytes())
    return factory
