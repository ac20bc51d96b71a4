"""`distilling_transitions`: spaCy's own `ner` and `parser`, from gold and from a teacher."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.pipeline.ner import DEFAULT_NER_MODEL
from thinc.api import Model

from ...errors import check_applied, check_between, check_one_of, named
from ...layers.base import TRANSITIONS
from ...layers.known import find_layer, layer_classes
from ...transfer.annealing import WeightSchedule
from .component import TransitionPipe
from .driver import MIXED, Driver
from .entities import DistillingEntityRecognizer
from .trees import DistillingDependencyParser

FACTORY = TRANSITIONS
CLASSES: dict[str, type[TransitionPipe]] = {
    each.stock_factory: each for each in (DistillingEntityRecognizer, DistillingDependencyParser)
}  # by the factory of spaCy's own
KNOWN = {name: layer for name, layer in layer_classes().items() if layer.stock_factory in CLASSES}
OF_CLASSES: dict[str, Any] = {
    "incorrect_spans_key": None,
    "draws": 4,
    "min_action_freq": 1,
}  # settings of one class alone
OF_MIXED: dict[str, Any] = {"driver_share": 0.5}  # of one driver alone


@Language.factory(
    FACTORY,
    assigns=[what for layer in KNOWN.values() for what in layer.assigns],
    default_config={
        "model": DEFAULT_NER_MODEL,
        "layer": "ents",
        "distill_weight": 0.0,
        "needs_teacher": True,
        "driver": "student",
        **OF_MIXED,
        "sampled": False,
        **OF_CLASSES,
        "scorer": None,
    },
    default_score_weights={
        score: weight
        for layer in KNOWN.values()
        for score, weight in layer().default_weights.items()
    },
)
def make_distilling_transitions(
    nlp: Language,
    name: str,
    model: Model[Any, Any],
    layer: str,
    distill_weight: float | WeightSchedule,
    needs_teacher: bool,
    driver: str,
    driver_share: float,
    sampled: bool,
    incorrect_spans_key: str | None,
    draws: int,
    min_action_freq: int,
    scorer: Callable[..., dict[str, Any]] | None,
) -> TransitionPipe:
    """Construct spaCy's own component, which learns from a teacher.

    model (Model): `spacy.TransitionBasedParser.v2`, whose `state_type` is that of the layer.
    layer (str): what it annotates: "ents", as spaCy's `ner`, or "parser", as its `parser`.
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a doc that has
        gold, 0 to 1; 0 trains on gold alone. A doc without gold has share 1.
    needs_teacher (bool): whether it is an error that the pipeline has no teacher, though
        `distill_weight` is above 0.
    driver (str), driver_share (float), sampled (bool): who drives the trajectories of training; see
        `Driver`.
    incorrect_spans_key (str | None): of entities alone, as of spaCy's `ner`.
    draws (int): of trees alone, how many are drawn of each doc whenever it is learnt.
    min_action_freq (int): of trees alone, as of spaCy's `parser`; a deprel of gold that is rarer
        becomes "dep". Those of a teacher all count.
    scorer (Callable | None): spaCy's own by default.
    RAISES (ValueError): for a layer that no transition system annotates, a model of another's
        states, or a setting that is out of range, or does not apply and is not its default.
    """
    with named(name):
        check_one_of("layer", layer, tuple(KNOWN))
        chosen = find_layer(layer)
        kind = CLASSES[chosen.stock_factory]
        given = {
            "incorrect_spans_key": incorrect_spans_key,
            "draws": int(check_between("draws", draws, low=1, high=1000)),
            "min_action_freq": int(
                check_between("min_action_freq", min_action_freq, low=0, high=10**9)
            ),
        }
        check_applied(given, OF_CLASSES, applied=kind.settings, of=f"layer {layer!r}")
        check_states(model, kind, layer=layer)
        who = Driver(driver, driver_share, sampled)
        applied = OF_MIXED if driver == MIXED else ()
        check_applied(
            {"driver_share": driver_share}, OF_MIXED, applied=applied, of=f"driver {driver!r}"
        )
        return kind(
            nlp.vocab,
            model,
            name,
            layer=chosen,
            driver=who,
            distill_weight=distill_weight,
            needs_teacher=needs_teacher,
            scorer=scorer or chosen.score,
            **{key: given[key] for key in kind.settings},
        )


def check_states(model: Model[Any, Any], kind: type[TransitionPipe], *, layer: str) -> None:
    """Check that a model is of the states of a transition system. RAISES (ValueError): if not."""
    n = model.get_ref("lower").get_dim("nF") if model.has_ref("lower") is True else None
    if n not in kind.n_features:
        raise ValueError(
            f"model: expected spacy.TransitionBasedParser.v2 with state_type = "
            f"{kind.stock_factory!r}, for the layer {layer!r}, got "
            + ("another architecture" if n is None else f"one whose states are of {n} tokens")
        )
