"""`spacy skd export`: what it writes, says and refuses."""

import pytest
import spacy
from conftest import TOK2VEC
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
