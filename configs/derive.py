"""Writes configs: those that the package has as templates, those of students, one for each preset,
and of the families' cases, which are those of entities or of trees with a few lines changed.

    python configs/derive.py

Tests check that the files are what this writes.
"""

from dataclasses import dataclass, field
from pathlib import Path

from thinc.api import Config

from spacy_skd.training.configs.layered import TEMPLATES, choose
from spacy_skd.training.configs.plan import Student
from spacy_skd.training.configs.presets import PRESETS
from spacy_skd.training.configs.student_config import student_config

FOLDER = Path(__file__).parent
CHAIN = '@architectures = "spacy-skd.ChainScorer.v1"'
STRUCTURE = 'structure = "linear_chain"'
TOKENS = {STRUCTURE: 'structure = "tokens"', CHAIN: CHAIN.replace("Chain", "Token")}
SEGMENTS = {
    STRUCTURE: 'structure = "segments"',
    CHAIN: "\n".join(
        [CHAIN.replace("Chain", "Segment"), "max_width = 10", "hidden_width = 64", "dropout = 0.33"]
    ),
}
TREE = 'structure = "tree"'
SMALL = PRESETS["small"]
BIAFFINE = [
    '@architectures = "spacy-skd.BiaffineParser.v1"',
    f"arc_hidden = {SMALL.arc_hidden}",
    f"label_hidden = {SMALL.label_hidden}",
    "dropout = 0.0",
    "nO = null",
    f"max_distance = {SMALL.arc_distance}",
]
OFFSET_TAGS = {
    TREE: 'structure = "offset_tags"',
    "\n".join(BIAFFINE): '@architectures = "spacy-skd.TokenScorer.v1"\nnO = null',
}
USE = "# Override on the command line: --paths.train --paths.raw --paths.dev --paths.teacher ..."


LAYERS = (
    Student("sent", "sent", "sent"),
    Student("tag", "tag", "tag"),
    Student("pos", "pos", "pos"),
    Student("parser", "parser", "parser"),
)
USE_STORE = f"""{USE}
# --paths.store: what `spacy skd annotate` wrote of the same text; the teacher then need not run."""
ABOUT = f"""# The {{}} student: a CPU pipeline that learns from gold and the teacher's marginals.
{USE_STORE}"""
TEACHER = """\
# The teacher: a transformer, and the same components as the student's, trained on gold.
# Override on the command line: --paths.train --paths.dev --components.transformer.model.name ..."""
STOCK = """\
# The rival: a stock spaCy pipeline of the same width and layers. On gold: --paths.train
# train.spacy; on gold and silver: --paths.train a folder with both."""
SEQUENCE_LABELLING = """\
# A student that parses by sequence labelling (tags of signed head offset and deprel); it learns
#"""


BASIC = ("sent", "tag", "pos", "parser")  # what the configs of trees and tags are of


def templates() -> dict[str, str]:
    """By name, those that `spacy skd prepare` and `rehead` use: of the teacher and the rival with
    components of `BASIC` alone, as the students' configs are."""
    heads = (TEMPLATES / "rehead.cfg").read_text(encoding="utf8")
    return {"teacher": _basic("teacher", TEACHER), "stock": _basic("stock", STOCK), "rehead": heads}


def _basic(name: str, about: str) -> str:
    config = Config().from_disk(TEMPLATES / f"{name}.cfg", interpolate=False)
    return f"{about}\n\n{choose(config, BASIC).to_str(interpolate=False)}\n"


def students() -> dict[str, str]:
    """By name, the config of each preset, and that of entities."""
    entities = student_config([Student("ner", "ents", "ner")], preset=PRESETS["small"])
    about = (
        "# A student of entities: learns from gold and from the marginals of the teacher's tag "
        f"sequences.\n{USE}"
    )
    found = {"ner_student": f"{about}\n\n{entities.to_str()}\n"}
    for name, preset in PRESETS.items():
        config = student_config(LAYERS, preset=preset)
        about = ABOUT.format(name)
        file = "student" if name == "small" else f"student_{name}"
        found[file] = f"{about}\n\n{config.to_str()}\n"
    return found


@dataclass(frozen=True)
class Derived:
    """about (str): the first lines. source (str): the config it is made from.
    changes (Dict[str, str]): lines of the source, or several that follow each other; each occurs
    there once."""

    about: str
    source: str = "ner_student"
    changes: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """RAISES (ValueError): if what is to change does not occur exactly once."""
        lines = (FOLDER / f"{self.source}.cfg").read_text(encoding="utf8").split("\n")
        body = "\n".join(line for line in lines if not line.startswith("#"))
        for old, new in self.changes.items():
            if body.count(f"\n{old}\n") != 1:
                raise ValueError(f"{self.source}.cfg: expected {old!r} once")
            body = body.replace(f"\n{old}\n", f"\n{new}\n")
        return f"{self.about}\n{body}"


DERIVED = {
    "segments_teacher": Derived(
        "# A teacher of entities as segments (NER as parsing): a transformer and biaffine span\n"
        "# scores, trained on gold.\n"
        "# Override on the command line: --paths.train --paths.dev "
        "--components.transformer.model.name ...",
        source="ner_teacher",
        changes=SEGMENTS,
    ),
    "tokens_from_segments": Derived(
        "# Segments (segments_teacher.cfg) teach independent BIOES tags: each tag's share of the\n"
        f"# spans that give it to the token.\n{USE}",
        changes=TOKENS,
    ),
    "chain_from_segments": Derived(
        "# Segments (segments_teacher.cfg) teach a linear chain of BIOES tags: marginals of tags\n"
        f"# and expected pairs of them.\n{USE}"
    ),
    "segments_from_chain": Derived(
        "# A linear chain (ner_teacher.cfg) teaches segments: the probability of each whole span.\n"
        f"# Spans wider than max_width are taken as outside, and their mass reported.\n{USE}",
        changes={**SEGMENTS, "drop_wide = false": "drop_wide = true"},
    ),
    "chain_from_chain": Derived(
        f"# A linear chain (ner_teacher.cfg) teaches a linear chain: ner_student.cfg itself.\n{USE}"
    ),
    "tokens_from_chain": Derived(
        "# A linear chain (ner_teacher.cfg) teaches independent BIOES tags: its marginals.\n" + USE,
        changes=TOKENS,
    ),
    "chain_from_tokens": Derived(
        "# Independent tags teach a linear chain, given that they are legal. A teacher of them:\n"
        "# ner_teacher.cfg with --components.ner.structure tokens\n"
        f"# --components.ner.model.@architectures spacy-skd.TokenScorer.v1\n{USE}"
    ),
    "projective_from_trees": Derived(
        "# A student of projective trees, which learns from a teacher of any arcs (teacher.cfg)\n"
        "# given that they form a projective tree. Gold trees with crossing arcs are taken as\n"
        f"# unknown.\n{USE_STORE}",
        source="student",
        changes={TREE: 'structure = "projective_tree"'},
    ),
    "headtags_from_trees": Derived(
        f"""{SEQUENCE_LABELLING} from a teacher of arcs, such as that of teacher.cfg. The teacher
# scores deprels of the arcs with a marginal of at least its label_floor; the student learns from
# these arcs alone. Its inventory is that of the gold and of the teacher's best trees of the
# examples that spaCy shows it at initialization; a fuller one goes into
# [initialize.components.parser] as labels.
{USE_STORE}""",
        source="student",
        changes=OFFSET_TAGS,
    ),
    "headtags_from_second_order": Derived(
        f"""{SEQUENCE_LABELLING} from the second-order teacher of second_order_teacher.cfg: its head
# selection after mean field. See headtags_from_trees.cfg for the inventory.
{USE_STORE}""",
        source="student",
        changes=OFFSET_TAGS,
    ),
}


def main() -> None:
    for name, text in {**templates(), **students()}.items():
        (FOLDER / f"{name}.cfg").write_text(text, encoding="utf8")
    for name, derived in DERIVED.items():
        (FOLDER / f"{name}.cfg").write_text(derived.text(), encoding="utf8")


if __name__ == "__main__":
    main()
