"""`skd_teacher` with a store: whom it answers from it, and what it refuses."""

import shutil

import numpy
import pytest
import spacy
from conftest import gold_examples, make_docs, raw_examples, student_of, train
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example

from spacy_skd.pipeline.teacher.component import make_teacher
from spacy_skd.shards.store import KEY
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.distillation import make_distillation_corpus
from spacy_skd.training.corpora.readers import make_mixed_corpus

RAW = ("Ann sees the dogs . They sleep", "Go home", "The book !")


@pytest.fixture(scope="module")
def data(teacher, tmp_path_factory):
    """Gold and raw text, and what the teacher says of them."""
    folder = tmp_path_factory.mktemp("stored")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW))
    inputs = [str(folder / name) for name in ("gold.spacy", "raw.txt")]
    annotate(teacher, inputs, folder / "out", settings=Settings(shard_words=15))
    return folder


def stored_student(teacher, data, **settings):
    nlp = student_of(teacher or "none", **settings)
    component = nlp.get_pipe("teacher")
    component.members[0].path = None if teacher is None else str(teacher)
    component.store = str(data / "out")
    return nlp


@pytest.mark.parametrize("reader", ["distillation", "mixed"])
def test_the_teacher_does_not_run_for_what_is_stored(teacher, data, reader):
    nlp = stored_student(teacher, data)
    if reader == "distillation":
        read = make_distillation_corpus(data / "out", ratio=2.0)
    else:
        read = make_mixed_corpus(data / "gold.spacy", data / "raw.txt", raw_ratio=1.0)
    examples = list(read(nlp))
    nlp.initialize(lambda: examples)
    assert train(nlp, examples, 3)["parser"] > 0
    assert nlp.get_pipe("teacher").passes == 0
    assert not nlp.get_pipe("teacher").members[0].is_loaded


def test_what_is_not_stored_is_asked_of_the_teacher(teacher, data):
    nlp = stored_student(teacher, data)
    more = [nlp.make_doc(text) for text in ("Dogs go home", "Ann")]
    examples = gold_examples(nlp) + raw_examples(nlp) + [Example(d, d.copy()) for d in more]
    nlp.initialize(lambda: examples)
    for _ in range(2):
        train(nlp, examples, 1)
    assert nlp.get_pipe("teacher").passes == len(more)


def test_a_store_may_be_named_later_and_moved(teacher, data, tmp_path):
    nlp = student_of(teacher)
    component = nlp.get_pipe("teacher")
    examples = list(make_distillation_corpus(data / "out")(nlp))
    component.beliefs(examples, "tag")
    assert component.passes > 0
    assert component.stores == []
    asked = component.passes
    shutil.copytree(data / "out", tmp_path / "moved")
    for folder in (data / "out", tmp_path / "moved"):
        component.store = str(folder)
        component.beliefs(examples, "pos")
        assert [store.folder for store in component.stores] == [folder]
    assert component.passes == asked


def test_losses_and_labels_are_those_of_the_live_teacher(teacher, data):
    losses, labels = [], []
    for live in (True, False):
        spacy.util.fix_random_seed(0)
        nlp = student_of(teacher) if live else stored_student(None, data)
        examples = list(make_distillation_corpus(data / "out", ratio=2.0)(nlp))
        nlp.initialize(lambda examples=examples: examples)
        losses.append(train(nlp, examples, 1))
        labels.append([nlp.get_pipe(name).labels for name in ("tag", "pos", "parser")])
    assert labels[0] == labels[1]
    for name, loss in losses[0].items():
        assert losses[1][name] == pytest.approx(loss, rel=5e-3)


def test_the_best_of_stored_beliefs(teacher, data):
    found = []
    for nlp in (student_of(teacher), stored_student(None, data)):
        examples = list(make_distillation_corpus(data / "out")(nlp))
        beliefs = nlp.get_pipe("teacher").beliefs(examples, "parser")
        found.append([each.best(k=1) for each in beliefs])
    for a, b in zip(*found):
        assert (a.heads == b.heads).all()
        assert (a.deprels == b.deprels).all()


def test_the_teacher_may_be_gone(teacher, data, tmp_path):
    """Labels come from the manifest, beliefs from the shards."""
    gone = tmp_path / "teacher"
    shutil.copytree(teacher, gone)
    nlp = stored_student(gone, data)
    shutil.rmtree(gone)
    examples = list(make_distillation_corpus(data / "out", ratio=2.0)(nlp))
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("parser").labels == spacy.load(teacher).get_pipe("parser").labels
    assert numpy.isfinite(train(nlp, examples, 3)["parser"])


def test_a_pipeline_whose_store_is_gone_still_predicts(teacher, data, tmp_path):
    nlp = stored_student(None, data)
    examples = list(make_distillation_corpus(data / "out")(nlp))
    nlp.initialize(lambda: examples)
    nlp.config["components"]["teacher"]["store"] = str(tmp_path / "gone")
    nlp.to_disk(tmp_path / "x")
    assert spacy.load(tmp_path / "x")("Go !")[0].tag_


def test_a_reference_that_lost_its_belief_raises(data):
    """spaCy's own reader copies docs without user data where it cuts them."""
    nlp = stored_student(None, data)
    component = nlp.get_pipe("teacher")
    cut = list(Corpus(data / "out", max_length=5)(nlp))
    whole = {doc.text.strip() for doc in make_docs(nlp)} | set(RAW)
    lost = [eg for eg in cut if eg.text.strip() not in whole and KEY not in eg.reference.user_data]
    assert lost
    with pytest.raises(
        ValueError, match=r"no belief of 'tag' is stored .*max_length.*teacher to run"
    ):
        component.beliefs(lost, "tag")
    nlp.initialize(lambda: lost, sgd=None)
    with pytest.raises(ValueError, match="no belief of"):
        train(nlp, lost, 1)


def test_a_belief_of_other_words_or_another_store_is_refused(teacher, data, tmp_path):
    nlp = stored_student(teacher, data)
    component = nlp.get_pipe("teacher")
    (eg, *_) = make_distillation_corpus(data / "out")(nlp)
    words = [token.text for token in eg.reference]
    other = Example(Doc(nlp.vocab, ["".join(words)]), eg.reference)
    with pytest.raises(ValueError, match="is of other words, spaces or sentence starts"):
        component.beliefs([other], "tag")
    annotate(teacher, [str(data / "raw.txt")], tmp_path / "tag", settings=Settings(pipes=("tag",)))
    component = make_teacher("teacher", teacher=None, store=str(tmp_path / "tag"))
    with pytest.raises(ValueError, match="has a belief of another teacher.*one folder"):
        component.beliefs([eg], "tag")
    with pytest.raises(
        ValueError, match=r"no belief of 'parser' is stored in .*which has \['tag'\]"
    ):
        component.beliefs(raw_examples(nlp), "parser")


def test_another_teacher_than_the_stores_is_refused(teacher, data, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(teacher, other)
    config = (other / "config.cfg").read_text()
    (other / "config.cfg").write_text(config.replace("max_length = 150", "max_length = 100", 1))
    component = stored_student(other, data).get_pipe("teacher")
    doc = spacy.blank("en").make_doc("not stored")
    with pytest.raises(ValueError, match="beliefs of another teacher: expected the fingerprint"):
        component.beliefs([Example(doc, doc.copy())], "tag")


def test_a_damaged_shard_is_named_in_training(teacher, data, tmp_path):
    shutil.copytree(data / "out", tmp_path / "out")
    shard = next((tmp_path / "out").glob("shard-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match=f"{shard.name} is not as it was written"):
        list(make_distillation_corpus(tmp_path / "out", ratio=9.0)(nlp))
    component = make_teacher("teacher", teacher=None, store=str(tmp_path / "out"))
    with pytest.raises(ValueError, match=f"{shard.name} is not as it was written"):
        component.beliefs(raw_examples(nlp), "tag")


def test_a_folder_that_is_not_whole_is_refused(teacher, data, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    settings = Settings(shard_words=2)
    with pytest.raises(KeyboardInterrupt):
        annotate(teacher, [str(data / "raw.txt")], tmp_path / "out", settings=settings, report=stop)
    with pytest.raises(ValueError, match="is not whole: .* after 1 shards"):
        make_distillation_corpus(tmp_path / "out")


def test_evaluation_in_several_processes_needs_no_store(data):
    nlp = stored_student(None, data)
    examples = list(make_distillation_corpus(data / "out")(nlp))
    nlp.initialize(lambda: examples)
    train(nlp, examples, 1)
    docs = list(nlp.pipe(["Go !", "Ann sees dogs"], n_process=2))
    assert all(token.tag_ for doc in docs for token in doc)
