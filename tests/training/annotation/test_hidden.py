"""Hidden states in annotated folders: the same whoever writes them, and only where asked for."""

import json
import pickle
from dataclasses import replace

import numpy
import pytest
import spacy
from annotated import SMALL, contents, write_text
from conftest import TOK2VEC, gold_examples
from spacy.tokens import DocBin

from spacy_skd.shards import BeliefStore, Manifest
from spacy_skd.shards.store import KEY, read_beliefs
from spacy_skd.teachers.embedding import Embedder
from spacy_skd.teachers.projection import Projection
from spacy_skd.training.annotation.annotate import AskingPlan, Workers, annotate
from spacy_skd.training.annotation.annotator import Annotator, Asked
from spacy_skd.training.annotation.inputs import read_inputs

COLUMNS = 6
HIDDEN = replace(SMALL, hidden=COLUMNS)


@pytest.fixture(scope="module")
def stores(teacher, tmp_path_factory):
    """Text, annotated with and without."""
    folder = tmp_path_factory.mktemp("hidden")
    text = write_text(folder / "in" / "a.jsonl")
    for name, settings in (("with", HIDDEN), ("without", SMALL)):
        annotate(teacher, [str(text)], folder / name, settings=settings)
    return folder


def docs_of(folder, vocab):
    names = Manifest.from_disk(folder).shards
    return [doc for n in names for doc in DocBin().from_disk(folder / n).get_docs(vocab)]


def states_of(folder, vocab):
    store = BeliefStore(folder)
    docs = docs_of(folder, vocab)
    return docs, [store.states(read_beliefs(doc.user_data), doc, trees=True) for doc in docs]


def test_they_are_the_teachers_vectors_projected(teacher, stores):
    nlp = spacy.load(teacher)
    docs, states = states_of(stores / "with", nlp.vocab)
    projection = Projection.from_json(Manifest.from_disk(stores / "with").hidden)
    assert projection.words == sum(map(len, docs)) == 210
    same = 0
    for doc, vectors, of in zip(docs, Embedder(nlp).vectors(docs), states):
        near = abs(of.columns.astype(int) - projection(vectors))
        assert of.columns.shape == (len(doc), COLUMNS)
        assert near.max() <= 1  # a batch of another size rounds otherwise
        heads = numpy.where(of.heads < 0, numpy.arange(len(doc)), of.heads)
        same += (heads == [token.head.i for token in doc]).sum()
    assert same > 0.7 * 210  # of each word its own likeliest, which need be no tree


def test_all_else_is_as_without(teacher, stores):
    vocab = spacy.load(teacher).vocab
    both = [docs_of(stores / name, vocab) for name in ("with", "without")]
    for doc, plain in zip(*both):
        carried = dict(doc.user_data[KEY])
        assert carried.pop("hidden")[1] == (len(doc), COLUMNS)
        assert carried == plain.user_data[KEY]
    given, plain = (
        json.loads((stores / name / "manifest.json").read_text()) for name in ("with", "without")
    )
    assert given["settings"].pop("hidden") == COLUMNS
    assert given.pop("hidden")["shape"] == [32, COLUMNS]
    assert {*given} == {*plain}
    assert {**given, "shards": 0, "digest": 0} == {**plain, "shards": 0, "digest": 0}
    assert Manifest.from_disk(stores / "with").id == Manifest.from_disk(stores / "without").id
    assert not BeliefStore(stores / "without").has_hidden


def test_a_run_that_goes_on_has_the_projection_of_before(teacher, stores, tmp_path, monkeypatch):
    text, out = str(stores / "in" / "a.jsonl"), tmp_path / "out"

    def stop(progress):
        if len(list(out.glob("shard-*"))) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate(teacher, [text], out, settings=HIDDEN, report=stop)
    assert 3 <= len(Manifest.from_disk(out).shards) < 10
    monkeypatch.setattr(Annotator, "fit", None)  # which another machine may do otherwise
    annotate(teacher, [text], out, settings=HIDDEN)
    assert contents(out) == contents(stores / "with")
    with pytest.raises(ValueError, match="settings.hidden: expected 6 .* got null"):
        annotate(teacher, [text], out, settings=SMALL)


def test_a_worker_is_told_the_projection(teacher, stores, monkeypatch):
    monkeypatch.setattr(Annotator, "fit", None)
    manifest, asked = Manifest.from_disk(stores / "with"), Asked((str(teacher),), HIDDEN)
    fingerprint = manifest.teacher["fingerprint"]
    plan = AskingPlan(asked, fingerprint, manifest.id, None, manifest.hidden)
    writer = pickle.loads(pickle.dumps(plan)).start()
    records = [r for r in read_inputs([stores / "in" / "a.jsonl"], max_chars=99) if not
               hasattr(r, "reason")]  # fmt: skip
    made = writer.maker.bin_of(records[:3]).to_bytes()
    assert made == contents(stores / "with")["shard-000000.spacy"]


@pytest.mark.long
def test_two_processes_write_what_one_does(teacher, stores, tmp_path):
    text = str(stores / "in" / "a.jsonl")
    annotate(teacher, [text], tmp_path / "two", settings=HIDDEN, workers=Workers("local", 2))
    assert contents(tmp_path / "two") == contents(stores / "with")


def test_a_word_without_a_piece_is_known_to_have_no_vector(teacher, stores, tmp_path, monkeypatch):
    """As a tokenizer that makes none of "sees"; whitespace is no word."""
    read = Embedder.read

    def without_pieces(self, docs):
        lacks = [numpy.array([[token.text == "sees"] for token in doc]) for doc in docs]
        return [numpy.where(none, 0, rows) for none, rows in zip(lacks, read(self, docs))]

    monkeypatch.setattr(Embedder, "read", without_pieces)
    (tmp_path / "a.txt").write_text("Ann sees \t dogs\nGo !")
    annotate(teacher, [str(tmp_path / "a.txt")], tmp_path / "out", settings=HIDDEN)
    docs, states = states_of(tmp_path / "out", spacy.load(teacher).vocab)
    assert [len(doc) for doc in docs] == [4, 2]
    assert [of.columns.any(axis=1).tolist() for of in states] == [[True, False, True], [True] * 2]
    (tmp_path / "b.txt").write_text("sees sees")
    with pytest.raises(ValueError, match="no vector for any of the first words"):
        annotate(teacher, [str(tmp_path / "b.txt")], tmp_path / "none", settings=HIDDEN)


def test_another_tok2vec_of_the_teacher_changes_nothing(teacher, stores, tmp_path):
    """It writes its own vectors into the same place."""
    nlp = spacy.load(teacher)
    second = nlp.add_pipe("tok2vec", "second", config={"model": TOK2VEC})
    second.initialize(lambda: gold_examples(nlp), nlp=nlp)
    nlp.to_disk(tmp_path / "two")
    text = str(stores / "in" / "a.jsonl")
    manifest = annotate(tmp_path / "two", [text], tmp_path / "out", settings=HIDDEN)
    assert manifest.hidden == Manifest.from_disk(stores / "with").hidden
    both = [docs_of(folder, nlp.vocab) for folder in (tmp_path / "out", stores / "with")]
    for doc, other in zip(*both):
        assert doc.user_data[KEY]["hidden"] == other.user_data[KEY]["hidden"]


def test_what_cannot_be_stored(teacher, stores, tmp_path):
    text, out = [str(stores / "in" / "a.jsonl")], tmp_path / "out"
    with pytest.raises(ValueError, match="hidden: expected at most 32 columns.*got 33"):
        annotate(teacher, text, out, settings=replace(SMALL, hidden=33))
    with pytest.raises(ValueError, match="hidden: expected one teacher, got 2"):
        annotate(teacher, text, out, settings=HIDDEN, others=[teacher])
    nlp = spacy.load(teacher)
    for name in ("sent", "tag", "pos", "parser"):
        nlp.replace_listeners("tok2vec", name, ["model.tok2vec"])
    nlp.remove_pipe("tok2vec")
    nlp.to_disk(tmp_path / "alone")
    with pytest.raises(ValueError, match="hidden: the pipeline has no component to build on"):
        annotate(tmp_path / "alone", text, out, settings=HIDDEN)
    with pytest.raises(ValueError, match="hidden"):
        replace(SMALL, hidden=-1)
    assert not out.exists() or not list(out.glob("shard-*"))


def test_states_of_other_words_are_refused(teacher, stores):
    store = BeliefStore(stores / "with")
    docs, _ = states_of(stores / "with", spacy.load(teacher).vocab)
    stored = read_beliefs(docs[0].user_data)
    with pytest.raises(ValueError, match="damaged: expected those of 3 words, found the shape"):
        store.states(stored, docs[0][:3].as_doc(), trees=False)
