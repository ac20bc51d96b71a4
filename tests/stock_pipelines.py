"""Tiny stock pipelines that have learnt the examples of conftest, with FEATS."""

from typing import Any, Dict, List

import spacy
from conftest import make_docs
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

FEATS = {"NN": "Number=Sing", "NNS": "Number=Plur", "NNP": "Number=Sing", "VBZ": "Tense=Pres",
         "VBD": "Tense=Past", "VBP": "Tense=Pres"}  # fmt: skip
EMBED = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 1, "embed_size": 300,
         "window_size": 1, "maxout_pieces": 2, "subword_features": False,
         "pretrained_vectors": None}  # fmt: skip
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
FACTORIES = ("tagger", "morphologizer", "senter")


def stock_examples(nlp: Language) -> List[Example]:
    """Sentences, tags, POS and FEATS."""
    examples = []
    for doc in make_docs(nlp):
        for token in doc:
            token.set_morph(FEATS.get(token.tag_, ""))
        examples.append(Example(Doc(nlp.vocab, [token.text for token in doc]), doc))
    return examples


def tagger_model(*, shared: bool, normalize: bool) -> Dict[str, Any]:
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
