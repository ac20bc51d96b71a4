"""Components as stock ones: the same predictions, and what cannot be exported."""

import subprocess
import sys

import numpy
import pytest
import spacy
from conftest import LISTENER as OUR_LISTENER
from conftest import TOK2VEC, gold_examples
from spacy.tokens import Doc
from stock_pipelines import EMBED, LISTENER, WITHOUT_THE_PACKAGE, stock_examples

from spacy_skd.pipeline.stock_pipes import make_stock

TEXTS = [
    "The cat sees Ann . Dogs sleep well",
    "Go ! She gave him the book . Ann sleeps",
    "unseen words , n't well the the",
    "x",
    "",
]
LAYERS = ("sent", "tag", "pos", "morph")
STOCK = {"sent": "senter", "tag": "tagger", "pos": "morphologizer", "morph": "morphologizer"}
FAST = {
    "@architectures": "spacy-skd.Tok2Vec.v1",
    "embed": TOK2VEC["embed"],
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    },
}


def build(tok2vec=EMBED, *, shared=True, layers=LAYERS, **settings):
    """Taggers of some layers that have learnt a little and are then moved at random, so that they
    say something of every word. settings: of the component of the same name."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    width = 16 if tok2vec is EMBED else 32
    if shared:
        nlp.add_pipe("tok2vec", config={"model": tok2vec})
    listener = {**LISTENER, "width": width} if shared else tok2vec
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": listener}
    for layer in layers:
        config = {"layer": layer, "model": model, **settings.get(layer, {})}
        nlp.add_pipe("distilling_tagger", layer, config=config)
    examples = stock_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    rng = numpy.random.default_rng(0)
    for layer in layers:
        output = nlp.get_pipe(layer).model.get_ref("output_layer")
        for name in ("W", "b"):
            param = output.get_param(name)
            output.set_param(name, rng.normal(size=param.shape).astype("float32"))
    return nlp


def said(nlp):
    docs = nlp.pipe(TEXTS)
    return [
        [(t.tag_, t.pos_, str(t.morph), t.is_sent_start) for t in doc]
        for doc in docs
    ]  # fmt: skip


def distinct(nlp):
    return [len({row[i] for doc in said(nlp) for row in doc}) for i in range(4)]


@pytest.mark.parametrize("tok2vec", [EMBED, FAST], ids=["stock", "fast"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("order", [LAYERS, LAYERS[::-1]])
def test_predictions_are_the_same(tmp_path, tok2vec, shared, order):
    nlp = build(tok2vec, shared=shared, layers=order)
    before = said(nlp)
    assert min(distinct(nlp)) > 1
    found = make_stock(nlp)
    expected = {layer: STOCK[layer] for layer in order}
    if tok2vec is FAST and shared:
        expected["tok2vec"] = "tok2vec"
    assert (found.exported, found.kept) == (expected, {})
    assert said(nlp) == before
    nlp.to_disk(tmp_path / "stock")
    loaded = spacy.load(tmp_path / "stock")
    assert said(loaded) == before
    assert "spacy-skd" not in (tmp_path / "stock" / "config.cfg").read_text()
    assert {nlp.get_pipe_meta(layer).factory for layer in order} == set(STOCK.values())


@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.3, 0.9])
def test_the_threshold_of_sentence_starts_is_in_the_weights(threshold):
    nlp = build(layers=("sent",), sent={"threshold": threshold, "max_length": 0})
    other = build(layers=("sent",), sent={"threshold": 1 - threshold, "max_length": 0})
    assert said(nlp) != said(other)
    before = said(nlp)
    assert make_stock(nlp).notes == []
    assert said(nlp) == before


def test_a_senter_does_not_cut_long_sentences_and_says_so():
    nlp = build(layers=("sent",), sent={"max_length": 3})
    assert "more than 3 tokens" in make_stock(nlp).notes[0]


@pytest.mark.parametrize("overwrite", [True, False])
def test_annotation_that_is_there_is_kept_or_not_as_before(overwrite):
    layers = ("tag", "pos")
    settings = {layer: {"overwrite": overwrite} for layer in layers}
    nlp = build(layers=layers, **settings)
    words = TEXTS[0].split()

    def annotated():
        doc = Doc(nlp.vocab, words, tags=["NN"] * 4 + [""] * 4, pos=["X"] * 4 + [""] * 4)
        doc[0].set_morph("Number=Plur")
        return [(t.tag_, t.pos_, str(t.morph)) for t in nlp(doc)]

    before = annotated()
    make_stock(nlp)
    assert annotated() == before
    assert (before[0][:2] == ("NN", "X")) != overwrite


def test_morphologizers_that_would_not_be_the_same_are_kept():
    nlp = build(layers=("pos", "morph"), morph={"overwrite": True})
    assert "overwrite" in make_stock(nlp).kept["morph"]
    assert nlp.get_pipe_meta("morph").factory == "distilling_tagger"
    nlp = build(layers=("morph",))
    nlp.get_pipe("morph").cfg["labels"] = ["A=1|B=2", "B=2|A=1", "_"]
    assert "another order" in make_stock(nlp).kept["morph"]


def test_what_has_no_stock_counterpart_is_kept_by_name(teacher):
    nlp = spacy.load(teacher)
    chain = {
        "@architectures": "spacy-skd.ChainScorer.v1",
        "tok2vec": OUR_LISTENER,
    }
    nlp.add_pipe("distilling_tagger", "ner", config={"layer": "ents", "model": chain})
    examples = gold_examples(nlp)
    nlp.get_pipe("ner").initialize(lambda: examples, nlp=nlp, labels=["PER"])
    before = said(nlp)
    nlp.disable_pipe("pos")
    found = make_stock(nlp)
    assert found.exported == {"sent": "senter", "tag": "tagger", "pos": "morphologizer"}
    assert found.kept.keys() == {"tok2vec", "parser", "ner"}
    assert "SpanningTrees" in found.kept["parser"]
    assert "LinearChain" in found.kept["ner"]
    assert "spacy-skd.ContextEncoder.v1" in found.kept["tok2vec"]
    assert nlp.disabled == ["pos"]
    nlp.enable_pipe("pos")
    assert said(nlp) == before


def test_settings_of_training_name_nothing_of_the_package():
    nlp = build(layers=("tag",))
    reader = {"@readers": "spacy-skd.DistillationCorpus.v1", "path": "x", "store": None}
    nlp.config["corpora"] = {"train": reader, "dev": {"@readers": "spacy.Corpus.v1", "path": "d"}}
    nlp.config["training"]["before_to_disk"] = {"@callbacks": "spacy-skd.drop_teacher.v1"}
    nlp.config["initialize"]["components"] = {"tag": {"labels": ["A"]}}
    own = {"@callbacks": "own.v1"}  # of the teacher, whom the student has it of
    cache = {"@callbacks": "spacy-skd.tokenizer_cache.v1", "size": 10, "first": own}
    nlp.config["nlp"]["after_creation"] = cache
    make_stock(nlp)
    assert nlp.config["corpora"]["train"]["@readers"] == "spacy.Corpus.v1"
    assert nlp.config["corpora"]["train"]["path"] == "x"
    assert nlp.config["corpora"]["dev"]["path"] == "d"
    assert nlp.config["training"]["before_to_disk"] is None
    assert nlp.config["nlp"]["after_creation"] == own
    assert nlp.config["initialize"]["components"] == {}


def test_it_loads_where_the_package_is_not_installed(tmp_path):
    nlp = build()
    make_stock(nlp)
    nlp.to_disk(tmp_path / "stock")
    command = [sys.executable, "-c", WITHOUT_THE_PACKAGE, str(tmp_path / "stock"), *TEXTS]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == [str(doc) for doc in said(nlp)]
