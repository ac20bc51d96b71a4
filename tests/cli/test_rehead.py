"""Our heads on the frozen embedding of a pipeline: of spaCy, and of both transformer plugins."""

from pathlib import Path

import numpy
import pytest
import spacy
from conftest import gold_examples, make_docs, raw_examples, student_of, train
from spacy.cli.init_config import fill_config
from spacy.cli.train import train as spacy_train
from spacy.tokens import Doc, DocBin
from stock_pipelines import PIPELINES, stock_pipeline
from thinc.api import Config

from spacy_skd.cli.rehead import own_output, rehead, rehead_config
from spacy_skd.teachers.runner import TeacherRunner

TEMPLATE = Path(__file__).parents[2] / "configs" / "rehead.cfg"
HEADS = ["sent", "tag", "pos", "parser"]
LISTENERS = {
    "tok2vec": "spacy.Tok2VecListener.v1",
    "transformer": "spacy-transformers.TransformerListener.v1",
    "curated": "spacy-curated-transformers.LastTransformerLayerListener.v1",
}
STEPS = {"training.max_steps": 40, "training.eval_frequency": 20}
QUICK = {"training.optimizer.learn_rate.warmup_steps": 1}


@pytest.fixture(scope="module", params=PIPELINES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(kind, tmp_path_factory):
    """Folder of a user's own pipeline."""
    spacy.util.fix_random_seed(0)
    folder = tmp_path_factory.mktemp(kind)
    PIPELINES[kind](folder).to_disk(folder / "pipeline")
    return folder / "pipeline"


@pytest.fixture(scope="module")
def reheaded(pipeline, tmp_path_factory):
    """Folder of the trained heads and the config."""
    folder = tmp_path_factory.mktemp("reheaded")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    config = rehead(str(pipeline), folder, template=TEMPLATE)
    gold = dict.fromkeys(("paths.train", "paths.dev"), str(folder / "gold.spacy"))
    spacy_train(config, folder / "out", overrides={**gold, **STEPS, **QUICK})
    return folder


def test_the_config_sources_the_embedding_frozen(kind, pipeline, reheaded):
    config = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    (name, *heads) = config["nlp"]["pipeline"]
    assert name == {"curated": "trf"}.get(kind, kind)
    assert heads == HEADS
    assert config["components"][name] == {"source": "${paths.source}"}
    assert config["paths"]["source"] == str(pipeline)
    assert config["training"]["frozen_components"] == [name]
    assert config["training"]["annotating_components"] == [name]
    assert set(config["components"]) == {name, *HEADS}
    for head in heads:
        listener = config["components"][head]["model"]["tok2vec"]["listener"]
        assert listener["@architectures"] == LISTENERS[kind]


def vectors(nlp, text):
    doc = nlp.make_doc(text)
    doc = nlp.get_pipe(nlp.pipe_names[0])(doc)
    found = doc.tensor if doc.tensor.size else doc._.trf_data
    return found if isinstance(found, numpy.ndarray) else last_layer(found)


def last_layer(data):
    if hasattr(data, "last_hidden_layer_state"):
        return data.last_hidden_layer_state.dataXd
    return data.model_output.last_hidden_state


def test_heads_learn_and_the_embedding_stays(pipeline, reheaded):
    before, after = spacy.load(pipeline), spacy.load(reheaded / "out" / "model-last")
    text = "The cat sees Ann ."
    numpy.testing.assert_array_equal(vectors(before, text), vectors(after, text))
    for head in HEADS:
        assert any(after.get_pipe(head).model.get_ref("output_layer").get_param("W").ravel())
    scores = after.evaluate(gold_examples(after))
    assert scores["tag_acc"] > 0.5


def test_the_result_is_a_teacher(reheaded):
    folder = reheaded / "out" / "model-best"
    nlp = spacy.load(folder)
    texts = ["The cat sees Ann . Dogs sleep", "", "\n\n", "Go \u200b !"]
    docs = [nlp.make_doc(text) for text in texts]
    runner = TeacherRunner(nlp, batch_words=50)
    assert runner.pipes == tuple(HEADS)
    for doc, found in zip(docs, runner.run(docs, starts=[None] * 4, pipes=HEADS)):
        for layer in HEADS[:3]:
            assert found[layer].scores.shape == (len(doc), len(runner.labels(layer)))
            assert numpy.isfinite(found[layer].scores).all()
        assert sum(len(arc) for arc in found["parser"].arcs) == len(doc)
    student = student_of(folder)
    examples = raw_examples(student)
    student.initialize(lambda: examples)
    losses = [sum(train(student, examples, steps).values()) for steps in (1, 20)]
    assert losses[1] < losses[0]
    assert student.get_pipe("tag").labels == nlp.get_pipe("tag").labels


def test_stock_commands_take_the_written_config(reheaded, tmp_path):
    filled = fill_config(tmp_path / "f.cfg", reheaded / "rehead.cfg")[1]
    given = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    weights = [config["training"].pop("score_weights") for config in (filled, given)]
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)
    trained = [{score for score, weight in found.items() if weight} for found in weights]
    assert trained[0] == trained[1] == {"tag_acc", "pos_acc", "sents_f", "dep_uas", "dep_las"}


def test_without_annotations_in_training_it_says_what_to_do(pipeline, reheaded, tmp_path):
    gold = dict.fromkeys(("paths.train", "paths.dev"), str(reheaded / "gold.spacy"))
    config = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    config["training"]["annotating_components"] = []
    config.to_disk(tmp_path / "wrong.cfg")
    with pytest.raises(ValueError, match="training.annotating_components"):
        spacy_train(tmp_path / "wrong.cfg", tmp_path / "out", overrides={**gold, **STEPS})


# What is the same for all kinds

RAW = ["The cat sees Ann .", "Go ! Dogs sleep", "She gave him the book"]


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """A stock pipeline whose tokenizer has a special case of its own."""
    folder = tmp_path_factory.mktemp("own")
    nlp = stock_pipeline(steps=30)
    nlp.tokenizer.add_special_case("gonna", [{"ORTH": "gon"}, {"ORTH": "na"}])
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw.txt").write_text("\n".join(RAW))
    return tmp_path / "raw.txt"


def test_heads_learn_the_pipelines_own_output_with_its_tokenizer(stock, raw, tmp_path):
    config = rehead(str(stock), tmp_path / "c", template=TEMPLATE, pipes=["pos", "tag"], raw=raw)
    spacy_train(config, tmp_path / "out", overrides={**STEPS, **QUICK, "training.max_steps": 60})
    before, after = spacy.load(stock), spacy.load(tmp_path / "out" / "model-best")
    assert after.pipe_names == ["tok2vec", "tag", "pos"]
    assert [t.text for t in after("gonna")] == ["gon", "na"]
    for text in (RAW[0], RAW[2]):
        for a, b in zip(after(text), before(text)):
            assert (a.tag_, a.pos_) == (b.tag_, b.pos_)


def test_heads_beyond_the_default_ones_learn_too(stock, tmp_path):
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, ["Ann", "sees", "Bob"], ents=["B-PER", "O", "B-PER"]) for _ in range(4)]
    for doc in docs:
        doc[1].set_morph("Tense=Pres")
        doc[0].set_morph("_")
    DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
    config = rehead(str(stock), tmp_path / "c", template=TEMPLATE, pipes=["ents", "morph"])
    gold = dict.fromkeys(("paths.train", "paths.dev"), str(tmp_path / "gold.spacy"))
    spacy_train(config, tmp_path / "out", overrides={**gold, **STEPS, **QUICK})
    after = spacy.load(tmp_path / "out" / "model-best")
    assert after.pipe_names == ["tok2vec", "morph", "ents"]
    doc = after("Ann sees Bob")
    assert [str(token.morph) for token in doc][:2] == ["", "Tense=Pres"]
    assert [ent.text for ent in doc.ents] == ["Ann", "Bob"]
    assert after.meta["performance"]["ents_f"] == 1.0


def test_own_output_is_all_of_the_text_once(stock, raw, tmp_path):
    found = own_output(str(stock), raw, tmp_path / "c")
    vocab = spacy.blank("en").vocab
    docs = {k: list(DocBin().from_disk(path).get_docs(vocab)) for k, path in found.items()}
    assert {k: [doc.text for doc in v] for k, v in docs.items()} == {
        "train": [RAW[0], RAW[2]],
        "dev": [RAW[1]],
    }
    assert all(token.tag_ and token.pos_ for v in docs.values() for doc in v for token in doc)
    with pytest.raises(ValueError, match=r"train\.spacy exists already"):
        own_output(str(stock), raw, tmp_path / "c")
    raw.write_text(RAW[0])
    with pytest.raises(ValueError, match="expected two texts or more"):
        own_output(str(stock), raw, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_what_cannot_be_is_named_and_nothing_is_written(stock, tmp_path):
    with pytest.raises(
        ValueError, match="expected some of sent, tag, pos, morph, parser, ents, got ner"
    ):
        rehead(str(stock), tmp_path / "c", template=TEMPLATE, pipes=["ner"])
    with pytest.raises(FileNotFoundError, match="there is no such config"):
        rehead(str(stock), tmp_path / "c", template=tmp_path / "none.cfg")
    with pytest.raises(OSError, match="none"):
        rehead(str(tmp_path / "none"), tmp_path / "c", template=TEMPLATE)
    stock_pipeline(shared=False, steps=1).to_disk(tmp_path / "unshared")
    with pytest.raises(ValueError, match="listeners were replaced"):
        rehead(str(tmp_path / "unshared"), tmp_path / "c", template=TEMPLATE)
    assert not (tmp_path / "c").exists()
    rehead(str(stock), tmp_path / "c", template=TEMPLATE)
    with pytest.raises(ValueError, match=r"rehead\.cfg exists already"):
        rehead(str(stock), tmp_path / "c", template=TEMPLATE)


def test_a_name_that_is_taken(tmp_path):
    nlp = stock_pipeline(steps=1)
    nlp.rename_pipe("tok2vec", "tag")
    template = Config().from_disk(TEMPLATE, interpolate=False)
    with pytest.raises(ValueError, match="'tag' has the name of a head"):
        rehead_config(template, nlp, source="x")
    config = rehead_config(template, nlp, source="x", pipes=["pos"])
    assert config["nlp"]["pipeline"] == ["tag", "pos"]
    weights = config["training"]["score_weights"]
    assert {score for score, weight in weights.items() if weight is not None} == {"pos_acc"}


def test_a_transformer_is_preferred_to_a_tok2vec(tmp_path):
    nlp = PIPELINES["curated"](tmp_path)
    nlp.add_pipe("tok2vec", first=True)
    template = Config().from_disk(TEMPLATE, interpolate=False)
    assert rehead_config(template, nlp, source="x")["nlp"]["pipeline"][0] == "trf"
