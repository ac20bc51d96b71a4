import json
from pathlib import Path

import pytest
import spacy
from illegal import told
from spacy.tokens import DocBin
from treebanks import GOOD

from spacy_skd.training.conllu import read_conllu
from spacy_skd.training.convert import convert

EWT = Path(__file__).parents[3] / "shared" / "data" / "UD_English-EWT"


@pytest.fixture
def files(tmp_path):
    for split, verb in (("train", "Go"), ("dev", "Run"), ("test", "Walk")):
        (tmp_path / f"{split}.conllu").write_text(GOOD.replace("Go", verb), encoding="utf8")
    (tmp_path / "raw.txt").write_text("Walk home !\nSomething new\n", encoding="utf8")
    return tmp_path


def run(files, **settings):
    splits = [files / f"{split}.conllu" for split in ("train", "dev", "test")]
    return convert(*splits, files / "out", raw=[files / "raw.txt"], lang="en", **settings)


def test_round_trip_without_what_leaks(files):
    counts = run(files)
    assert counts.train.left_out == {"copy": 1, "overlap": 0}  # "de le" stands in dev
    assert counts.raw.texts == 1
    assert counts.raw.left_out["copy"] == 1
    vocab = spacy.blank("en").vocab
    (doc,) = DocBin().from_disk(files / "out" / "dev.spacy").get_docs(vocab)
    first, _ = read_conllu(files / "dev.conllu")
    n = len(first.words)
    assert [t.text for t in doc][:n] == first.words
    assert [t.head.i for t in doc][:n] == first.heads
    assert [t.tag_ for t in doc][:n] == first.tags
    assert [t.pos_ for t in doc][:n] == first.pos
    assert [t.is_sent_start for t in doc] == [True, False, False, True, False]


def test_nothing_is_written_on_an_error(files):
    (files / "test.conllu").write_text(GOOD.replace("\t1\tadvmod", "\t9\tadvmod"))
    with pytest.raises(ValueError, match="test.conllu, line 4"):
        run(files)
    assert not (files / "out").exists()


def test_a_folder_that_is_not_empty_is_kept(files):
    (files / "out").mkdir()
    (files / "out" / "mine").write_text("keep")
    with pytest.raises(FileExistsError, match="not empty"):
        run(files)
    assert [p.name for p in (files / "out").iterdir()] == ["mine"]
    with pytest.raises(FileExistsError, match="mine was not written by `spacy skd convert`"):
        run(files, overwrite=True)
    assert (files / "out" / "mine").read_text() == "keep"


def test_illegal_entities_are_repaired_counted_and_told(files, log):
    text = GOOD.replace("Go", "Run").replace("NE=U-ORG", "NE=I-ORG")
    (files / "dev.conllu").write_text(text, encoding="utf8")
    counts = run(files)
    found = json.loads((files / "out" / "convert.json").read_text())
    assert [found[split]["repaired_entities"] for split in ("train", "dev", "test")] == [0, 1, 0]
    assert counts.dev.repaired_entities == 1
    assert told(log, where=files / "dev.conllu", n=1)
    docs = DocBin().from_disk(files / "out" / "dev.spacy").get_docs(spacy.blank("en").vocab)
    assert [(e.text, e.label_) for doc in docs for e in doc.ents] == [("le", "ORG")]


@pytest.mark.corpus
def test_ewt(tmp_path):
    paths = [EWT / f"en_ewt-ud-{split}.conllu" for split in ("train", "dev", "test")]
    counts = convert(*paths, tmp_path / "out")
    left_out = sum(counts.train.left_out.values())
    assert left_out > 0
    assert counts.train.sentences + left_out == 12_544
    assert (counts.dev.sentences, counts.dev.words) == (2_001, 25_147)
    assert (counts.test.sentences, counts.test.words) == (2_077, 25_094)
    assert (counts.train.documents, counts.dev.documents, counts.test.documents) == (540, 318, 316)
