"""`annotate --retrain` and `init --retrain`: components without a student are trained anew."""

import pytest
import spacy
from conftest import make_docs
from own_code import printed, run
from retrained import annotated_docs, make_teacher
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.util import fix_random_seed
from thinc.api import Config

from spacy_skd.shards.guesses import keep_guess
from spacy_skd.training.corpora.distillation import make_distillation_corpus

NAMES = ("span_finder", "entity_linker", "shout")
RETRAIN = [part for name in NAMES for part in ("--retrain", name)]
RAW = ["Ann sees the dogs . They sleep", "Go home !", "The cat !", "dogs"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A teacher, gold that lacks what three components say, and what `annotate` makes of both."""
    folder = tmp_path_factory.mktemp("retrain")
    make_teacher(folder)
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    docs = annotated_docs(spacy.blank("en"))
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "dev.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW), encoding="utf8")
    data = [folder / "gold.spacy", folder / "raw.txt"]
    done = run("annotate", folder / "teacher", *data, folder / "store", *RETRAIN)
    assert done.exit_code == 0, printed(done)
    return folder


def init(made, output, *options):
    return run("init", made / "teacher", output, "--preset", "tiny", *options)


def test_it_is_trained_with_the_student_and_does_what_the_teachers_does(made, tmp_path):
    path = tmp_path / "student.cfg"
    done = init(made, path, "--store", made / "store", "--dev", made / "dev.spacy", *RETRAIN)
    assert done.exit_code == 0, printed(done)
    assert printed(done).count("trained anew") == len(NAMES)
    config = Config().from_disk(path, interpolate=False)
    assert config["nlp"]["pipeline"] == ["teacher", "tok2vec", "senter", "tagger", "ner", *NAMES]
    assert config["training"]["frozen_components"] == ["teacher"]
    weights = {name for name, w in config["training"]["score_weights"].items() if w}
    assert {"spans_near_f", "nel_micro_f", "shout_close"} < weights
    steps = {"training.max_steps": 60, "training.eval_frequency": 30,
             "training.optimizer.learn_rate.total_steps": 60,
             "training.optimizer.learn_rate.warmup_steps": 5}  # fmt: skip
    fix_random_seed(0)
    train(path, tmp_path / "out", overrides=steps)
    student, teacher = spacy.load(tmp_path / "out" / "model-last"), spacy.load(made / "teacher")
    assert student.get_pipe("shout").power == 2.0
    assert student.get_pipe("span_finder").cfg["max_length"] == 1
    trace = (tmp_path / "out" / "model-last" / "config.cfg").read_text()
    assert str(made) not in trace.replace(str(made / "dev.spacy"), "")
    for text in ["Ann sees the dogs .", "Go home !", "The cat sees Ann ."]:
        said, expected = student(text), teacher(text)
        assert _spans(said) == _spans(expected)
        assert [(e.text, e.kb_id_) for e in said.ents] == [
            (e.text, e.kb_id_) for e in expected.ents
        ]
        assert abs(said._.shout - expected._.shout) < 0.3
    resumed = {"paths.resume": str(tmp_path / "out" / "model-last"),
               "paths.train": str(made / "dev.spacy"), "paths.dev": str(made / "dev.spacy"),
               "training.max_steps": 1, "training.eval_frequency": 1}  # fmt: skip
    train(tmp_path / "out" / "model-last" / "config.cfg", tmp_path / "on", overrides=resumed)
    again = spacy.load(tmp_path / "on" / "model-last")
    assert [e.kb_id_ for e in again("Ann sees the dogs .").ents]


@pytest.mark.parametrize("name", ["ner", "tagger"])
def test_what_has_a_student_can_be_trained_anew_with_all_labels_of_the_teacher(
    made, tmp_path, name
):
    """Labels that are a list, and those that are a table of a transition system's."""
    data, store = made / "raw.txt", tmp_path / "store"
    assert run("annotate", made / "teacher", data, store, "--retrain", name).exit_code == 0
    path = tmp_path / "student.cfg"
    done = init(made, path, "--store", store, "--dev", made / "dev.spacy", "--retrain", name)
    assert done.exit_code == 0, printed(done)
    train(path, tmp_path / "out", overrides={"training.max_steps": 2, "training.eval_frequency": 2})
    student, teacher = (spacy.load(p) for p in (tmp_path / "out" / "model-last", made / "teacher"))
    assert type(student.get_pipe(name)) is type(teacher.get_pipe(name))
    assert set(student.get_pipe(name).labels) == set(teacher.get_pipe(name).labels)


def _spans(doc):
    return sorted((span.start, span.end) for span in doc.spans["near"])


def test_gold_is_completed_and_our_components_see_gold_alone(made):
    nlp, seen = spacy.blank("en"), {}
    for guesses in (False, True):
        read = make_distillation_corpus(made / "store", guesses=guesses, ratio=50.0)
        for eg in read(nlp):
            seen.setdefault(eg.text, {})[guesses] = eg.reference
    for text, references in seen.items():
        full, bare = references[True], references[False]
        said = [
            (doc._.shout is not None, "near" in doc.spans, doc.has_annotation("ENT_IOB"))
            for doc in (full, bare)
        ]
        assert said == [(True, True, True), (False, False, False)], text
        assert full.has_annotation("TAG")
        if bare.has_annotation("TAG"):  # gold stays what it is
            assert [t.tag_ for t in full] == [t.tag_ for t in bare]
            assert [t.head.i for t in full] == [t.head.i for t in bare]
            assert full.has_annotation("DEP")
    assert any(references[False].has_annotation("DEP") for references in seen.values())


def test_beliefs_and_losses_of_ours_are_what_they_are_without_guesses(made, tmp_path):
    """A distilling tagger learns the same to the bit, whether or not references have guesses."""
    path = tmp_path / "student.cfg"
    done = init(made, path, "--store", made / "store", "--dev", made / "dev.spacy",
                "--pipes", "tagger,senter,ner")  # fmt: skip
    assert done.exit_code == 0, printed(done)
    few = {"training.max_steps": 3, "training.eval_frequency": 3}
    saved = []
    for guesses in (False, True):
        fix_random_seed(0)
        out = tmp_path / f"out{guesses}"
        train(path, out, overrides={"corpora.train.guesses": guesses, **few})
        student = spacy.load(out / "model-last")
        saved.append([student.get_pipe(n).model.to_bytes() for n in ("tagger", "senter", "ner")])
    assert saved[0] == saved[1]


def test_without_the_option_it_is_left_behind_and_the_option_is_named(made, tmp_path):
    done = init(made, tmp_path / "student.cfg", "--store", made / "store")
    assert done.exit_code == 0, printed(done)
    for name in NAMES:
        assert f"{name} is left behind" in printed(done)
        assert f"--retrain {name}" in printed(done)
    config = Config().from_disk(tmp_path / "student.cfg", interpolate=False)
    assert config["corpora"]["train"]["guesses"] is False
    assert not set(NAMES) & set(config["components"])


def test_scores_that_dev_lacks_do_not_count(made, tmp_path):
    options = ["--store", made / "store", "--dev", made / "gold.spacy", *RETRAIN]
    assert init(made, tmp_path / "student.cfg", *options).exit_code == 0
    weights = Config().from_disk(tmp_path / "student.cfg")["training"]["score_weights"]
    assert {name for name, w in weights.items() if w} == {"tag_acc", "sents_f"}
    assert "shout_close" in weights, "it is shown nevertheless"


def test_what_cannot_be_trained_anew_is_refused_with_a_remedy(made, tmp_path):
    other = spacy.load(made / "teacher")
    other.add_pipe("entity_ruler")
    textcat = other.add_pipe("textcat")
    textcat.initialize(lambda: _categories(other), nlp=other)
    other.to_disk(tmp_path / "other")
    run("annotate", made / "teacher", made / "raw.txt", tmp_path / "plain")
    cases = [
        (made / "teacher", ["nerr"], "expected some of tok2vec, tagger"),
        (made / "teacher", ["shout"], "expected --store"),
        (
            made / "teacher",
            ["shout", "--store", tmp_path / "plain"],
            "annotate with --retrain shout",
        ),
        (made / "teacher", ["shout", "--keep", "shout"], "in one of keep and retrain"),
        (tmp_path / "other", ["entity_ruler"], "cannot be trained"),
        (tmp_path / "other", ["textcat"], "can be taken over as it is"),
        (tmp_path / "other", ["tok2vec"], "students have a tok2vec"),
    ]
    for teacher, options, message in cases:
        done = run("init", teacher, tmp_path / "student.cfg", "--retrain", *options)
        assert done.exit_code == 1, printed(done)
        assert message in printed(done)
        assert not (tmp_path / "student.cfg").exists()


def _categories(nlp):
    docs = [nlp.make_doc(text) for text in RAW]
    for doc in docs:
        doc.cats = {"A": 1.0, "B": 0.0}
    return [spacy.training.Example(nlp.make_doc(doc.text), doc) for doc in docs]


def test_what_an_extension_cannot_store_is_refused_with_a_remedy(made):
    nlp = spacy.load(made / "teacher")
    doc = nlp("Go !")
    doc._.shout = object()
    with pytest.raises(ValueError, match="what shout or a component before.*numbers, strings"):
        keep_guess(nlp.make_doc("Go !"), doc, of=["shout"])
