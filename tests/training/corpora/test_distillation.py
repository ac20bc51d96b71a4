"""The reader of annotated folders: mix, order, resuming, what it takes over."""

import itertools

import pytest
import spacy
from conftest import make_docs, student_of, train
from illegal import REPAIRED, illegal_file, tags_of, told
from spacy.tokens import Doc, DocBin

from spacy_skd.shards.store import KEY, read_beliefs
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.distillation import make_distillation_corpus


@pytest.fixture(scope="module")
def store(teacher, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    nlp = spacy.blank("en")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(f"Text number {i} of n't many" for i in range(60)))
    inputs = [str(folder / "gold.spacy"), str(folder / "raw.txt")]
    annotate(teacher, inputs, folder / "out", settings=Settings(shard_words=25))
    return folder / "out"


def is_raw(eg):
    return not eg.reference.has_annotation("DEP")


def texts(examples):
    return [eg.text for eg in examples]


def test_a_pass_has_all_labelled_docs_and_unlabelled_ones_by_the_ratio(store):
    nlp = spacy.blank("en")
    read = make_distillation_corpus(store, ratio=2.0, buffer=4)
    first, second = list(read(nlp)), list(read(nlp))
    for examples in (first, second):
        labelled = [eg for eg in examples if not is_raw(eg)]
        assert sorted(texts(labelled)) == sorted(doc.text for doc in make_docs(nlp))
        words = sum(len(eg.predicted) for eg in labelled)
        found = sum(len(eg.predicted) for eg in examples if is_raw(eg))
        assert 2 * words <= found < 2 * words + 7 * len(labelled)
    raws = [{eg.text for eg in examples if is_raw(eg)} for examples in (first, second)]
    assert not raws[0] & raws[1]  # the second pass goes on in the unlabelled
    assert texts(first) != texts(second)


def test_references_have_beliefs_and_gold_but_no_guesses(store):
    nlp = spacy.blank("en")
    for eg in make_distillation_corpus(store)(nlp):
        assert read_beliefs(eg.reference.user_data).packed.keys() == {
            "sent",
            "tag",
            "pos",
            "parser",
        }
        for doc in (eg.predicted, *([eg.reference] if is_raw(eg) else [])):
            for name in ("DEP", "TAG", "POS", "SENT_START"):
                assert not doc.has_annotation(name)
        if is_raw(eg):
            made = nlp.make_doc(eg.text)
            assert [t.text for t in eg.predicted] == [t.text for t in made]
            assert [t.norm_ for t in eg.predicted] == [t.norm_ for t in made]


def test_the_order_depends_on_the_seed_alone(store):
    def order(seed):
        read = make_distillation_corpus(store, seed=seed, buffer=10)
        return [text for _ in range(2) for text in texts(read(spacy.blank("en")))]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_every_unlabelled_doc_comes_once_a_round(store):
    read = make_distillation_corpus(store, ratio=50.0, buffer=7)
    raw = [eg.text for eg in read(spacy.blank("en")) if is_raw(eg)]
    assert sorted(raw[:60]) == sorted(f"Text number {i} of n't many" for i in range(60))
    assert sorted(raw[60:120]) == sorted(raw[:60])
    assert raw[60:120] != raw[:60]


def test_only_so_many_docs_are_in_memory(store):
    """Of 10 shards of some 5 docs, no more are read than the buffer needs."""
    read = make_distillation_corpus(store, buffer=3)
    names = []
    original = read.store.read
    read.store.read = lambda name: names.append(name) or original(name)
    list(itertools.islice(read(spacy.blank("en")), 2))
    assert len(names) <= 3


def test_gold_of_several_stores_is_mixed_however_large_each_is(teacher, tmp_path):
    nlp = spacy.blank("en")
    table, sizes = {}, {"large": 60, "small": 20}
    for name, size in sizes.items():
        docs = [Doc(nlp.vocab, [name, "texts", str(i)], tags=["NN"] * 3) for i in range(size)]
        DocBin(docs=docs).to_disk(tmp_path / f"{name}.spacy")
        annotate(teacher, [str(tmp_path / f"{name}.spacy")], tmp_path / name,
                 settings=Settings(shard_words=30))  # fmt: skip
        table[name] = {"path": str(tmp_path / name), "ratio": 1.0, "share": 1.0}
    for order in (table, dict(reversed(table.items()))):
        read = make_distillation_corpus(stores=order, buffer=1)
        for found in (texts(read(nlp)), texts(read(nlp))):  # passes
            assert sorted(found) == sorted({*found})
            assert len(found) == sum(sizes.values())
            quarters = [found[i : i + 20] for i in range(0, len(found), 20)]
            assert all(4 <= sum("small" in text for text in each) <= 6 for each in quarters)


def test_what_a_frozen_component_has_learnt_elsewhere_does_not_move_the_stream(teacher, store):
    expected = steps(*student(teacher, store), size=4, count=8)
    nlp, read = student(teacher, store)
    nlp.get_pipe("tag").cfg["seen"] = 1000  # it was taken over, with its own counts
    nlp.config["training"]["frozen_components"] = ["teacher", "tag"]
    with nlp.select_pipes(disable="tag"):
        assert steps(nlp, read, size=4, count=8) == expected


def test_looking_at_some_examples_does_not_move_the_stream(store):
    nlp = spacy.blank("en")
    fresh = texts(make_distillation_corpus(store)(nlp))
    read = make_distillation_corpus(store)
    list(itertools.islice(read(nlp), 3))
    assert texts(read(nlp)) == fresh


def steps(nlp, read, *, size, count):
    """Train `count` steps of `size` examples as spaCy's loop does; the texts that were learnt."""
    learnt = []
    while True:
        examples = list(read(nlp))
        assert examples
        for start in range(0, len(examples), size):
            batch = examples[start : start + size]
            train(nlp, batch, 1)
            learnt.extend(texts(batch))
            count -= 1
            if not count:
                return learnt


def student(teacher, store):
    nlp = student_of(teacher)
    nlp.get_pipe("teacher").store = str(store)
    read = make_distillation_corpus(store, ratio=1.0, buffer=5)
    nlp.initialize(lambda: list(read(nlp)))
    return nlp, read


@pytest.mark.parametrize("stop", [1, 3, 7])
def test_a_resumed_run_goes_on_with_the_next_example(teacher, store, tmp_path, stop):
    """Also where the run stopped at the end of a pass, or in the second."""
    nlp, read = student(teacher, store)
    whole = steps(nlp, read, size=4, count=12)
    nlp, read = student(teacher, store)
    assert steps(nlp, read, size=4, count=stop) == whole[: nlp.get_pipe("tag").cfg["seen"]]
    nlp.to_disk(tmp_path / "last")
    resumed = spacy.load(tmp_path / "last")
    seen = resumed.get_pipe("parser").cfg["seen"]
    read = make_distillation_corpus(store, ratio=1.0, buffer=5)
    list(itertools.islice(read(resumed), 2))
    rest = steps(resumed, read, size=4, count=12 - stop)
    assert rest[: len(whole) - seen] == whole[seen : seen + len(rest)]


def test_docs_in_lower_case_keep_gold_and_beliefs(teacher, store):
    nlp = spacy.blank("en")
    asked = student_of(teacher).get_pipe("teacher")
    asked.store = str(store)
    plain = list(make_distillation_corpus(store)(nlp))
    lower = list(make_distillation_corpus(store, lower_case=1.0)(nlp))
    assert texts(lower) == [eg.text.lower() for eg in plain]
    assert texts(lower) != texts(plain)
    for eg, as_it_was in zip(lower, plain):
        for mine, other in (
            (eg.predicted, as_it_was.predicted),
            (eg.reference, as_it_was.reference),
        ):
            assert [t.text for t in mine] == [t.lower_ for t in other]
            found = [{**doc.to_json(), "text": "", "user_data": None} for doc in (mine, other)]
            assert found[0] == found[1]
        assert [t.norm_ for t in eg.predicted] == [t.norm_ for t in as_it_was.predicted]
    beliefs, expected = asked.beliefs(lower, "tag"), asked.beliefs(plain, "tag")
    assert all((a.scores == b.scores).all() for a, b in zip(beliefs, expected))


def test_which_docs_are_in_lower_case_is_drawn_by_their_place(store):
    def read(**settings):
        return texts(make_distillation_corpus(store, **settings)(spacy.blank("en")))

    plain, some = read(), read(lower_case=0.5)
    assert [text.lower() for text in plain] == [text.lower() for text in some]
    is_lower = [text != other for text, other in zip(plain, some) if text != text.lower()]
    assert 0 < sum(is_lower) < len(is_lower)
    assert some == read(lower_case=0.5)
    assert read(lower_case=0.0) == plain


def test_labelled_docs_from_elsewhere_stay_as_they_are(store, corpus):
    read = make_distillation_corpus(store, path=corpus, ratio=0, lower_case=1.0)
    found = texts(read(spacy.blank("en")))
    assert sorted(found) == sorted(doc.text for doc in make_docs(spacy.blank("en")))


def test_labelled_docs_from_elsewhere_and_none_at_all(teacher, store, corpus, tmp_path):
    nlp = spacy.blank("en")
    examples = list(make_distillation_corpus(store, path=corpus, ratio=0)(nlp))
    assert sorted(texts(examples)) == sorted(doc.text for doc in make_docs(nlp))
    assert all(KEY not in eg.reference.user_data for eg in examples)
    assert len(list(make_distillation_corpus(store, ratio=0, max_length=5)(nlp))) == 3
    (tmp_path / "raw.txt").write_text("one\ntwo\nthree")
    annotate(teacher, [str(tmp_path / "raw.txt")], tmp_path / "raw")
    read = make_distillation_corpus(tmp_path / "raw")
    assert sorted(texts(read(nlp))) == ["one", "three", "two"]


def test_gold_that_is_too_long_is_told_once_and_never_all_of_it(store, corpus, caplog):
    nlp = spacy.blank("en")
    n = len(make_docs(nlp))
    for given in ({}, {"path": corpus}):
        read = make_distillation_corpus(store, ratio=0, max_length=5, **given)
        caplog.clear()
        assert len(list(read(nlp))) == len(list(read(nlp))) == 3
        (told,) = caplog.messages
        assert f"max_length: {n - 3} of {n} labelled docs are of docs longer than 5 words" in told
        read = make_distillation_corpus(store, max_length=1, **given)
        with pytest.raises(ValueError, match=rf"max_length: all {n} labelled docs .*longer than 1"):
            list(read(nlp))


def test_errors(store, tmp_path):
    with pytest.raises(ValueError, match="found no manifest.json"):
        make_distillation_corpus(tmp_path)
    with pytest.raises(ValueError, match="set paths.store"):
        make_distillation_corpus()
    with pytest.raises(ValueError, match="buffer"):
        make_distillation_corpus(store, buffer=0)
    with pytest.raises(ValueError, match="ratio"):
        make_distillation_corpus(store, ratio=-1)
    with pytest.raises(ValueError, match="lower_case"):
        make_distillation_corpus(store, lower_case=1.5)


def test_illegal_entities_of_labelled_docs_are_repaired(store, tmp_path, log):
    read = make_distillation_corpus(store, path=illegal_file(tmp_path), ratio=1.0)
    gold = [
        eg.reference for eg in read(spacy.blank("en")) if eg.reference.has_annotation("ENT_IOB")
    ]
    assert [tags_of(doc) for doc in gold] == [REPAIRED] * 2
    assert read.repaired.tags == 4
    assert told(log, where="DistillationCorpus", n=2)
