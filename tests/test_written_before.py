"""What commit 9f2e74b wrote (written_at_9f2e74b/make_saved.py) is read, and means the same."""

import json
import shutil
from itertools import islice
from pathlib import Path

import spacy
from spacy.cli.train import train
from spacy.training import Example

from spacy_skd.training.corpora.sampled import make_sampled_corpus

FOLDER = Path(__file__).parent / "written_at_9f2e74b"


def annotation(doc):
    tokens = [
        [t.text, t.tag_, t.pos_, str(t.morph), t.dep_, t.head.i, bool(t.is_sent_start)] for t in doc
    ]
    spans = [[s.start, s.end, s.label_] for s in doc.spans.get("sc", ())]
    return {"tokens": tokens, "ents": [[e.start, e.end, e.label_] for e in doc.ents], "sc": spans}


def test_a_student_predicts_what_it_did():
    nlp = spacy.load(FOLDER / "student")
    rows = [json.loads(line) for line in (FOLDER / "predictions.jsonl").open(encoding="utf8")]
    assert len(rows) > 3
    for row, doc in zip(rows, nlp.pipe([row["text"] for row in rows])):
        assert {"text": doc.text, **annotation(doc)} == row


def test_a_student_learns_on(tmp_path):
    nlp = spacy.load(FOLDER / "student")
    nlp.to_disk(tmp_path / "again")
    assert annotation(spacy.load(tmp_path / "again")("Dogs sleep.")) == annotation(
        nlp("Dogs sleep.")
    )
    doc = nlp("My actress sees Ann Lee.")
    losses = nlp.update([Example(nlp.make_doc(doc.text), doc)], sgd=nlp.resume_training())
    assert set(losses) >= {"sent", "tag", "pos", "morph", "parser", "ner", "things"}


def test_a_store_is_drawn_from():
    layers = {"tag": "tag", "parser": "parser", "ner": "ents", "things": "spans:sc"}
    corpus = make_sampled_corpus(store=str(FOLDER / "store"), ratio=1.0, layers=layers)
    stream = corpus(spacy.blank("en"))
    docs = [eg.reference for eg in islice(stream, 20)]
    for attr in ("TAG", "DEP", "ENT_IOB"):
        assert all(doc.has_annotation(attr) for doc in docs)
    assert {span.label_ for doc in docs for span in doc.spans["sc"]} == {"NOUN"}


def test_a_config_and_a_store_train_a_student(tmp_path):
    shutil.copytree(FOLDER / "store", tmp_path / "store")
    nlp = spacy.load(FOLDER / "student")
    doc = nlp("My actress sees Ann Lee. Dogs sleep.")
    (tmp_path / "dev").mkdir()
    spacy.tokens.DocBin(docs=[doc]).to_disk(tmp_path / "dev" / "dev.spacy")
    overrides = {
        "paths.store": str(tmp_path / "store"),
        "paths.vectors": str(FOLDER / "student"),
        "paths.dev": str(tmp_path / "dev"),
        "components.teacher.teacher": None,
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    train(FOLDER / "student.cfg", tmp_path / "out", overrides=overrides)
    trained = spacy.load(tmp_path / "out" / "model-last")
    for name in ("sent", "tag", "pos", "morph", "parser", "ner", "things"):
        assert set(trained.get_pipe(name).labels) >= set(nlp.get_pipe(name).labels)
    assert trained.get_pipe("parser").cfg["seen"] > 0
