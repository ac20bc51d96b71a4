"""Learning curves of a training, from the file that `spacy.ConsoleLogger.v3` writes by its setting
`output_file`."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk import refuse_stream


@dataclass(frozen=True)
class Log:
    """Of one training. values (dict): by name of a score, or "loss COMPONENT", (step, value) of
    each evaluation."""

    name: str
    values: dict[str, list[tuple[float, float]]]


def read_log(path: Path, *, name: str = "") -> Log:
    """Read a log, a JSON object a line. A last line that was not finished is left out.

    name (str): of the run; by default the file's.
    RAISES (ValueError): if there is no such file, it holds no evaluation, or a line is none.
    """
    refuse_stream(path)
    if not path.is_file():
        raise ValueError(f"expected the log of a training, found none at {path}")
    lines = path.read_text(encoding="utf8").splitlines(keepends=True)
    values: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            step, scores = _evaluation(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break  # the training is at it
            raise ValueError(
                f"{path}, line {number}: expected an evaluation as spacy.ConsoleLogger.v3 writes "
                f'it by `output_file`, {{"step": ..., "losses": {{...}}, "scores": {{...}}}}, '
                f"got {line.strip()[:60]!r}"
            ) from error
        for score, value in scores.items():
            values.setdefault(score, []).append((step, value))
    if not values:
        raise ValueError(f"{path}: expected evaluations of a training, found none")
    return Log(name or path.stem, values)


def _evaluation(record: Any) -> tuple[float, dict[str, float]]:
    losses = {f"loss {pipe}": value for pipe, value in record.get("losses", {}).items()}
    scores = {**record["scores"], **losses}
    finite = {name: float(v) for name, v in scores.items() if v is not None}
    return float(record["step"]), {n: v for n, v in finite.items() if math.isfinite(v)}
