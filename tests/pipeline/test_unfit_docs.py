"""One doc that fails costs the error handler that doc, and no other doc its annotation."""

import os

import numpy
import pytest
import spacy
from all_components import build, gold_examples
from spacy.language import Language

TEXTS = ["The cat sees Ann .", "", "the bad cat", " \n", "Dogs sleep well", "the worse cat", "Go !"]
FIT = [text for text in TEXTS if "bad" not in text and "worse" not in text]


@Language.component("spoil_vectors")
def spoil_vectors(doc):
    if "worse" in doc.text:
        raise RuntimeError("worse")
    if "bad" in doc.text:
        doc.tensor = numpy.concatenate([doc.tensor[:1], doc.tensor])
    return doc


@pytest.fixture(scope="module")
def nlp():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    nlp.add_pipe("spoil_vectors", before="sent")
    return nlp


@pytest.mark.parametrize("n_process", [1, 2])
def test_it_alone_is_told_to_the_handler_and_left_out(nlp, n_process, capfd):
    listening = [name for name in nlp.pipe_names if name not in ("tok2vec", "spoil_vectors")]
    expected = [doc.to_json() for doc in nlp.pipe(FIT)]

    def tell(name, pipe, docs, error):
        texts = [doc.text for doc in docs]
        os.write(1, f"{name} {texts} {type(error).__name__}\n".encode())  # of its own process

    nlp.set_error_handler(tell)
    try:
        items = [(text, text) for text in TEXTS]
        found = list(nlp.pipe(items, as_tuples=True, batch_size=4, n_process=n_process))
    finally:
        nlp.set_error_handler(spacy.util.raise_error)
    assert [context for _, context in found] == FIT
    assert [doc.to_json() for doc, _ in found] == expected
    told = sorted(capfd.readouterr().out.splitlines())
    assert told == [
        f"{listening[0]} ['the bad cat'] ValueError",
        "spoil_vectors ['the worse cat'] RuntimeError",
    ]


def test_without_a_handler_it_raises(nlp):
    with pytest.raises(ValueError, match=r"a vector for each of 3 tokens, got 4: .* Put it behind"):
        list(nlp.pipe(["Go !", "the bad cat"]))
