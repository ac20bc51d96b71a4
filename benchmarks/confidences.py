"""What confidences cost: time of `nlp.pipe` with those of one component, and without; of a parser
with those of the sentence starts that its own depend on, too.

    python benchmarks/confidences.py corpus/gum/train.spacy path/to/raw.jsonl [--student STUDENT]

Pairs in one run: a turn takes each component with and without, in changing order, on one thread
(OMP_NUM_THREADS=1). Enabled are the component and what it needs alone, so that the share is that of
its own time. Without --student a small pipeline of tags, sentences, trees and entities learns from
the corpus first, a few hundred steps.
"""

import argparse
import json
import random
import time
from pathlib import Path
from statistics import median
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

BARS = {"tag": 10, "sent": 10, "pos": 10, "morph": 10, "lemma": 10, "ner": 25, "parser": 40}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
TOK2VEC = {
    "@architectures": "spacy-skd.Tok2Vec.v1",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 96,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": [5000, 1000, 2500, 2500],
        "include_static_vectors": False,
    },
    "encode": {"@architectures": "spacy-skd.ContextEncoder.v1", "width": 96},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path, help="annotated docs, .spacy")
    parser.add_argument("raw", type=Path, help="JSONL of texts")
    parser.add_argument("--student", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=8)
    options = parser.parse_args()
    nlp = spacy.load(options.student) if options.student else trained(options.train, options.steps)
    docs = docs_of(nlp, options.raw, options.words)
    names = [name for name in nlp.pipe_names if hasattr(nlp.get_pipe(name), "confidences")]
    for name in names:
        with nlp.select_pipes(enable=needed(nlp, name)):
            costs = [cost(nlp, docs, first=turn % 2 == 0) for turn in range(options.pairs)]
        bar = BARS.get(name, "?")
        print(f"{name:8} {100 * median(costs):+.1f} % (from {100 * min(costs):+.1f} to "
              f"{100 * max(costs):+.1f}), bar {bar} %", flush=True)  # fmt: skip


def trained(path: Path, steps: int) -> Language:
    """Return a pipeline that has learnt from annotated docs."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    tokens = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": LISTENER}
    for layer in ("sent", "tag", "pos", "morph", "lemma"):
        nlp.add_pipe("distilling_tagger", layer, config={"layer": layer, "model": tokens})
    arcs = {"@architectures": "spacy-skd.BiaffineParser.v1", "tok2vec": LISTENER}
    nlp.add_pipe("distilling_parser", "parser", config={"model": arcs})
    chain = {"@architectures": "spacy-skd.ChainScorer.v1", "tok2vec": LISTENER}
    nlp.add_pipe("distilling_tagger", "ner", config={"layer": "ents", "model": chain})
    examples = [Example(bare(doc), doc) for doc in parts_of(nlp, path)]
    nlp.initialize(lambda: examples)
    optimizer, rng = nlp.resume_training(), random.Random(0)
    optimizer.learn_rate = 0.003
    for _ in range(steps):
        nlp.update(rng.sample(examples, 16), sgd=optimizer, losses={})
    return nlp


def parts_of(nlp: Language, path: Path, sentences: int = 8) -> list[Doc]:
    """Return the docs cut to some sentences each; without entities, names are such."""
    parts = []
    for doc in DocBin().from_disk(path).get_docs(nlp.vocab):
        sents = list(doc.sents)
        for i in range(0, len(sents), sentences):
            some = doc[sents[i].start : sents[min(i + sentences, len(sents)) - 1].end].as_doc()
            if not some.ents:
                names = [Span(some, t.i, t.i + 1, "NAME") for t in some if t.pos_ == "PROPN"]
                some.set_ents(names, default="outside")
            parts.append(some)
    return parts


def bare(doc: Doc) -> Doc:
    return Doc(doc.vocab, [t.text for t in doc], [bool(t.whitespace_) for t in doc])


def docs_of(nlp: Language, path: Path, words: int) -> list[Doc]:
    """Return tokenized docs of so many words."""
    docs, n = [], 0
    with path.open(encoding="utf8") as file:
        for line in file:
            docs.append(nlp.make_doc(json.loads(line)["text"]))
            n += len(docs[-1])
            if n >= words:
                break
    return docs


def needed(nlp: Language, name: str) -> list[str]:
    """Return a component, what it listens to, and what sets the sentences that it needs."""
    names = {name, *(each for each in ("tok2vec", "transformer") if each in nlp.pipe_names)}
    if "doc.sents" in nlp.get_pipe_meta(name).requires:
        names |= {each for each in ("sent", "senter") if each in nlp.pipe_names}
    return [each for each in nlp.pipe_names if each in names]


def cost(nlp: Language, docs: list[Doc], *, first: bool) -> float:
    """Return the time with confidences over that without, less 1."""
    seconds = {on: timed(nlp, docs, on) for on in ((True, False) if first else (False, True))}
    return seconds[True] / seconds[False] - 1


def timed(nlp: Language, docs: list[Doc], on: bool) -> float:
    """Return seconds of CPU time."""
    pipes: list[Any] = [pipe for _, pipe in nlp.pipeline if hasattr(pipe, "confidences")]
    for pipe in pipes:
        pipe.confidences = on
    copies = [doc.copy() for doc in docs]
    start = time.process_time()
    for _ in nlp.pipe(copies, batch_size=256):
        pass
    seconds = time.process_time() - start
    for pipe in pipes:
        pipe.confidences = False
    return seconds


if __name__ == "__main__":
    main()
