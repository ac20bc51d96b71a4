"""The corpora of the workflow `stream`."""

import json

import generate_stream
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_skd.cli.streaming.corpora import read_corpora


def test_two_corpora_of_other_layers_with_their_teachers(tmp_path, monkeypatch):
    monkeypatch.setattr(generate_stream, "TRAIN_WORDS", 400)
    monkeypatch.setattr(generate_stream, "HELD_WORDS", 200)
    file = generate_stream.stream(tmp_path / "demo", words=300, backbone="some/model")
    trees, names = read_corpora(file)
    assert (trees.name, names.name) == ("trees", "names")
    for corpus in (trees, names):
        assert corpus.config.is_file()
        assert 'name = "some/model"' in corpus.config.read_text()
        assert corpus.raw_files()
    docs = list(DocBin().from_disk(trees.gold).get_docs(Vocab()))
    others = list(DocBin().from_disk(names.gold).get_docs(Vocab()))
    assert any(doc.has_annotation("DEP") for doc in docs)
    assert any(doc.ents for doc in others)
    assert {doc.text for doc in docs} != {doc.text for doc in others}
    generate_stream.stream(tmp_path / "demo", words=300, overwrite=True)


def test_other_corpora_are_left_alone(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(generate_stream.stream_cli)
    mine = tmp_path / "mine.jsonl"
    mine.write_text(json.dumps({"name": "a"}))
    found = CliRunner().invoke(app, [str(tmp_path / "demo"), "--corpora", str(mine)])
    assert found.exit_code == 0, found.output
    assert not (tmp_path / "demo").exists()
