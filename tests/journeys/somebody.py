"""Somebody else's pipeline: spaCy's components on a transformer, trained by plain spaCy.

Its transformer is a random one of a few thousand weights, so that learning takes seconds: through
spacy-transformers, which learns with the rest, and through spacy-curated-transformers, frozen.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.tokens import Doc, DocBin
from spacy.training import Example

WIDTH = 48
STEPS = {"transformer": 160, "curated": 80}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# What a real pipeline has: all but the last two learn.
COMPONENTS = ["tagger", "morphologizer", "senter", "parser", "ner", "spancat", "attribute_ruler",
              "lemmatizer", "entity_ruler", "count_shouts"]  # fmt: skip
Block = dict[str, Any]


def read_docs(path: Path, nlp: Language) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def pieces_of(docs: Iterable[Doc], folder: Path) -> Path:
    """vocab.txt: the words of the docs, whole, and characters for all others."""
    words = sorted({token.text for doc in docs for token in doc if not token.is_space})
    characters = [chr(i) for i in range(33, 127)]
    single = [*characters, *(f"##{character}" for character in characters)]
    folder.mkdir(parents=True, exist_ok=True)
    pieces = list(dict.fromkeys([*SPECIAL, *single, *words]))
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf8")
    return folder / "vocab.txt"


def backbone(pieces: Path) -> Path:
    """A random BERT beside its vocabulary, as a folder of the transformers library."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "num_attention_heads": 2}
    count = len(pieces.read_text(encoding="utf8").splitlines())
    config = BertConfig(vocab_size=count, num_hidden_layers=1, initializer_range=0.2, **sizes)
    BertModel(config).save_pretrained(pieces.parent)
    BertTokenizerFast(str(pieces), do_lower_case=False).save_pretrained(pieces.parent)
    return pieces.parent


def add_transformer(nlp: Language, pieces: Path) -> Block:
    """RETURNS (Block): the listener."""
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
    model = {"@architectures": "spacy-transformers.TransformerModel.v3",
             "name": str(backbone(pieces)), "get_spans": spans,
             "tokenizer_config": {"use_fast": True}}  # fmt: skip
    nlp.add_pipe("transformer", config={"model": model})
    return {"@architectures": "spacy-transformers.TransformerListener.v1", "grad_factor": 1.0,
            "pooling": {"@layers": "reduce_mean.v1"}}  # fmt: skip


def add_curated(nlp: Language, pieces: Path) -> Block:
    """Frozen: spacy-curated-transformers 0.3 cannot be trained with NumPy 2.4, but can be run.

    RETURNS (Block): the listener.
    """
    library = "spacy-curated-transformers"
    count = len(pieces.read_text(encoding="utf8").splitlines())
    model = {"@architectures": f"{library}.BertTransformer.v1", "vocab_size": count,
             "num_hidden_layers": 1, "hidden_width": WIDTH, "intermediate_width": WIDTH,
             "num_attention_heads": 2,
             "piece_encoder": {"@architectures": f"{library}.BertWordpieceEncoder.v1"},
             "with_spans": {"@architectures": f"{library}.WithStridedSpans.v1"}}  # fmt: skip
    settings = {"model": model, "frozen": True}
    nlp.add_pipe("curated_transformer", "transformer", config=settings)
    loader = {"@model_loaders": f"{library}.WordpieceLoader.v1", "path": str(pieces)}
    nlp.config["initialize"]["components"]["transformer"] = {"piecer_loader": loader}
    return {"@architectures": f"{library}.LastTransformerLayerListener.v1", "width": WIDTH,
            "pooling": {"@layers": "reduce_mean.v1"}}  # fmt: skip


def somebodys(kind: str, folder: Path, train: Path) -> Language:
    """A trained pipeline of all `COMPONENTS`.

    kind (str): of `STEPS`. folder (Path): for the transformer's files. train (Path): `.spacy`.
    """
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    pieces = pieces_of(read_docs(train, nlp), folder)
    listener = {"transformer": add_transformer, "curated": add_curated}[kind](nlp, pieces)
    add_components(nlp, listener)
    nlp.add_pipe("count_shouts")
    examples = examples_of(nlp, read_docs(train, nlp))
    learn(nlp, examples, steps=STEPS[kind])
    add_rules(nlp, examples)
    return nlp


def add_components(nlp: Language, listener: Block) -> None:
    """All of `COMPONENTS` but the last."""
    tagger = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    spancat = {"@architectures": "spacy.SpanCategorizer.v1", "tok2vec": listener,
               "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": WIDTH},
               "scorer": {"@layers": "spacy.LinearLogistic.v1"}}  # fmt: skip
    models = {"tagger": tagger, "morphologizer": tagger, "senter": tagger, "spancat": spancat}
    for kind in ("parser", "ner"):
        models[kind] = {
            "@architectures": "spacy.TransitionBasedParser.v2", "state_type": kind,
            "extra_state_tokens": False, "hidden_width": 32, "maxout_pieces": 2,
            "use_upper": kind == "parser", "tok2vec": listener}  # fmt: skip
    for name in COMPONENTS[:6]:
        settings = {"min_action_freq": 1} if name == "parser" else {}
        nlp.add_pipe(name, config={"model": models[name], **settings})
    nlp.add_pipe("attribute_ruler")
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"})
    nlp.add_pipe("entity_ruler", config={"overwrite_ents": True})


def examples_of(nlp: Language, docs: list[Doc]) -> list[Example]:
    examples = []
    for doc in docs:
        doc.spans["sc"] = list(doc.ents)
        words, spaces = zip(*((token.text, bool(token.whitespace_)) for token in doc))
        examples.append(Example(Doc(nlp.vocab, words=words, spaces=spaces), doc))
    return examples


def learn(nlp: Language, examples: list[Example], *, steps: int, size: int = 12) -> None:
    rulers = ("attribute_ruler", "entity_ruler")
    with nlp.select_pipes(disable=["lemmatizer"]):
        optimizer = nlp.initialize(lambda: examples)
    drawn = random.Random(0)
    for step in range(steps):
        optimizer.learn_rate = 0.01 * (1 - step / steps)
        batch = drawn.sample(examples, size)
        nlp.update(batch, sgd=optimizer, exclude=[*rulers, *feed(nlp, batch)])


def feed(nlp: Language, batch: list[Example]) -> list[str]:
    """What stands for the update of a curated transformer, whose own fails with NumPy 2.4 at
    `float` of an array of one number.

    RETURNS (list[str]): the component, not to be updated.
    """
    name, pipe = nlp.pipeline[0]
    if nlp.get_pipe_meta(name).factory != "curated_transformer":
        return []
    from spacy_curated_transformers.models.listeners import ListenerStateUtils

    docs = [example.predicted for example in batch]
    states = ListenerStateUtils.calculate_batch_id(docs), pipe.model.predict(docs)
    for listener in pipe.listeners:
        ListenerStateUtils.receive(listener, *states, lambda *gradient, **settings: None)
    return [name]


def add_rules(nlp: Language, examples: list[Example]) -> None:
    """What has rules loses them when it is initialized."""
    tables = Lookups()
    tables.add_table("lemma_lookup", {t.text: t.lemma_ for e in examples for t in e.reference})
    nlp.get_pipe("lemmatizer").initialize(lookups=tables)
    nlp.get_pipe("attribute_ruler").add([[{"LOWER": "ten"}]], {"POS": "NUM"})
    pattern = {"label": "DISTANCE", "pattern": [{"LOWER": "ten"}, {"LOWER": "miles"}]}
    nlp.get_pipe("entity_ruler").add_patterns([pattern])


def textcat(train: Path) -> Language:
    """A small pipeline of another kind: whether a text has more than two sentences."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "length": 262,
             "ngram_size": 1, "no_output_layer": False}  # fmt: skip
    nlp.add_pipe("textcat", config={"model": model})
    examples = examples_of(nlp, read_docs(train, nlp))
    for example in examples:
        is_long = len(list(example.reference.sents)) > 2
        example.reference.cats = {"LONG": float(is_long), "SHORT": float(not is_long)}
    nlp.initialize(lambda: examples)
    nlp.update(examples)
    return nlp
