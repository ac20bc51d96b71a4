"""`skd annotate` with several teachers: one store, of the mixture of what they believe."""

import pytest
import spacy
from conftest import build, gold_examples, make_docs, train
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.init import init
from spacy_skd.pipeline.teacher.component import make_teacher
from spacy_skd.shards.store import BeliefStore
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.distillation import make_distillation_corpus

RAW = ("Ann sees the dogs . They sleep", "Go home", "  ", "The book !", "Dogs sleep well . Ann")
WEIGHTS = (3.0, 1.0)
SMALL = Settings(shard_words=20)
PIPES = ("sent", "tag", "pos", "parser")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another teacher, less certain, of a tag more and of other names."""
    spacy.util.fix_random_seed(3)
    nlp = build()
    examples = gold_examples(nlp)
    for eg in examples:
        for token in eg.reference:
            token.tag_ = {"VB": "ONLY-HERE"}.get(token.tag_, token.tag_)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 15)
    nlp.rename_pipe("tag", "tags")
    folder = tmp_path_factory.mktemp("other")
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def data(teacher, other, tmp_path_factory):
    """Text, and what the two say of it, together and each alone."""
    folder = tmp_path_factory.mktemp("ensemble")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW))
    inputs = [str(folder / "gold.spacy"), str(folder / "raw.txt")]
    annotate(teacher, inputs, folder / "both", settings=SMALL, others=[other], weights=WEIGHTS)
    annotate(teacher, inputs, folder / "one", settings=SMALL)
    return folder


def live(teacher, other):
    two = [{"path": str(teacher), "weight": 3}, {"path": str(other), "student_to_teacher":
            {"tag": "tags"}}]  # fmt: skip
    return make_teacher("teacher", teacher=None, teachers=two)


def test_a_student_of_the_store_learns_what_all_teach(teacher, other, data):
    """Its losses are those of a student whose teachers both run."""
    spacy.util.fix_random_seed(0)
    nlp = build(weight=1.0)
    nlp.add_pipe("skd_teacher", "teacher", config={"store": str(data / "both")}, first=True)
    examples = list(make_distillation_corpus(data / "both", ratio=9.0)(nlp))
    nlp.initialize(lambda: examples)
    assert "ONLY-HERE" in nlp.get_pipe("tag").labels
    train(nlp, examples, 2)
    stored, running = nlp.get_pipe("teacher"), live(teacher, other)
    running.students = list(PIPES)
    for name in PIPES:
        pipe, found = nlp.get_pipe(name), []
        for component in (stored, running):
            beliefs = component.beliefs(examples, name)
            docs = list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
            made = pipe.task.lesson_without_gold(beliefs)
            scores = pipe.model.predict(pipe.task.inputs(docs, made))
            found.append(pipe.get_teacher_student_loss(beliefs, scores, normalize=True)[0])
        # Of deprels, those of arcs below the floor in the mixture are left out.
        assert found[0] == pytest.approx(found[1], abs=3e-2 if name == "parser" else 3e-3), name
    assert running.passes > 0
    assert stored.passes == 0


def test_it_takes_about_the_bytes_of_one(data):
    sizes = [sum(path.stat().st_size for path in (data / name).glob("shard-*"))
             for name in ("both", "one")]  # fmt: skip
    assert sizes[0] <= 1.3 * sizes[1]


def test_docs_have_the_best_guess_of_all(data):
    store = BeliefStore(data / "both")
    vocab = spacy.blank("en").vocab
    docs = [doc for name in store.names(labelled=False) for doc in store.read(name).get_docs(vocab)]
    assert {doc.text.strip() for doc in docs if doc.text.strip()} == {t for t in RAW if t.strip()}
    for doc in docs:
        for token in doc if doc.text.strip() else ():
            assert token.tag_
            assert token.pos_
            assert token.dep_
        assert doc.has_annotation("SENT_START")


def test_the_manifest_names_all_and_a_run_of_others_is_refused(teacher, other, data):
    manifest = BeliefStore(data / "both").manifest
    assert [each["weight"] for each in manifest.teacher["members"]] == [0.75, 0.25]
    assert [each["path"] for each in manifest.teacher["members"]] == [str(teacher), str(other)]
    inputs = [str(data / "gold.spacy"), str(data / "raw.txt")]
    before = (data / "both" / "manifest.json").read_bytes()
    again = {"settings": SMALL, "others": [other]}
    annotate(teacher, inputs, data / "both", **again, weights=[6.0, 2.0])  # the same shares
    assert (data / "both" / "manifest.json").read_bytes() == before
    with pytest.raises(ValueError, match="holds what another run wrote"):
        annotate(teacher, inputs, data / "both", **again)


def test_one_of_an_ensemble_can_make_the_student_but_not_answer_alone(teacher, other, data):
    config, _ = init(str(teacher), preset="tiny", store=str(data / "both"))
    assert config["paths"]["store"] == str(data / "both")
    component = make_teacher("teacher", teacher=str(teacher), store=str(data / "both"))
    doc = spacy.blank("en").make_doc("not stored")
    with pytest.raises(ValueError, match="beliefs of an ensemble, of which .* is one of 2"):
        component.beliefs([spacy.training.Example(doc, doc.copy())], "tag")


def test_a_teacher_that_lacks_a_layer(teacher, other, data, tmp_path):
    nlp = spacy.load(other)
    nlp.remove_pipe("parser")
    nlp.to_disk(tmp_path / "less")
    arguments = ["annotate", teacher, data / "raw.txt", tmp_path / "out", "--with"]

    def run(*more):
        found = CliRunner().invoke(app, ["skd", *map(str, [*arguments, *more])])
        return found.exit_code, " ".join(found.output.split())

    code, said = run(tmp_path / "less")
    assert code == 1
    assert "less of the ensemble has no component for 'parser', of the layer 'parser'" in said
    assert not list((tmp_path / "out").glob("shard-*"))
    wrong = {
        "1": "expected one of each of several teachers, got 1",
        "1,0": "expected a number above 0",
        "1,x": "--weights: expected numbers",
    }
    for weights, message in wrong.items():
        code, said = run(other, "--weights", weights)
        assert code == 1
        assert message in said
    assert run(tmp_path / "less", "--pipes", "sent,tag", "--weights", "1,1")[0] == 0
    assert set(BeliefStore(tmp_path / "out").forms) == {"sent", "tag"}


@pytest.mark.parametrize("weights", [[1.0], [1.0, float("inf")], [1e308, 1e308], [1.0, 0.0]])
def test_weights_that_do_not_fit(teacher, other, data, tmp_path, weights):
    with pytest.raises(ValueError, match="weights: expected|the sum of weights: expected"):
        annotate(teacher, [str(data / "raw.txt")], tmp_path / "out", others=[other],
                 weights=weights)  # fmt: skip


def test_a_single_teacher_has_no_weight(teacher, data, tmp_path):
    with pytest.raises(ValueError, match="weights: expected one of each of several teachers"):
        annotate(teacher, [str(data / "raw.txt")], tmp_path / "out", weights=[1.0])
