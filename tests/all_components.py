"""A pipeline of every distilling component, and examples of all that they annotate."""

from typing import Any

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, make_docs
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

NAMES = ("sent", "tag", "pos", "morph", "lemma", "parser", "ner", "bio", "spans", "segments",
         "nested", "textcat", "multilabel")  # fmt: skip
# One of each shape of scores; the others take long, and run with -m long (`make test-long`).
FEW = ("tag", "lemma", "parser", "ner", "nested", "textcat")
EACH = [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in NAMES]
FACTORIES = {"parser": "distilling_parser", "textcat": "distilling_textcat",
             "multilabel": "distilling_textcat"}  # fmt: skip
LENGTHS = ("ONE", "TWO", "MORE")  # categories, by the sentences of a doc
# Labels of spans by word: made up, so that there are some in each doc.
SPANS = {"Ann": "PER", "cat": "ANIMAL", "Dogs": "ANIMAL", "She": "PER", "Go": "ACT"}
MORPHS = {"NNS": "Number=Plur", "NN": "Number=Sing", "VBZ": "Tense=Pres|VerbForm=Fin"}
LEMMAS = {"sees": "see", "Dogs": "dog", "gave": "give", "him": "he", "Ann": "Ann"}
TEXTS = ["The cat sees Ann . Dogs sleep well", "Go !", "", "She gave him the book"]


def build(*, shared: bool = True, nO: int | None = None, **settings: Any) -> Language:
    """A pipeline of all components, not initialized. shared: of one tok2vec."""
    nlp = spacy.blank("en")
    if shared:
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    for name in NAMES:
        model = {**_MODELS[name], "tok2vec": LISTENER if shared else TOK2VEC, "nO": nO}
        config = {**_CONFIGS[name], "model": model, **settings}
        nlp.add_pipe(FACTORIES.get(name, "distilling_tagger"), name, config=config)
    return nlp


_TOKENS = {"@architectures": "spacy-skd.TokenScorer.v1"}
_CHAIN = {"@architectures": "spacy-skd.ChainScorer.v1"}
_TREES = {
    "@architectures": "spacy-skd.BiaffineParser.v1",
    "arc_hidden": 16,
    "label_hidden": 8,
    "dropout": 0.0,
}
_SEGMENTS = {
    "@architectures": "spacy-skd.SegmentScorer.v1",
    "max_width": 2,
    "hidden_width": 8,
    "dropout": 0.0,
}
_DOCS = {
    "@architectures": "spacy-skd.DocScorer.v1",
    "heads": 2,
    "hidden_width": 16,
    "dropout": 0.0,
    "ngram_size": 2,
    "length": 64,
}
_MODELS: dict[str, Any] = {**dict.fromkeys(NAMES, _TOKENS), "parser": _TREES,
                           **dict.fromkeys(("textcat", "multilabel"), _DOCS),
                           "ner": _CHAIN, "spans": _CHAIN,
                           **dict.fromkeys(("segments", "nested"), _SEGMENTS)}  # fmt: skip
_CONFIGS: dict[str, Any] = {
    **{name: {"layer": name} for name in ("sent", "tag", "pos", "morph", "spans")},
    "lemma": {"layer": "lemma", "min_tree_freq": 1},
    "parser": {},
    "textcat": {},
    "multilabel": {"exclusive": False},
    "ner": {"layer": "ents"},
    "segments": {"layer": "spans", "spans_key": "seg", "structure": "segments"},
    "nested": {"layer": "spans", "spans_key": "nest", "structure": "independent_spans"},
    "bio": {"layer": "ents", "structure": "tokens", "scheme": "BIO", "overwrite": True},
}


def gold_docs(nlp: Language) -> list[Doc]:
    docs = make_docs(nlp)
    for doc in docs:
        for token in doc:
            token.set_morph(MORPHS.get(token.tag_, "_"))
            token.lemma_ = LEMMAS.get(token.text, token.lower_)
        found = [Span(doc, t.i, t.i + 1, SPANS[t.text]) for t in doc if t.text in SPANS]
        doc.set_ents(found)
        doc.spans["sc"] = doc.spans["seg"] = found
        pairs = [Span(doc, span.end - 2, span.end, "PAIR") for span in found if span.end > 1]
        doc.spans["nest"] = [*found, *pairs]
        n = len(list(doc.sents))
        doc.cats = {label: float(i == n - 1) for i, label in enumerate(LENGTHS)}
    return docs


def gold_examples(nlp: Language) -> list[Example]:
    return [Example(bare(doc), doc) for doc in gold_docs(nlp)]


def bare_examples(nlp: Language) -> list[Example]:
    """Of the same words, without any annotation but sentence starts."""
    docs = gold_docs(nlp)
    return [Example(bare(doc, sents=True), bare(doc, sents=True)) for doc in docs]


def bare(doc: Doc, *, sents: bool = False) -> Doc:
    starts = [token.is_sent_start for token in doc] if sents else None
    spaces = [bool(token.whitespace_) for token in doc]
    return Doc(doc.vocab, [token.text for token in doc], spaces, sent_starts=starts)


def annotation(doc: Doc) -> list[Any]:
    tokens = [
        (t.tag_, t.pos_, str(t.morph), t.lemma_, t.dep_, t.head.i, t.is_sent_start) for t in doc
    ]
    groups = [doc.spans.get(key, ()) for key in ("sc", "seg", "nest")]
    found = [span for group in (doc.ents, *groups) for span in group]
    cats = [(label, "cat") for label, chance in doc.cats.items() if chance > 0.5]
    return [*tokens, *((s.start, s.end, s.label_) for s in found), *cats]


def scores_of(nlp: Language, name: str, docs: list[Doc]) -> "numpy.ndarray":
    """All that a component believes of docs on which the pipes before it have run, as one row."""
    rows = []
    for belief in nlp.get_pipe(name).believe(docs):
        arrays = [*belief.arcs, belief.label_scores] if hasattr(belief, "arcs") else [belief.scores]
        rows.extend(array.ravel() for array in arrays)
    return numpy.concatenate(rows)
