"""The sizes of students: `tiny`, `small` and `medium`.

All that the configs of `configs/` and of `spacy skd init` have of them is written from here.
"""

from dataclasses import dataclass
from typing import Any

from thinc.api import Config

from ...errors import check_one_of

Block = dict[str, Any]
LISTENER: Block = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": "${components.tok2vec.model.encode.width}",
    "upstream": "*",
}
BIAFFINE = "spacy-skd.BiaffineParser.v1"
# What of an embedding, and of a parser, a preset decides.
_OF_EMBED = ("width", "attrs", "rows", "prefixes", "suffixes", "affix_rows")
_OF_PARSER = ("arc_hidden", "label_hidden", "max_distance")


@dataclass(frozen=True)
class Preset:
    """about (str): for whom. Words of the settings as in `spacy-skd.ContextEncoder.v1`,
    `spacy-skd.WordEmbed.v2` and `spacy-skd.BiaffineParser.v1`.

    width (int): of the vectors. depth (int): of the CNN. attention_depth, heads (int): of the
    self-attention after it. rows (tuple[int, ...]): of the embedding of each of `attrs`.
    prefixes, suffixes (tuple[int, ...]), affix_rows (int): as in `spacy-skd.WordEmbed.v2`.
    arc_hidden, label_hidden (int): of the parser; arc_distance (int): its max_distance.
    learn_rate (float): the highest.
    """

    about: str
    width: int
    depth: int
    attention_depth: int
    heads: int
    rows: tuple[int, ...]
    arc_hidden: int
    label_hidden: int
    attrs: tuple[str, ...] = ("LOWER", "PREFIX", "SUFFIX", "SHAPE")
    prefixes: tuple[int, ...] = (2, 3, 4)
    suffixes: tuple[int, ...] = (1, 2, 4, 5)
    affix_rows: int = 500
    window_size: int = 1
    maxout_pieces: int = 3
    hidden_multiple: int = 2
    block: int = 64
    halo: int = 32
    max_distance: int = 64
    arc_distance: int = 16
    learn_rate: float = 0.01

    def tok2vec(self, *, vectors: bool) -> Block:
        """Return the model of the tok2vec. vectors (bool): whether it has static vectors of
        words."""
        return {
            "@architectures": "spacy-skd.Tok2Vec.v1",
            "embed": {
                "@architectures": "spacy-skd.WordEmbed.v2",
                "width": self.width,
                "attrs": list(self.attrs),
                "rows": list(self.rows),
                "include_static_vectors": vectors,
                "vectors": "${paths.vectors}",
                "prefixes": list(self.prefixes),
                "suffixes": list(self.suffixes),
                "affix_rows": self.affix_rows,
                "known_words": True,
            },
            "encode": {
                "@architectures": "spacy-skd.ContextEncoder.v1",
                "width": self.width,
                "depth": self.depth,
                "window_size": self.window_size,
                "maxout_pieces": self.maxout_pieces,
                "attention_depth": self.attention_depth,
                "heads": self.heads,
                "block": self.block,
                "halo": self.halo,
                "hidden_multiple": self.hidden_multiple,
                "max_distance": self.max_distance,
            },
        }

    def scorer(self, architecture: str) -> Block:
        """Return the model of a component that listens to the tok2vec."""
        if architecture == BIAFFINE:
            return self._biaffine()
        return {"@architectures": architecture, "nO": None, "tok2vec": LISTENER}

    def _biaffine(self) -> Block:
        return {
            "@architectures": BIAFFINE,
            "arc_hidden": self.arc_hidden,
            "label_hidden": self.label_hidden,
            "dropout": 0.0,
            "nO": None,
            "max_distance": self.arc_distance,
            "tok2vec": LISTENER,
        }


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        about="the fastest",
        width=48,
        depth=2,
        attention_depth=1,
        heads=2,
        rows=(2000, 500, 1000, 500),
        arc_hidden=64,
        label_hidden=24,
    ),
    "small": Preset(
        about="the default",
        width=96,
        depth=2,
        attention_depth=2,
        heads=8,
        rows=(2500, 500, 1250, 500),
        arc_hidden=128,
        label_hidden=48,
    ),
    "medium": Preset(
        about="the most accurate",
        width=144,
        depth=4,
        attention_depth=3,
        heads=6,
        rows=(2500, 500, 1250, 500),
        arc_hidden=192,
        label_hidden=64,
    ),
}
DEFAULT = "small"


def find_preset(name: str) -> Preset:
    """Return a preset. RAISES (ValueError): if there is none of that name."""
    return PRESETS[check_one_of("preset", name, list(PRESETS))]


def resized(config: Config, size: Preset) -> Config:
    """Return the config of a student in another size: its tok2vec, parser and learning rate; all
    else stays.

    config (Config): as `student_config` makes it, whatever was done to it since.
    """
    config = config.copy()
    components: dict[str, Block] = config["components"]
    model = components["tok2vec"]["model"]
    sized = size.tok2vec(vectors=False)
    embed = model["embed"]
    while "rows" not in embed:  # of a lexicon, around that of the words
        embed = embed["embed"]
    embed.update({key: sized["embed"][key] for key in _OF_EMBED})
    model["encode"] = sized["encode"]
    for parser in biaffine_models(config):
        parser.update({key: size.scorer(BIAFFINE)[key] for key in _OF_PARSER})
    config["training"]["optimizer"]["learn_rate"]["initial_rate"] = size.learn_rate
    return config


def biaffine_models(config: Config) -> list[Block]:
    """Return the models of the parsers of a config, whose hidden layers have sizes."""
    models = (block.get("model") for block in config["components"].values())
    return [model for model in models if model and model.get("@architectures") == BIAFFINE]
