"""Training a student's config, and going on where a training was killed."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.cli._util import parse_config_overrides
from spacy.cli.train import train
from spacy.util import load_config
from thinc.api import Config

from ...disk import NotOurs, digest, digest_of, new_folder, remove_files
from ...disk.mark import files_in
from ...pipeline.saved import COUNTS

BEST, LAST = "model-best", "model-last"
SCHEDULE = "warmup_linear.v1"


@dataclass(frozen=True)
class Checkpoint:
    """A pipeline that was saved in training. steps: of the training, when it was saved."""

    folder: Path
    steps: int


def find_checkpoint(folders: Sequence[Path]) -> Checkpoint | None:
    """Return the one of most steps of those that are whole, the first of these."""
    found = [Checkpoint(folder, n) for folder in folders if (n := learnt_steps(folder)) is not None]
    return max(found, key=lambda each: each.steps, default=None)


def learnt_steps(folder: Path) -> int | None:
    """Return the step of a training at which a student was saved, as spaCy counts, from 0; None if
    it is none, or if it is damaged: spaCy saves file by file, and may have been killed meanwhile.
    Then it does not load, or its components do not agree."""
    if not (folder / "config.cfg").is_file():
        return None
    try:
        nlp = spacy.load(folder)
    except Exception:  # msgpack's, json's, spaCy's of a missing file: whatever is incomplete
        return None
    frozen = nlp.config["training"]["frozen_components"]  # kept of a teacher, they learn nothing
    cfgs: list[dict[str, Any]] = [
        getattr(pipe, "cfg", {}) for name, pipe in nlp.components if name not in frozen
    ]
    # What counts is of a student, and be it saved as spaCy's own component.
    counts = {tuple(cfg[name] for name in COUNTS) for cfg in cfgs if set(COUNTS) <= set(cfg)}
    return max(0, counts.pop()[0] - 1) if len(counts) == 1 else None


def keep_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Copy it to where `spacy train`, which begins by emptying its output, removes nothing."""
    if checkpoint.folder == folder:
        return
    with new_folder(folder, by="distill", overwrite=True) as draft:
        for name in files_in(checkpoint.folder):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes((checkpoint.folder / name).read_bytes())


def rest_of(config: Config, done: int) -> dict[str, Any]:
    """Return overrides with which a training goes on after some steps: as many as are left, and
    the line on which its learning rate falls, after a new warm-up.

    config (Config): interpolated, of the whole training, of which `max_steps = 0` are any number:
        then nothing says that it has ended, and all stays as it is. done (int): steps.
    RETURNS (dict[str, Any]): {} if none is left.
    """
    training = config["training"]
    if not training["max_steps"]:
        return {"training.max_steps": 0}
    left = training["max_steps"] - done
    if left <= 0:
        return {}
    n_evaluations = max(1, round(left / training["eval_frequency"]))
    every = -(-left // n_evaluations)  # the last step is evaluated
    steps = every * n_evaluations
    overrides = {"training.max_steps": steps, "training.eval_frequency": every}
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict) and rate.get("@schedules") == SCHEDULE:
        total, warm = rate["total_steps"], rate["warmup_steps"]
        new_total, new_warm = max(steps, total - done), max(1, min(warm, round(steps / 10)))
        # Of warmup_linear the rate at step s is initial_rate (total - s) / (total - warmup).
        slope = rate["initial_rate"] / max(1, total - warm)
        new = {"warmup_steps": new_warm, "total_steps": new_total}
        new["initial_rate"] = round(slope * max(1, new_total - new_warm), 8)
        overrides.update({f"training.optimizer.learn_rate.{key}": new[key] for key in new})
    return overrides


class Training:
    """`spacy train` of a student's config, which goes on where it was killed.

    config (Path): may be edited until the training begins. output (Path): gets model-best and
        model-last. kept (Path): gets a copy of the pipeline from which a training goes on.
    paths (dict[str, str | None]): what the config's are to be; they may have been moved since.
    notes (dict[str, Any]): of the state: "training", what was begun, and "resumed", at which steps.
    """

    def __init__(
        self,
        config: Path,
        output: Path,
        *,
        kept: Path,
        paths: Mapping[str, str | None],
        gpu_id: int,
        code: str,
        notes: dict[str, Any],
    ):
        self.config, self.output, self.kept, self.paths = config, output, kept, paths
        self.gpu_id, self.code, self.notes = gpu_id, code, notes

    @property
    def is_edited(self) -> bool:
        """Whether the config is another than that of the training which began. One that somebody
        removed is made again first."""
        begun = self.notes.get("training")
        if begun is None or not self.config.is_file():
            return False
        return bool(begun[1] != digest_of(self.config))

    @property
    def made(self) -> str:
        """Return a digest of the student as it lies there: it may be calibrated, or trained anew,
        after it was packaged."""
        best = self.output / BEST
        names = sorted(files_in(best)) if best.is_dir() else []
        return digest("".join(f"{n} {digest_of(best / n)}\n" for n in names).encode("utf8"))

    def run(
        self, key: str, *, overwrite: bool, save: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        """Train, or go on.

        key (str): of what is trained. overwrite (bool): whether to train anew if the config was
            edited. save (Callable[[], None]): writes the notes.
        say (Callable[[str], None]): is told the command.
        RAISES (ValueError): if the config was edited since the training began; (NotOurs): if the
            output holds what no training of this folder wrote.
        """
        # What is trained is known by the key and the config, from before the first step.
        begun, now = self.notes.get("training"), [key, digest_of(self.config)]
        if begun and begun[0] == key and begun != now and not overwrite:
            raise ValueError(
                f"{self.config} was edited since training began: put it back, or train anew by "
                f"--overwrite"
            )
        if begun != now:
            self._clear(is_ours=begun is not None)
            self.notes.update(training=now, resumed=[])
            save()
        given: dict[str, Any] = parse_config_overrides([])
        config = load_config(self.config, overrides=given, interpolate=True)
        own = config["paths"]
        moved = {f"paths.{n}": v for n, v in self.paths.items() if own.get(n) != v}
        best = self.output / BEST
        checkpoint = find_checkpoint([self.output / LAST, best, self.kept])
        if checkpoint is None:
            self.notes["resumed"] = []
        rest = self._rest(config, checkpoint, save) if checkpoint else {}
        if checkpoint is None or rest or learnt_steps(best) is None:
            say(f"\n{self._line({**moved, **rest})}")
            overrides = {**moved, **given, **rest}
            train(self.config, self.output, use_gpu=self.gpu_id, overrides=overrides)
        remove_files(self.kept, list(files_in(self.kept)) if self.kept.is_dir() else [])

    def _rest(
        self, config: Config, checkpoint: Checkpoint, save: Callable[[], None]
    ) -> dict[str, Any]:
        rest = rest_of(config, checkpoint.steps)
        if not rest:
            return {}
        keep_checkpoint(checkpoint, self.kept)
        total = config["training"]["max_steps"]
        self.notes["resumed"] = [*self.notes["resumed"], [checkpoint.steps, total]]
        save()
        return {"paths.resume": str(self.kept), **rest}

    def _clear(self, *, is_ours: bool) -> None:
        """Remove what an earlier training of this folder saved: it is of another config."""
        for folder in (self.output / BEST, self.output / LAST, self.kept):
            names = list(files_in(folder)) if folder.is_dir() else []
            if names and not is_ours:
                raise NotOurs(f"{folder} is another's: move it elsewhere, or choose another folder")
            remove_files(folder, names)

    def _line(self, overrides: Mapping[str, Any]) -> str:
        words = [str(self.config), "--output", str(self.output)]
        words += ["--gpu-id", str(self.gpu_id)] if self.gpu_id >= 0 else []
        words += [w for name, value in overrides.items() for w in (f"--{name}", str(value))]
        return f"python -m spacy train {shlex.join(words)}{self.code}"
