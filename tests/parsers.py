"""Parsers of every kind, alone in a pipeline, on docs that bring their sentences."""

from typing import Any

import spacy
from conftest import TOK2VEC, gold_examples, make_doc, make_docs
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_skd.models.second_order import build_second_order_parser
from spacy_skd.structures import ArcStructure, HeadSelection, ProjectiveTrees, SpanningTrees

_BIAFFINE = {"@architectures": "spacy-skd.BiaffineParser.v1", "arc_hidden": 16, "label_hidden": 8,
             "dropout": 0.0}  # fmt: skip
assert build_second_order_parser  # registered by its import
_SECOND = {**_BIAFFINE, "@architectures": "spacy-skd.SecondOrderBiaffine.v1", "triple_hidden": 16,
           "rank": 8}  # fmt: skip
_TAGS = {"@architectures": "spacy-skd.TokenScorer.v1"}
KINDS: dict[str, Any] = {
    "tree": {"structure": "tree", "model": _BIAFFINE},
    "projective_tree": {"structure": "projective_tree", "model": _BIAFFINE},
    "head_selection": {"structure": "head_selection", "model": _BIAFFINE},
    "second_order": {"structure": "head_selection", "model": _SECOND},
    "offset_tags": {"structure": "offset_tags", "model": _TAGS},
}
STRUCTURES: dict[str, ArcStructure] = {
    "tree": SpanningTrees(),
    "projective_tree": ProjectiveTrees(),
    "head_selection": HeadSelection(),
}
# "1" and "3" hang on each other's neighbours: 4 -> 2 crosses 1 -> 3.
CROSSING = (["A", "b", "c", "d", "e"], [0, 3, 0, 0, 0], "ROOT x y z w", "NN NN NN NN NN")


def build(kind: str, **settings: Any) -> Language:
    """A pipeline of one parser with vectors of its own, not initialized."""
    nlp = spacy.blank("en")
    config = {**KINDS[kind], **settings}
    config["model"] = {**config["model"], "tok2vec": TOK2VEC}
    nlp.add_pipe("distilling_parser", "parser", config=config)
    return nlp


def trained(kind: str, steps: int = 40) -> Language:
    """On gold."""
    spacy.util.fix_random_seed(0)
    nlp = build(kind)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    sgd = Adam(0.01)
    for _ in range(steps):
        nlp.get_pipe("parser").update(examples, sgd=sgd)
    return nlp


def with_sentences(nlp: Language) -> list[Doc]:
    """Gold docs' words and sentence starts, without heads."""
    docs = make_docs(nlp)
    starts = [[token.is_sent_start for token in doc] for doc in docs]
    words = [[token.text for token in doc] for doc in docs]
    return [Doc(nlp.vocab, w, sent_starts=s) for w, s in zip(words, starts)]


def crossing_example(nlp: Language) -> Example:
    doc = make_doc(nlp, [CROSSING])
    return Example(Doc(nlp.vocab, [token.text for token in doc]), doc)


def is_forest(doc: Doc) -> bool:
    """One root a sentence, no cycles, all labelled."""
    one_root = all(sum(t.head == t for t in sent) == 1 for sent in doc.sents)
    return one_root and all(token.dep_ for token in doc)


def is_projective(doc: Doc) -> bool:
    arcs = [sorted((t.i, t.head.i)) for t in doc if t.head != t]
    return not any(a < c < b < d for a, b in arcs for c, d in arcs)
