"""The tasks of `distilling_tagger`, by the family of its layer and by its structure."""

from collections.abc import Callable
from typing import Any, cast

from spacy.tokens import Doc
from thinc.api import Model

from ..errors import check_applied, check_one_of
from ..layers.base import Layer
from ..layers.span_layer import SpanLayer
from ..layers.token_layer import TokenLayer
from ..structures import FlatSegments, IndependentLabels, IndependentSpans, LinearChain, Structure
from .tasks.independent_spans import IndependentSpanTask
from .tasks.lemmas import LemmaTask
from .tasks.predictions import BEST
from .tasks.scorers import CHAINS, SEGMENTS, TOKENS, check_scorer, unfit_model
from .tasks.segments import SegmentTask
from .tasks.span_tags import SpanTagTask
from .tasks.spans import SpanTask
from .tasks.tokens import TokenTask

# By structure, what learns spans, and the architecture that scores its parts.
SPAN_TASKS: dict[str, type[SpanTagTask] | type[SegmentTask]] = {
    IndependentLabels.name: SpanTagTask,
    LinearChain.name: SpanTagTask,
    FlatSegments.name: SegmentTask,
    IndependentSpans.name: IndependentSpanTask,
}
SCORERS = {
    IndependentLabels.name: TOKENS,
    LinearChain.name: CHAINS,
    FlatSegments.name: SEGMENTS,
    IndependentSpans.name: SEGMENTS,
}

# Of settings that do not apply to every layer.
DEFAULTS: dict[str, Any] = {
    "max_length": 150,
    "threshold": 0.5,
    "max_positive": 1,
    "structure": None,
    "scheme": "BIOES",
    "spans_key": "sc",
    "drop_wide": False,
    "incorrect_spans_key": None,
    "top_k": 0,
    "backoff": "orth",
    "min_tree_freq": 3,
    "decode": BEST,
    "min_confidence": 0.0,
    "min_confidence_per_label": {},
}
# Of all structures of spans.
OF_SPANS = ("incorrect_spans_key", "min_confidence", "min_confidence_per_label")


def _task_of_spans(
    model: Model[list[Doc], Any],
    layer: Layer,
    structure: str | None,
    of_layer: dict[str, Any],
    *,
    overwrite: bool,
) -> SpanTask:
    structure = structure or LinearChain.name
    scored = _span_structure(structure, model, max_positive=of_layer["max_positive"])
    task = SPAN_TASKS[structure]
    what = f"layer {layer.name!r} with structure {structure!r}"
    if task.overlaps and not cast(SpanLayer, layer).may_overlap:
        raise ValueError(
            f"structure: spans of layer {layer.name!r} do not overlap, those of {structure!r} do; "
            f"take layer 'spans' or another structure"
        )
    applied = (*task.takes, *OF_SPANS, *layer.takes)
    check_applied(of_layer, DEFAULTS, applied=applied, of=what)
    return task(
        cast(SpanLayer, layer),
        scored,
        overwrite=overwrite,
        **{name: of_layer[name] for name in (*task.takes, *OF_SPANS)},
    )


def _span_structure(
    structure: str, model: Model[list[Doc], Any], *, max_positive: int | None
) -> Any:
    """Return what the loss of spans is over.

    RAISES (ValueError): if there is no such structure, or the model scores another.
    """
    check_one_of("structure", structure, tuple(SPAN_TASKS))
    needs: dict[str, Any] = {"what": f"structure {structure!r}", "settings": ("structure", "model")}
    check_scorer(model, SCORERS[structure], **needs)
    scored = _scored_by(model)
    if model.has_dim("nW") and SPAN_TASKS[structure].overlaps:
        scored = IndependentSpans(model.get_dim("nW"), one_label=max_positive == 1)
    if scored.name != structure:
        raise ValueError(unfit_model(model, SCORERS[structure], **needs))
    return scored


def _scored_by(model: Model[list[Doc], Any]) -> Structure:
    """Return the structure whose parts a model scores, of spans the flat one."""
    if model.has_dim("nW"):
        return FlatSegments(max_width=model.get_dim("nW"))
    return LinearChain() if "transition" in model.param_names else IndependentLabels()


def _task_of_tokens(
    model: Model[list[Doc], Any],
    layer: Layer,
    structure: str | None,
    of_layer: dict[str, Any],
    *,
    overwrite: bool,
) -> TokenTask:
    _check_independent(layer, structure, model)
    check_applied(of_layer, DEFAULTS, applied=layer.takes, of=f"layer {layer.name!r}")
    return TokenTask(cast(TokenLayer, layer), overwrite=overwrite)


def _task_of_lemmas(
    model: Model[list[Doc], Any],
    layer: Layer,
    structure: str | None,
    of_layer: dict[str, Any],
    *,
    overwrite: bool,
) -> LemmaTask:
    _check_independent(layer, structure, model)
    check_applied(of_layer, DEFAULTS, applied=LemmaTask.takes, of=f"layer {layer.name!r}")
    settings = {name: of_layer[name] for name in LemmaTask.takes}
    return LemmaTask(cast(TokenLayer, layer), overwrite=overwrite, **settings)


def _check_independent(layer: Layer, structure: str | None, model: Model[list[Doc], Any]) -> None:
    if structure not in (None, IndependentLabels.name):
        raise ValueError(f"structure: layer {layer.name!r} has 'tokens' alone, got {structure!r}")
    check_scorer(model, TOKENS, what=f"layer {layer.name!r}", settings=("layer", "model"))


# By the family of a layer.
MAKERS: dict[str, Callable[..., SpanTask | TokenTask | LemmaTask]] = {
    "lemmas": _task_of_lemmas,
    SpanLayer.family: _task_of_spans,
    TokenLayer.family: _task_of_tokens,
}
