"""Where the parts of a stream lie, and what its steps do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.cli.train import train
from thinc.api import Config
from wasabi import msg

from ...disk import new_folder, write_new
from ...teachers.embedding import Embedder
from ...teachers.loading import load_trained
from ...training.annotation.annotate import annotate
from ...training.annotation.inputs import DOCS
from ...training.annotation.settings import Settings
from ...training.annotation.vectors import VectorSettings, make_vectors
from ...training.conversion.raw_text import REJECTS
from ..code import with_code
from ..distillation.state import State
from ..distillation.training import BEST, Training
from ..progress import progress, say
from ..teacher import marked_training
from .corpora import Corpus, store_in
from .matrix import Scores
from .rehearsal import write_texts
from .request import JOINT, Checked, is_gone
from .scoring import Known, score_on, write_dev
from .stages import (
    Given,
    first_config,
    joint_config,
    labels_of,
    left_behind,
    moved_paths,
    next_config,
    strange_labels,
    variants_of,
)
from .variants import IN_TURN, WANTED, Store

FILE = "stream.json"
FEW_WORDS = 2_000  # of all texts: then words that occur once have vectors, too


@dataclass(frozen=True)
class Stage:
    """One training. variant (str): the kind of student. place (int): of its last corpus."""

    variant: str
    place: int
    folder: Path

    @property
    def best(self) -> Path:
        return self.folder / "training" / BEST

    @property
    def config(self) -> Path:
        return self.folder / "student.cfg"

    @property
    def scores(self) -> Path:
        return self.folder / "scores.json"

    @property
    def texts(self) -> Path:
        return self.folder / "texts.jsonl"

    @property
    def rehearsed(self) -> Path:
        return self.folder / "rehearsed"


class Work:
    """One request in one folder.

    drafts (Path): a folder for drafts in `out`. overwrite (bool): whether what was made of other
        settings is replaced.
    """

    def __init__(self, checked: Checked, out: Path, state: State, *, drafts: Path, overwrite: bool):
        self.checked, self.request, self.out, self.state = checked, checked.request, out, state
        self.drafts, self.overwrite = drafts, overwrite
        self.corpora: Sequence[Corpus] = self.request.corpora
        self.names = [corpus.name for corpus in self.corpora]

    # Places

    @property
    def vectors(self) -> Path:
        return self.out / "vectors"

    def training_of(self, corpus: Corpus) -> Path:
        """Return the folder of a teacher's training."""
        return self.out / "teachers" / corpus.name

    def teacher(self, corpus: Corpus) -> str:
        """Return where the teacher of a corpus is, or will be."""
        return corpus.teacher or str(self.training_of(corpus) / BEST)

    def store(self, corpus: Corpus) -> Path:
        return store_in(self.out, corpus.name)

    def dev(self, place: int) -> Path:
        """Return the folder of all that students are evaluated on in training after some
        corpora."""
        return self.out / "dev" / f"{place + 1}_{self.names[place]}"

    def stage(self, variant: str, place: int) -> Stage:
        """Return a stage; the first is the stream's own for all that learn in turn."""
        if variant == JOINT:
            return Stage(variant, place, self.out / JOINT)
        of = WANTED.name if place == 0 else variant
        return Stage(of, place, self.out / of / f"{place + 1}_{self.names[place]}")

    @property
    def last(self) -> Stage:
        """The student that is wanted."""
        return self.stage(WANTED.name, len(self.corpora) - 1)

    @property
    def has_joint(self) -> bool:
        """Return whether one student learns all at once, which needs the first teacher."""
        first = self.corpora[0].teacher
        is_there = first is None or not is_gone(first)
        return JOINT in self.request.compare and len(self.corpora) > 1 and is_there

    # What steps do

    def train_teacher(self, corpus: Corpus) -> None:
        """Train the teacher of a corpus. RAISES (ValueError): if it has one already."""
        if corpus.config is None:
            raise ValueError(f"{corpus.name}: expected the config of a teacher, found none")
        output = self.training_of(corpus)
        overrides = {"paths.train": str(corpus.gold), "paths.dev": str(corpus.dev)}
        with marked_training(output):
            train(corpus.config, output, use_gpu=self.request.gpu_id, overrides=overrides)

    def annotate(self, corpus: Corpus) -> None:
        """Let its teacher read a corpus, or go on."""
        teacher = self.teacher(corpus)
        nlp = load_trained(teacher, what=f"teacher of {corpus.name}")
        for line in left_behind(nlp, teacher, is_first=corpus is self.corpora[0]):
            msg.warn(line)
        self._annotate(teacher, corpus.texts, self.store(corpus))

    def _annotate(self, teacher: str, texts: Sequence[Path], store: Path) -> None:
        settings = Settings(max_words=self.request.max_words)
        with progress("annotate") as tell:
            manifest = annotate(
                teacher,
                [str(path) for path in texts],
                store,
                settings=settings,
                overwrite=True,  # what changed was refused before, and all here is ours
                report=tell,
            )
        name = (store / REJECTS).relative_to(self.out).as_posix()
        self.state.notes.setdefault("rejects", {})[name] = manifest.counts["rejected"]

    def make_vectors(self) -> None:
        """Make those of the first teacher, of all texts that are there when the stream begins: what
        a student reads of a word cannot change later."""
        first = self.corpora[0]
        try:
            Embedder(load_trained(self.teacher(first), what="teacher"))
        except ValueError:
            self.state.notes["vectors"] = []
            self.vectors.mkdir(exist_ok=True)
            return
        texts = [file for each in self.corpora for file in each.texts]
        read = Store.of(self.store(first))
        is_little = read.labelled + read.unlabelled < FEW_WORDS
        settings = VectorSettings(least=1) if is_little else VectorSettings()
        with progress("vectors") as tell:
            make_vectors(
                self.teacher(first), texts, self.vectors, settings=settings, overwrite=True,
                report=tell,
            )  # fmt: skip
        self.state.notes["vectors"] = self.names

    def gather_dev(self, place: int) -> None:
        """Copy that of all corpora so far, each with the labels that it knows."""
        with new_folder(self.dev(place), by="stream", overwrite=True) as draft:
            for each in self.corpora[: place + 1]:
                labels = labels_of(self.store(each))
                write_dev(each.dev, draft / f"{each.name}{DOCS}", labels=labels)

    def rehearse(self, place: int) -> None:
        """Let the student of the stage before say what it believes of the earlier text."""
        stage, corpus = self.stage(WANTED.name, place), self.corpora[place]
        new = Store.of(self.store(corpus))
        stage.folder.mkdir(parents=True, exist_ok=True)
        share = min(1.0, self.request.rehearsal or 1.0)
        words = max(1, round(share * (new.labelled + new.unlabelled)))
        chosen = write_texts(self.corpora[:place], corpus, stage.texts, words=words)
        self.state.notes.setdefault("rehearsed", {})[corpus.name] = {
            "words": chosen.words, "of": list(chosen.of), "lost": list(chosen.lost),
        }  # fmt: skip
        before = self.stage(WANTED.name, place - 1).best
        self._annotate(str(before), [stage.texts], stage.rehearsed)
        for layer, (old, added) in strange_labels(stage.rehearsed, self.store(corpus)).items():
            msg.warn(
                f"{corpus.name}: {layer} has no label in common with the corpora before. The "
                f"student learns {_listed(added)} beside {_listed(old)}; if they mean the same, "
                f"give them one name"
            )

    def train(self, stage: Stage, *, name: str, key: str) -> None:
        """Train a student, or go on. name, key (str): of the step."""
        trainings = self.state.notes.setdefault("trainings", {})
        notes: dict[str, Any] = trainings.setdefault(name, {})
        if not stage.config.exists():  # somebody removed the folder, so that it is made anew
            notes.clear()
        begun, config = notes.get("training"), self._config(stage)
        if begun is None or begun[0] != key:
            stage.folder.mkdir(parents=True, exist_ok=True)
            write_new(stage.config, config.to_bytes(), overwrite=True)
        training = Training(
            stage.config,
            stage.folder / "training",
            kept=stage.folder / "resume",
            paths=moved_paths(Config().from_disk(stage.config), config),
            gpu_id=self.request.gpu_id,
            code=with_code(self.request.code),
            notes=notes,
        )
        training.run(key, overwrite=self.overwrite, save=self.save, say=say)

    @property
    def _given(self) -> Given:
        r = self.request
        has_vectors = r.vectors and bool(self.state.notes.get("vectors"))
        return Given(r.preset, r.effort, r.rehearsal, self.vectors if has_vectors else None)

    def _config(self, stage: Stage) -> Config:
        first, dev = self.corpora[0], self.dev(stage.place)
        if stage.variant == JOINT:
            stores = [Store.of(self.store(each)) for each in self.corpora]
            return joint_config(self.teacher(first), stores, dev, given=self._given)
        if stage.place == 0:
            return first_config(self.teacher(first), self.store(first), dev, given=self._given)
        before = stage.place - 1
        variant = IN_TURN[stage.variant]
        return next_config(
            variant,
            self.stage(WANTED.name, before).best,
            self.stage(stage.variant, before).best,
            Store.of(self.store(self.corpora[stage.place])),
            Store.of(self.stage(WANTED.name, stage.place).rehearsed),
            [Store.of(self.store(each)) for each in self.corpora[: stage.place]],
            dev if variant.looks_back else dev / f"{self.names[stage.place]}{DOCS}",
            given=self._given,
        )

    def score(self, stage: Stage) -> None:
        """Score a student on every corpus."""
        known = {each.name: Known(each.test, labels_of(self.store(each))) for each in self.corpora}
        scores = score_on(stage.best, known)
        text = json.dumps(scores, indent=1) + "\n"
        write_new(stage.scores, text.encode("utf8"), overwrite=True)

    def scores(self) -> dict[str, list[Scores]]:
        """Return by kind of student its scores, by corpus, after each stage."""
        stages = {
            variant.name: [self.stage(variant.name, n) for n in range(len(self.corpora))]
            for variant in variants_of(self.request.compare)
        }
        if self.has_joint:
            stages[JOINT] = [self.stage(JOINT, len(self.corpora) - 1)]
        return {
            variant: [json.loads(each.scores.read_text(encoding="utf8")) for each in of_variant]
            for variant, of_variant in stages.items()
        }

    @property
    def rehearsed(self) -> dict[str, dict[str, Any]]:
        """By corpus, what was rehearsed when it was learnt."""
        noted: dict[str, dict[str, Any]] = self.state.notes.get("rehearsed", {})
        return {name: noted[name] for name in self.names[1:] if name in noted}

    def rejects(self) -> Sequence[tuple[Path, int]]:
        """Return files of unfit lines, with how many there are."""
        rejects: dict[str, int] = self.state.notes.get("rejects", {})
        files = [(self.out / name, n) for name, n in rejects.items() if n]
        return [(file, n) for file, n in files if file.parent.name in self.names]

    def save(self) -> None:
        """Write the state."""
        self.state.to_disk(self.out, drafts=self.drafts, file=FILE)


def _listed(labels: Sequence[str]) -> str:
    return ", ".join([*labels[:5], *(["..."] if len(labels) > 5 else [])])
