"""What a student forgets: its scores on every corpus after every stage."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from thinc.api import Config
from wasabi.tables import table as make_table

from ...report.scores import spans_key, titles

# By corpus and score.
Scores = Mapping[str, Mapping[str, float]]


def measures_of(stages: Sequence[Scores]) -> list[str]:
    """Return the scores that some corpus has, in the order of reports."""
    found = dict.fromkeys(name for stage in stages for scores in stage.values() for name in scores)
    known = [name for name in titles() if name in found]
    return known + sorted(name for name in found if spans_key(name) is not None)


def weighed(stages: Sequence[Scores], config: Config) -> list[str]:
    """Return those of `measures_of` that count in a student's training."""
    weights = config["training"]["score_weights"]
    return [name for name in measures_of(stages) if weights.get(name)]


def title_of(measure: str) -> str:
    """Return how a score is called."""
    key = spans_key(measure)
    return titles().get(measure, measure) if key is None else f"SPANS:{key}"


def summary(stages: Sequence[Scores], corpora: Sequence[str], measure: str) -> dict[str, Any]:
    """Return what one kind of student made of the corpora, 0 to 1.

    stages (Sequence[Scores]): after each corpus in turn; one alone, of a student that learns all at
        once. corpora (Sequence[str]): in that order; those without the score do not count.
    RETURNS (dict[str, Any]): "final", the mean after the last stage, None without a score; and
        "forgetting", the mean over all corpora but the last of what was lost since each was learnt
        (Chaudhry et al. 2018, with the score at its own stage in place of the best), None where
        there is none to forget.
    """
    last = stages[-1]
    final = [last[name][measure] for name in corpora if measure in last.get(name, {})]
    lost = [
        stage[name][measure] - last[name][measure]
        for name, stage in zip(corpora, stages[:-1])
        if measure in stage.get(name, {}) and measure in last.get(name, {})
    ]
    return {
        "final": mean(final) if final else None,
        "forgetting": mean(lost) if lost and len(stages) > 1 else None,
    }


def summaries(scores: Mapping[str, Sequence[Scores]], corpora: Sequence[str]) -> dict[str, Any]:
    """Return the summary of each kind of student by measure."""
    measures = measures_of([stage for stages in scores.values() for stage in stages])
    return {
        measure: {kind: summary(stages, corpora, measure) for kind, stages in scores.items()}
        for measure in measures
    }


def matrix_table(
    scores: Mapping[str, Sequence[Scores]], corpora: Sequence[str], measure: str
) -> str:
    """Tabulate a score, in percent: a row for each kind of student and corpus, a column for each
    stage; what was not learnt yet in brackets. What learns all at once has the last column. Corpora
    that no student has the score of are left out."""
    every = [stage for stages in scores.values() for stage in stages]
    has_score = {n for n in corpora if any(measure in stage.get(n, {}) for stage in every)}
    rows = []
    for kind, stages in scores.items():
        told = kind
        for place, name in ((i, each) for i, each in enumerate(corpora) if each in has_score):
            cells = [_percent(stage.get(name, {}).get(measure)) for stage in stages]
            if len(stages) < len(corpora):
                cells = [""] * (len(corpora) - len(stages)) + cells
            else:
                cells = [f"({c})" if c and i < place else c for i, c in enumerate(cells)]
            rows.append([told, name, *cells])
            told = ""
    header = ["", title_of(measure), *(f"+{name}" for name in corpora)]
    aligns: Any = ["l", "l"] + ["r"] * len(corpora)
    return make_table(rows, header=header, aligns=aligns, divider=True)


def summary_table(found: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    """Tabulate `summaries`: final mean and mean forgetting, in percent."""
    kinds = list(dict.fromkeys(kind for by_kind in found.values() for kind in by_kind))
    rows = []
    for kind in kinds:
        cells: list[str] = []
        for by_kind in found.values():
            each = by_kind[kind]
            cells += [_percent(each["final"]), _percent(each["forgetting"])]
        rows.append([kind, *cells])
    header = [""]
    for measure in found:
        header += [title_of(measure), "forgets"]
    aligns: Any = ["l"] + ["r"] * (2 * len(found))
    return make_table(rows, header=header, aligns=aligns, divider=True)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
