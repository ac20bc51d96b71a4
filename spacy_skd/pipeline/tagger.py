"""`distilling_tagger`: annotation of tokens and of spans, from gold and from a teacher."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model

from ..arrays import Floats2d
from ..errors import check_between, check_one_of, named
from ..layers.base import Layer
from ..layers.known import find_layer, taught_layers
from ..models.segments import build_segment_scorer  # noqa: F401  # registers it
from ..transfer.annealing import WeightSchedule
from ..transfer.target import Objective
from .distilling import DistillingPipe
from .tagger_tasks import DEFAULTS, MAKERS

DEFAULT_TAGGER_MODEL = """
[model]
@architectures = "spacy-skd.TokenScorer.v1"

[model.tok2vec]
@architectures = "spacy-skd.Tok2Vec.v1"

[model.tok2vec.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[model.tok2vec.encode]
@architectures = "spacy-skd.ContextEncoder.v1"
width = 96
"""


FACTORY = "distilling_tagger"
KNOWN = taught_layers(FACTORY)


@Language.factory(
    FACTORY,
    assigns=[what for layer in KNOWN.values() for what in layer.assigns],
    default_config={
        "model": Config().from_str(DEFAULT_TAGGER_MODEL)["model"],
        "layer": "tag",
        "distill_weight": 0.0,
        "needs_teacher": True,
        "target": "structural",
        "k": 5,
        "temperature": 1.0,
        "temperature_kind": "global",
        "overwrite": False,
        **DEFAULTS,
        "scorer": None,
        "save_activations": False,
        "confidences": False,
    },
    default_score_weights={
        score: weight
        for layer in KNOWN.values()
        for score, weight in layer().default_weights.items()
    },
)
def make_distilling_tagger(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    layer: str,
    distill_weight: float | WeightSchedule,
    needs_teacher: bool,
    target: str,
    k: int,
    temperature: float,
    temperature_kind: str,
    overwrite: bool,
    max_length: int,
    threshold: float,
    max_positive: int | None,
    structure: str | None,
    scheme: str,
    spans_key: str,
    drop_wide: bool,
    incorrect_spans_key: str | None,
    top_k: int,
    backoff: str | None,
    min_tree_freq: int,
    decode: str,
    min_confidence: float,
    min_confidence_per_label: dict[str, float],
    scorer: Callable[..., dict[str, Any]] | None,
    save_activations: bool,
    confidences: bool,
) -> DistillingPipe:
    """Construct a distilling tagger.

    model (Model[list[Doc], Floats2d]): docs to scores of labels, (tokens of the batch, labels).
    layer (str): what it annotates: "tag", "pos", "morph", "lemma", "sent", "ents" (`doc.ents`),
        "spans" (a group of `doc.spans`), or a layer that a plugin registers (`spacy_skd/layers`).
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a token, of
        spans of a doc, that has some gold, 0 to 1; 0 trains on gold alone. One without has share 1.
    needs_teacher (bool): whether it is an error that the pipeline has no teacher, though
        `distill_weight` is above 0. It is false in the config of a student that was saved without
        its teacher, and learns on from gold.
    target (str): what is learnt of the teacher: "structural" (its distribution), "top1", "topk",
        "token", "position" or "gold" (nothing); see `Objective`.
    k (int): of target "topk", how many of the teacher's best structures.
    temperature (float): T > 0 of the distillation loss, on both sides; not of "top1" and "topk".
    temperature_kind (str): "global", of whole structures, or "local", of each token's distribution
        (for structure "tokens").
    overwrite (bool): whether to replace annotation that is there already.
    max_length (int): layer "sent" alone: the most tokens of a sentence, 0 for no limit.
    threshold (float): layer "sent": a token starts a sentence if its probability of that is higher;
        structure "independent_spans": a span has a label if its probability is at least so high.
    max_positive (int | None): structure "independent_spans" alone: the most labels of a span. With
        1, a span has one of the labels or none; else each label is a yes or no on its own.
    structure (str | None): what the loss is over: "tokens" (independent labels), or, for ents
        and spans, "linear_chain" (sequences of tags; their default, with the model
        `spacy-skd.ChainScorer.v1`), "segments" (spans with scores of their own, with the model
        `spacy-skd.SegmentScorer.v1`) or, for spans alone, "independent_spans" (each on its own, so
        that they may nest and cross, with the same model).
    scheme (str): tags of ents and spans, "BIOES" or "BIO"; segments have none.
    spans_key (str): layer "spans" alone: the group.
    drop_wide (bool): structure "segments" alone: whether spans that a linear-chain teacher finds
        and that are wider than the model's `max_width` may be taken as outside. No score of a chain
        excludes them, so without it such a teacher is refused.
    incorrect_spans_key (str | None): layers "ents" and "spans" alone: a group of `doc.spans` of
        the reference whose spans are known to be none of their label, as of spaCy's `ner`. Each
        adds -log(1 - p) to the loss of gold, p its exact probability. A doc that has these alone
        is otherwise not annotated.
    top_k (int): layer "lemma" alone: how many of the best labels (edit trees with a case) that
        apply to a word are considered; their probabilities are summed by lemma. 0 for all.
    backoff (str | None): layer "lemma" alone: what a word gets to which no label applies, "orth"
        (its form), "lower" or null (nothing).
    min_tree_freq (int): layer "lemma" alone: how often a label must occur in the annotation that
        initialization is shown.
    decode (str): layers "ents" and "spans" alone, but for "independent_spans", which have
        `threshold`: "best" (the likeliest structure) or "marginal" (the spans of the least expected
        number of wrong and missed ones: those of a probability above 1/2).
    min_confidence (float): layers "ents" and "spans" alone: spans of a lower probability are not
        annotated, 0 to 1. min_confidence_per_label (dict[str, float]): the same of some labels, in
        its place.
    scorer (Callable | None): spaCy's score of the layer by default.
    save_activations (bool): whether to keep probabilities in `doc._.activations[name]`.
    confidences (bool): whether to keep the probability of what is annotated, for
        `token._.tag_confidence` and the like, `span._.confidence` and `doc._.confidences`.
    RAISES (ValueError): for a layer, scheme or structure that does not exist or does not fit; for a
        setting that is out of range, or does not apply to the layer and is not its default.
    """
    of_layer: dict[str, Any] = {
        "max_length": max_length,
        "threshold": threshold,
        "max_positive": max_positive,
        "scheme": scheme,
        "spans_key": spans_key,
        "drop_wide": drop_wide,
        "incorrect_spans_key": incorrect_spans_key,
        "top_k": top_k,
        "backoff": backoff,
        "min_tree_freq": min_tree_freq,
        "decode": decode,
        "min_confidence": min_confidence,
        "min_confidence_per_label": min_confidence_per_label,
    }
    with named(name):
        objective = Objective.of_config(target, k, temperature, temperature_kind)
        of_layer["max_length"] = int(check_between("max_length", max_length, low=0, high=10**6))
        check_one_of("layer", layer, tuple(taught_layers(FACTORY)))  # without a key
        chosen = find_layer(layer, **of_layer)
        make_task = MAKERS[chosen.family]
        task = make_task(model, chosen, structure, of_layer, overwrite=overwrite)
        pipe = DistillingPipe(
            nlp.vocab,
            model,
            name,
            task=task,
            distill_weight=distill_weight,
            objective=objective,
            scorer=scorer or chosen.score,
            save_activations=save_activations,
            confidences=confidences,
            needs_teacher=needs_teacher,
        )
    tell_spacy(nlp, chosen)
    return pipe


def tell_spacy(nlp: Language, layer: Layer) -> None:
    """Let spaCy know what a layer assigns and is scored by, if it was registered after this factory
    was."""
    meta = nlp.get_factory_meta(FACTORY)
    meta.assigns = list(dict.fromkeys([*meta.assigns, *layer.assigns]))
    weights = dict(meta.default_score_weights or {})
    for score, weight in layer.default_weights.items():
        weights.setdefault(score, weight)
    meta.default_score_weights = weights
