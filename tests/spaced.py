"""Docs with whitespace tokens, and components whose vectors know nothing of their neighbours, so
that whitespace may change nothing but places."""

from collections.abc import Sequence
from typing import Any

import numpy
import parsers
import spacy
from all_components import _CONFIGS, _MODELS, FACTORIES, NAMES, gold_docs
from conftest import TOK2VEC
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

ALONE = {
    **TOK2VEC,
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": 1,
        "window_size": 0,
        "maxout_pieces": 2,
    },
}
TREES = tuple(parsers.KINDS)
PIPES = tuple(name for name in NAMES if name != "parser") + TREES
# Before each word of a doc, and at its end.
WHITESPACE = ["\n\n", "", "", "  ", "\t", "", "\n", "", " \n "]


def build(name: str, **settings: Any) -> Language:
    """A component of `PIPES`, trained a little so that it finds spans and trees."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    is_tree = name in parsers.KINDS
    config: dict[str, Any] = {**(parsers.KINDS[name] if is_tree else _CONFIGS[name]), **settings}
    config["model"] = {**(config["model"] if is_tree else _MODELS[name]), "tok2vec": ALONE}
    factory = FACTORIES.get("parser" if is_tree else name, "distilling_tagger")
    nlp.add_pipe(factory, name, config=config)
    examples = pairs(nlp)[0]
    nlp.initialize(lambda: examples)
    for _ in range(8):
        nlp.update(examples, losses={})
    return nlp


def pairs(nlp: Language) -> tuple[list[Example], list[Example]]:
    """Examples, and the same with whitespace tokens, of which gold says wrong things."""
    docs = gold_docs(nlp)
    spaced = [with_whitespace(doc) for doc in docs]
    return [Example(bare(doc), doc) for doc in docs], [Example(bare(doc), doc) for doc in spaced]


def bare(doc: Doc) -> Doc:
    """Words and sentence starts, of which whitespace has some."""
    words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
    starts = [bool(t.is_sent_start) for t in doc]
    for i in range(1, len(doc)):
        if doc[i - 1].is_space and starts[i]:
            starts[i - 1], starts[i] = True, False
    return Doc(doc.vocab, words, spaces, sent_starts=starts)


def place(doc: Doc) -> list[int]:
    """Of each word and of the end, its token in `with_whitespace`."""
    extra = [bool(WHITESPACE[i % len(WHITESPACE)]) for i in range(len(doc) + 1)]
    return [i + sum(extra[: i + 1]) for i in range(len(doc) + 1)]


def with_whitespace(doc: Doc) -> Doc:
    at = place(doc)
    n = at[-1]
    words: list[str] = [WHITESPACE[0]] * n
    heads, deps, tags, pos = list(range(n)), ["odd"] * n, ["ODD"] * n, ["X"] * n
    for i, where in enumerate(at):
        if WHITESPACE[i % len(WHITESPACE)]:
            words[where - 1] = WHITESPACE[i % len(WHITESPACE)]
            heads[where - 1] = at[i - 1] if i else at[0]
    for token, where in zip(doc, at):
        words[where], heads[where] = token.text, at[token.head.i]
        deps[where], tags[where], pos[where] = token.dep_, token.tag_, token.pos_
    spaced = Doc(doc.vocab, words, [False] * n, heads=heads, deps=deps, tags=tags, pos=pos)
    for token, where in zip(doc, at):
        spaced[where].set_morph(str(token.morph))
        spaced[where].lemma_ = token.lemma_
    for token in spaced:
        token.lemma_ = token.lemma_ or "odd"
    # Edges on whitespace, where there is any.
    spans, nested = (
        [Span(spaced, at[s.start] - (s.start == 0), at[s.end - 1] + 1, s.label_) for s in group]
        for group in (doc.ents, doc.spans.get("nest", ()))
    )
    spaced.set_ents(spans)
    spaced.spans["sc"] = spaced.spans["seg"] = spans
    spaced.spans["nest"] = nested
    spaced.cats = dict(doc.cats)
    return spaced


def words_of_annotation(doc: Doc) -> list[Any]:
    """What is said of the words of a doc, by their numbers."""
    number = numpy.cumsum([0, *(not t.is_space for t in doc)]).tolist()
    words = [t for t in doc if not t.is_space]
    said = [
        (t.text, t.tag_, t.pos_, str(t.morph), t.lemma_, t.dep_, number[t.head.i]) for t in words
    ]
    spans = [*doc.ents, *doc.spans.get("sc", ()), *doc.spans.get("seg", ()),
             *doc.spans.get("nest", ())]  # fmt: skip
    starts = [number[sent.start] for sent in doc.sents] if doc.has_annotation("SENT_START") else []
    cats = {label: round(chance, 4) for label, chance in doc.cats.items()}
    return [*said, *((number[s.start], number[s.end], s.label_) for s in spans), *starts, cats]


def gradients(nlp: Language, name: str) -> dict[str, numpy.ndarray]:
    """Of all parameters of a component, set to 0 afterwards."""
    found: dict[str, numpy.ndarray] = {}
    for i, node in enumerate(nlp.get_pipe(name).model.walk()):
        for param in node.grad_names:
            if node.has_grad(param):
                found[f"{i} {node.name}.{param}"] = node.get_grad(param).copy()
                node.set_grad(param, node.get_grad(param) * 0)
    return found


def plain(vocab: Any, words: Sequence[str], starts: Sequence[bool] | None = None) -> Doc:
    return Doc(vocab, list(words), [False] * len(words), sent_starts=starts and list(starts))
