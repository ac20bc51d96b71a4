"""Our heads on the frozen embedding of a pipeline: of spaCy, and of both transformer plugins."""

import json
import shlex
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.cli.init_config import fill_config
from spacy.cli.train import train as spacy_train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from stock_pipelines import PIPELINES, stock_pipeline
from thinc.api import Config
from typer.testing import CliRunner
from whole_pipelines import NAMES, gold, whole_pipeline

from spacy_skd.cli import app
from spacy_skd.cli.init import init
from spacy_skd.cli.rehead import own_output, rehead
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.training.configs.layered import own_template

HEADS = {"tagger": "tag", "parser": "parser", "ner": "ents"}
LISTENERS = {
    "tok2vec": "spacy.Tok2VecListener.v1",
    "transformer": "spacy-transformers.TransformerListener.v1",
    "curated": "spacy-curated-transformers.LastTransformerLayerListener.v1",
}
STEPS = {"training.max_steps": 40, "training.eval_frequency": 20}
QUICK = {"training.optimizer.learn_rate.warmup_steps": 1}
TEXT = "She gave him the book . Go !"


@pytest.fixture(scope="module", params=PIPELINES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def embedding(kind):
    return {"curated": "trf"}.get(kind, kind)


@pytest.fixture(scope="module")
def pipeline(kind, tmp_path_factory):
    """Folder of a user's own pipeline."""
    spacy.util.fix_random_seed(0)
    folder = tmp_path_factory.mktemp(kind)
    whole_pipeline(kind, folder).to_disk(folder / "pipeline")
    return folder / "pipeline"


@pytest.fixture(scope="module")
def reheaded(pipeline, tmp_path_factory):
    """Folder of the trained heads and the config."""
    folder = tmp_path_factory.mktemp("reheaded")
    DocBin(docs=gold(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    rehead(str(pipeline), folder, pipes=["tag", "parser", "ents"])
    paths = dict.fromkeys(("paths.train", "paths.dev"), str(folder / "gold.spacy"))
    spacy_train(folder / "rehead.cfg", folder / "out", overrides={**paths, **STEPS, **QUICK})
    return folder


def test_heads_are_in_the_place_of_components_and_the_others_are_kept(
    kind, embedding, pipeline, reheaded
):
    config = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    assert config["nlp"]["pipeline"] == [embedding, *NAMES]
    assert config["paths"]["source"] == str(pipeline)
    kept = [embedding, *(name for name in NAMES if name not in HEADS)]
    assert config["training"]["frozen_components"] == kept
    assert config["training"]["annotating_components"] == [embedding]
    for name in kept:
        assert config["components"][name] == {"source": "${paths.source}"}
    for head in HEADS:
        listener = config["components"][head]["model"]["tok2vec"]["listener"]
        assert listener["@architectures"] == LISTENERS[kind]
    weights = config["training"]["score_weights"]
    scored = {name for name, weight in weights.items() if weight}
    assert scored == {"tag_acc", "dep_uas", "dep_las", "ents_f"}


def vectors(nlp, text):
    doc = nlp.make_doc(text)
    doc = nlp.get_pipe(nlp.pipe_names[0])(doc)
    found = doc.tensor if doc.tensor.size else doc._.trf_data
    return found if isinstance(found, numpy.ndarray) else last_layer(found)


def last_layer(data):
    if hasattr(data, "last_hidden_layer_state"):
        return data.last_hidden_layer_state.dataXd
    return data.model_output.last_hidden_state


def test_heads_learn_and_the_embedding_stays(embedding, pipeline, reheaded):
    before, after = spacy.load(pipeline), spacy.load(reheaded / "out" / "model-last")
    assert after.pipe_names == [embedding, *NAMES]
    numpy.testing.assert_array_equal(vectors(before, TEXT), vectors(after, TEXT))
    for head in HEADS:
        assert any(after.get_pipe(head).model.get_ref("output_layer").get_param("W").ravel())
    scores = after.evaluate([Example(after.make_doc(d.text), d) for d in gold(after)])
    assert scores["tag_acc"] > 0.5


def test_what_is_kept_does_what_it_did(pipeline, reheaded):
    before, after = (spacy.load(path)(TEXT) for path in (pipeline, reheaded / "out" / "model-best"))
    for a, b in zip(before, after):
        assert (a.pos, a.morph, a.is_sent_start) == (b.pos, b.morph, b.is_sent_start)
    found = [[(span.text, span.label_) for span in doc.spans["sc"]] for doc in (before, after)]
    assert found[0] == found[1] != []
    assert after[1].lemma_ == "give"
    assert after[6].tag_ == "GO"
    assert ("book", "BOOK") in [(ent.text, ent.label_) for ent in after.ents]
    assert after.user_data["shouts"] == 1


def test_the_result_is_a_teacher(embedding, reheaded):
    folder = reheaded / "out" / "model-best"
    nlp = spacy.load(folder)
    texts = ["The cat sees Ann . Dogs sleep", "", "\n\n", "Go \u200b !"]
    docs = [nlp.make_doc(text) for text in texts]
    runner = TeacherRunner(nlp, batch_words=50)
    assert set(HEADS) < set(runner.pipes)
    for doc, found in zip(docs, runner.run(docs, starts=[None] * 4, pipes=HEADS)):
        n_words = sum(not token.is_space for token in doc)
        assert found["tagger"].scores.shape == (n_words, len(runner.labels("tagger")))
        assert numpy.isfinite(found["tagger"].scores).all()
        assert sum(len(arc) for arc in found["parser"].arcs) == n_words
    config, plan = init(str(folder), preset="tiny", dev=str(reheaded / "gold.spacy"))
    layers = ["tag", "pos", "morph", "sent", "parser", "ents", "spans:sc"]
    assert [student.layer for student in plan.students] == layers
    kept = ["attribute_ruler", "lemmatizer", "entity_ruler", "shouting"]
    assert plan.sourced == kept
    config.to_disk(reheaded / "student.cfg")
    few = {"training.max_steps": 2, "training.eval_frequency": 2}
    paths = {"paths.train": str(reheaded / "gold.spacy"), "paths.raw": str(reheaded / "raw.txt")}
    (reheaded / "raw.txt").write_text("Go home !\nThe cat sees Ann .")
    spacy_train(reheaded / "student.cfg", reheaded / "student", overrides={**paths, **few})
    student = spacy.load(reheaded / "student" / "model-last")
    assert student.get_pipe("tagger").labels == nlp.get_pipe("tagger").labels
    assert student(TEXT).user_data["shouts"] == 1


def test_stock_commands_take_the_written_config(reheaded, tmp_path):
    filled = fill_config(tmp_path / "f.cfg", reheaded / "rehead.cfg")[1]
    given = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    weights = [config["training"].pop("score_weights") for config in (filled, given)]
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)
    trained = [{score for score, weight in found.items() if weight} for found in weights]
    assert trained[0] == trained[1]


def test_without_annotations_in_training_it_says_what_to_do(reheaded, tmp_path):
    paths = dict.fromkeys(("paths.train", "paths.dev"), str(reheaded / "gold.spacy"))
    config = Config().from_disk(reheaded / "rehead.cfg", interpolate=False)
    config["training"]["annotating_components"] = []
    config.to_disk(tmp_path / "wrong.cfg")
    with pytest.raises(ValueError, match="training.annotating_components"):
        spacy_train(tmp_path / "wrong.cfg", tmp_path / "out", overrides={**paths, **STEPS})


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
    plan = rehead(str(stock), tmp_path / "c", raw=raw)
    assert [head.name for head in plan.heads] == ["tagger", "pos", "morph", "senter"]
    steps = {**STEPS, **QUICK, "training.max_steps": 60}
    spacy_train(tmp_path / "c" / "rehead.cfg", tmp_path / "out", overrides=steps)
    before, after = spacy.load(stock), spacy.load(tmp_path / "out" / "model-best")
    assert after.pipe_names == ["tok2vec", "tagger", "pos", "morph", "senter"]
    assert [t.text for t in after("gonna")] == ["gon", "na"]
    for text in (RAW[0], RAW[2]):
        for a, b in zip(after(text), before(text)):
            assert (a.tag_, a.pos_) == (b.tag_, b.pos_)


def test_layers_that_the_pipeline_lacks_get_new_heads(stock, tmp_path):
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, ["Ann", "sees", "Bob"], ents=["B-PER", "O", "B-PER"]) for _ in range(4)]
    DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
    paths = dict.fromkeys(("train", "dev"), tmp_path / "gold.spacy")
    rehead(str(stock), tmp_path / "c", pipes=["ents"], **paths)
    spacy_train(tmp_path / "c" / "rehead.cfg", tmp_path / "out", overrides={**STEPS, **QUICK})
    after = spacy.load(tmp_path / "out" / "model-best")
    assert after.pipe_names == ["tok2vec", "ents", "tagger", "morphologizer", "senter"]
    assert [ent.text for ent in after("Ann sees Bob").ents] == ["Ann", "Bob"]
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


def test_what_cannot_be_is_named_and_nothing_is_written(stock, raw, tmp_path):
    output = tmp_path / "c"
    with pytest.raises(ValueError, match=r"expected some of the pipeline's tagger, .*, got nerr"):
        rehead(str(stock), output, pipes=["nerr"])
    with pytest.raises(FileNotFoundError, match="there is no such config"):
        rehead(str(stock), output, template=tmp_path / "none.cfg")
    with pytest.raises(ValueError, match="cannot load the pipeline"):
        rehead(str(tmp_path / "none"), output)
    with pytest.raises(ValueError, match="'ents' would learn the layer 'ents', of which there are"):
        rehead(str(stock), output, pipes=["ents"], raw=raw)
    with pytest.raises(ValueError, match="not both"):
        rehead(str(stock), output, raw=raw, train=raw)
    stock_pipeline(shared=False, steps=1).to_disk(tmp_path / "unshared")
    with pytest.raises(ValueError, match="listeners were replaced"):
        rehead(str(tmp_path / "unshared"), output)
    assert not output.exists()
    rehead(str(stock), output)
    with pytest.raises(ValueError, match=r"rehead\.cfg exists already"):
        rehead(str(stock), output)


def test_a_template_of_the_users_own(stock, tmp_path):
    own = own_template("rehead")
    own["training"]["max_steps"] = 7
    own["components"] = {"mine": {**own["components"]["tag"], "k": 3}}
    own.to_disk(tmp_path / "own.cfg")
    rehead(str(stock), tmp_path / "c", template=tmp_path / "own.cfg", pipes=["tagger", "senter"])
    config = Config().from_disk(tmp_path / "c" / "rehead.cfg", interpolate=False)
    assert config["training"]["max_steps"] == 7
    assert config["components"]["tagger"]["k"] == 3
    assert config["components"]["senter"]["layer"] == "sent"


def test_the_command_runs_anywhere_and_says_what_becomes_of_each(stock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["skd", "rehead", str(stock), "my heads", "--pipes", "tagger"])
    assert found.exit_code == 0, found.output
    rows = [line.split() for line in found.output.splitlines()]
    assert ["tagger", "tag", "head,", "in", "place", "of", "'tagger'"] in rows
    assert ["senter", "kept", "as", "it", "is"] in rows
    (command,) = (row for row in found.output.splitlines() if row.startswith("python"))
    arguments = shlex.split(command)
    assert Path(arguments[arguments.index("train") + 1]) == Path("my heads") / "rehead.cfg"


@pytest.mark.parametrize(("options", "code"), [([], 3), (["--accept-rejects"], 0)])
def test_unfit_lines_of_raw_text_are_set_aside_and_told(stock, tmp_path, options, code):
    lines = [*(json.dumps({"text": text}) for text in RAW), '{"txt": "Go"}', "{"]
    (tmp_path / "raw.jsonl").write_text("\n".join(lines))
    given = [str(stock), str(tmp_path / "c"), "--raw", str(tmp_path / "raw.jsonl")]
    found = CliRunner().invoke(app, ["skd", "rehead", *given, *options])
    assert found.exit_code == code, found.output
    rejects = tmp_path / "c" / "rejects.jsonl"
    assert f"2 lines are unfit, see {rejects}" in " ".join(found.output.split())
    numbers = [json.loads(line)["number"] for line in rejects.read_text().splitlines()]
    assert numbers == [4, 5]
    assert (tmp_path / "c" / "rehead.cfg").exists()


@Language.component("tests_merge_all_but_one", retokenizes=True)
def merge_all_but_one(doc):
    with doc.retokenize() as retokenizer:
        if len(doc) > 2:
            retokenizer.merge(doc[1:])
    return doc


def test_what_merges_tokens_is_off_in_scores_and_on_in_what_is_saved(tmp_path):
    nlp = whole_pipeline("tok2vec", tmp_path)
    nlp.add_pipe("tests_merge_all_but_one", "merging")
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=gold(spacy.blank("en"))).to_disk(tmp_path / "gold.spacy")
    data = tmp_path / "gold.spacy"
    rehead(str(tmp_path / "pipeline"), tmp_path, pipes=["tag"], train=data, dev=data)
    spacy_train(tmp_path / "rehead.cfg", tmp_path / "out", overrides={**STEPS, **QUICK})
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.pipe_names[-1] == "merging"
    assert trained.meta["performance"]["tag_acc"] > 0.5
    assert len(trained("Ann sees the ships")) == 2
    assert len(spacy.load(tmp_path / "pipeline")("Ann sees the ships")) == 2
