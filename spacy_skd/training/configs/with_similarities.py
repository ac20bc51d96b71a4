"""A student's config whose tok2vec learns the similarities of a teacher's hidden states, too."""

from collections.abc import Sequence

from thinc.api import Config

from ...pipeline.similarities import DEFAULTS, FACTORY
from ...shards.hidden import check_hidden
from ...shards.store import BeliefStore
from .plan import TOK2VEC
from .presets import LISTENER

NAME = "similarities"


def with_similarities(config: Config, stores: Sequence[BeliefStore]) -> Config:
    """Return the config with a component `distilling_similarities` behind the tok2vec, before all
    others that listen to it.

    stores (Sequence[BeliefStore]): that are read.
    RAISES (ValueError): if they have no hidden states, or those of several teachers.
    """
    check_hidden(stores, name="--hidden")
    config = config.copy()
    pipeline, blocks = config["nlp"]["pipeline"], config["components"]
    name = next(each for each in (NAME, f"{NAME}_2", f"{NAME}_3") if each not in blocks)
    pipeline.insert(pipeline.index(TOK2VEC) + 1, name)
    blocks[name] = {"factory": FACTORY, "model": LISTENER, **DEFAULTS}
    config["components"] = {each: blocks[each] for each in pipeline}
    return config
