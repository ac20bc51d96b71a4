"""What a search has tried, as a table, a picture and lines of JSON."""

import json
from collections.abc import Sequence
from typing import Any

from wasabi.tables import table as make_table

from ...report.charts import Point, cloud
from .trials import RUNGS, Trial
from .work import REFERENCE, Work

TRAINED = ("a ninth of the words", "a third of the words", "all words")
PICTURE, TRIALS, CONFIG = "search.svg", "trials.jsonl", "student.cfg"


def lines(work: Work) -> str:
    """Return all trials, a JSON object a line."""
    asked, size = work.request.words_per_second, work.request.megabytes
    rows = [{**trial.to_json(), "meets_budget": trial.meets(asked, size)} for trial in work.trials]
    return "".join(json.dumps(row) + "\n" for row in rows)


def picture(work: Work, best: Trial | None) -> str:
    """Draw score against words per second of all that was trained, each by its longest training."""
    groups: dict[str, list[tuple[float, float]]] = {name: [] for name in TRAINED}
    for trial in work.trials:
        if trial.score is not None:
            groups[TRAINED[len(trial.scores) - 1]].append(_place(trial))
    named = {work.request.preset: work.trials[REFERENCE]}
    if best is not None and best.number != REFERENCE:
        named["found"] = best
    points = [Point(name, *_place(trial), series=0) for name, trial in named.items()]
    return cloud(
        groups,
        points,
        least=work.request.words_per_second,
        x_title="words per second",
        y_title="score on dev, %",
    )


def _place(trial: Trial) -> tuple[float, float]:
    return trial.words_per_second or 1.0, 100 * (trial.score or 0.0)


def trial_table(work: Work, best: Trial | None) -> str:
    """Tabulate what was trained, the best of the longest trainings first."""
    asked, size = work.request.words_per_second, work.request.megabytes
    trained = [trial for trial in work.trials if trial.scores]
    trained.sort(key=lambda trial: (-len(trial.scores), -(trial.score or 0.0), trial.number))
    rows = []
    for trial in trained:
        note = "found" if trial is best else ""
        if trial.number == REFERENCE:
            note = f"{work.request.preset}, {note}" if note else work.request.preset
        if not trial.meets(asked, size):
            note = f"{note}, over the budget" if note else "over the budget"
        scores = [f"{100 * score:.1f}" for score in trial.scores]
        cells = [f"{trial.number}", *_sizes(trial), f"{trial.words_per_second:,.0f}"]
        cells += [f"{trial.megabytes:.1f}", *scores, *[""] * (RUNGS - len(scores)), note]
        rows.append(cells)
    header = ["#", "width", *_names(trained), "words/s", "MB", "1/9", "1/3", "1", ""]
    aligns: Any = ["r"] * (len(header) - 1) + ["l"]
    return make_table(rows, header=header, aligns=aligns, divider=True)


def _names(trials: Sequence[Trial]) -> list[str]:
    return [name.replace("_", " ") for name in trials[0].choice] if trials else []


def _sizes(trial: Trial) -> list[str]:
    return [str(trial.width), *(str(value) for value in trial.choice.values())]
