"""`distilling_parser`: dependency trees that learn from gold and from a teacher's marginals."""

from typing import Any, Callable, Optional, Union

from spacy.language import Language
from thinc.api import Config, Model

from ..errors import check_between
from ..transfer.annealing import WeightSchedule
from ..transfer.target import Objective
from .trees import STRUCTURES, DistillingParser

DEFAULT_PARSER_MODEL = """
[model]
@architectures = "spacy-skd.BiaffineParser.v1"

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
    assigns=["token.dep", "token.head"],
    requires=["doc.sents"],
    default_config={
        "model": Config().from_str(DEFAULT_PARSER_MODEL)["model"],
        "structure": "tree",
        "distill_weight": 0.0,
        "target": "structural",
        "k": 5,
        "temperature": 1.0,
        "temperature_kind": "global",
        "max_length": 150,
        "scorer": {"@scorers": "spacy.parser_scorer.v1"},
        "save_activations": False,
    },
    default_score_weights={"dep_uas": 0.5, "dep_las": 0.5, "dep_las_per_type": None},
)
def make_distilling_parser(
    nlp: Language,
    name: str,
    model: Model[Any, Any],
    structure: str,
    distill_weight: Union[float, WeightSchedule],
    target: str,
    k: int,
    temperature: float,
    temperature_kind: str,
    max_length: int,
    scorer: Optional[Callable],
    save_activations: bool,
) -> DistillingParser:
    """Construct a distilling parser.

    model (Model): (docs, spans, choose) to arc scores and deprel scores, see
        `spacy-skd.BiaffineParser.v1`.
    structure (str): what the loss is over: "tree" (single-rooted trees) or "head_selection" (a
        head for each token on its own). Decoding always yields the best single-rooted tree.
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a sentence
        that has gold, 0 to 1; 0 trains on gold alone. A sentence without gold has share 1.
    target (str): what is learnt of the teacher: "structural" (its distribution), "top1", "topk",
        "token" (heads on their own), "position" or "gold" (nothing); see `Objective`.
    k (int): of target "topk", how many of the teacher's best trees of a sentence.
    temperature (float): T > 0 of the distillation loss, on both sides; not of "top1" and "topk".
    temperature_kind (str): "global", of whole trees, or "local", of each token's heads (for
        structure "head_selection").
    max_length (int): the most tokens of a unit; a longer sentence is cut. 0 for no limit: time
        and memory grow with its cube and its square.
    save_activations (bool): whether to keep probabilities in `doc._.activations[name]`.
    """
    if structure not in STRUCTURES:
        raise ValueError(f"structure: expected one of {', '.join(STRUCTURES)}, got {structure!r}")
    return DistillingParser(
        nlp.vocab,
        model,
        name,
        structure=STRUCTURES[structure],
        distill_weight=distill_weight,
        objective=Objective(target, k, temperature, temperature_kind),
        max_length=int(check_between("max_length", max_length, low=0, high=10**6)),
        scorer=scorer,
        save_activations=save_activations,
    )
