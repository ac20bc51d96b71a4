"""Make the student, store and config of this folder; run it where commit 9f2e74b is installed.

    python make_saved.py OUTPUT

They stand for what users saved with that version: later ones load, read and train on them. All is
small: a few docs of the demo corpus, widths of 16, some dozens of steps.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import spacy
from spacy.tokens import DocBin, Span
from spacy.training import Example
from thinc.api import Config

WIDTH, STEPS = 16, 250
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": WIDTH,
    "depth": 2,
    "embed_size": 1000,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}
SCORER = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": LISTENER}
CHAIN = {"@architectures": "spacy-skd.ChainScorer.v1", "tok2vec": LISTENER}
TREES = {
    "@architectures": "spacy-skd.BiaffineParser.v1",
    "arc_hidden": 16,
    "label_hidden": 8,
    "dropout": 0.0,
    "tok2vec": LISTENER,
}


def command(*arguments):
    """Run one of spaCy's commands, in the folder that `main` works in."""
    subprocess.run([sys.executable, "-m", "spacy", *map(str, arguments)], check=True)


def make_teacher(path, folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    for layer in ("sent", "tag", "pos", "morph"):
        nlp.add_pipe("distilling_tagger", layer, config={"layer": layer, "model": SCORER})
    nlp.add_pipe("distilling_parser", "parser", config={"model": TREES})
    nlp.add_pipe("distilling_tagger", "ner", config={"layer": "ents", "model": CHAIN})
    nlp.add_pipe("distilling_tagger", "things", config={"layer": "spans", "model": CHAIN})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs_of(path, nlp)]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for step in range(150):
        nlp.update(examples[step % 5 :: 5], sgd=optimizer)
    nlp.to_disk(folder)


def docs_of(path, nlp):
    """With a span group: the nouns."""
    docs = list(DocBin().from_disk(path).get_docs(nlp.vocab))
    for doc in docs:
        doc.spans["sc"] = [Span(doc, t.i, t.i + 1, "NOUN") for t in doc if t.pos_ == "NOUN"]
    return docs


def make_config():
    command("skd", "init", "teacher", "student.cfg", "--preset", "tiny", "--store", "store",
            "--vectors", "vectors", "--dev", "corpus/dev.spacy")  # fmt: skip
    config = Config().from_disk("student.cfg", interpolate=False)
    tok2vec = config["components"]["tok2vec"]["model"]
    tok2vec["embed"].update(width=WIDTH, rows=[200, 50, 100, 50], affix_rows=50)
    tok2vec["encode"].update(width=WIDTH, heads=2)
    config["training"].update(max_steps=STEPS, eval_frequency=STEPS)
    config.to_disk("student.cfg")


def annotation(doc):
    """All that is annotated, as JSON."""
    tokens = [
        (t.text, t.tag_, t.pos_, str(t.morph), t.dep_, t.head.i, bool(t.is_sent_start)) for t in doc
    ]
    spans = [(s.start, s.end, s.label_) for s in doc.spans.get("sc", ())]
    return {"tokens": tokens, "ents": [(e.start, e.end, e.label_) for e in doc.ents], "sc": spans}


def make(texts_of):
    """Everything, in the working directory. texts_of: what is predicted, of a corpus."""
    command("skd", "generate", "demo", "--words", 500, "--train-words", 3000,
            "--dev-words", 250, "--test-words", 400)  # fmt: skip
    splits = [f"demo/{split}.conllu" for split in ("train", "dev", "test")]
    command("skd", "convert", *splits, "corpus", "--raw", "demo/raw.jsonl")
    make_teacher("corpus/train.spacy", "teacher")
    DocBin(docs=docs_of("corpus/dev.spacy", spacy.blank("en"))).to_disk("few.spacy")
    command("skd", "annotate", "teacher", "few.spacy", "corpus/raw.jsonl", "store",
            "--shard-words", 1000)  # fmt: skip
    command("skd", "vectors", "teacher", "corpus/train.spacy", "corpus/raw.jsonl", "vectors",
            "--rows", 300)  # fmt: skip
    make_config()
    command("train", "student.cfg", "--output", "out")
    nlp = spacy.load("out/model-last")
    nlp.to_disk("student")
    texts = [" ".join(doc.text.split()) for doc in docs_of(texts_of, nlp)]
    rows = [{"text": text, **annotation(nlp(text))} for text in texts]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    Path("predictions.jsonl").write_text(lines, encoding="utf8")


def main(output):
    output = output.resolve()
    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        make("corpus/test.spacy")
        for name in ("store", "student"):
            shutil.copytree(name, output / name)
        for name in ("student.cfg", "predictions.jsonl"):
            shutil.copy(name, output / name)
        os.chdir(output)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
