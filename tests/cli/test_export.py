"""`spacy skd export`: what it writes, says and refuses."""

import pytest
import spacy
from conftest import TOK2VEC
from journey import make_data, make_student, with_rules
from spacy.cli.train import train
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.export import export


def run(*arguments):
    return CliRunner().invoke(app, ["skd", "export", *map(str, arguments)])


def test_it_says_what_is_stock_and_what_still_needs_the_package(teacher, tmp_path):
    found = run(teacher, tmp_path / "out")
    assert found.exit_code == 0, found.output
    printed = " ".join(found.output.split())
    for part in ("tag is a stock tagger", "sent is a stock senter", "parser still needs spacy-skd"):
        assert part in printed
    assert "loads where" not in printed
    text = "The cat sees Ann . Go !"
    before, after = (spacy.load(path)(text) for path in (teacher, tmp_path / "out"))
    assert [t.tag_ for t in after] == [t.tag_ for t in before]
    assert [t.head.i for t in after] == [t.head.i for t in before]


def test_errors(teacher, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("keep")
    with pytest.raises(ValueError, match="exists already and is not empty: it holds precious"):
        export(teacher, tmp_path / "full")
    with pytest.raises(ValueError, match="cannot load"):
        export(tmp_path / "none", tmp_path / "out")
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.initialize()
    nlp.to_disk(tmp_path / "bare")
    with pytest.raises(ValueError, match="found none\n  tok2vec: its model is built of"):
        export(tmp_path / "bare", tmp_path / "out")
    assert run(tmp_path / "bare", tmp_path / "out").exit_code == 1
    assert not (tmp_path / "out").exists()


def test_of_spacy_s_own_components_it_says_that_there_is_nothing_to_export(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "own")
    with pytest.raises(ValueError, match="no component is of this package"):
        export(tmp_path / "own", tmp_path / "stock")


def test_a_student_that_the_commands_made(teacher, tmp_path):
    """Its listeners refer to the width of another block, and so may anything else."""
    make_data(tmp_path)
    student = make_student(with_rules(teacher, tmp_path / "teacher"), tmp_path)
    nlp = spacy.load(student)
    nlp._pipe_configs["parser"]["k"] = "${components.tag.k}"
    nlp.config["training"]["eval_frequency"] = "${components.tag.k}"
    nlp.to_disk(tmp_path / "referring")
    found = export(tmp_path / "referring", tmp_path / "stock")
    assert found.exported == {"sent": "senter", "tag": "tagger", "pos": "morphologizer",
                              "attribute_ruler": "attribute_ruler"}  # fmt: skip
    assert found.kept.keys() == {"tok2vec", "parser"}
    text = "The cat sees Ann . She gave him the book , a goblin !"
    before, after = (spacy.load(path)(text) for path in (student, tmp_path / "stock"))
    said = [[(t.tag_, t.pos_, t.dep_, t.head.i, t.sent_start, t.lemma_, t.ent_type_) for t in doc]
            for doc in (before, after)]  # fmt: skip
    assert said[0] == said[1]
    config = tmp_path / "stock" / "config.cfg"
    assert "resume.v1" not in config.read_text()
    data = str(tmp_path / "train.spacy")
    train(config, overrides={"paths.train": data, "paths.dev": data, "training.max_steps": 2})
