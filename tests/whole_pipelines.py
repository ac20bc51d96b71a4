"""Pipelines of all that real ones have: what can teach, rules, and a function of the user's own."""

from pathlib import Path
from typing import Any

from conftest import make_docs
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.tokens import Doc, Span
from spacy.training import Example
from stock_pipelines import FEATS, PIPELINES

from spacy_skd.teachers.embedding import find_listener

NAMES = ["tagger", "morphologizer", "senter", "parser", "attribute_ruler", "lemmatizer", "ner",
         "entity_ruler", "spancat", "shouting"]  # fmt: skip
FUNCTION = "own_shouting"


@Language.component(FUNCTION)
def shouting(doc: Doc) -> Doc:
    """A component as users write them: it has no model and no class."""
    doc.user_data["shouts"] = sum(token.text == "!" for token in doc)
    return doc


def gold(nlp: Language) -> list[Doc]:
    """All layers, in the docs of conftest."""
    docs = make_docs(nlp)
    for doc in docs:
        names = [(t.i, "PER" if t.pos_ == "PROPN" else "THING") for t in doc if t.tag_[0] == "N"]
        doc.set_ents([Span(doc, i, i + 1, label=label) for i, label in names])
        doc.spans["sc"] = list(doc.ents)
        for token in doc:
            token.set_morph(FEATS.get(token.tag_, ""))
    return docs


def whole_pipeline(kind: str, folder: Path) -> Language:
    """kind (str): of `PIPELINES`, what its components listen to."""
    nlp = PIPELINES[kind](folder)
    for name in set(nlp.pipe_names) & set(NAMES):
        nlp.remove_pipe(name)
    _, listener = find_listener(nlp)
    for name in NAMES:
        nlp.add_pipe(FUNCTION if name == "shouting" else name, name, config=_config(name, listener))
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in gold(nlp)]
    nlp.get_pipe("lemmatizer").lookups = _lemmas()
    with nlp.select_pipes(enable=[*nlp.pipe_names[:1], "senter", "spancat", *NAMES[:4], "ner"]):
        nlp.initialize(lambda: examples)
    nlp.get_pipe("attribute_ruler").add([[{"LOWER": "go"}]], {"TAG": "GO"})
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "BOOK", "pattern": "book"}])
    nlp.get_pipe("lemmatizer")._validated = True
    return nlp


def _config(name: str, listener: dict[str, Any]) -> dict[str, Any]:
    if name in ("tagger", "morphologizer", "senter"):
        return {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}}
    if name in ("parser", "ner"):
        model = {"state_type": name, "extra_state_tokens": False, "hidden_width": 16,
                 "maxout_pieces": 2, "use_upper": True}  # fmt: skip
        model = {"@architectures": "spacy.TransitionBasedParser.v2", "tok2vec": listener, **model}
        return {"model": model, **({"min_action_freq": 1} if name == "parser" else {})}
    if name == "spancat":
        reducer = {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 8}
        scorer = {"@layers": "spacy.LinearLogistic.v1"}
        parts = {"tok2vec": listener, "reducer": reducer, "scorer": scorer}
        return {"model": {"@architectures": "spacy.SpanCategorizer.v1", **parts}}
    return {"lemmatizer": {"mode": "lookup"}, "entity_ruler": {"overwrite_ents": True}}.get(
        name, {}
    )


def _lemmas() -> Lookups:
    lookups = Lookups()
    lookups.add_table("lemma_lookup", {"gave": "give", "sees": "see"})
    return lookups
