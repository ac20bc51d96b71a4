"""The steps of a distillation: the single command that does each, and the function behind it."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import srsly
from thinc.api import require_cpu

from ...disk import new_folder, write_new
from ...shards.files import files_of_docs
from ...shards.manifest import FILE as MANIFEST
from ...training.annotation.annotate import annotate
from ...training.annotation.silver import rejects_of, silver
from ...training.annotation.vectors import VectorSettings, make_vectors
from ...training.conversion.heldout import DEV, TRAIN, hold_out
from ...training.conversion.raw_text import REJECTS
from ..code import with_code
from ..init import init
from ..package import package
from ..progress import progress, say
from ..report import Page, report, write_page
from .request import OF_STUDENTS, Checked
from .state import State, key_of
from .training import BEST, Training

SPACY = "python -m spacy"
FEW_WORDS = 2_000  # of all texts: then words that occur once have vectors, too
SPEED_WORDS = 10_000  # of which the report measures the speed
OF_TEACHER = "agreement with the teacher"
NO_GOLD = f"What counts as gold here is what the teacher says: all scores are {OF_TEACHER}."


@dataclass(frozen=True)
class Step:
    """settings, before: what its result depends on: names in the state's settings, and steps. made:
    what is there when it is done. command: what a user would run, "" if there is none."""

    name: str
    do: Callable[[], None]
    settings: tuple[str, ...]
    before: tuple[str, ...]
    made: Path
    command: str = ""


class Steps:
    """The steps of one request in one folder.

    drafts (Path): a folder for drafts in `out`. overwrite (bool): whether other annotation in the
        folder is replaced.
    """

    def __init__(self, checked: Checked, out: Path, state: State, *, drafts: Path, overwrite: bool):
        self.checked, self.request, self.out, self.state = checked, checked.request, out, state
        self.drafts, self.overwrite = drafts, overwrite
        self.holds_out = self.request.dev is None
        self.dev = self.request.dev or out / "dev.spacy"
        texts = [out / "texts" / TRAIN] if self.holds_out else list(self.request.texts)
        self.data = [*(files_of_docs(self.request.gold) if self.request.gold else ()), *texts]
        self.store, self.vectors = out / "annotated", out / "vectors"
        self.config = out / "student.cfg"
        self.best = out / "training" / BEST
        self.training = Training(
            self.config,
            out / "training",
            kept=out / "resume",
            paths={
                "teacher": self.request.teacher,
                "store": str(self.store),
                "vectors": str(self.vectors) if checked.embeds else None,
                "dev": str(self.dev),
                **({"lexicon": str(self.request.lexicon)} if self.request.lexicon else {}),
            },
            gpu_id=self.request.gpu_id,
            code=with_code(self.request.code),
            notes=state.notes,
        )

    @cached_property
    def all(self) -> list[Step]:
        """In the order in which they are done."""
        teacher, out = self.request.teacher, self.out
        held = [
            Step("texts", self._texts, ("texts",), (), out / "texts"),
            Step("dev", self._silver, ("teacher", "code"), ("texts",), self.dev,
                 self._line("skd silver", teacher, out / "texts" / DEV, self.dev)),
        ]  # fmt: skip
        texts = ("texts",) if self.holds_out else ()
        dev = ("dev",) if self.holds_out else ()
        chosen = ("pipes", "keep", "teach", "retrain")
        of_students = [name for name in OF_STUDENTS if name in self.checked.settings]
        given = ("teacher", "gold", "texts", "code")
        vectors = Step("vectors", self._vectors, given, texts, self.vectors / "vocab",
                       self._line("skd vectors", teacher, *self.data, self.vectors,
                                  **self._least))  # fmt: skip
        return [
            *(held if self.holds_out else []),
            Step("annotate", self._annotate, (*given, *chosen, "max_words", "annotation"), texts,
                 self.store / MANIFEST,
                 self._line("skd annotate", teacher, *self.data, self.store, **self._asked)),
            *([vectors] if self.checked.embeds else []),
            Step("init", self._init, ("teacher", "dev", "preset", "effort", *chosen, *of_students),
                 ("annotate", *(["vectors"] if self.checked.embeds else []), *dev), self.config,
                 self._line("skd init", teacher, self.config, gpu=False, **self._planned)),
            Step("train", self._train, ("overrides",), ("init",), self.best),
            Step("package", self._package, ("teacher", "name", "version", "license", "code"),
                 ("train",),
                 out / "packages",
                 self._line("skd package", self.best, out / "packages", gpu=False,
                            **self._named)),
            Step("report", self._report, ("dev",), ("train", *dev), out / "report.json",
                 self._line("skd report", self.dev, f"teacher={teacher}", f"student={self.best}",
                            gpu=False, speed_words=SPEED_WORDS, html=self.page.path,
                            teacher="teacher",
                            **({"train": self.page.train} if self.page.train else {}))),
        ]  # fmt: skip

    @cached_property
    def keys(self) -> dict[str, str]:
        """By step, a digest of all that its result depends on."""
        keys: dict[str, str] = {}
        for step in self.all:
            before = [keys[name] for name in step.before]
            keys[step.name] = key_of(self.checked.settings, step.settings, before)
        return keys

    def is_done(self, step: Step) -> bool:
        """Tell whether a run of before has done it, of the same, and the result is still there."""
        notes, name = self.state.notes, step.name
        if self.state.done.get(name) != self.keys[name]:
            return False
        more = {"package": self.out / "packages" / notes.get("wheel", ""), "report": self.page.path}
        if not (step.made.exists() and more.get(name, step.made).exists()):
            return False
        is_same = name not in more or notes.get(f"{name}_of") == self.training.made
        return is_same and not (name == "train" and self.training.is_edited)

    # What the commands are given

    def _line(self, command: str, *arguments: Any, gpu: bool = True, **options: Any) -> str:
        """Return a command line, as a shell reads it; "" is the value of a flag."""
        words = [str(argument) for argument in arguments]
        for name, value in options.items():
            values = value if isinstance(value, tuple | list) else [value]
            words += [w for each in values for w in (f"--{name.replace('_', '-')}", str(each)) if w]
        if gpu and self.request.gpu_id >= 0:
            words += ["--gpu-id", str(self.request.gpu_id)]
        return f"{SPACY} {command} {shlex.join(words)}{with_code(self.request.code)}"

    @property
    def _asked(self) -> dict[str, Any]:
        asked = self.checked.annotation
        options: dict[str, Any] = {"pipes": ",".join(asked.pipes)} if asked.pipes else {}
        if asked.max_words != 300:
            options["max_words"] = asked.max_words
        return {**options, "retrain": asked.retrain, "hidden": [asked.hidden] * (asked.hidden > 0)}

    @property
    def _least(self) -> dict[str, Any]:
        return {"least": 1} if self.checked.counts.words < FEW_WORDS else {}

    @property
    def _planned(self) -> dict[str, Any]:
        r = self.request
        lists = {"pipes": r.pipes, "keep": r.keep, "teach": r.teach, "transitions": r.transitions}
        return {
            "preset": r.preset,
            "store": self.store,
            **({"vectors": self.vectors} if self.checked.embeds else {}),
            **({"lexicon": r.lexicon} if r.lexicon else {}),
            "dev": self.dev,
            **{name: ",".join(names) for name, names in lists.items() if names},
            "retrain": r.retrain,
            "hidden": [""] * r.hidden,
            **({"effort": r.effort} if r.effort != 1 else {}),
        }

    @property
    def _named(self) -> dict[str, str]:
        r, meta = self.request, self.checked.nlp.meta
        teacher = f"{meta['lang']}_{meta['name']} {meta['version']}"
        scores = f". Its scores are {OF_TEACHER} on held-out texts" if self.holds_out else ""
        about = f"Distilled from {teacher}{scores}"
        named = {"name": r.name, "version": r.version, "license": r.license, "description": about}
        return {option: value for option, value in named.items() if value}

    # What they do

    def _texts(self) -> None:
        with new_folder(self.out / "texts", by="distill", overwrite=True) as draft:
            held = hold_out(self.checked.files, draft, self.checked.held_out)
        self.state.notes["held_out"] = {"texts": held.texts, "words": held.words}
        self._note_rejects(self.out / "texts" / REJECTS, self.checked.counts.rejected)

    def _silver(self) -> None:
        texts = self.out / "texts" / DEV
        with progress("silver") as tell:
            _, rejected = silver(self.request.teacher, texts, self.dev, overwrite=True, report=tell)
        self._note_rejects(rejects_of(self.dev), rejected)

    def _annotate(self) -> None:
        with progress("annotate") as tell:
            manifest = annotate(
                self.request.teacher,
                [str(path) for path in self.data],
                self.store,
                settings=self.checked.annotation,
                overwrite=self.overwrite,
                report=tell,
            )
        self.state.notes["tokens"] = manifest.counts["words"]
        self._note_rejects(self.store / REJECTS, manifest.counts["rejected"])

    def _vectors(self) -> None:
        settings = VectorSettings(**self._least)
        with progress("vectors") as tell:
            make_vectors(
                self.request.teacher, self.data, self.vectors, settings=settings, overwrite=True,
                report=tell,
            )  # fmt: skip

    def _init(self) -> None:
        r = self.request
        config, _ = init(
            r.teacher,
            preset=r.preset,
            store=str(self.store),
            vectors=str(self.vectors) if self.checked.embeds else None,
            dev=str(self.dev),
            pipes=r.pipes,
            keep=r.keep,
            teach=r.teach,
            retrain=r.retrain,
            transitions=r.transitions,
            lexicon=None if r.lexicon is None else str(r.lexicon),
            hidden=r.hidden,
            effort=r.effort,
        )
        write_new(self.config, config.to_bytes(), overwrite=True)

    def _train(self) -> None:
        self.training.run(self.keys["train"], overwrite=self.overwrite, save=self.save, say=say)

    def _package(self) -> None:
        r = self.request
        given: dict[str, Any] = {**self._named, "code": [r.code] if r.code else []}
        wheel = package(self.best, self.out / "packages", **given, overwrite=True)
        self.state.notes.update(wheel=wheel.name, package_of=self.training.made)

    def _report(self) -> None:
        if self.request.gpu_id >= 0:
            require_cpu()  # where students run; speeds are of one thread
        with progress("report", bar=False):
            teacher = self.request.teacher
            pipelines: dict[str, str | Path] = {"teacher": teacher, "student": self.best}
            results = report(self.dev, pipelines, speed_words=SPEED_WORDS)
            write_page(self.page, self.dev, pipelines, results, overwrite=True)
        notes = self.state.notes
        written = {
            "scores": OF_TEACHER if self.holds_out else "against gold",
            "of": self.dev.name,
            "held_out": notes.get("held_out") if self.holds_out else None,
            "resumed": notes.get("resumed", []),
            "pipelines": results,
        }
        text = json.dumps(written, indent=2) + "\n"
        write_new(self.out / "report.json", text.encode("utf8"), overwrite=True)
        notes["report_of"] = self.training.made

    @property
    def page(self) -> Page:
        """The report as a page."""
        note = NO_GOLD if self.holds_out else ""
        return Page(self.out / "report.html", "teacher", train=self.request.gold, note=note)

    def results(self) -> dict[str, Any]:
        """Return what report.json has."""
        return dict(srsly.read_json(self.out / "report.json"))

    def rejects(self) -> Sequence[tuple[Path, int]]:
        """Return files of unfit lines, with how many there are; none of texts that were held out by
        an earlier run."""
        noted: dict[str, int] = self.state.notes.get("rejects", {})
        rejects = [(self.out / name, n) for name, n in noted.items() if n]
        return [(file, n) for file, n in rejects if self.holds_out or file.parent == self.store]

    def _note_rejects(self, file: Path, n: int) -> None:
        name = file.relative_to(self.out).as_posix()
        self.state.notes.setdefault("rejects", {})[name] = n

    def save(self) -> None:
        """Write the state."""
        self.state.to_disk(self.out, drafts=self.drafts)
