"""Cells of a benchmark: one resumable JSON each, keyed by the settings that it was made from."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import Config, fix_random_seed

from spacy_skd.models.blas import on_blas
from spacy_skd.pipeline.teacher.base import SkdTeacher

Result = dict[str, Any]


def schedule(steps: int, *, evaluations: int = 1) -> Result:
    """Settings of a training of so many steps, or a few less, of which the last is evaluated."""
    steps = evaluations * max(1, steps // evaluations)
    return {
        "training.max_steps": steps,
        "training.eval_frequency": steps // evaluations,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.learn_rate.warmup_steps": min(200, steps // 10),
    }


class Cells:
    """What is done stands in `work/cells/NAME.json`, with the commit, the minutes and the peak
    memory of the process. A cell is done again only if its settings have changed; the commit may
    have. Students of one teacher that are trained one after another share its beliefs.
    """

    def __init__(self, work: Path):
        self.work = work
        (work / "cells").mkdir(parents=True, exist_ok=True)
        self._shared: SkdTeacher | None = None

    def path(self, name: str) -> Path:
        return self.work / "cells" / f"{name}.json"

    def read(self, name: str) -> Result | None:
        return json.loads(self.path(name).read_text()) if self.path(name).exists() else None

    def run(self, name: str, settings: Any, function: Callable[[], Result]) -> Result:
        """settings (Any): JSON of all that the result depends on but the code."""
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
        found = self.read(name)
        if found is not None and found.get("key") == key:
            print(f"{name}: done before, at commit {found['commit']}", flush=True)
            return found
        if found is not None:
            print(f"{name}: done before with other settings, so it is done again", flush=True)
        start = time.time()
        result = {"key": key, "commit": commit(), **function()}
        result["minutes"] = round((time.time() - start) / 60, 1)
        result["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        draft = self.path(name).with_suffix(".draft")
        draft.write_text(json.dumps(result, indent=2))
        os.replace(draft, self.path(name))
        print(name, json.dumps(result), flush=True)
        return result

    def train(self, name: str, config: Config, overrides: Result, evaluate: Callable) -> Result:
        """Train a pipeline into `work/NAME`, its curve into `work/NAME.log`, on numpy's BLAS.

        evaluate (Callable): from the folder of model-best to the result.
        """
        folder = self.work / name

        def fit() -> Result:
            config.to_disk(self.work / f"{name}.cfg")
            loaded = load_config(self.work / f"{name}.cfg", overrides=overrides, interpolate=False)
            fix_random_seed(int(overrides.get("system.seed", 0)))
            nlp = init_nlp(loaded)
            self._share(nlp)
            for _, pipe in nlp.pipeline:
                if getattr(pipe, "model", None) is not None:
                    on_blas(pipe.model)  # the same products in half the time, for rivals too
            folder.mkdir(parents=True, exist_ok=True)
            with (self.work / f"{name}.log").open("w") as log:
                train(nlp, folder, stdout=log, stderr=log)
            shutil.rmtree(folder / "model-last", ignore_errors=True)
            return {"overrides": overrides, **evaluate(folder / "model-best")}

        return self.run(name, [config.to_str(interpolate=False), overrides], fit)

    def _share(self, nlp: Any) -> None:
        if "teacher" not in nlp.pipe_names:
            return
        component = nlp.get_pipe("teacher")
        shared = self._shared
        if shared and (shared.teacher, shared.store) == (component.teacher, component.store):
            component.share(shared)
        self._shared = component


def commit() -> str:
    """Of the code that runs, wherever it is run."""
    command, folder = ["git", "rev-parse", "--short", "HEAD"], Path(__file__).parent
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return found.stdout.strip()
