"""The demo corpus is what it is meant to be, and the same everywhere."""

import json
from collections import Counter

import pytest
import typer
from generate import generate, generate_cli
from synthetic import corpus
from synthetic.fingerprint import fingerprint_of, read_fingerprint
from typer.testing import CliRunner

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import group_documents
from spacy_skd.training.conversion.leakage import key_of

SIZES = {
    "train_words": corpus.TRAIN_WORDS,
    "dev_words": corpus.DEV_WORDS,
    "test_words": corpus.TEST_WORDS,
    "raw_words": corpus.RAW_WORDS,
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    counts = corpus.generate(folder, seed=corpus.DEMO_SEED, **SIZES)
    return folder, counts


@pytest.fixture(scope="module")
def sentences(demo):
    return {s: list(read_conllu(demo[0] / f"{s}.conllu")) for s in ("train", "dev", "test")}


def test_is_the_committed_corpus(demo):
    found = fingerprint_of(*demo, seed=corpus.DEMO_SEED, sizes=SIZES)
    assert found == read_fingerprint()


def test_splits_share_no_sentence_with_dev_or_test(demo, sentences):
    keys = {split: {key_of(s.text) for s in found} for split, found in sentences.items()}
    assert not keys["test"] & (keys["dev"] | keys["train"])
    assert not keys["dev"] & keys["train"]
    lines = (demo[0] / "raw.jsonl").read_text(encoding="utf8").splitlines()
    held_out = [s.text for split in ("dev", "test") for s in sentences[split] if len(s.words) > 6]
    texts = [json.loads(line)["text"] for line in lines]
    assert not any(sentence in text for text in texts for sentence in held_out)


def test_at_least_forty_percent_of_test_types_are_unseen(sentences):
    types = {
        split: {w.lower() for s in found for w in s.words} for split, found in sentences.items()
    }
    assert len(types["test"] - types["train"]) >= 0.4 * len(types["test"])


def test_at_least_500_lemmas_and_ambiguous_words(sentences):
    tokens = [
        (word.lower(), lemma, tag)
        for found in sentences.values()
        for s in found
        for word, lemma, tag in zip(s.words, s.lemmas, s.pos)
    ]
    assert len({lemma for _, lemma, _ in tokens}) >= 500
    readings = Counter(word for word, _ in {(word, tag) for word, _, tag in tokens})
    assert sum(count > 1 for count in readings.values()) >= 50


def test_sentences_and_documents(sentences):
    for found in sentences.values():
        assert all(3 <= len(s.words) <= 40 for s in found)
        assert all(3 <= len(document) <= 15 for document in group_documents(found))


def crosses(sentence):
    arcs = [sorted((d, h)) for d, h in enumerate(sentence.heads) if d != h]
    return any(a < c < b < d for a, b in arcs for c, d in arcs)


def test_entities_unspaced_words_and_crossing_arcs_occur(sentences):
    train = sentences["train"]
    labels = Counter(tag[2:] for s in train for tag in s.entities if tag and tag[0] in "BU")
    assert len(labels) >= 3
    assert min(labels.values()) >= 10
    assert any(not space for s in train for space in s.spaces[:-1])
    assert any(crosses(s) for s in train)


def test_the_seed_decides_and_a_longer_text_begins_with_the_shorter(tmp_path):
    def raw(name, seed, words):
        generate(tmp_path / name, words=words, seed=seed, train_words=0, dev_words=0, test_words=50)
        return (tmp_path / name / "raw.jsonl").read_bytes()

    short = raw("a", 3, 500)
    assert raw("b", 3, 500) == short
    assert raw("c", 4, 500) != short
    assert raw("d", 3, 2000).startswith(short)


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="train_words"):
        generate(tmp_path / "x", train_words=-1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("keep")
    with pytest.raises(FileExistsError, match="not empty: it holds file"):
        generate(tmp_path / "full", words=10)
    assert (tmp_path / "full" / "file").read_text() == "keep"


def test_the_command_replaces_what_it_wrote_and_nothing_else(tmp_path):
    app = typer.Typer()
    app.command()(generate_cli)
    few = ["--words", "30", "--train-words", "30", "--dev-words", "30", "--test-words", "30"]

    def run(*more):
        return CliRunner().invoke(app, [str(tmp_path / "demo"), *few, *more])

    found = run("--corpus", "mine")
    assert found.exit_code == 0, found.output
    assert not (tmp_path / "demo").exists()
    found = run("--corpus", "demo")
    assert found.exit_code == 0, found.output
    before = {path: path.read_bytes() for path in (tmp_path / "demo").iterdir()}
    assert {path.name for path in before} > set(corpus.FILES.values())
    assert run().exit_code == 1
    assert run("--overwrite").exit_code == 0
    (tmp_path / "demo" / "precious").write_text("mine")
    assert run("--overwrite").exit_code == 1
    assert (tmp_path / "demo" / "precious").read_text() == "mine"
