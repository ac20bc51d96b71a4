"""`distilling_similarities`: the tok2vec learns from it, and nothing of it is left in a student."""

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, gold_examples, make_docs, student_of
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.init import init
from spacy_skd.models.words import words_of
from spacy_skd.pipeline.similarities import FACTORY
from spacy_skd.shards.store import BeliefStore
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.callbacks import without_teacher
from spacy_skd.training.check import check_training
from spacy_skd.training.corpora.distillation import make_distillation_corpus

RAW = ["The cat sees Ann . Dogs sleep well", "Go !", "She gave him \t the book"]
SETTINGS = Settings(hidden=8)
FEW = {"training.max_steps": 2, "training.eval_frequency": 1}


@pytest.fixture(scope="module")
def made(teacher, tmp_path_factory):
    """Gold, and folders of what a teacher says: with hidden states and without."""
    folder = tmp_path_factory.mktemp("similarities")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW), encoding="utf8")
    inputs = [str(folder / "gold.spacy"), str(folder / "raw.txt")]
    annotate(teacher, inputs, folder / "store", settings=SETTINGS)
    annotate(teacher, inputs, folder / "without")
    return folder


def listening(store=None, *, listeners=("tag",), **settings):
    """A tok2vec and its listeners, the first of similarities."""
    nlp = spacy.blank("en")
    nlp.add_pipe("skd_teacher", "teacher", config={"store": store and str(store)})
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.add_pipe(FACTORY, "similarities", config={"model": LISTENER, **settings})
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": LISTENER}
    for name in listeners:
        nlp.add_pipe("distilling_tagger", name, config={"layer": name, "model": model})
    return nlp


def examples_of(store, nlp):
    return list(make_distillation_corpus(store, ratio=1.0)(nlp))


def step(nlp, examples, sgd):
    losses = {}
    nlp.update(examples, sgd=sgd, losses=losses, exclude=["teacher"])
    return losses


@pytest.mark.parametrize("listeners", [("tag",), ()])
def test_the_tok2vec_learns_the_teachers_similarities(made, listeners):
    """Also where no other component listens."""
    nlp = listening(made / "store", listeners=listeners)
    examples = examples_of(made / "store", nlp)
    sgd = nlp.initialize(lambda: examples)
    sgd.learn_rate = 0.01
    losses = [step(nlp, examples, sgd) for _ in range(40)]
    assert losses[-1]["similarities"] < 0.3 * losses[0]["similarities"]
    for name in listeners:
        assert losses[-1][name] < 0.5 * losses[0][name]
    pipe = nlp.get_pipe("similarities")
    assert pipe.cfg == {"step": 40, "seen": 40 * len(examples)}
    words = sum(map(len, words_of([eg.predicted for eg in examples])))
    assert (pipe.known, pipe.words) == (40 * words, 40 * words)


def test_the_loss_is_weighted_and_its_gradient_0_for_whitespace(made):
    nlp = listening(made / "store", weight=3.0)
    examples = examples_of(made / "store", nlp)
    nlp.initialize(lambda: examples)
    once, thrice = (listening(made / "store", weight=w).get_pipe("similarities") for w in (1, 3))
    rng = numpy.random.default_rng(0)
    vectors = [rng.normal(size=(len(eg.predicted), 32)).astype("float32") for eg in examples]
    for pipe in (once, thrice):
        pipe.set_teacher(nlp.get_pipe("teacher"))
    (loss, gradients), (more, steeper) = (p.get_loss(examples, vectors) for p in (once, thrice))
    assert more == pytest.approx(3 * loss)
    for eg, gradient, steep in zip(examples, gradients, steeper):
        assert numpy.allclose(3 * gradient, steep, rtol=1e-5)
        assert gradient.dtype == numpy.float32
        assert gradient.any(axis=1).tolist() == [
            not token.is_space and len(eg.predicted) > 1 for token in eg.predicted
        ]


def test_arcs_are_those_of_gold_else_what_the_teacher_believes(made):
    nlp = listening(made / "store")
    examples = examples_of(made / "store", nlp)
    states = nlp.get_pipe("similarities")._states(examples)
    store = BeliefStore(made / "store")
    for eg, of in zip(examples, states):
        (words,) = words_of([eg.predicted])
        if eg.reference.has_annotation("DEP"):
            tokens = [-1 if t.head.i == t.i else t.head.i for t in eg.reference]
            assert of.heads.tolist() == tokens
        else:
            stored = store.find(eg.reference.user_data["spacy_skd"]["key"])
            best = store.belief(stored, "parser", eg.predicted).best(k=1)
            assert (of.heads == best.heads[0]).mean() > 0.7  # each word's own best, no tree
            assert len(of.heads) == len(words)
    without = listening(made / "store", arc_weight=0.0)
    assert {of.heads for of in without.get_pipe("similarities")._states(examples)} == {None}


def test_a_student_is_saved_without_it(made, tmp_path):
    nlp = listening(made / "store")
    examples = examples_of(made / "store", nlp)
    sgd = nlp.initialize(lambda: examples)
    step(nlp, examples, sgd)
    student = without_teacher(nlp)
    assert student.pipe_names == ["tok2vec", "tag"]
    assert nlp.pipe_names == ["teacher", "tok2vec", "similarities", "tag"]
    student.to_disk(tmp_path / "student")
    assert "similarities" not in (tmp_path / "student" / "config.cfg").read_text()
    text = "Ann sees the dogs"
    tags = [token.tag_ for token in spacy.load(tmp_path / "student")(text)]
    assert tags == [token.tag_ for token in nlp(text)]
    nlp.to_disk(tmp_path / "whole")  # whoever saves it all gets it all
    assert [token.tag_ for token in spacy.load(tmp_path / "whole")(text)] == tags
    assert nlp.get_pipe("similarities").predict([nlp.make_doc(text)]) is None


def test_init_train_check_and_resume(made, teacher, tmp_path):
    arguments = [teacher, tmp_path / "student.cfg", "--preset", "tiny", "--store", made / "store",
                 "--dev", made / "gold.spacy", "--hidden"]  # fmt: skip
    result = CliRunner().invoke(app, ["skd", "init", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    config = Config().from_disk(tmp_path / "student.cfg", interpolate=False, overrides=FEW)
    names = config["nlp"]["pipeline"]
    assert names[names.index("tok2vec") + 1] == "similarities"
    assert list(config["components"]) == names
    rows = {(row.where, row.what): row for row in check_training(config, steps=2)}
    assert rows["similarities", "words with a hidden state"].value == "100.0 %"

    def trained(config, output):
        output.mkdir()
        train(init_nlp(config), output)
        return spacy.load(output / "model-last")

    first = trained(config, tmp_path / "first")
    plain, _ = init(str(teacher), preset="tiny", store=str(made / "store"),
                    dev=str(made / "gold.spacy"))  # fmt: skip
    assert first.pipe_names == [name for name in plain["nlp"]["pipeline"] if name != "teacher"]
    resumed = Config().from_disk(
        tmp_path / "student.cfg",
        interpolate=False,
        overrides={**FEW, "paths.resume": str(tmp_path / "first" / "model-last")},
    )
    again = trained(resumed, tmp_path / "again")
    assert again.get_pipe("tag").cfg["step"] > first.get_pipe("tag").cfg["step"] > 0


def test_without_hidden_states_it_is_told_before_training(made, teacher, tmp_path):
    with pytest.raises(
        ValueError, match="--hidden: expected hidden states .*without has none: ann"
    ):
        init(str(teacher), store=str(made / "without"), hidden=True)
    with pytest.raises(ValueError, match="--hidden: expected a store with hidden states"):
        init(str(teacher), hidden=True)
    nlp = listening(made / "without")
    examples = examples_of(made / "without", nlp)
    with pytest.raises(ValueError, match="similarities: expected hidden states of the teacher"):
        nlp.initialize(lambda: examples)
    nlp = listening(None)
    with pytest.raises(ValueError, match="similarities: expected a store with hidden states"):
        nlp.initialize(lambda: gold_examples(nlp))
    nlp.remove_pipe("teacher")
    nlp.get_pipe("similarities").set_teacher(None)
    with pytest.raises(ValueError, match="similarities: the pipeline has no teacher"):
        nlp.initialize(lambda: gold_examples(nlp))
    for wrong in ({"weight": 0.0}, {"window": -1}, {"arc_weight": -1.0}):
        with pytest.raises(ValueError, match=f"similarities: {next(iter(wrong))}: expected"):
            listening(made / "store", **wrong)


def test_stores_of_one_teacher_alone(made, teacher, tmp_path):
    """Another has said the same of other text."""
    other = spacy.load(teacher)
    other.get_pipe("tag").cfg["seen"] = 12345
    other.to_disk(tmp_path / "other")
    (tmp_path / "b.txt").write_text("Dogs sleep\nAnn sees him", encoding="utf8")
    text = str(tmp_path / "b.txt")
    annotate(tmp_path / "other", [text], tmp_path / "b", settings=SETTINGS)
    annotate(tmp_path / "other", [text], tmp_path / "c")
    both = [str(made / "store"), str(tmp_path / "b")]
    with pytest.raises(ValueError, match="the hidden states of one teacher, found those of 2"):
        init(str(teacher), store=both, hidden=True)
    with pytest.raises(ValueError, match="holds the beliefs of another teacher"):
        init(str(teacher), store=both[1], hidden=True)
    config, _ = init(str(teacher), store=[both[0], str(tmp_path / "c")], hidden=True)
    assert "similarities" in config["components"]
    # What a reference carries of another store is no state of this one's.
    nlp = listening(made / "store")
    taught = examples_of(tmp_path / "b", nlp)
    with pytest.raises(ValueError, match="has a belief of another teacher"):
        nlp.get_pipe("similarities").get_loss(taught, [])
    # Of two stores, that without has nothing to say.
    nlp = spacy.blank("en")
    table = {"a": {"path": both[0]}, "c": {"path": str(tmp_path / "c")}}
    nlp.add_pipe("skd_teacher", "teacher", config={"stores": table})
    egs = [*examples_of(made / "store", nlp)[:1], *examples_of(tmp_path / "c", nlp)[:1]]
    states = nlp.get_pipe("teacher").states(egs, trees=False)
    assert [of is None for of in states] == [False, True]
    # Nor is anything known of docs that are not stored.
    nlp = student_of(teacher)
    nlp.get_pipe("teacher").store = both[0]
    unknown = Example(nlp.make_doc("Cats !"), nlp.make_doc("Cats !"))
    assert nlp.get_pipe("teacher").states([unknown], trees=True) == [None]
