"""`distilling_tagger`: annotation of tokens and of spans, from gold and from a teacher."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model

from ..arrays import Floats2d
from ..errors import check_applied, check_between, named
from ..models.segments import build_segment_scorer  # noqa: F401  # registers it
from ..structures import FlatSegments, IndependentLabels, LinearChain
from ..transfer.annealing import WeightSchedule
from ..transfer.target import Objective
from .layers import make_layer
from .span_layers import SPAN_LAYERS, make_span_layer
from .span_segments import DistillingSegments
from .span_tags import DistillingSpanTagger
from .token_tagger import DistillingTagger

# Of settings that do not apply to every layer.
DEFAULTS: dict[str, Any] = {
    "max_length": 150,
    "threshold": 0.5,
    "structure": None,
    "scheme": "BIOES",
    "spans_key": "sc",
    "drop_wide": False,
    "incorrect_spans_key": None,
}

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


@Language.factory(
    "distilling_tagger",
    assigns=[
        "token.tag",
        "token.pos",
        "token.morph",
        "token.is_sent_start",
        "doc.ents",
        "token.ent_iob",
        "token.ent_type",
    ],
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
    },
    default_score_weights={
        "tag_acc": 0.2,
        "pos_acc": 0.2,
        "morph_acc": 0.1,
        "morph_per_feat": None,
        "sents_f": 0.1,
        "ents_f": 0.4,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
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
    structure: str | None,
    scheme: str,
    spans_key: str,
    drop_wide: bool,
    incorrect_spans_key: str | None,
    scorer: Callable | None,
    save_activations: bool,
) -> DistillingTagger | DistillingSpanTagger | DistillingSegments:
    """Construct a distilling tagger.

    model (Model[list[Doc], Floats2d]): docs to scores of labels, (tokens of the batch, labels).
    layer (str): what it annotates: "tag", "pos", "morph", "sent", "ents" (`doc.ents`) or "spans"
        (a group of `doc.spans`).
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a token that
        has gold, 0 to 1; 0 trains on gold alone. A token without gold has share 1.
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
    threshold (float): layer "sent" alone: a token starts a sentence if its probability of that is
        higher.
    structure (str | None): what the loss is over: "tokens" (independent labels), or, for ents
        and spans, "linear_chain" (sequences of tags; their default, with the model
        `spacy-skd.ChainScorer.v1`) or "segments" (spans with scores of their own, with the model
        `spacy-skd.SegmentScorer.v1`).
    scheme (str): tags of ents and spans, "BIOES" or "BIO"; segments have none.
    spans_key (str): layer "spans" alone: the group.
    drop_wide (bool): structure "segments" alone: whether spans that a linear-chain teacher finds
        and that are wider than the model's `max_width` may be taken as outside. No score of a chain
        excludes them, so without it such a teacher is refused.
    incorrect_spans_key (str | None): layers "ents" and "spans" alone: a group of `doc.spans` of
        the reference whose spans are known to be none of their label, as of spaCy's `ner`. Each
        adds -log(1 - p) to the loss of gold, p its exact probability. A doc that has these alone
        is otherwise not annotated.
    scorer (Callable | None): spaCy's score of the layer by default.
    save_activations (bool): whether to keep probabilities in `doc._.activations[name]`.
    RAISES (ValueError): for a layer, scheme or structure that does not exist or does not fit; for a
        setting that is out of range, or does not apply to the layer and is not its default.
    """
    of_layer: dict[str, Any] = {
        "max_length": max_length,
        "threshold": threshold,
        "scheme": scheme,
        "spans_key": spans_key,
        "drop_wide": drop_wide,
        "incorrect_spans_key": incorrect_spans_key,
    }
    with named(name):
        settings: dict[str, Any] = {
            "distill_weight": distill_weight,
            "objective": Objective.of_config(target, k, temperature, temperature_kind),
            "overwrite": overwrite,
            "scorer": scorer,
            "save_activations": save_activations,
        }
        pipe: DistillingTagger | DistillingSpanTagger | DistillingSegments
        if layer in SPAN_LAYERS:
            pipe = _of_spans(nlp, name, model, layer, structure, of_layer, settings)
        else:
            pipe = _of_tokens(nlp, name, model, layer, structure, of_layer, settings)
    pipe.needs_teacher = needs_teacher
    return pipe


def _of_spans(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    layer: str,
    structure: str | None,
    of_layer: dict[str, Any],
    settings: dict[str, Any],
) -> DistillingSpanTagger | DistillingSegments:
    pipe: DistillingSpanTagger | DistillingSegments
    keys = ["incorrect_spans_key", *(["spans_key"] if layer == "spans" else [])]
    settings["layer"] = make_span_layer(layer, spans_key=of_layer["spans_key"])
    settings["incorrect_spans_key"] = of_layer["incorrect_spans_key"]
    structure = structure or LinearChain.name
    make = _OF_STRUCTURE.get(structure, _of_tags)
    pipe, applied = make(nlp, name, model, structure, of_layer, settings)
    what = f"layer {layer!r} with structure {structure!r}"
    check_applied(of_layer, DEFAULTS, applied=(applied, *keys), of=what)
    return pipe


def _of_tags(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    structure: str,
    of_layer: dict[str, Any],
    settings: dict[str, Any],
) -> tuple[DistillingSpanTagger, str]:
    """RETURNS: the component; the setting that applies to it alone."""
    settings = {**settings, "structure": structure, "scheme": of_layer["scheme"]}
    return DistillingSpanTagger(nlp.vocab, model, name, **settings), "scheme"


def _of_segments(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    structure: str,
    of_layer: dict[str, Any],
    settings: dict[str, Any],
) -> tuple[DistillingSegments, str]:
    """See `_of_tags`."""
    settings = {**settings, "drop_wide": of_layer["drop_wide"]}
    return DistillingSegments(nlp.vocab, model, name, **settings), "drop_wide"


_OF_STRUCTURE: dict[str, Any] = {FlatSegments.name: _of_segments}


def _of_tokens(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    layer: str,
    structure: str | None,
    of_layer: dict[str, Any],
    settings: dict[str, Any],
) -> DistillingTagger:
    max_length = int(check_between("max_length", of_layer["max_length"], low=0, high=10**6))
    tokens = make_layer(layer, max_length=max_length, threshold=of_layer["threshold"])
    if structure not in (None, IndependentLabels.name):
        raise ValueError(f"structure: layer {layer!r} has 'tokens' alone, got {structure!r}")
    applied = ("max_length", "threshold") if layer == "sent" else ()
    check_applied(of_layer, DEFAULTS, applied=applied, of=f"layer {layer!r}")
    return DistillingTagger(nlp.vocab, model, name, layer=tokens, **settings)
