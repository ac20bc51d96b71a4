"""Write the configs of this folder but ner_teacher.cfg, or print one of a variant.

    python configs/derive.py
    python configs/derive.py tokens_from_chain > tokens_from_chain.cfg

Written are those that the package has as templates, and those of students, one for each preset. The
variants are in variants.py. A test checks that the files are what this writes.
"""

import sys
from pathlib import Path

from thinc.api import Config
from variants import VARIANTS

from spacy_skd.training.configs.layered import TEMPLATES, choose
from spacy_skd.training.configs.plan import Student
from spacy_skd.training.configs.presets import PRESETS
from spacy_skd.training.configs.student_config import student_config

FOLDER = Path(__file__).parent
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
BASIC = ("sent", "tag", "pos", "parser")  # what the configs of trees and tags are of


def templates() -> dict[str, str]:
    """Return those that `spacy skd prepare` and `rehead` use, by name: of the teacher and the rival
    with components of `BASIC` alone, as the students' configs are."""
    heads = (TEMPLATES / "rehead.cfg").read_text(encoding="utf8")
    return {"teacher": _basic("teacher", TEACHER), "stock": _basic("stock", STOCK), "rehead": heads}


def _basic(name: str, about: str) -> str:
    config = Config().from_disk(TEMPLATES / f"{name}.cfg", interpolate=False)
    return f"{about}\n\n{choose(config, BASIC).to_str(interpolate=False)}\n"


def students() -> dict[str, str]:
    """Return the config of each preset, by name, and that of entities."""
    entities = student_config([Student("ner", "ents", "ner")], preset=PRESETS["small"])
    about = (
        "# A student of entities: learns from gold and from the marginals of the teacher's tag "
        f"sequences.\n{USE}"
    )
    texts = {"ner_student": f"{about}\n\n{entities.to_str()}\n"}
    for name, preset in PRESETS.items():
        config = student_config(LAYERS, preset=preset)
        about = ABOUT.format(name)
        file = "student" if name == "small" else f"student_{name}"
        texts[file] = f"{about}\n\n{config.to_str()}\n"
    return texts


def files() -> dict[str, str]:
    """Return all that is written here, by name."""
    return {**templates(), **students()}


def main() -> None:
    for name in sys.argv[1:]:
        print(VARIANTS[name].text())
    if not sys.argv[1:]:
        for name, text in files().items():
            (FOLDER / f"{name}.cfg").write_text(text, encoding="utf8")


if __name__ == "__main__":
    main()
