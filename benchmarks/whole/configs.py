"""Configs of the pipelines that learn GUM: a teacher, and its stock rival.

Beside the layers that `spacy skd prepare` trains both have a `trainable_lemmatizer`, a `spancat` of
nested spans and a `textcat` of spaCy's own: the teacher's listen to its transformer, as a pipeline
of somebody else's.
"""

from typing import Any

from gum import SPANS_KEY
from thinc.api import Config

from spacy_skd.cli.prepare import set_steps
from spacy_skd.training.configs.layered import config_of

LAYERS = ("sent", "tag", "pos", "morph", "parser", "ents")
WIDTHS = 10  # of spans: 95 % of GUM's are no wider; the cost grows with the square
# What a stock component's gradient counts in the transformer: theirs is the sum over the words or
# docs of a batch, of 600 words, that of this package's the mean of a word.
LEMMAS, SPANS, CATS = 0.002, 0.002, 0.1
WEIGHTS = {
    "tag_acc": 0.1,
    "pos_acc": 0.1,
    "morph_acc": 0.1,
    "lemma_acc": 0.1,
    "sents_f": 0.05,
    "dep_uas": 0.0,
    "dep_las": 0.2,
    "ents_f": 0.1,
    f"spans_{SPANS_KEY}_f": 0.15,
    "cats_score": 0.1,
}
Block = dict[str, Any]


def lemmatizer(tok2vec: Block) -> Block:
    model = {"@architectures": "spacy.Tagger.v2", "nO": None, "normalize": False}
    return {"factory": "trainable_lemmatizer", "model": {**model, "tok2vec": tok2vec}}


def spancat(tok2vec: Block) -> Block:
    widths = list(range(1, WIDTHS + 1))
    return {
        "factory": "spancat",
        "spans_key": SPANS_KEY,
        "suggester": {"@misc": "spacy.ngram_suggester.v1", "sizes": widths},
        "model": {
            "@architectures": "spacy.SpanCategorizer.v1",
            "tok2vec": tok2vec,
            "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 128},
            "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": None, "nI": None},
        },
    }


def textcat(tok2vec: Block) -> Block:
    linear = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "length": 262_144,
        "ngram_size": 1,
        "no_output_layer": False,
        "nO": None,
    }
    model = {"@architectures": "spacy.TextCatEnsemble.v2", "nO": None, "linear_model": linear}
    return {"factory": "textcat", "model": {**model, "tok2vec": tok2vec}}


def with_stock(config: Config, more: dict[str, Block]) -> Config:
    """With components beside those of `LAYERS`."""
    config["components"].update(more)
    config["nlp"]["pipeline"] += list(more)
    weights = dict.fromkeys(config["training"]["score_weights"])
    config["training"]["score_weights"] = {**weights, **WEIGHTS}
    # To go on with a training that was stopped: --paths.resume FOLDER/model-last
    config["paths"]["resume"] = None
    resume = {"@callbacks": "spacy-skd.resume.v1", "path": "${paths.resume}", "first": None}
    config["initialize"]["after_init"] = resume
    return config


def teacher(steps: int) -> Config:
    config = config_of("teacher", LAYERS)
    features = config["components"]["tag"]["model"]["tok2vec"]
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": CATS,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
    more = {
        "lemmatizer": lemmatizer({**features, "grad_factor": LEMMAS}),
        "spancat": spancat({**features, "grad_factor": SPANS}),
        "textcat": textcat(listener),
    }
    config = with_stock(config, more)
    set_steps(config, steps * config["training"]["batcher"]["size"])
    return config


def stock() -> Config:
    config = config_of("stock", LAYERS)
    listener = config["components"]["tagger"]["model"]["tok2vec"]
    blocks = (lemmatizer(listener), spancat(listener), textcat(listener))
    return with_stock(config, dict(zip(("lemmatizer", "spancat", "textcat"), blocks)))
