"""Which heads there are, in which places, and what is refused before anything is trained."""

import pytest
import spacy
from stock_pipelines import PIPELINES, tagger_model, transition_model

from spacy_skd.training.configs.heads import plan_heads

LABELS = {
    "tagger": ["NN"],
    "morphologizer": ["POS=NOUN|Number=Sing", "POS=VERB"],
    "parser": ["nsubj"],
    "ner": ["PER"],
}


def pipeline(*factories, own=()):
    """Not trained, on a tok2vec. own: those with a tok2vec in themselves."""
    nlp = spacy.blank("en")
    for factory in factories:
        name, _, factory = factory.rpartition("=")
        config = {}
        if factory in ("tagger", "morphologizer", "senter"):
            config = {"model": tagger_model(shared=factory not in own, normalize=False)}
        elif factory in ("parser", "ner") and factory not in own:
            config = {"model": transition_model(factory)}
        elif factory == "tok2vec":
            config = {"model": {"@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 1,
                                "embed_size": 300, "window_size": 1, "maxout_pieces": 2,
                                "subword_features": False,
                                "pretrained_vectors": None}}  # fmt: skip
        pipe = nlp.add_pipe(factory, name or factory, config=config)
        for label in LABELS.get(factory, ()):
            pipe.add_label(label)
    return nlp


def test_by_default_all_that_a_head_can_replace():
    nlp = pipeline("tok2vec", "tagger", "morphologizer", "senter", "parser", "ner", "entity_ruler")
    plan = plan_heads(nlp)
    assert plan.pipeline == [
        "tok2vec", "tagger", "pos", "morph", "senter", "parser", "ner", "entity_ruler"
    ]  # fmt: skip
    assert plan.kept == ["tok2vec", "entity_ruler"]
    assert plan.layers == ["sent", "tag", "pos", "morph", "parser", "ents"]


def test_without_labels_a_component_is_kept():
    nlp = pipeline("tok2vec", "tagger", "morphologizer", "ner")
    plan = plan_heads(nlp, labelled=["tag", "pos"])
    assert plan.pipeline == ["tok2vec", "tagger", "morphologizer", "ner"]
    assert [head.name for head in plan.heads] == ["tagger"]
    with pytest.raises(ValueError, match="'ner' would learn the layer 'ents'"):
        plan_heads(nlp, pipes=["ner"], labelled=["tag"])
    with pytest.raises(ValueError, match="there are labels of none"):
        plan_heads(nlp, labelled=["sent"])


@pytest.mark.parametrize("asked", [["tag", "parser", "ents"], ["ner", "tagger", "parser"]])
def test_components_are_asked_by_name_or_by_layer(asked):
    nlp = pipeline("tok2vec", "tagger", "senter", "parser", "ner")
    plan = plan_heads(nlp, pipes=asked)
    assert [head.name for head in plan.heads] == ["tagger", "parser", "ner"] or asked[0] == "ner"
    assert plan.pipeline == ["tok2vec", "tagger", "senter", "parser", "ner"]
    assert plan.kept == ["tok2vec", "senter"]


@pytest.mark.parametrize(
    ("factories", "expected"),
    [
        (["parser"], ["sent", "parser"]),
        (["tagger", "parser", "senter"], ["tagger", "senter", "parser"]),
        (["sentencizer", "parser"], ["sentencizer", "parser"]),
        (["parser", "sentencizer"], ["sent", "parser", "sentencizer"]),
        (["senter", "tagger", "parser"], ["senter", "tagger", "parser"]),
        (["tagger"], ["sent", "parser", "tagger"]),
    ],
)
def test_something_before_the_trees_sets_sentences(factories, expected):
    assert plan_heads(pipeline("tok2vec", *factories), pipes=["parser"]).pipeline[1:] == expected


def test_a_disabled_senter_gives_its_name_to_the_head_of_sentences():
    nlp = pipeline("tok2vec", "tagger", "parser", "senter")
    nlp.disable_pipe("senter")
    plan = plan_heads(nlp)
    assert plan.pipeline == ["tok2vec", "tagger", "senter", "parser"]
    assert "senter" not in plan.kept


def test_what_comes_before_the_embedding_or_after_another_listens_all_the_same():
    nlp = pipeline("ner", "tok2vec", "tagger", "other=tok2vec", "senter", own=["ner"])
    plan = plan_heads(nlp)
    assert plan.pipeline == ["tok2vec", "ner", "tagger", "senter", "other"]


def test_of_two_components_of_a_layer_one_is_replaced():
    nlp = pipeline("first=ner", "tok2vec", own=["ner"])
    nlp.add_pipe("ner", "second", config={"model": transition_model("ner")}).add_label("PER")
    plan = plan_heads(nlp)
    assert plan.pipeline == ["first", "tok2vec", "second"]
    assert [head.name for head in plan.heads] == ["second"]
    with pytest.raises(ValueError, match="both annotate the layer 'ents'"):
        plan_heads(nlp, pipes=["first", "second"])


def test_a_pipeline_of_an_embedding_alone_gets_new_heads():
    assert plan_heads(pipeline("tok2vec")).pipeline == ["tok2vec", "sent", "tag", "pos", "parser"]
    plan = plan_heads(pipeline("tok2vec"), labelled=["sent", "tag"])
    assert plan.pipeline == ["tok2vec", "sent", "tag"]


def test_what_no_head_does_and_names_that_are_taken():
    nlp = pipeline("tok2vec", "tagger", "spancat", "tag=sentencizer")
    with pytest.raises(ValueError, match="no head does what the pipeline's 'spancat' does"):
        plan_heads(nlp, pipes=["spancat"])
    nlp = pipeline("tok2vec", "ents=sentencizer")
    with pytest.raises(ValueError, match="no head does what the pipeline's 'ents' does"):
        plan_heads(nlp, pipes=["ents"])
    nlp = pipeline("tok2vec", "sent=tagger", "parser")
    assert plan_heads(nlp, pipes=["parser"]).pipeline == ["tok2vec", "sent_head", "sent", "parser"]
    nlp.add_pipe("sentencizer", "sent_head", last=True)
    with pytest.raises(ValueError, match="'sent_head' has the name of a head"):
        plan_heads(nlp, pipes=["parser"])


def test_a_transformer_is_preferred_to_a_tok2vec(tmp_path):
    nlp = PIPELINES["curated"](tmp_path)
    nlp.add_pipe("tok2vec", first=True)
    assert plan_heads(nlp).embedding == "trf"
