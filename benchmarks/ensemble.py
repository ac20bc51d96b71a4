"""Several teachers as one store: what they score together, and what `small` learns from them.

    python benchmarks/ensemble.py corpus/ewt work/ensemble teacher ensemble annotate vectors
    python benchmarks/ensemble.py corpus/ewt work/ensemble small --seeds 0 1 2
    python benchmarks/ensemble.py corpus/ewt work/ensemble test bytes table

The teachers differ in their seeds alone (`--teachers 4`: seeds 0 to 3). `annotate` writes one
store of all of them, from which `small` learns as it does from one teacher's (ewt.py), with
vectors of the first. The ensemble itself is scored by what `annotate --with` writes of the tokens
of dev and test: the best guess of its mixture, in the sentences of the first teacher. `bytes`
compares its store with the first teacher's, of dev.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import spacy
from ewt import TEXTS, Systems
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_skd.report.scores import SETTINGS, read_docs, score, unannotated
from spacy_skd.training.annotation.annotate import annotate

SCORES = {
    "XPOS": "tag_acc",
    "UPOS": "pos_acc",
    "SENTS": "sents_f",
    "UAS": "dep_uas",
    "LAS": "dep_las",
}
SETTING = SETTINGS[0]  # predicted sentences, in gold's tokens: as annotation is


class Ensemble(Systems):
    """Of so many teachers of one corpus, in `work/teacher_SEED`; systems as of the first."""

    def __init__(self, corpus: Path, work: Path, *, teachers: int, words: int = 0):
        super().__init__(corpus, work, words=words)
        self.names = [f"teacher_{seed}" for seed in range(teachers)]
        self.folders = [work / name / "model-best" for name in self.names]
        self.teacher_folder = self.folders[0]

    def train_teacher(self, seed: int) -> None:
        settings = {"paths.train": str(self.corpus / "train.spacy"), "system.seed": seed}
        self.train(self.names[seed], self.prepared("teacher"), settings)

    def annotate(self) -> None:
        """Resumes by itself."""
        inputs = [str(self.corpus / name) for name in TEXTS]
        self._together(inputs, self.store)

    def _together(self, inputs: Sequence[str], output: Path) -> None:
        annotate(str(self.folders[0]), inputs, output, others=[str(f) for f in self.folders[1:]])

    def predict(self, nlp: Language, references: Sequence[Doc], *, setting: str) -> Iterable[Doc]:
        """What all teachers say together of gold's tokens; nlp: the first one."""
        with tempfile.TemporaryDirectory() as folder:
            given, told = Path(folder) / "given.spacy", Path(folder) / "told"
            docs = list(unannotated(nlp, references, setting=setting))
            DocBin(docs=docs, attrs=["NORM", "SENT_START"]).to_disk(given)
            self._together([str(given)], told)
            return read_docs(told, nlp)

    def of_all(self, split: str) -> dict[str, Any]:
        nlp = spacy.load(self.folders[0])
        references = read_docs(self.corpus / f"{split}.spacy", nlp)
        return {split: {SETTING: score(nlp, references, setting=SETTING, predict=self.predict)}}

    def bytes_per_word(self) -> dict[str, Any]:
        """Of the stores of dev: of the first teacher, of all."""
        inputs = [str(self.corpus / "dev.spacy")]
        sizes: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            annotate(str(self.folders[0]), inputs, Path(folder) / "one")
            self._together(inputs, Path(folder) / "all")
            for name in ("one", "all"):
                shards = list((Path(folder) / name).glob("*.spacy"))
                docs = [doc for shard in shards for doc in read_docs(shard, spacy.blank("en"))]
                sizes[name] = sum(s.stat().st_size for s in shards) / sum(map(len, docs))
        return sizes


def table(systems: Ensemble) -> None:
    """Print the scores of each system in predicted sentences: means and standard deviations, of
    the teachers and of the seeds of `small`."""
    rows = {"teacher": systems.names, "ensemble": ["ensemble"], "small": systems.chosen("small")}
    for split, prefix in (("dev", ""), ("test", "test_")):
        for title, names in rows.items():
            paths = [systems.cells.path(prefix + name) for name in names]
            runs = [json.loads(path.read_text())[split] for path in paths if path.exists()]
            if runs:
                print(f"{split:4} {title:8} {len(runs)}", *_summary(runs))
    if (sizes := systems.cells.read("bytes")) is not None:
        ratio = sizes["all"] / sizes["one"]
        print(f"bytes a word: {sizes['one']:.1f}, all {sizes['all']:.1f}: {ratio:.2f}")


def _summary(runs: list[dict[str, Any]]) -> list[str]:
    parts = []
    for title, key in SCORES.items():
        values = [100 * run[SETTING][key] for run in runs]
        spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
        parts.append(f"{title} {mean(values):.2f}{spread}")
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("cells", nargs="+")
    parser.add_argument("--teachers", type=int, default=4)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--words", type=int, default=0, help="in training; 0 for the default")
    args = parser.parse_args()
    systems = Ensemble(args.corpus, args.work, teachers=args.teachers, words=args.words)
    run = systems.cells.run
    for name in args.cells:
        if name == "teacher":
            for seed in range(args.teachers):
                systems.train_teacher(seed)
        elif name in ("annotate", "vectors"):
            getattr(systems, name)()
        elif name == "small":
            for seed in args.seeds:
                systems.student(name, seed)
        elif name == "ensemble":
            run(name, systems.names, lambda: systems.of_all("dev"))
        elif name == "test":
            for cell in [*systems.names, *systems.chosen("small")]:
                path = args.work / cell / "model-best"
                run(f"test_{cell}", cell, lambda p=path: {"test": systems.scores(p, "test")})
            run("test_ensemble", systems.names, lambda: systems.of_all("test"))
        elif name == "bytes":
            run("bytes", systems.names, systems.bytes_per_word)
        elif name == "table":
            table(systems)
        else:
            sys.exit(f"unknown cell {name!r}")


if __name__ == "__main__":
    main()
