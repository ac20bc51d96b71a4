"""A teacher with components that have no student: a span_finder, an entity_linker, a user's own."""

from pathlib import Path
from typing import Any

import spacy
from conftest import make_docs
from spacy.kb import InMemoryLookupKB
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import import_file
from stock_pipelines import EMBED, LISTENER, tagger_model, transition_model

CODE = '''
import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Logistic, chain, list2ragged, reduce_mean

Doc.set_extension("shout", default=None, force=True)


@registry.architectures("house.Shout.v1")
def build(tok2vec, nO=1):
    model = chain(tok2vec, list2ragged(), reduce_mean(), Linear(nO), Logistic())
    model.set_ref("tok2vec", tok2vec)
    return model


@Language.factory("shout", default_score_weights={"shout_close": 1.0})
def make_shout(nlp, name, model, power: float = 1.0):
    return Shout(nlp.vocab, model, name, power)


class Shout(TrainablePipe):
    """Learns how loud a doc is; fails where an example does not say."""

    def __init__(self, vocab, model, name, power):
        self.vocab, self.model, self.name, self.cfg = vocab, model, name, {}
        self.power = power

    def predict(self, docs):
        return self.model.predict(docs)

    def set_annotations(self, docs, scores):
        for doc, score in zip(docs, scores):
            doc._.shout = float(score[0])

    def initialize(self, get_examples, *, nlp=None):
        self.model.initialize(X=[eg.predicted for eg in get_examples()][:3])

    def get_loss(self, examples, scores):
        truths = numpy.asarray([[eg.reference._.shout] for eg in examples], dtype="float32")
        return float(((scores - truths) ** 2).sum()), scores - truths

    def score(self, examples, **kwargs):
        pairs = [(eg.predicted._.shout, eg.reference._.shout) for eg in examples]
        if any(None in pair for pair in pairs):
            return {"shout_close": None}
        return {"shout_close": 1 - sum(abs(a - b) for a, b in pairs) / max(1, len(pairs))}
'''
PLACES = {"Ann": "Q1", "cat": "Q2", "dogs": "Q3"}
COMPONENTS = ("tagger", "senter", "ner", "span_finder", "entity_linker", "shout")


def write_code(folder: Path) -> Path:
    path = folder / "house_shout.py"
    path.write_text(CODE, encoding="utf8")
    return path


def annotated_docs(nlp: Language) -> list[Doc]:
    """With all that the teacher learns."""
    docs = make_docs(nlp)
    for doc in docs:
        doc.ents = [Span(doc, t.i, t.i + 1, "THING", kb_id=PLACES[t.text])
                    for t in doc if t.text in PLACES]  # fmt: skip
        doc.spans["near"] = [doc[t.i : t.i + 1] for t in doc if t.tag_.startswith("N")]
        doc._.shout = float(doc.text.endswith("!"))
    return docs


def knowledge(vocab: Any) -> InMemoryLookupKB:
    kb = InMemoryLookupKB(vocab, entity_vector_length=3)
    for i, (alias, entity) in enumerate(PLACES.items()):
        kb.add_entity(entity, freq=3, entity_vector=[float(i == j) for j in range(3)])
        kb.add_alias(alias, entities=[entity], probabilities=[0.9])
    return kb


def make_teacher(folder: Path, *, steps: int = 25) -> Path:
    """Train and save it. folder (Path): gets house_shout.py, too."""
    import_file("house_shout", write_code(folder))
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    tagger = tagger_model(shared=True, normalize=False)
    finder = {"@architectures": "spacy.SpanFinder.v1", "tok2vec": LISTENER,
              "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2, "nI": None}}  # fmt: skip
    linker = {"@architectures": "spacy.EntityLinker.v2", "tok2vec": LISTENER}
    models = {"tagger": tagger, "senter": tagger, "ner": transition_model("ner"),
              "span_finder": finder, "entity_linker": linker,
              "shout": {"@architectures": "house.Shout.v1", "tok2vec": LISTENER}}  # fmt: skip
    settings: dict[str, Any] = {"span_finder": {"spans_key": "near", "max_length": 1},
                                "shout": {"power": 2.0}}  # fmt: skip
    for name in COMPONENTS:
        nlp.add_pipe(name, config={"model": models[name], **settings.get(name, {})})
    examples = [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in annotated_docs(nlp)]
    nlp.get_pipe("entity_linker").set_kb(knowledge)  # type: ignore[attr-defined]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder / "teacher")
    return folder / "teacher"
