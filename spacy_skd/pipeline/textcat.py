"""`distilling_textcat`: categories of docs, from gold and from a teacher."""

from collections.abc import Callable
from typing import Any, cast

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model

from ..arrays import Floats2d
from ..errors import check_applied, named
from ..layers.doc_layer import DocLayer
from ..layers.known import taught_layers
from ..transfer.annealing import WeightSchedule
from ..transfer.target import Objective
from .distilling import DistillingPipe
from .tagger import DEFAULT_TAGGER_MODEL
from .tasks.documents import DocTask
from .tasks.scorers import DOCS, check_scorer

FACTORY = "distilling_textcat"
KNOWN = taught_layers(FACTORY)
# Of settings that do not apply to both kinds of categories.
DEFAULTS: dict[str, Any] = {"threshold": 0.5, "positive_label": None}
MODEL = {
    **Config().from_str(DEFAULT_TAGGER_MODEL)["model"],
    "@architectures": "spacy-skd.DocScorer.v1",
}


@Language.factory(
    FACTORY,
    assigns=list(DocLayer.assigns),
    default_config={
        "model": MODEL,
        "exclusive": True,
        "distill_weight": 0.0,
        "needs_teacher": True,
        "target": "structural",
        "k": 5,
        "temperature": 1.0,
        "temperature_kind": "global",
        **DEFAULTS,
        "scorer": None,
        "save_activations": False,
    },
    default_score_weights=dict(next(iter(KNOWN.values()))().default_weights),
)
def make_distilling_textcat(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    exclusive: bool,
    distill_weight: float | WeightSchedule,
    needs_teacher: bool,
    target: str,
    k: int,
    temperature: float,
    temperature_kind: str,
    threshold: float,
    positive_label: str | None,
    scorer: Callable[..., dict[str, Any]] | None,
    save_activations: bool,
) -> DistillingPipe:
    """Construct a distilling text categorizer.

    model (Model[list[Doc], Floats2d]): docs to scores of labels, (docs, labels), in nats, see
        `spacy-skd.DocScorer.v1`.
    exclusive (bool): whether one label of a doc holds (as of spaCy's `textcat`), or each does or
        not on its own (as of `textcat_multilabel`).
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a doc, or of a
        label that may hold or not, that has gold, 0 to 1; 0 trains on gold alone. What has no gold
        has share 1.
    needs_teacher (bool): whether it is an error that the pipeline has no teacher, though
        `distill_weight` is above 0. It is false in the config of a student that was saved without
        its teacher, and learns on from gold.
    target (str): what is learnt of the teacher: "structural" (its distribution), "top1", "topk",
        "token", "position" (both as "structural" here) or "gold" (nothing); see `Objective`.
    k (int): of target "topk", how many of the teacher's best labels, or sets of labels.
    temperature (float): T > 0 of the distillation loss, on both sides; not of "top1" and "topk".
    temperature_kind (str): "global" or "local", which differ where the teacher is of the other
        kind.
    threshold (float): `exclusive = false` alone: the probability from which on a label holds, in
        scores and activations. `doc.cats` has the probabilities whatever it is.
    positive_label (str | None): `exclusive = true` alone: the one of two labels whose F is the
        score.
    scorer (Callable | None): spaCy's scores of categories by default.
    save_activations (bool): whether to keep probabilities in `doc._.activations[name]`.
    RAISES (ValueError): for a model that does not score docs; for a setting that is out of range,
        or does not apply and is not its default.
    """
    settings = {"threshold": threshold, "positive_label": positive_label}
    with named(name):
        check_scorer(model, DOCS, what=FACTORY)
        objective = Objective.of_config(target, k, temperature, temperature_kind)
        make_layer = _layer_class(exclusive)
        what = f"exclusive = {str(exclusive).lower()}"
        check_applied(settings, DEFAULTS, applied=make_layer.takes, of=what)
        applied = {key: value for key, value in settings.items() if key in make_layer.takes}
        layer = make_layer(pipe=name, **applied)
        return DistillingPipe(
            nlp.vocab,
            model,
            name,
            task=DocTask(layer),
            distill_weight=distill_weight,
            objective=objective,
            scorer=scorer or layer.score,
            save_activations=save_activations,
            needs_teacher=needs_teacher,
        )


def _layer_class(exclusive: bool) -> Any:
    classes = (cast(type[DocLayer], layer) for layer in KNOWN.values())
    return next(layer for layer in classes if layer.exclusive == exclusive)
