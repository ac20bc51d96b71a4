"""`skd_teacher` and the readers with a table of stores: who knows what of which doc."""

import shutil

import pytest
import spacy
from conftest import build, make_docs, train
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import SGD

from spacy_skd.pipeline.rehearsal import resume_training
from spacy_skd.pipeline.teacher.component import make_teacher
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.distillation import make_distillation_corpus
from spacy_skd.training.corpora.sampled import make_sampled_corpus

OF_TAGS = ["Dogs see the cat .", "Ann sleeps", "She sees the book . Go !"]
OF_TREES = ["Go home", "The cat sleeps . Dogs sleep well", "Ann gave him the dogs"]
OF_BOTH = "Ann sees the dogs . They sleep"


@pytest.fixture(scope="module")
def data(teacher, tmp_path_factory):
    """A store of tags and one of trees over other text, but for one doc, and gold in the latter."""
    folder = tmp_path_factory.mktemp("stores")
    DocBin(docs=make_docs(spacy.blank("en"))[:3]).to_disk(folder / "gold.spacy")
    for name, pipes, texts, gold in (
        ("tags", ("tag",), OF_TAGS, []),
        ("trees", ("parser",), OF_TREES, [str(folder / "gold.spacy")]),
    ):
        (folder / f"{name}.txt").write_text("\n".join([*texts, OF_BOTH]))
        inputs = [*gold, str(folder / f"{name}.txt")]
        annotate(teacher, inputs, folder / name, settings=Settings(shard_words=15, pipes=pipes))
    return folder


def table(data, **rows):
    both = {name: {"path": str(data / name), "ratio": 1.0} for name in ("tags", "trees")}
    return {name: {**row, **rows.get(name, {})} for name, row in both.items()}


def student(stores, *, weight=0.7):
    nlp = build(weight=weight)
    nlp.add_pipe("skd_teacher", "teacher", config={"stores": stores}, first=True)
    for name in ("sent", "pos"):  # which no store has
        nlp.remove_pipe(name)
    return nlp


def texts(examples):
    return [eg.text for eg in examples]


def weights(nlp, name):
    return nlp.get_pipe(name).model.to_bytes()


def test_a_student_of_two_stores(data):
    """What one store knows is learnt; what none knows of a doc changes nothing."""
    stores = table(data)
    nlp = student(stores)
    examples = list(make_distillation_corpus(stores=stores)(nlp))
    assert {OF_TAGS[0], OF_TREES[0]} <= set(texts(examples))
    nlp.initialize(lambda: examples)
    train(nlp, examples, 5)
    found = nlp.get_pipe("teacher")
    assert found.passes == 0
    by_text = dict(zip(texts(examples), zip(found.beliefs(examples, "tag"),
                                            found.beliefs(examples, "parser"))))  # fmt: skip
    for text, known in {OF_TAGS[0]: (True, False), OF_TREES[0]: (False, True),
                        OF_BOTH: (True, True)}.items():  # fmt: skip
        assert tuple(belief.is_known for belief in by_text[text]) == known
    only_tags = [eg for eg in examples if eg.text in OF_TAGS]
    before, losses = {name: weights(nlp, name) for name in ("tag", "parser")}, {}
    nlp.update(only_tags, sgd=SGD(0.1), losses=losses, exclude=["teacher"])
    assert losses["parser"] == 0.0
    assert losses["tag"] > 0
    assert weights(nlp, "parser") == before["parser"]
    assert weights(nlp, "tag") != before["tag"]
    resume_training(nlp)
    losses = nlp.rehearse(examples, losses={}, exclude=["teacher"])
    assert losses["tag"] > 0
    assert losses["parser"] > 0


def test_labels_are_those_of_all_that_have_them(data):
    nlp = student(table(data))
    component = nlp.get_pipe("teacher")
    assert component.labels_of("parser") == component.stores[1].forms["parser"].annotated
    with pytest.raises(ValueError, match="the student 'pos' asks the component 'pos', which no st"):
        component.labels_of("pos")


def test_each_store_is_read_by_its_ratio(data):
    nlp = spacy.blank("en")
    examples = list(make_distillation_corpus(stores=table(data, tags={"ratio": 0.0}))(nlp))
    assert not set(texts(examples)) & set(OF_TAGS)
    read = make_distillation_corpus(stores=table(data, tags={"ratio": 2.0}))
    passes = [texts(read(nlp)) for _ in range(2)]
    gold = [doc.text for doc in make_docs(nlp)[:3]]
    n_gold = sum(len(doc) for doc in make_docs(nlp)[:3])
    for examples in passes:
        assert sorted(text for text in examples if text in gold) == sorted(gold)
        n = sum(len(text.split()) for text in examples if text in OF_TAGS)
        assert n > n_gold
    again = make_distillation_corpus(stores=table(data, tags={"ratio": 2.0}))
    assert texts(again(nlp)) == passes[0]
    raw = make_distillation_corpus(stores={"tags": table(data)["tags"]})
    assert sorted(texts(raw(nlp))) == sorted([*OF_TAGS, OF_BOTH])


def test_drawn_annotation_is_that_of_the_docs_own_store(data):
    stores = table(data)
    found = {eg.text: eg.reference for eg in make_sampled_corpus(stores=stores)(spacy.blank("en"))}
    for text, annotated in ((OF_TAGS[0], "TAG"), (OF_TREES[0], "DEP")):
        other = {"TAG": "DEP", "DEP": "TAG"}[annotated]
        assert found[text].has_annotation(annotated)
        assert not found[text].has_annotation(other)
    with pytest.raises(ValueError, match=r"expected stored components .*got \['ner'\]"):
        make_sampled_corpus(stores=stores, layers={"ner": "ents"})


def test_a_stores_own_teacher_runs_for_what_is_not_in_it(teacher, data):
    nlp = student(table(data, trees={"teacher": str(teacher)}))
    component = nlp.get_pipe("teacher")
    examples = list(make_distillation_corpus(stores=table(data))(nlp))
    nlp.initialize(lambda: examples)
    assert all(belief.is_known for belief in component.beliefs(examples, "parser"))
    assert component.passes == len({eg.text for eg in examples} & set(OF_TAGS))
    other = student(table(data, trees={"teacher": str(teacher)})).get_pipe("teacher")
    other.share(component)
    assert all(belief.is_known for belief in other.beliefs(examples, "parser"))
    assert component.passes + other.passes == len({eg.text for eg in examples} & set(OF_TAGS))


def test_two_stores_of_one_teacher_are_asked_once(data):
    """Their docs have the same id: which one a doc is of is noted, and its share is its own."""
    twice = {name: {"path": str(data / "tags"), "ratio": 1.0, "share": share}
             for name, share in (("one", 1.0), ("two", 0.25))}  # fmt: skip
    component = make_teacher("teacher", teacher=None, stores=twice)
    examples = list(make_distillation_corpus(stores=twice)(spacy.blank("en")))
    known = [[each is not None for each in belief.beliefs]
             for belief in component.beliefs(examples, "tag")]  # fmt: skip
    assert sorted(known) == [[False, True]] * 4 + [[True, False]] * 4


def test_a_student_that_does_not_ask_one_of_the_teachers(teacher, data, tmp_path):
    """Whether what it would say is stored, or it would run."""
    stores = table(data, tags={"student_to_teacher": {"tag": None}, "teacher": str(teacher)})
    nlp = student(stores)
    component = nlp.get_pipe("teacher")
    examples = list(make_distillation_corpus(stores=stores)(nlp))
    with pytest.raises(ValueError, match="the student 'tag' asks the component '', which no store"):
        component.labels_of("tag")
    assert any(belief.is_known for belief in component.beliefs(examples, "parser"))
    of_both = Settings(pipes=("tag", "pos"))  # else it is the same store as that of tags
    annotate(teacher, [str(data / "tags.txt")], tmp_path / "more", settings=of_both)
    beside = {**stores, "more": {"path": str(tmp_path / "more"), "ratio": 1.0}}
    asked = make_teacher("teacher", teacher=None, stores=beside)
    pooled = asked.beliefs(examples, "tag")
    known = {tuple(belief is not None for belief in of_doc.beliefs) for of_doc in pooled}
    assert known == {(False, False, True), (False, False, False)}
    assert spacy.util.load_config_from_str(nlp.config.to_str()) == nlp.config


def test_stores_that_disagree_on_tokens(teacher, data, tmp_path):
    other = spacy.load(teacher)
    other.tokenizer.add_special_case("sleeps", [{"ORTH": "sleep"}, {"ORTH": "s"}])
    other.to_disk(tmp_path / "other")
    annotate(tmp_path / "other", [str(data / "tags.txt")], tmp_path / "sents",
             settings=Settings(pipes=("sent",)))  # fmt: skip
    stores = {**table(data), "sents": {"path": str(tmp_path / "sents"), "ratio": 1.0}}
    examples = list(make_distillation_corpus(stores=stores)(spacy.blank("en")))
    message = r"sents has the text 'Ann sleeps' in other tokens.*\['Ann', 'sleeps'\].*must agree"
    with pytest.raises(ValueError, match=message):
        make_teacher("teacher", teacher=None, stores=stores).beliefs(examples, "tag")


def test_gold_may_be_cut_otherwise_than_the_same_raw_text(teacher, data, tmp_path):
    """Gold has tokens of its own, which a store of its text as a teacher cuts it need not have."""
    gold = next(iter(DocBin().from_disk(data / "gold.spacy").get_docs(spacy.blank("en").vocab)))
    other = spacy.load(teacher)
    other.tokenizer.add_special_case(gold[0].text, [{"ORTH": each} for each in gold[0].text])
    other.to_disk(tmp_path / "other")
    (tmp_path / "gold.txt").write_text(f"{gold.text}\nDogs sleep")
    annotate(tmp_path / "other", [str(tmp_path / "gold.txt")], tmp_path / "again",
             settings=Settings(pipes=("tag",)))  # fmt: skip
    stores = {**table(data), "again": {"path": str(tmp_path / "again"), "ratio": 1.0}}
    examples = list(make_distillation_corpus(stores=stores)(spacy.blank("en")))
    assert gold.text in texts(examples)
    pooled = make_teacher("teacher", teacher=None, stores=stores).beliefs(examples, "tag")
    of_gold = [each for eg, each in zip(examples, pooled) if eg.text == gold.text]
    assert {each.beliefs[2] is None for each in of_gold} == {True, False}  # labelled, and raw
    given = list(
        make_distillation_corpus(stores=stores, path=data / "gold.spacy")(spacy.blank("en"))
    )
    assert make_teacher("teacher", teacher=None, stores=stores).beliefs(given, "parser")


def test_gold_that_no_store_has_is_answered_by_a_teacher_though_its_text_is_cut_otherwise(
    teacher, data, tmp_path
):
    gold = next(iter(DocBin().from_disk(data / "gold.spacy").get_docs(spacy.blank("en").vocab)))
    other = spacy.load(teacher)
    other.tokenizer.add_special_case(gold[0].text, [{"ORTH": each} for each in gold[0].text])
    other.to_disk(tmp_path / "other")
    (tmp_path / "gold.txt").write_text(gold.text)
    annotate(tmp_path / "other", [str(tmp_path / "gold.txt")], tmp_path / "again",
             settings=Settings(pipes=("tag",)))  # fmt: skip
    stores = {
        "tags": {**table(data)["tags"], "teacher": str(teacher)},
        "again": {"path": str(tmp_path / "again"), "ratio": 1.0},
    }
    component = make_teacher("teacher", teacher=None, stores=stores)
    component.students.append("tag")
    found = component.beliefs([Example(gold, gold)], "tag")
    assert [each is None for each in found[0].beliefs] == [False, True]


def test_a_store_that_says_nothing_may_have_other_tokens(teacher, data, tmp_path):
    other = spacy.load(teacher)
    other.tokenizer.add_special_case("sleeps", [{"ORTH": "sleep"}, {"ORTH": "s"}])
    other.to_disk(tmp_path / "other")
    annotate(tmp_path / "other", [str(data / "tags.txt")], tmp_path / "sents",
             settings=Settings(pipes=("sent",)))  # fmt: skip
    silent = {"path": str(tmp_path / "sents"), "ratio": 0.0, "share": 0.0}
    stores = {**table(data), "sents": silent}
    examples = list(make_distillation_corpus(stores=stores)(spacy.blank("en")))
    assert make_teacher("teacher", teacher=None, stores=stores).beliefs(examples, "tag")


def test_a_doc_that_no_store_has(data):
    doc = spacy.blank("en").make_doc("nobody knows")
    component = make_teacher("teacher", teacher=None, stores=table(data))
    with pytest.raises(ValueError, match="no belief of 'tag' is stored in .*nobody knows"):
        component.beliefs([Example(doc, doc.copy())], "tag")


def test_a_damaged_store_is_named(data, tmp_path):
    shutil.copytree(data / "tags", tmp_path / "tags")
    shard = next((tmp_path / "tags").glob("shard-*"))
    shard.write_bytes(b"")
    stores = {**table(data), "tags": {"path": str(tmp_path / "tags")}}
    with pytest.raises(ValueError, match=f"{shard.name} is not as it was written"):
        list(make_distillation_corpus(stores=stores)(spacy.blank("en")))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"tags": {"ratio": 0.0}, "trees": {"ratio": 0}}, "a ratio above 0 in one of tags, trees"),
        ({"tags": {"share": 0.0}}, "stores.tags: expected ratio = 0 beside share = 0, got 1.0"),
        ({"tags": {"share": -1.0}}, "stores.tags.share: expected a number from 0"),
        ({"tags": {"ratio": -1.0}}, "stores.tags.ratio: expected a number from 0"),
        ({"tags": {"weight": 1.0}}, "stores.tags: expected a path, and of path, ratio, share, tea"),
        ({"tags": {"path": ""}}, "stores.tags: expected a path"),
        ({"tags": {"ratio": "4"}}, "stores.tags.ratio: expected a number, got '4'"),
        ({"tags": {"share": "2"}}, "stores.tags.share: expected a number, got '2'"),
        ({"tags": {"student_to_teacher": None}}, "stores.tags.student_to_teacher: expected names"),
        ({"tags": {"student_to_teacher": {"tag": 3}}}, "expected names, or null, got {'tag': 3}"),
    ],
)
def test_tables_that_do_not_fit(data, rows, message):
    for make in (
        lambda stores: make_distillation_corpus(stores=stores),
        lambda stores: spacy.blank("en").add_pipe("skd_teacher", config={"stores": stores}),
    ):
        with pytest.raises(ValueError, match=message):
            make(table(data, **rows))


def test_a_table_and_a_store_beside_each_other(data):
    with pytest.raises(ValueError, match="one of `store` and `stores`, got 'x' beside tags, trees"):
        make_distillation_corpus("x", stores=table(data))
    with pytest.raises(ValueError, match=r"ratio: does not apply .*got 8.0. Set stores.NAME.ratio"):
        make_distillation_corpus(stores=table(data), ratio=8.0)
    for settings in ({"teacher": "x"}, {"teachers": [{"path": "x"}]}, {"store": "x"}):
        with pytest.raises(ValueError, match="expected `stores` alone|one of `store` and `stores`"):
            spacy.blank("en").add_pipe("skd_teacher", config={"stores": table(data), **settings})


def test_a_store_that_lacks_what_its_row_names(data):
    stores = table(data, tags={"student_to_teacher": {"parser": "ner"}})
    component = make_teacher("teacher", teacher=None, stores=stores)
    with pytest.raises(ValueError, match=r"stores.tags.* lets 'parser' ask 'ner', which .* lacks"):
        component.labels_of("parser")
