"""Stock pipelines of categories that have learnt a little, and docs with them."""

from typing import Any

import spacy
from conftest import make_docs
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from stock_pipelines import EMBED, LISTENER

TEXTS = ["The cat sees Ann . Dogs sleep", "Go !", "", "She gave him a book well", "Dogs\n\n"]
LENGTHS = ("ONE", "TWO", "MORE")  # exclusive, by sentences
WORDS = ("ANN", "GO")  # each on its own, by a word of the doc


def cats_of(doc: Doc) -> dict[str, float]:
    n = len(list(doc.sents))
    words = {token.text for token in doc}
    return {
        **{label: float(i == n - 1) for i, label in enumerate(LENGTHS)},
        **{label: float(label.capitalize() in words) for label in WORDS},
    }


def examples_of(nlp: Language, labels: Any = (*LENGTHS, *WORDS)) -> list[Example]:
    examples = []
    for doc in make_docs(nlp):
        bare, gold = (Doc(nlp.vocab, [token.text for token in doc]) for _ in range(2))
        gold.cats = {label: value for label, value in cats_of(doc).items() if label in labels}
        examples.append(Example(bare, gold))
    return examples


def textcat_model(*, exclusive: bool, kind: str = "ensemble", tok2vec: Any = None) -> Any:
    """kind: of spaCy's architectures."""
    bow = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": exclusive,
           "ngram_size": 1, "no_output_layer": False, "length": 1000}  # fmt: skip
    if kind == "bow":
        return bow
    tok2vec = tok2vec or EMBED
    if kind == "attention":
        return {"@architectures": "spacy.TextCatParametricAttention.v1", "tok2vec": tok2vec,
                "exclusive_classes": exclusive}  # fmt: skip
    if kind == "reduce":
        return {"@architectures": "spacy.TextCatReduce.v1", "tok2vec": tok2vec,
                "exclusive_classes": exclusive, "use_reduce_first": False,
                "use_reduce_last": False, "use_reduce_max": True,
                "use_reduce_mean": True}  # fmt: skip
    return {"@architectures": "spacy.TextCatEnsemble.v2", "tok2vec": tok2vec, "linear_model": bow}


def stock_textcats(*, kind: str = "ensemble", steps: int = 8) -> Language:
    """A `textcat` and a `textcat_multilabel` that listen to one tok2vec."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    inventories = {"textcat": LENGTHS, "textcat_multilabel": WORDS}
    for factory in inventories:
        model = textcat_model(exclusive=factory == "textcat", kind=kind, tok2vec=LISTENER)
        nlp.add_pipe(factory, config={"model": model})
    # spaCy's textcat takes all categories of a doc for its own: each learns by itself.
    nlp.get_pipe("tok2vec").initialize(lambda: examples_of(nlp), nlp=nlp)
    for factory, labels in inventories.items():
        examples = examples_of(nlp, labels)
        nlp.get_pipe(factory).initialize(lambda egs=examples: egs, nlp=nlp)
        with nlp.select_pipes(enable=["tok2vec", factory]):
            optimizer = nlp.resume_training()
            optimizer.learn_rate = 0.01
            for _ in range(steps):
                nlp.update(examples, sgd=optimizer)
    return nlp
