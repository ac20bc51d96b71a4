"""Families of teachers and students as changes of the configs in this folder.

    python configs/derive.py tokens_from_chain > tokens_from_chain.cfg

prints the whole config of one; benchmarks/cases.py and the tests read the same table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from thinc.api import Config

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Variant:
    """about: what it is of. source: the config that it changes. component: the one that is changed.
    settings: its new ones; model: its new model, but for the layers below (`tok2vec`)."""

    about: str
    source: str
    component: str
    settings: Mapping[str, Any]
    model: Mapping[str, Any] | None = None

    def config(self) -> Config:
        """Return the whole config, not interpolated."""
        config = Config().from_disk(FOLDER / f"{self.source}.cfg", interpolate=False)
        component = config["components"][self.component]
        component.update(self.settings)
        if self.model is not None:
            component["model"] = {**self.model, "tok2vec": component["model"]["tok2vec"]}
        return config

    def text(self) -> str:
        """Return the config as a file, with what it is."""
        lines = (f"# {line}" for line in wrap(self.about, 98))
        return "\n".join([*lines, "", self.config().to_str(interpolate=False), ""])


TOKENS = {"@architectures": "spacy-skd.TokenScorer.v1", "nO": None}
SEGMENTS = {
    "@architectures": "spacy-skd.SegmentScorer.v1",
    "max_width": 10,
    "hidden_width": 64,
    "dropout": 0.33,
    "nO": None,
}
SECOND_ORDER = {
    "@architectures": "spacy-skd.SecondOrderBiaffine.v1",
    "arc_hidden": 256,
    "triple_hidden": 128,
    "rank": 64,
    "iterations": 3,
    "label_hidden": 64,
    "dropout": 0.33,
    "nO": None,
    "max_distance": 16,
}
OFFSET_TAGS = {"structure": "offset_tags"}
INVENTORY = (
    "Its tags are those of the gold and of the teacher's best trees of the examples that spaCy "
    "shows it at initialization; a fuller inventory goes into [initialize.components.parser] as "
    "labels."
)

VARIANTS = {
    "segments_teacher": Variant(
        "A teacher of entities as segments (NER as parsing): biaffine scores of spans.",
        "ner_teacher",
        "ner",
        {"structure": "segments"},
        SEGMENTS,
    ),
    "tokens_teacher": Variant(
        "A teacher of entities as independent tags.",
        "ner_teacher",
        "ner",
        {"structure": "tokens"},
        TOKENS,
    ),
    "second_order_teacher": Variant(
        "A teacher whose parser scores siblings and grandparents, too (mean field). Its "
        "label_floor is low, so that students of offset tags learn from improbable arcs.",
        "teacher",
        "parser",
        {"label_floor": 0.01},
        SECOND_ORDER,
    ),
    "chain_from_chain": Variant(
        "A linear chain teaches a linear chain: ner_student.cfg itself.", "ner_student", "ner", {}
    ),
    "chain_from_tokens": Variant(
        "Independent tags (tokens_teacher) teach a linear chain, given that they are legal.",
        "ner_student",
        "ner",
        {},
    ),
    "chain_from_segments": Variant(
        "Segments (segments_teacher) teach a linear chain: marginals of tags, and expected pairs.",
        "ner_student",
        "ner",
        {},
    ),
    "tokens_from_chain": Variant(
        "A linear chain (ner_teacher.cfg) teaches independent tags: its marginals.",
        "ner_student",
        "ner",
        {"structure": "tokens"},
        TOKENS,
    ),
    "tokens_from_segments": Variant(
        "Segments (segments_teacher) teach independent tags: each tag's share of the spans "
        "that give it to the token.",
        "ner_student",
        "ner",
        {"structure": "tokens"},
        TOKENS,
    ),
    "segments_from_chain": Variant(
        "A linear chain (ner_teacher.cfg) teaches segments: the probability of each whole "
        "span. Spans wider than max_width are taken as outside, and their mass is reported.",
        "ner_student",
        "ner",
        {"structure": "segments", "drop_wide": True},
        SEGMENTS,
    ),
    "projective_from_trees": Variant(
        "A student of projective trees, which learns from a teacher of any arcs given that "
        "none cross. Gold trees with crossing arcs are taken as unknown.",
        "student",
        "parser",
        {"structure": "projective_tree"},
    ),
    "headtags_from_trees": Variant(
        "A student that parses by sequence labelling (tags of signed head offset and deprel),"
        f" of a teacher of arcs: of those with a marginal of at least its label_floor. {INVENTORY}",
        "student",
        "parser",
        OFFSET_TAGS,
        TOKENS,
    ),
    "headtags_from_second_order": Variant(
        "The same of second_order_teacher: its head selection after mean field.",
        "student",
        "parser",
        OFFSET_TAGS,
        TOKENS,
    ),
}
