"""`distilling_parser`: dependency trees that learn from gold and from a teacher's marginals."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from thinc.api import Config, Model

from ..errors import check_applied, check_between, check_one_of, named
from ..structures import ArcStructure
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs.base import LABEL_FLOOR
from ..transfer.target import Objective
from .distilling import DistillingPipe
from .tasks.head_tags import HeadTagTask
from .tasks.predictions import BEST
from .tasks.scorers import ARCS, TOKENS, check_scorer
from .tasks.trees import TreeTask

DEFAULT, OFFSET_TAGS = "tree", "offset_tags"
# Of settings that do not apply to every structure.
DEFAULTS: dict[str, Any] = {"label_floor": LABEL_FLOOR, "min_count": 1, "max_offset": 0}

DEFAULT_PARSER_MODEL = """
[model]
@architectures = "spacy-skd.BiaffineParser.v1"
max_distance = 16

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
    "distilling_parser",
    assigns=["token.dep", "token.head", "token.is_sent_start", "doc.sents"],
    requires=["doc.sents"],
    default_config={
        "model": Config().from_str(DEFAULT_PARSER_MODEL)["model"],
        "structure": DEFAULT,
        "distill_weight": 0.0,
        "needs_teacher": True,
        "target": "structural",
        "k": 5,
        "temperature": 1.0,
        "temperature_kind": "global",
        "max_length": 150,
        "decode": BEST,
        **DEFAULTS,
        "scorer": {"@scorers": "spacy.parser_scorer.v1"},
        "save_activations": False,
        "confidences": False,
    },
    default_score_weights={"dep_uas": 0.5, "dep_las": 0.5, "dep_las_per_type": None},
)
def make_distilling_parser(
    nlp: Language,
    name: str,
    model: Model[Any, Any],
    structure: str,
    distill_weight: float | WeightSchedule,
    needs_teacher: bool,
    target: str,
    k: int,
    temperature: float,
    temperature_kind: str,
    max_length: int,
    label_floor: float,
    min_count: int,
    max_offset: int,
    decode: str,
    scorer: Callable[..., dict[str, Any]] | None,
    save_activations: bool,
    confidences: bool,
) -> DistillingPipe:
    """Construct a distilling parser.

    model (Model): docs and units to scores of arcs, and of deprels of chosen arcs, see
        `spacy-skd.BiaffineParser.v1` and `spacy-skd.SecondOrderBiaffine.v1`; for "offset_tags" docs
        to scores of tags, `spacy-skd.TokenScorer.v1`.
    structure (str): what the loss is over: "tree" (single-rooted trees), "projective_tree" (those
        without crossing arcs), "head_selection" (a head for each token on its own) or "offset_tags"
        (independent tags of signed head offset and deprel: parsing as sequence labelling).
        Decoding always yields a single-rooted tree, of "projective_tree" a projective one.
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a sentence
        that has gold, 0 to 1; 0 trains on gold alone. A sentence without gold has share 1.
    needs_teacher (bool): whether it is an error that the pipeline has no teacher, though
        `distill_weight` is above 0. It is false in the config of a student that was saved without
        its teacher, and learns on from gold.
    target (str): what is learnt of the teacher: "structural" (its distribution), "top1", "topk",
        "token" (heads on their own), "position" or "gold" (nothing); see `Objective`.
    k (int): of target "topk", how many of the teacher's best trees of a sentence.
    temperature (float): T > 0 of the distillation loss, on both sides; not of "top1" and "topk".
    temperature_kind (str): "global", of whole trees, or "local", of each token's heads (for
        structures "head_selection" and "offset_tags").
    max_length (int): the most tokens of a unit; a longer sentence is cut. 0 for no limit: time
        and memory grow with its cube and its square.
    label_floor (float): as a teacher: the marginal, 0 to 1, from which on an arc's deprels are part
        of what it says; those of the best tree always are. A student of "offset_tags" learns from
        such arcs alone.
    min_count (int): "offset_tags" alone: a tag must occur so often in the examples, or in its
        teacher's best trees of them.
    max_offset (int): "offset_tags" alone: the longest arc of a tag, in tokens; 0 for no limit.
    decode (str): "best" (the likeliest tree) or "marginal" (the tree with the highest expected
        number of right heads).
    save_activations (bool): whether to keep probabilities in `doc._.activations[name]`.
    confidences (bool): whether to keep the probability of each arc with its deprel, for
        `token._.head_confidence` and `doc._.confidences`.
    RAISES (ValueError): for a structure that does not exist, or that does not fit the model; for a
        setting that is out of range, or does not apply to the structure and is not its default.
    """
    of_structure = {"label_floor": label_floor, "min_count": min_count, "max_offset": max_offset}
    with named(name):
        check_structure(structure, model)
        applied = _check_settings(structure, of_structure)
        applied["max_length"] = int(check_between("max_length", max_length, low=0, high=10**6))
        applied["decode"] = decode
        task: HeadTagTask | TreeTask
        if structure == OFFSET_TAGS:
            task = HeadTagTask(**applied)
        else:
            task = TreeTask(ArcStructure.by_name()[structure], **applied)
        return DistillingPipe(
            nlp.vocab,
            model,
            name,
            task=task,
            distill_weight=distill_weight,
            objective=Objective.of_config(target, k, temperature, temperature_kind),
            scorer=scorer,
            save_activations=save_activations,
            confidences=confidences,
            needs_teacher=needs_teacher,
        )


def _check_settings(structure: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return those that apply to the structure.
    RAISES (ValueError): if one is out of range, or another one is not its default."""
    check_between("label_floor", settings["label_floor"], low=0, high=1)
    check_between("min_count", settings["min_count"], low=1, high=10**9)
    check_between("max_offset", settings["max_offset"], low=0, high=10**6)
    applied = ("min_count", "max_offset") if structure == OFFSET_TAGS else ("label_floor",)
    check_applied(settings, DEFAULTS, applied=applied, of=f"structure {structure!r}")
    return {name: settings[name] for name in applied}


def check_structure(structure: str, model: Model[Any, Any]) -> None:
    """Check a structure. RAISES (ValueError): if there is none such, or it does not fit the
    model."""
    kinds = sorted(ArcStructure.by_name(), key=lambda name: name != DEFAULT)
    check_one_of("structure", structure, (*kinds, OFFSET_TAGS))
    needed = (TOKENS,) if structure == OFFSET_TAGS else ARCS
    what = f"structure {structure!r}"
    check_scorer(model, *needed, what=what, settings=("structure", "model"))
