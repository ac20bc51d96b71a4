"""What a search does with one candidate: measure, train, score."""

import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import srsly
from spacy import require_cpu
from thinc.api import Config

from ...disk import digest, remove_files, remove_if_empty, write_new
from ...disk.mark import files_in
from ...report.speed import megabytes
from ...training.configs.presets import Preset, find_preset, resized
from ...training.resume import BEGIN
from ..code import with_code
from ..distillation.state import State
from ..distillation.training import BEST, LAST, Training
from ..prepare import set_steps
from .request import Checked
from .sizing import Untrained, ratio, speed_of, texts_of, widest
from .space import WIDTHS, Choice, sized
from .trials import Trial, shares

FILE = "search.json"
# A candidate is to be estimated as a little faster than asked: estimates err.
MARGIN = 1.03
REFERENCE = 0  # number of the trial that is the preset as it is
FORMER = "${paths.former}"


class Work:
    """One request in one folder.

    drafts (Path): a folder for drafts in `out`. say (Callable[[str], None]): is told commands.
    """

    def __init__(
        self, checked: Checked, out: Path, state: State, *, drafts: Path, say: Callable[[str], None]
    ):
        self.checked, self.request, self.out, self.state = checked, checked.request, out, state
        self.drafts, self.say = drafts, say
        self.preset = find_preset(self.request.preset)
        self.trials = [Trial(**row) for row in state.notes.get("trials", [])]

    def save(self) -> None:
        """Write the state."""
        self.state.notes["trials"] = [trial.to_json() for trial in self.trials]
        self.state.to_disk(self.out, drafts=self.drafts, file=FILE)

    # Before a training

    @cached_property
    def texts(self) -> list[str]:
        """Of which speed is measured."""
        return texts_of(self.checked.stores, seed=self.request.seed)

    @cached_property
    def untrained(self) -> Untrained:
        """What makes candidates. It takes long, and what is done needs none."""
        scratch = self.drafts / "untrained"
        scratch.mkdir()
        sentences = self.checked.sentences
        return Untrained(self.checked.config, sentences=sentences, scratch=scratch)

    def size(self, choice: Choice, width: int) -> Preset:
        """Return the sizes of a candidate."""
        return sized(self.preset, choice, width)

    def estimate(self, choice: Choice, width: int) -> tuple[float, float]:
        """Return words per second and megabytes of a candidate, which is not trained."""
        folder, preset = self.untrained.make(self.size(choice, width)), self.untrained.preset
        times = ratio(folder, preset, self.texts, rounds=4)
        # A training adds as many words to the vocab of each.
        grown = (self.trials[REFERENCE].megabytes or 0.0) - megabytes(preset)
        return times * self.preset_speed, megabytes(folder) + grown

    def fit(self, choice: Choice) -> tuple[int | None, float]:
        """Return the largest width with which a candidate meets the budget, None if there is none,
        and the words per second of that, or of the smallest."""
        speeds: dict[int, float] = {}
        most = self.request.megabytes

        def fits(width: int) -> bool:
            speeds[width], size = self.estimate(choice, width)
            is_fast = speeds[width] >= MARGIN * self.request.words_per_second
            return is_fast and (most is None or size <= most)

        width = widest(WIDTHS, fits)
        return width, speeds[min(speeds) if width is None else width]

    # Training

    def folder(self, trial: Trial, rung: int) -> Path:
        return self.out / "trials" / f"{trial.number:03d}" / str(rung + 1)

    def best(self, trial: Trial, rung: int) -> Path:
        """Return the student of a training."""
        return self.folder(trial, rung) / "training" / BEST

    def train(self, trial: Trial, rung: int) -> None:
        """Train a candidate, or go on; note its score, and after the first training its speed."""
        started = time.monotonic()
        name = f"{trial.number}/{rung}"
        notes: dict[str, Any] = self.state.notes.setdefault("trainings", {}).setdefault(name, {})
        config, folder = self._config(trial, rung), self.folder(trial, rung)
        path = folder / "student.cfg"
        if notes.get("training") is None:
            folder.mkdir(parents=True, exist_ok=True)
            write_new(path, config.to_bytes(), overwrite=True)
        paths = {n: v for n, v in config["paths"].items() if v is None or isinstance(v, str)}
        training = Training(
            path,
            folder / "training",
            kept=folder / "resume",
            paths=paths,
            gpu_id=self.request.gpu_id,
            code=with_code(self.request.code),
            notes=notes,
        )
        training.run(digest(name.encode("utf8")), overwrite=False, save=self.save, say=self.say)
        if self.request.gpu_id >= 0:
            require_cpu()  # on which speed is measured, whatever the training left
        best = self.best(trial, rung)
        trial.scores = [*trial.scores, _score(best)]
        if trial.words_per_second is None:
            trial.megabytes = megabytes(best)
            trial.words_per_second = self._measured(trial)
        trial.seconds += time.monotonic() - started
        self.save()
        _forget(folder / "training" / LAST)

    def _config(self, trial: Trial, rung: int) -> Config:
        """Return the config of one training: a whole schedule of fewer words, which begins with the
        weights of the one before, and sees text in another order."""
        config = self.written(trial)
        words = self.request.effort * self.checked.words
        set_steps(config, shares()[rung] * words)
        config["system"]["seed"] = self.request.seed + rung
        config["training"]["logger"]["console_output"] = False
        if rung:
            after = config["initialize"]["after_init"]
            after["first"] = {"@callbacks": BEGIN, "path": FORMER, "first": after["first"]}
            config["paths"]["former"] = str(self.best(trial, rung - 1))
        return config

    def written(self, trial: Trial) -> Config:
        """Return the config of a candidate as `spacy skd init` would write it."""
        if trial.width is None:
            raise ValueError(f"trial {trial.number} has no width that meets the budget")
        return resized(self.checked.config, self.size(trial.choice, trial.width))

    # After the first training

    @property
    def preset_speed(self) -> float:
        """Words per second of the preset, trained a little, as all speeds are its multiples."""
        speed = self.trials[REFERENCE].words_per_second
        if speed is None:
            raise ValueError("the preset was not trained yet")
        return speed

    def _measured(self, trial: Trial) -> float:
        best = self.best(trial, 0)
        if trial.number == REFERENCE:
            return speed_of(best, self.texts)
        reference = self.best(self.trials[REFERENCE], 0)
        return ratio(best, reference, self.texts, rounds=8) * self.preset_speed

    def drop(self, trial: Trial, rung: int) -> None:
        """Remove the weights of a candidate that does not go on, but for those that speeds are
        compared with."""
        if trial.number != REFERENCE or rung:
            _forget(self.best(trial, rung))

    def clear(self) -> None:
        """Remove what another search trained here."""
        for trial in self.trials:
            for rung in range(len(trial.scores) + 1):
                folder = self.folder(trial, rung)
                for name in (f"training/{BEST}", f"training/{LAST}", "resume"):
                    _forget(folder / name)
                remove_files(folder, ["student.cfg"])
        self.trials, self.state.notes, self.state.done = [], {}, {}


def _forget(folder: Path) -> None:
    """Remove a pipeline that was trained here."""
    if folder.is_dir():
        remove_files(folder, list(files_in(folder)))
        remove_if_empty(folder)


def _score(student: Path) -> float:
    """Return the score of a student on dev, as its training weighed it, 0 to 1."""
    weights = Config().from_disk(student / "config.cfg")["training"]["score_weights"]
    measured = srsly.read_json(student / "meta.json")["performance"]
    scores = [weight * (measured.get(name) or 0.0) for name, weight in weights.items() if weight]
    return float(sum(scores))
