"""Growing the outputs of a scorer by new labels; what the old ones weigh stays as it is.

A new label starts as the mean of the old ones, so its score is the mean of their scores: never the
best before it has learnt, and a probability of at most 1 / (old labels + 1). The same holds of
whole sequences of tags, if the new tags of each copy are those of one old label.
"""

from typing import Any

from thinc.api import Model

from ..arrays import FloatsXd, Ints2d, array_module

GROW = "grow_output"  # the attribute of a scorer: (model, copies) to the model with more outputs


def grow_output(model: Model[Any, Any], copies: Ints2d) -> Model[Any, Any]:
    """Return a scorer with more outputs. Its changed nodes are new ones, so that an optimizer
    starts anew with them: what it keeps of the old ones has their old sizes.

    copies (Ints2d): (old labels, outputs): per old label, the old output that each output would be
        if the new label were this old one. The old outputs come first, as themselves.
    RAISES (ValueError): if the architecture cannot grow.
    """
    if GROW not in model.attrs:
        raise ValueError(
            f"the model {model.name!r} has a fixed number of outputs, so labels can be added "
            f"before initialize() only; use an architecture of this package"
        )
    result: Model[Any, Any] = model.attrs[GROW](model, copies)
    return result


def grown(param: FloatsXd, copies: Ints2d, *, axis: int = 0) -> FloatsXd:
    """Grow a parameter with an axis of outputs, (..., old outputs, ...) to (..., outputs, ...)."""
    xp = array_module(param)
    return _keep(xp, param, _mean(xp, param, copies, axis=axis), axis=axis)


def grown_pairs(param: FloatsXd, copies: Ints2d) -> FloatsXd:
    """Grow a parameter of pairs of outputs, (old outputs, old outputs) to (outputs, outputs)."""
    xp = array_module(param)
    total = sum(param[copy][:, copy].astype("float64") for copy in xp.asarray(copies))
    wide = (total / len(copies)).astype(param.dtype)
    wide[: len(param), : len(param)] = param
    result: FloatsXd = wide
    return result


def _mean(xp: Any, param: FloatsXd, copies: Ints2d, *, axis: int) -> FloatsXd:
    """Average one copy after the other, since together they are as many times larger."""
    total = sum(xp.take(param, copy, axis=axis).astype("float64") for copy in xp.asarray(copies))
    result: FloatsXd = (total / len(copies)).astype(param.dtype)
    return result


def _keep(xp: Any, old: FloatsXd, wide: FloatsXd, *, axis: int) -> FloatsXd:
    """Restore the old outputs exactly: a mean of equal numbers may be rounded."""
    new = xp.take(wide, xp.arange(old.shape[axis], wide.shape[axis]), axis=axis)
    result: FloatsXd = xp.concatenate([old, new], axis=axis)
    return result
