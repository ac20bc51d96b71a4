"""Which layers there are, and which of them docs have."""

import catalogue
import pytest
import spacy
from all_components import gold_docs
from conftest import make_docs
from spacy.tokens import Doc

from spacy_skd.layers import LAYERS as LAYER_REGISTRY
from spacy_skd.layers.known import (
    annotated_layers,
    corpus_names,
    find_layer,
    labelled_layers,
    layer_classes,
)
from spacy_skd.layers.token_layer import TokenLayer

LAYERS = ("sent", "tag", "pos", "morph", "parser", "ents", "spans:sc", "spans:other")


def test_layers_that_docs_have():
    docs = gold_docs(spacy.blank("en"))
    assert annotated_layers(docs, LAYERS) == [
        "sent", "tag", "pos", "morph", "parser", "ents", "spans:sc"
    ]  # fmt: skip
    nlp = spacy.blank("en")
    assert annotated_layers([nlp("Go !")], LAYERS) == []
    assert annotated_layers([nlp("Go !"), docs[0]], ["ents", "tag"]) == ["ents", "tag"]


def test_layers_that_docs_have_labels_of():
    nlp = spacy.blank("en")
    assert labelled_layers(gold_docs(nlp)) == corpus_names()
    assert labelled_layers(make_docs(nlp)) == ["sent", "tag", "pos", "parser"]
    words = ["Go", "home"]
    outside = Doc(nlp.vocab, words, ents=["O", "O"], morphs=["_", "_"], pos=["VERB", ""])
    assert labelled_layers([outside]) == ["pos"]
    assert labelled_layers([Doc(nlp.vocab, words, sent_starts=[True, False])]) == ["sent"]
    assert labelled_layers([nlp("Go !")]) == []


def test_a_layer_that_does_not_exist():
    with pytest.raises(ValueError, match="layers: expected one of tag, pos, .*, got 'tags'"):
        find_layer("tags", setting="layers")
    with pytest.raises(ValueError, match="got 'tag:key'"):
        find_layer("tag:key")
    assert find_layer("spans:key").full_name == "spans:key"


def test_installed_layers_are_looked_up_once_and_registered_ones_are_found_at_once(monkeypatch):
    before = layer_classes()
    monkeypatch.setattr(catalogue, "AVAILABLE_ENTRY_POINTS", None)  # whoever asks fails
    assert layer_classes() == before

    class Mood(TokenLayer):
        name = "mood"

    LAYER_REGISTRY.register("mood", func=Mood)
    try:
        assert layer_classes() == {**before, "mood": Mood}
        assert isinstance(find_layer("mood"), Mood)
    finally:
        catalogue.REGISTRY.pop((*LAYER_REGISTRY.namespace, "mood"))
    assert layer_classes() == before


def test_a_layer_by_another_name_than_its_own():
    class Mood(TokenLayer):
        name = "moods"

    registry = catalogue.REGISTRY
    LAYER_REGISTRY.register("mood", func=Mood)
    try:
        with pytest.raises(ValueError, match="Mood is registered as 'mood', but its `name` is 'm"):
            find_layer("tag")
    finally:
        registry.pop((*LAYER_REGISTRY.namespace, "mood"))
    assert find_layer("tag").name == "tag"
