"""Static word vectors of a teacher's embedding."""

import multiprocessing
import os
import signal

import numpy
import pytest
import spacy
from sent import engine_of_a_worker
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from stock_pipelines import stock_pipeline
from thinc.api import Config
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.teachers.embedding import Embedder
from spacy_skd.training.annotation import embedding, vectors
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.type_beliefs import TypeBeliefs, type_beliefs
from spacy_skd.training.annotation.vectors import (
    VectorSettings,
    find_words,
    make_vectors,
    plain_docs,
    reduce_width,
    rows_of,
)
from spacy_skd.training.conversion.raw_text import read_raw
from spacy_skd.training.engines.choice import Workers, make_engine
from spacy_skd.transfer.beliefs import Belief, TokenBelief, TreeBelief

TEXT = ["Ann sees the dogs", "the dogs see Ann", "The dogs sleep", "the man"]
COUNTS = {"the": 4, "dogs": 3, "ann": 2}  # those of two and more


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    stock_pipeline(steps=3).to_disk(folder)
    return folder


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(TEXT))
    return path


def settings(**changes):
    return VectorSettings(**{"width": 3, "context_words": 0, **changes})


def make(teacher, raw, **changes):
    return make_vectors(teacher, [raw], raw.parent / "out", settings=settings(**changes))


def test_the_folder_is_what_spacy_initializes_vectors_from(teacher, raw):
    make(teacher, raw)
    loaded = spacy.load(raw.parent / "out").vocab
    assert loaded.vectors.shape == (3, 3)
    nlp = spacy.blank("en")
    nlp.config["initialize"]["vectors"] = str(raw.parent / "out")
    nlp.initialize()
    doc = nlp("the The cat Dogs man")
    assert [token.has_vector for token in doc] == [True, True, False, True, False]
    assert numpy.array_equal(doc[0].vector, loaded.vectors[loaded.strings["the"]])
    assert numpy.array_equal(doc[0].vector, doc[1].vector)


def test_words_alone_and_in_context(teacher, raw):
    """Before they are reduced, by the definition, and then distances are kept: width is full."""
    nlp = spacy.load(teacher)
    embedder = Embedder(nlp)
    width = embedder.width
    for context in (0, 100):
        output = raw.parent / f"out{context}"
        changes = settings(width=width, context_words=context)
        table = make_vectors(teacher, [raw], output, settings=changes)
        docs = [nlp.make_doc(text) for text in TEXT] if context else None
        expected = []
        for word in COUNTS:
            if docs is None:
                expected.append(embedder.vectors([Doc(nlp.vocab, [word])])[0][0])
                continue
            seen = [
                vectors[token.i]
                for doc, vectors in zip(docs, embedder.vectors(docs))
                for token in doc
                if token.lower_ == word
            ]
            expected.append(numpy.mean(seen, axis=0))
        found = [table[nlp.vocab.strings[word]] for word in COUNTS]
        assert distances(found) == pytest.approx(distances(expected), rel=1e-4)


def distances(vectors):
    """Relative to the first, so that scale does not matter."""
    a, b, c = vectors
    first = numpy.linalg.norm(a - b)
    return [numpy.linalg.norm(a - c) / first, numpy.linalg.norm(b - c) / first]


@pytest.mark.parametrize("context_words", [0, 100])
def test_labelled_docs_keep_their_tokens(teacher, raw, tmp_path, context_words):
    """The tokenizer would cut both words in two."""
    labelled = tmp_path / "labelled"
    labelled.mkdir()
    doc = Doc(Vocab(), ["dogs!!", "Enron's", "dogs!!", "Enron's", "the", "\n"])
    for token in doc:
        token.tag_ = "X"
    DocBin(docs=[doc, Doc(doc.vocab)]).to_disk(labelled / "train.spacy")
    out = tmp_path / "out"
    changes = settings(context_words=context_words)
    table = make_vectors(teacher, [labelled, raw], out, settings=changes)
    vocab = spacy.load(out).vocab
    words = ("the", "dogs", "Ann", "dogs!!", "Enron's", "enron's")
    assert [vocab.has_vector(word) for word in words] == [True] * 6
    assert not vocab.has_vector("\n")
    assert len(table) == 5
    alone = make_vectors(teacher, [labelled], tmp_path / "alone", settings=settings(width=2))
    assert len(alone) == 2


@pytest.mark.parametrize("attr", ["ORTH", "LOWER", "NORM"])
def test_labelled_docs_are_counted_as_their_text(tmp_path, attr):
    nlp = spacy.blank("en")
    texts = ["Don't SEE the dogs", "don't"]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    DocBin(docs=map(nlp, texts)).to_disk(tmp_path / "a.spacy")
    found = [
        find_words(plain_docs(spacy.blank("en"), [tmp_path / name]), attr=attr)
        for name in ("a.txt", "a.spacy")
    ]
    assert found[0] == found[1]
    assert found[0].counts["n't" if attr != "NORM" else "not"] == 2


def test_what_annotate_sets_aside_has_no_part(tmp_path):
    nlp = spacy.blank("en")
    (tmp_path / "a.txt").write_text("Ann sleeps\nfar too long a text\n")
    DocBin(docs=map(nlp, ["Go", "far too long a doc"])).to_disk(tmp_path / "a.spacy")
    nlp.max_length = 12
    files = [tmp_path / "a.txt", tmp_path / "a.spacy"]
    assert [doc.text for doc in plain_docs(nlp, files)] == ["Ann sleeps", "Go"]


def test_a_worker_embeds_the_same_words(teacher, raw, monkeypatch):
    """In jobs of few words, of the text and of words alone. Where jobs end matters to rounding
    alone."""
    tables = [make(teacher, raw, context_words=7, least=1).data]
    monkeypatch.setattr(embedding, "JOB_WORDS", 3)
    for name, engine in (("one", make_engine), ("worker", engine_of_a_worker)):
        monkeypatch.setattr(vectors, "make_engine", engine)
        how = settings(context_words=7, least=1)
        tables.append(make_vectors(teacher, [raw], raw.parent / name, settings=how).data)
    assert numpy.array_equal(tables[1], tables[2])
    assert tables[0] == pytest.approx(tables[1], abs=1e-4)


@pytest.mark.long  # those of `annotate` are like it, in engines/test_engines.py
def test_processes_of_which_one_is_killed(teacher, raw, monkeypatch):
    monkeypatch.setattr(embedding, "JOB_WORDS", 3)
    tables = []
    for workers in (Workers(), Workers(count=2)):
        strokes = [lambda: os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)]

        def strike(progress, strokes=strokes):
            if progress.total and multiprocessing.active_children() and strokes:
                strokes.pop()()

        out = raw.parent / f"out{workers.count}"
        how = settings(context_words=7, least=1)
        make_vectors(teacher, [raw], out, settings=how, workers=workers, report=strike)
        assert len(strokes) == (workers.count == 1)
        tables.append((out / "vocab" / "vectors").read_bytes())
    assert tables[0] == tables[1]
    assert not multiprocessing.active_children()


def test_texts_of_another_kind(teacher, tmp_path):
    path = tmp_path / "train.conllu"
    path.write_text("1\tdogs")
    with pytest.raises(ValueError, match=r"\.spacy"):
        make(teacher, path)
    (tmp_path / "bad.spacy").write_bytes(b"dogs")
    with pytest.raises(ValueError, match="expected docs as spaCy's DocBin writes them"):
        make(teacher, tmp_path / "bad.spacy")


def test_words_are_reported_once(teacher, raw):
    words = []
    make_vectors(
        teacher,
        [raw],
        raw.parent / "out",
        settings=settings(context_words=20),
        report=lambda progress: words.append(progress.words),
    )
    nlp = spacy.load(teacher)
    assert sum(words) == sum(len(nlp.tokenizer(text.text)) for text in read_raw(raw))


def test_the_end_is_told_of_words_in_context_and_words_alone(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.training.annotation.embedding.JOB_WORDS", 10)
    raw, told = tmp_path / "raw.txt", []
    raw.write_text("Ann sees dogs\nA cat sleeps")
    some = settings(context_words=1, least=1)
    make_vectors(teacher, [raw], tmp_path / "out", settings=some, report=told.append)
    embedding = [each for each in told if each.total]
    assert len({each.total for each in embedding}) == 1
    done = [each.done for each in embedding]
    assert done == sorted(done)
    assert done[-1] == embedding[-1].total
    assert done[0] < done[-1]  # words alone are part of the whole


def test_rare_words_have_none_and_pruned_ones_share_a_row(teacher, raw):
    table = make(teacher, raw, rows=2)
    strings = spacy.blank("en").vocab.strings
    assert table.shape == (2, 3)
    assert table.find(key=strings.add("Ann")) in (0, 1)
    assert table.find(key=strings.add("ann")) == table.find(key=strings.add("Ann"))
    assert table.find(key=strings.add("man")) == -1


def test_a_form_of_several_words_has_the_vector_of_that_which_it_mostly_is():
    """ "'s" is "us" in "let's", and else itself; "Ss" may stand for "ß"."""
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in ["Ann's dog"] * 3 + ["Let's go", "us", "it's ß", "ss"]]
    for attr, owned in (("NORM", {"'s": "'s", "us": "us", "Us": "us"}), ("LOWER", {"Ss": "ß"})):
        found = find_words(docs, attr=attr)
        words = [word for word, _ in found.counts.most_common()]
        owners = {form: words[i] for form, i in found.owners(words).items()}
        assert owned.items() <= owners.items()
        assert {token.orth_ for doc in docs for token in doc} <= set(owners)


def test_rows_are_those_of_the_highest_cosine():
    vectors = numpy.asarray([[1, 0], [0, 2], [-3, 0], [0.1, 0.5], [5, 1]], dtype="float32")
    assert rows_of(vectors, rows=3).tolist() == [0, 1, 2, 1, 0]
    assert rows_of(vectors, rows=9).tolist() == [0, 1, 2, 3, 4]


def test_principal_components_keep_most_of_the_variance():
    rng = numpy.random.default_rng(0)
    wide = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6)) * 10 + rng.normal(size=(200, 6)) + 7
    counts = rng.integers(1, 50, 200).astype("float64")
    reduced = reduce_width(wide, counts, width=2)
    weights = numpy.sqrt(counts) / numpy.sqrt(counts).sum()
    assert weights @ numpy.linalg.norm(reduced, axis=1) == pytest.approx(1, rel=1e-5)
    assert weights @ reduced == pytest.approx([0, 0], abs=1e-5)
    design = numpy.concatenate([reduced, numpy.ones((200, 1))], axis=1)
    rest = wide - design @ numpy.linalg.lstsq(design, wide, rcond=None)[0]
    assert rest.var() < 1.2  # what is left is the noise


def test_the_default_width_is_at_most_the_teachers(teacher, raw):
    assert make(teacher, raw, width=None).shape[1] == Embedder(spacy.load(teacher)).width == 16


def test_beside_them_stands_what_the_teacher_believes_of_each_word(teacher, raw, tmp_path):
    """The mean over its occurrences, with that of words that occur once for four more; and the
    columns of words that are believed to be alike are alike."""
    annotate(teacher, [str(raw)], tmp_path / "store")
    nlp, store = spacy.load(teacher), BeliefStore(tmp_path / "store")
    said = {}
    for name in store.names(labelled=False):
        for doc in store.read(name).get_docs(nlp.vocab):
            beliefs = [store.belief(read_beliefs(doc.user_data), p, doc) for p in store.forms]
            rows = numpy.concatenate([belief.of_each_word() for belief in beliefs], axis=1)
            for token, row in zip(doc, rows):
                said.setdefault(token.lower_, []).append(row)
    found = type_beliefs(
        tmp_path / "store", ["the", "dogs", "never"], attr="lower_", vocab=nlp.vocab
    )
    assert found.counts.tolist() == [4, 3, 0]
    unknown = numpy.mean([rows[0] for rows in said.values() if len(rows) == 1], axis=0)
    assert found.unknown == pytest.approx(unknown, abs=1e-6)
    for mean, word in zip(found.means, ("the", "dogs", "never")):
        rows = [*said.get(word, []), *[unknown] * 4]
        assert mean == pytest.approx(numpy.mean(rows, axis=0), abs=1e-6)
    arguments = ["vectors", teacher, raw, tmp_path / "believed", "--width", 3, "--beliefs-width", 2,
                 "--context-words", 0, "--beliefs", tmp_path / "store"]  # fmt: skip
    result = CliRunner().invoke(skd, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "3 vectors of 5" in " ".join(result.output.split())
    plain = make(teacher, raw)
    table = spacy.load(tmp_path / "believed").vocab.vectors
    strings = spacy.blank("en").vocab.strings
    for word in COUNTS:
        key = strings.add(word)
        numpy.testing.assert_allclose(table[key][:3], plain[key], atol=1e-5)
    assert CliRunner().invoke(skd, [*map(str, arguments[:-1]), str(raw)]).exit_code == 1


@pytest.mark.parametrize("wrong", ["teacher", "beliefs"])
def test_a_table_that_is_not_finite_is_not_written(teacher, raw, tmp_path, monkeypatch, wrong):
    def believed(folder, words, **_):
        return TypeBeliefs(numpy.full((len(words), 2), -1e-17), numpy.ones(len(words)), None)

    monkeypatch.setattr(vectors, "type_beliefs", believed)
    if wrong == "teacher":
        full = numpy.full((3, 16), numpy.nan, dtype="f")
        monkeypatch.setattr(vectors, "_embed", lambda *_: full)
    with numpy.errstate(invalid="ignore"), pytest.raises(ValueError, match="3 of 3 words, such as"):
        make_vectors(
            teacher, [raw], tmp_path / "out", settings=settings(), beliefs=tmp_path / "store"
        )
    assert not (tmp_path / "out").exists()


def test_a_store_that_says_nothing_of_words(teacher, raw, tmp_path, monkeypatch):
    annotate(teacher, [str(raw)], tmp_path / "store")
    for kind in (TokenBelief, TreeBelief):
        monkeypatch.setattr(kind, "of_each_word", Belief.of_each_word)
    with pytest.raises(ValueError, match="expected what a teacher believes of words"):
        type_beliefs(tmp_path / "store", ["the"], attr="lower_", vocab=spacy.blank("en").vocab)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beliefs_width": 0}, "beliefs_width"),
        ({"beliefs_width": 8}, "beliefs_width: expected --beliefs"),
        ({"width": 17}, "expected at most 16"),
        ({"width": 0}, "width"),
        ({"rows": 0}, "rows"),
        ({"attr": "TAG"}, "expected one of ORTH"),
        ({"least": 9}, "occur 9 times"),
    ],
)
def test_bad_settings(teacher, raw, changes, message):
    with pytest.raises(ValueError, match=message):
        make(teacher, raw, **changes)


def test_a_pipeline_that_embeds_nothing_and_an_output_that_exists(teacher, raw, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="no component to build on"):
        make(tmp_path / "blank", raw)
    make(teacher, raw)
    with pytest.raises(ValueError, match="exists already"):
        make(teacher, raw)
    with pytest.raises(ValueError, match="cannot load the teacher"):
        make_vectors("gone", [raw], tmp_path / "new", settings=settings())


def test_the_command(teacher, raw):
    arguments = ["vectors", str(teacher), str(raw), str(raw.parent / "out"), "--width", "3"]
    found = CliRunner().invoke(skd, arguments)
    assert found.exit_code == 0, found.output
    assert "6 forms of words, 3 vectors of 3" in " ".join(found.output.split())
    assert CliRunner().invoke(skd, arguments).exit_code == 1
    assert CliRunner().invoke(skd, [*arguments, "--overwrite"]).exit_code == 0
    assert Config().from_disk(raw.parent / "out" / "config.cfg")["nlp"]["lang"] == "en"
