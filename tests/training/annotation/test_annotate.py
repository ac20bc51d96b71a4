"""Annotated folders: what is in them, and that nothing stops, mixes or loses them."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
import spacy
from annotated import SMALL, command, contents, write_text
from conftest import make_docs
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_skd.disk import NotOurs
from spacy_skd.shards import BeliefStore, Manifest
from spacy_skd.shards.store import read_beliefs
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.conversion.raw_text import REJECTS
from spacy_skd.transfer import TreeBelief


@contextmanager
def largest_file(size):
    """No file may grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "in" / "a.jsonl")


def docs_of(folder, vocab):
    names = Manifest.from_disk(folder).shards
    return [doc for n in names for doc in DocBin().from_disk(folder / n).get_docs(vocab)]


def test_categories_that_a_teacher_guesses_train_stock_components(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    examples = [Example(doc, doc.copy()) for doc in map(nlp.make_doc, ["Go", "Come"])]
    for i, eg in enumerate(examples):
        eg.reference.cats = {"A": float(i), "B": 1.0 - i}
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path / "teacher")
    (tmp_path / "raw.txt").write_text("Go home !\n")
    annotate(tmp_path / "teacher", [str(tmp_path / "raw.txt")], tmp_path / "out")
    (doc,) = docs_of(tmp_path / "out", nlp.vocab)
    assert sorted(doc.cats.values()) == [0.0, 1.0]
    stock = spacy.blank("en")
    stock.add_pipe("textcat")
    stock.initialize(lambda: [Example(stock.make_doc(doc.text), doc)])


def test_docs_without_annotation_keep_their_meta(teacher, tmp_path):
    doc = spacy.blank("en")("Ann sees dogs .")
    doc.user_data["meta"] = {"genre": "pets", "of": [1, 2]}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "raw.spacy")
    annotate(teacher, [str(tmp_path / "raw.spacy")], tmp_path / "out", settings=SMALL)
    (kept,) = docs_of(tmp_path / "out", spacy.blank("en").vocab)
    assert kept[0].tag_
    assert kept.user_data["meta"]["genre"] == "pets"
    assert list(kept.user_data["meta"]["of"]) == [1, 2]


def test_every_text_in_order_with_meta_beliefs_and_guesses(teacher, text, tmp_path):
    manifest = annotate(teacher, [str(text)], tmp_path / "out", settings=SMALL)
    nlp = spacy.load(teacher)
    docs = docs_of(tmp_path / "out", nlp.vocab)
    assert [doc.user_data["meta"]["i"] for doc in docs] == list(range(30))
    assert [doc.text for doc in docs] == [f"Ann sees dogs {i} . They sleep" for i in range(30)]
    for doc in docs:
        judged = nlp(doc.text)
        assert [(t.tag_, t.pos_, t.dep_, t.head.i) for t in doc] == [
            (t.tag_, t.pos_, t.dep_, t.head.i) for t in judged
        ]
    assert manifest.counts == {"texts": 30, "words": 210, "blank": 0, "rejected": 2}
    assert manifest.complete
    assert len(manifest.shards) == 10
    assert not list((tmp_path / "out").glob("*.draft"))


def test_the_beliefs_are_the_live_teachers(teacher, text, tmp_path):
    annotate(teacher, [str(text)], tmp_path / "out", settings=SMALL)
    runner = TeacherRunner(spacy.load(teacher), batch_words=40)
    store = BeliefStore(tmp_path / "out")
    docs = docs_of(tmp_path / "out", runner.nlp.vocab)
    live = runner.run(docs, starts=[None] * len(docs), pipes=runner.pipes)
    for doc, expected in zip(docs, live):
        stored = read_beliefs(doc.user_data)
        assert store.find(stored.key).packed == stored.packed
        for pipe, belief in expected.items():
            found = store.forms[pipe].unpack(stored.packed[pipe])
            assert found.labels == belief.labels
            if isinstance(belief, TreeBelief):
                assert (found.units == belief.units).all()
            else:
                best = belief.scores.max(axis=1, keepdims=True)
                assert abs(found.scores - (belief.scores - best)).max() < 0.02


def test_gold_docs_keep_their_annotation_and_sentences(teacher, corpus, text, tmp_path):
    plain = tmp_path / "in" / "b.spacy"
    nlp = spacy.load(teacher)
    DocBin(docs=[nlp.make_doc("Dogs sleep")]).to_disk(plain)
    inputs = [str(corpus), str(plain), str(text)]
    manifest = annotate(teacher, inputs, tmp_path / "out", settings=Settings())
    store = BeliefStore(tmp_path / "out")
    assert [shard.labelled for shard in manifest.shards.values()] == [True, False]
    (name,) = store.names(labelled=True)
    for doc, gold in zip(store.read(name).get_docs(nlp.vocab), make_docs(nlp)):
        assert [(t.text, t.tag_, t.dep_, t.head.i) for t in doc] == [
            (t.text, t.tag_, t.dep_, t.head.i) for t in gold
        ]
        belief = store.forms["parser"].unpack(read_beliefs(doc.user_data).packed["parser"])
        assert belief.units[:, 0].tolist() == [sent.start for sent in gold.sents]
    (name,) = store.names(labelled=False)
    assert next(iter(store.read(name).get_docs(nlp.vocab)))[0].tag_


def test_long_texts_are_cut_and_nothing_is_lost(teacher, tmp_path):
    (tmp_path / "a.txt").write_text("Ann sees " * 10)
    annotate(teacher, [str(tmp_path / "a.txt")], tmp_path / "out", settings=SMALL)
    assert [len(d) for d in docs_of(tmp_path / "out", spacy.blank("en").vocab)] == [8, 8, 4]


def test_a_shard_depends_on_its_own_lines_and_the_settings(teacher, text, tmp_path):
    annotate(teacher, [str(text)], tmp_path / "a", settings=SMALL)
    annotate(teacher, [str(text)], tmp_path / "b", settings=SMALL)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    lines = text.read_text().split("\n")
    alone = tmp_path / "alone.jsonl"
    alone.write_text("\n".join(lines[3:6]))  # those of the second shard
    annotate(teacher, [str(alone)], tmp_path / "c", settings=SMALL)
    second = contents(tmp_path / "a")["shard-000001.spacy"]
    assert contents(tmp_path / "c")["shard-000000.spacy"] == second


def test_rejects_are_named_once_also_when_resumed(teacher, text, tmp_path):
    annotate(teacher, [str(text)], tmp_path / "out", settings=SMALL)
    before = contents(tmp_path / "out")
    found = [json.loads(line) for line in before[REJECTS].decode().splitlines()]
    assert [(reject["file"], reject["number"]) for reject in found] == [
        (str(text), 8),
        (str(text), 9),
    ]
    assert 'no "text"' in found[1]["reason"]
    (tmp_path / "out" / "shard-000004.spacy").unlink()
    (tmp_path / "out" / REJECTS).unlink()
    annotate(teacher, [str(text)], tmp_path / "out", settings=SMALL)
    assert contents(tmp_path / "out") == before


def test_a_damaged_shard_alone_is_redone(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    before = contents(out)
    (out / "shard-000003.spacy").write_bytes(before["shard-000003.spacy"][:100])
    with pytest.raises(ValueError, match=r"shard .*shard-000003.spacy is not as it was written"):
        BeliefStore(out).find(b"none")
    times = {path.name: path.stat().st_mtime_ns for path in out.glob("shard-*")}
    done = []
    annotate(teacher, [str(text)], out, settings=SMALL, report=done.append)
    assert [progress.is_new for progress in done].count(True) == 1
    assert contents(out) == before
    changed = [p.name for p in out.glob("shard-*") if p.stat().st_mtime_ns != times[p.name]]
    assert changed == ["shard-000003.spacy"]


def test_another_run_is_not_mixed_in(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    before = contents(out)
    other = tmp_path / "teacher"
    shutil.copytree(teacher, other)
    annotate(other, [str(text)], out, settings=SMALL)  # a copy is the same teacher
    config = (other / "config.cfg").read_text()
    (other / "config.cfg").write_text(config.replace("max_length = 150", "max_length = 100", 1))
    with pytest.raises(
        ValueError, match=r"teacher.fingerprint: expected .* got .*\n.*another output"
    ):
        annotate(other, [str(text)], out, settings=SMALL)
    with pytest.raises(ValueError, match="settings.shard_words: expected 20 .* got 20000"):
        annotate(teacher, [str(text)], out)
    text.write_text(text.read_text() + "\n")
    with pytest.raises(ValueError, match=r"inputs\[0\].bytes"):
        annotate(teacher, [str(text)], out, settings=SMALL)
    assert contents(out) == before
    annotate(teacher, [str(text)], out, overwrite=True)
    assert len(Manifest.from_disk(out).shards) == 1


def test_a_run_that_wrote_no_shard_holds_its_folder_against_no_other(teacher, text, tmp_path):
    out, blank = tmp_path / "out", tmp_path / "blank.txt"
    blank.write_text("\n\n")
    with pytest.raises(ValueError, match="found 2 blank"):
        annotate(teacher, [str(blank)], out)
    (out / "shard-000001.spacy").write_text("mine")
    with pytest.raises(NotOurs, match=r"shard-000001.spacy"):
        annotate(teacher, [str(text)], out, settings=SMALL)
    (out / "shard-000001.spacy").unlink()
    annotate(teacher, [str(text)], out, settings=SMALL)
    annotate(teacher, [str(text)], tmp_path / "fresh", settings=SMALL)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_folder_of_something_else_is_left_alone(teacher, text, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"not empty and holds no manifest.json"):
            annotate(teacher, [str(text)], tmp_path / "out", overwrite=overwrite)
    assert list(contents(tmp_path / "out")) == ["precious"]
    with pytest.raises(ValueError, match="lies in the output folder"):
        annotate(teacher, [str(text)], text.parent)


def test_bad_arguments(teacher, text, tmp_path):
    with pytest.raises(ValueError, match=r"can answer for .* asked for \['ner'\]"):
        annotate(teacher, [str(text)], tmp_path / "out", settings=Settings(pipes=("ner",)))
    with pytest.raises(ValueError, match="cannot load the teacher"):
        annotate(tmp_path / "gone", [str(text)], tmp_path / "out")
    with pytest.raises(ValueError, match="least"):
        Settings(least=-1)
    (tmp_path / "blank.txt").write_text("\n\n")
    with pytest.raises(ValueError, match="found 2 blank and 0 unfit lines$"):
        annotate(teacher, [str(tmp_path / "blank.txt")], tmp_path / "none")
    annotate(teacher, [str(text)], tmp_path / "tag", settings=Settings(pipes=("tag",)))
    assert list(BeliefStore(tmp_path / "tag").forms) == ["tag"]
    annotate(teacher, [str(text)], tmp_path / "again", settings=Settings(pipes=("tag",)))
    with pytest.raises(ValueError, match="have a teacher's beliefs already"):
        annotate(teacher, [str(tmp_path / "again")], tmp_path / "twice")


def test_if_all_is_unfit_the_reasons_are_told(teacher, tmp_path):
    (tmp_path / "a.txt").write_bytes("café\n\n".encode("latin1"))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"found 1 blank and 1 unfit lines, see .*rejects"):
            annotate(teacher, [str(tmp_path / "a.txt")], tmp_path / "out")
        assert "not UTF-8" in (tmp_path / "out" / REJECTS).read_text()
    (tmp_path / "a.txt").write_text("café\n")
    manifest = annotate(teacher, [str(tmp_path / "a.txt")], tmp_path / "out", overwrite=True)
    assert manifest.counts["rejected"] == 0
    assert sorted(contents(tmp_path / "out")) == ["manifest.json", "shard-000000.spacy"]


def test_docs_of_no_and_of_one_token(teacher, tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab), Doc(vocab, ["Ann"]), Doc(vocab), Doc(vocab, ["Dogs"], tags=["NNS"])]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    manifest = annotate(teacher, [str(tmp_path / "a.spacy")], tmp_path / "out")
    assert manifest.counts == {"texts": 2, "words": 2, "blank": 2, "rejected": 0}
    store = BeliefStore(tmp_path / "out")
    for doc in docs_of(tmp_path / "out", vocab):
        stored = read_beliefs(doc.user_data)
        assert store.forms["parser"].unpack(stored.packed["parser"]).arcs[0].shape == (1, 2)
        assert len(store.forms["tag"].unpack(stored.packed["tag"]).scores) == 1


def test_killed_and_resumed_nothing_is_lost_or_doubled(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], tmp_path / "whole", settings=SMALL)
    for shards in random.Random(0).sample(range(9), 2):
        process = subprocess.Popen(command(teacher, text, out), stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while len(list(out.glob("shard-*"))) <= shards and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    found = subprocess.run(command(teacher, text, out), capture_output=True, text=True)
    assert found.returncode == 3, found.stderr
    assert contents(out) == contents(tmp_path / "whole")


def test_a_full_disk_is_told_and_loses_nothing(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], tmp_path / "whole", settings=SMALL)
    sizes = [path.stat().st_size for path in (tmp_path / "whole").iterdir()]
    with largest_file(max(sizes) - 1):
        with pytest.raises(OSError, match="cannot write .*: File too large"):
            annotate(teacher, [str(text)], out, settings=SMALL)
    assert not list(out.glob("shard-*.draft"))
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("shard-*.spacy")}
    annotate(teacher, [str(text)], out, settings=SMALL)
    assert contents(out) == contents(tmp_path / "whole")
    known = {path.name: path.stat().st_mtime_ns for path in out.glob("shard-*.spacy")}
    assert kept.items() <= known.items()


def test_a_disk_that_fills_with_rejects_is_told(teacher, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "Ann"}\n' + "{\n" * 500)
    out = tmp_path / "out"
    annotate(teacher, [str(tmp_path / "a.jsonl")], tmp_path / "whole")
    with largest_file(40_000), pytest.raises(OSError, match=r"cannot write .*rejects.jsonl: File"):
        annotate(teacher, [str(tmp_path / "a.jsonl")], out)
    annotate(teacher, [str(tmp_path / "a.jsonl")], out)
    assert contents(out) == contents(tmp_path / "whole")
