"""The steps of a stream, in their order, and what each depends on."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...shards.manifest import FILE as MANIFEST
from ...training.annotation.settings import Settings
from ..code import with_code
from ..distillation.state import key_of
from ..distillation.training import BEST
from .request import JOINT
from .stages import variants_of
from .variants import WANTED, Variant
from .work import Stage, Work

SPACY = "python -m spacy"
ANNOTATE = "annotate "  # with a corpus: the step in which its teacher reads it


@dataclass(frozen=True)
class Step:
    """key: a digest of all that its result depends on; before: the steps among that. made: what is
    there when it is done. command: what a user would run, "" if there is none."""

    name: str
    key: str
    before: tuple[str, ...]
    do: Callable[[], None]
    made: Path
    command: str = ""


class Steps:
    """The steps of some work."""

    def __init__(self, work: Work):
        self.work = work
        self.all: list[Step] = []
        self._keys: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}  # by the step that trains the student
        settings = work.checked.settings
        self._code, self._max_words = settings["code"], settings["max_words"]
        self._student = {name: settings[name] for name in ("preset", "effort", "vectors")}
        for place in range(len(work.corpora)):
            self._of_corpus(place)
            for variant in variants_of(work.request.compare):
                if place or variant is WANTED:
                    self._of_stage(variant, place)
        if work.has_joint:
            self._of_joint()
        self._score()

    def is_done(self, step: Step) -> bool:
        """Tell whether a run of before has done it, of the same, and the result is still there."""
        return self.work.state.done.get(step.name) == step.key and step.made.exists()

    def _add(
        self,
        name: str,
        settings: Any,
        before: Sequence[str],
        do: Callable[[], None],
        *,
        made: Path,
        command: str = "",
    ) -> None:
        self._keys[name] = key_of({"of": settings}, ["of"], [self._keys[each] for each in before])
        self.all.append(Step(name, self._keys[name], tuple(before), do, made, command))

    def _of_corpus(self, place: int) -> None:
        """Add its teacher, what that says, and what students are evaluated on."""
        work, corpus = self.work, self.work.corpora[place]
        name, of = corpus.name, work.checked.of(corpus)
        before = []
        if corpus.config is not None:
            folder = work.training_of(corpus)
            line = self._line("skd teacher", corpus.config, folder, "--paths.train", corpus.gold,
                              "--paths.dev", corpus.dev)  # fmt: skip
            before.append(f"teacher {name}")
            self._add(before[0], [of["teacher"], of["gold"], of["dev"], self._code], [],
                      partial(work.train_teacher, corpus), made=folder / BEST,
                      command=line)  # fmt: skip
        read = [of["teacher"], of["gold"], of["raw"]]
        line = self._annotate_line(work.teacher(corpus), *corpus.texts, work.store(corpus))
        self._add(f"{ANNOTATE}{name}", [*read, self._max_words, self._code], before,
                  partial(work.annotate, corpus), made=work.store(corpus) / MANIFEST,
                  command=line)  # fmt: skip
        if place == 0 and work.request.vectors:
            self._add("vectors", read, before, work.make_vectors, made=work.vectors)
        former = [f"dev {each}" for each in work.names[:place]]
        self._add(f"dev {name}", [of["dev"], "labels"], [*former[-1:], f"{ANNOTATE}{name}"],
                  partial(work.gather_dev, place), made=work.dev(place))  # fmt: skip

    def _of_stage(self, variant: Variant, place: int) -> None:
        """Add a student that learns a corpus after the others."""
        work, stage, name = self.work, self.work.stage(variant.name, place), self.work.names[place]
        before = [f"{ANNOTATE}{name}", f"dev {name}"]
        settings = dict(self._student)
        if place == 0:
            before += ["vectors"] if work.request.vectors else []
        else:
            if variant is WANTED:
                old_self = work.stage(WANTED.name, place - 1).best
                self._add(f"rehearsed {name}", [self._max_words, work.request.rehearsal],
                          [self._trained(WANTED, place - 1), f"{ANNOTATE}{name}"],
                          partial(work.rehearse, place), made=stage.rehearsed / MANIFEST,
                          command=self._annotate_line(old_self, stage.texts, stage.rehearsed),
                          )  # fmt: skip
            before += [f"rehearsed {name}", self._trained(variant, place - 1)]
            before += [f"{ANNOTATE}{each}" for each in work.names[:place]]
            settings["rehearsal"] = work.request.rehearsal if variant.rehearses else 0
            if not variant.looks_back:
                settings["evaluated"] = "on the new corpus"
        self._train(stage, f"{variant.name} {name}", settings, before)

    def _of_joint(self) -> None:
        """Add a student that learns all corpora at once."""
        work = self.work
        before = [f"{ANNOTATE}{each}" for each in work.names] + [f"dev {work.names[-1]}"]
        before += ["vectors"] if work.request.vectors else []
        self._train(work.stage(JOINT, len(work.corpora) - 1), JOINT, self._student, before)

    def _train(self, stage: Stage, name: str, settings: Any, before: Sequence[str]) -> None:
        work = self.work

        def train() -> None:
            work.train(stage, name=name, key=self._keys[name])

        self._add(name, settings, before, train, made=stage.best)
        self._stages[name] = stage

    def _score(self) -> None:
        """Add the scores of all students, when it is known which labels each corpus has."""
        work = self.work
        annotated = [f"{ANNOTATE}{each}" for each in work.names]
        tests = {each.name: work.checked.of(each)["test"] for each in work.corpora}
        for name, stage in self._stages.items():
            self._add(f"scores of {name}", tests, [name, *annotated], partial(work.score, stage),
                      made=stage.scores)  # fmt: skip

    def _trained(self, variant: Variant, place: int) -> str:
        """Return the step of a stage's training."""
        return f"{(variant if place else WANTED).name} {self.work.names[place]}"

    def _annotate_line(self, *words: Any) -> str:
        most = self.work.request.max_words
        options = [] if most == Settings().max_words else ["--max-words", most]
        return self._line("skd annotate", *words, *options)

    def _line(self, command: str, *words: Any) -> str:
        """Return a command line, as a shell reads it."""
        request = self.work.request
        given = [*words, *(["--gpu-id", request.gpu_id] if request.gpu_id >= 0 else [])]
        return f"{SPACY} {command} {shlex.join(map(str, given))}{with_code(request.code)}"
