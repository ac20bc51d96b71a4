"""Scores in nats: what counts as impossible, and sums in log space."""

from typing import Any

import numpy

from ..arrays import Array, Floats1d, FloatsXd, array_module

# The score of a part that no structure may contain. A finite number, so that 0 * IMPOSSIBLE is 0.
IMPOSSIBLE = -1e9
# Scores at or below this are impossible: IMPOSSIBLE stays so after adding a score to it, and after
# dividing by a temperature of up to 1000.
POSSIBLE_ABOVE = -1e6


def clean_scores(scores: FloatsXd, *, what: str) -> FloatsXd:
    """-inf to `IMPOSSIBLE`.

    scores (FloatsXd): (units, ...), nats.
    RAISES (ValueError): naming the first unit with a score that is NaN or +inf.
    """
    xp = array_module(scores)
    if not scores.size or xp.isfinite(scores).all():
        return scores
    wrong = xp.isnan(scores) | (scores == xp.inf)
    if wrong.any():
        unit = int(xp.nonzero(wrong)[0][0])
        value = float(scores[unit][wrong[unit]][0])
        raise ValueError(
            f"{what}: expected scores that are finite or -inf, got {value} in unit {unit} of the "
            f"batch; the model's weights are damaged or training diverged"
        )
    return xp.maximum(scores, xp.asarray(IMPOSSIBLE, dtype=scores.dtype))


def check_scores(scores: FloatsXd, *, name: str) -> None:
    """scores (FloatsXd): any shape, what a model returned. name (str): of the component.
    RAISES (ValueError): if one is NaN or +inf.
    """
    if scores.size and not scores.max() < numpy.inf:  # the maximum of what has a NaN is NaN
        value = "NaN" if array_module(scores).isnan(scores).any() else "infinite"
        raise ValueError(f"{name}: the model's scores are {value}; its weights are damaged")


def to_numpy(array: Any) -> Array:
    """Return the array on the CPU, itself if it is there."""
    return array.get() if hasattr(array, "get") else numpy.asarray(array)


def softmax(scores: FloatsXd) -> tuple[Floats1d, FloatsXd]:
    """Over the last axis.

    scores (FloatsXd): (..., C), finite.
    RETURNS (tuple[FloatsXd, FloatsXd]): log of the sum, (...), float64; probabilities (..., C) in
        the dtype of the scores.
    """
    xp = array_module(scores)
    if not scores.size:
        return xp.zeros(scores.shape[:-1], dtype="float64"), xp.zeros_like(scores)
    highest = scores.max(axis=-1, keepdims=True)
    weights = xp.exp(scores - highest)
    total = weights.sum(axis=-1, keepdims=True)
    log_sum = xp.log(total[..., 0].astype("float64")) + highest[..., 0]
    return log_sum, weights / total


def no_structure(what: str, unit: int, reason: str) -> ValueError:
    """Return the error of a unit whose structures are all impossible."""
    return ValueError(f"{what}: unit {unit} of the batch has no possible structure: {reason}")


def check_rows(what: str, rows: FloatsXd, mask: Any, reason: str) -> None:
    """Raise ValueError if some token has no possible column. rows: (B, N, C)."""
    if not rows.shape[0] or not mask.any():
        return
    if not rows.shape[2]:
        raise no_structure(what, 0, "there are no labels")
    if rows.min() > POSSIBLE_ABOVE:  # numpy is slow at a short axis: not for all that is possible
        return
    empty = (rows.max(axis=-1) <= POSSIBLE_ABOVE) & mask
    if empty.any():
        raise no_structure(what, int(empty.any(axis=1).argmax()), reason)
