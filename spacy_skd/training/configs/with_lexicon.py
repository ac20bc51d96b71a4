"""A student's config whose embedding has the user's lexicon."""

from thinc.api import Config

from ..lexicon.setting import CALLBACK
from .plan import TOK2VEC

OF_PATHS = "${paths.lexicon}"


def with_lexicon(config: Config, path: str) -> Config:
    """Return the config of students that read a lexicon when they are initialized. path (str): for
    `paths.lexicon`."""
    config = config.copy()
    config["paths"]["lexicon"] = path
    model = config["components"][TOK2VEC]["model"]
    model["embed"] = {
        "@architectures": "spacy-skd.LexiconEmbed.v1",
        "attr": "LOWER",
        "dropout": 0.2,
        "embed": model["embed"],
    }
    initialize = config["initialize"]
    before = initialize["before_init"]
    initialize["before_init"] = {"@callbacks": CALLBACK, "path": OF_PATHS, "first": before}
    return config
