"""Small pipelines of spans, of each structure and scheme."""

import pytest
import spacy
from conftest import LISTENER, TOK2VEC
from entities import examples

KINDS = [
    ("tokens", "BIO"),
    ("tokens", "BIOES"),
    ("linear_chain", "BIO"),
    ("linear_chain", "BIOES"),
    ("segments", "BIOES"),
]
SCORERS = {"tokens": "TokenScorer", "linear_chain": "ChainScorer", "segments": "SegmentScorer"}
each_kind = pytest.mark.parametrize(("structure", "scheme"), KINDS)


def build(structure="linear_chain", scheme="BIOES", layer="ents", **settings):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": f"spacy-skd.{SCORERS[structure]}.v1", "tok2vec": LISTENER}
    if structure == "segments":
        model.update(max_width=4, hidden_width=16, dropout=0.0)
    settings = {"layer": layer, "structure": structure, "scheme": scheme, **settings}
    nlp.add_pipe("distilling_tagger", "ner", config={"model": model, **settings})
    return nlp


def initialized(*args, **settings):
    nlp = build(*args, **settings)
    nlp.config["initialize"]["components"]["ner"] = {"labels": ["PER", "LOC"]}
    nlp.initialize(lambda: examples(nlp))
    return nlp
