"""Heads on both kinds of transformer: from somebody's pipeline to a student, nothing is lost."""

import pytest
import spacy
from journeys.commands import run, users_code_forgotten
from journeys.docs_runner import copy, furnish
from journeys.somebody import COMPONENTS
from journeys.workshop import SHORT
from spacy.util import import_file

# A morphologizer's labels are those of two heads.
HEADS = [name for old in COMPONENTS for name in {"morphologizer": ["pos", "morph"]}.get(old, [old])]
COMMANDS = [
    "python -m spacy skd rehead theirs/KIND heads",
    "python -m spacy train heads/rehead.cfg -o teacher --paths.train train.spacy "
    "--paths.dev dev.spacy",
    "python -m spacy skd annotate teacher/model-best train.spacy raw.jsonl annotated",
    "python -m spacy skd init teacher/model-best student.cfg --preset tiny --store annotated "
    "--dev dev.spacy",
    "python -m spacy train student.cfg -o out",
]


@pytest.mark.parametrize("kind", ["transformer", pytest.param("curated", marks=pytest.mark.long)])
def test_a_student_of_new_heads_has_every_component(kind, made, tmp_path):
    here = furnish(tmp_path / "here", made)
    copy(made / "theirs", here / "theirs")
    for line in COMMANDS:
        run(line.replace("KIND", kind) + " --code house.py", here, env=SHORT)
    with users_code_forgotten():
        import_file("python_code", here / "house.py")
        theirs, teacher, student = (
            spacy.load(here / name)
            for name in (f"theirs/{kind}", "teacher/model-best", "out/model-best")
        )
        assert theirs.pipe_names == ["transformer", *COMPONENTS]
        assert teacher.pipe_names == ["transformer", *HEADS]
        assert {*student.pipe_names} == {"tok2vec", *HEADS}
        doc = student("Ann painted ten miles! Go!")
        assert doc._.shouts == 2
        assert ("ten miles", "DISTANCE") in [(ent.text, ent.label_) for ent in doc.ents]
        assert doc[1].lemma_ == "paint"
