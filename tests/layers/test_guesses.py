"""Layers of old stores, told by names and labels."""

from spacy_skd.layers.guesses import guess_layer
from spacy_skd.transfer.beliefs import Form


def form(*labels, kind="tokens"):
    return Form(kind, None, labels)


def test_what_a_component_annotates_follows_from_its_name_and_labels():
    found = {
        "parser": form("nsubj", kind="trees"),
        "beam": form("nsubj", kind="listed trees"),
        "x": form("O", "B-PER", "I-PER"),
        "ner": form("PER", kind="segments"),
        "spancat": form("O", "B-PER", kind="chain"),
        "y": form("I", "S"),
        "tag": form("NOUN", "VERB"),
        "z": form("NOUN", "VERB"),
        "w": form("_", "Number=Sing"),
        "v": form("_", "Number=Sing|POS=NOUN"),
        "m.pos": form("NOUN"),
        "m.morph": form("_"),
        "u": form("NN", "VBZ"),
    }
    expected = "parser parser ents ents spans sent tag pos morph morphologizer pos morph tag"
    assert [guess_layer(pipe, found[pipe]) for pipe in found] == expected.split()
