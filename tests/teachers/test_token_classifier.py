"""A token classifier of transformers as a teacher: against the model itself, and as far as a
student's config."""

import numpy
import pytest
import spacy
from classifiers import IOB, classifier
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.cli.init import init
from spacy_skd.codecs.bioes import decode_spans
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.teachers.token_classifier import Reading, load_classifier
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.outside import Outside

LONG = "Ann saw ships in  Oslo. " * 6 + "Bo sees 10km."
NARROW = 14


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    return classifier(tmp_path_factory.mktemp("narrow") / "model", positions=NARROW)


def log_softmax(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(axis=-1, keepdims=True))


def by_hand(folder, doc):
    """(tokens, labels) of the model's own outputs, window by window, each of the 12 pieces that fit
    beside [CLS] and [SEP], 6 of them new."""
    import torch
    from transformers import BertForTokenClassification, BertTokenizerFast

    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = BertForTokenClassification.from_pretrained(folder).eval()
    found = tokenizer(doc.text, add_special_tokens=False, return_offsets_mapping=True)
    pieces, offsets = found["input_ids"], found["offset_mapping"]
    rows = numpy.full((len(doc), len(IOB)), numpy.nan)
    depths = [-1.0] * len(doc)
    start = 0
    while True:
        window = pieces[start : start + NARROW - 2]
        ids = [tokenizer.cls_token_id, *window, tokenizer.sep_token_id]
        with torch.inference_mode():
            scores = model(torch.tensor([ids])).logits[0].numpy()
        is_last = start + len(window) == len(pieces)
        for token in doc:
            at = [i for i, (a, b) in enumerate(offsets) if a <= token.idx < b]
            if at and start <= at[0] < start + len(window):
                left = at[0] - start if start else numpy.inf
                right = numpy.inf if is_last else start + len(window) - 1 - at[0]
                if min(left, right) > depths[token.i]:
                    depths[token.i] = min(left, right)
                    rows[token.i] = log_softmax(scores[1 + at[0] - start])
        if is_last:
            return rows
        start += (NARROW - 2) - (NARROW - 2) // 2


def test_each_word_is_read_at_its_first_piece_where_it_stands_most_inside(narrow):
    nlp = spacy.blank("en")
    docs = [nlp(text) for text in (LONG, "Ann sees Oslo", "")]
    source = load_classifier(str(narrow), Reading(), nlp)
    beliefs = source.believe(docs)
    for doc, belief in zip(docs[:2], beliefs):
        words = [token.i for token in doc if not token.is_space]
        expected = by_hand(narrow, doc)[words]
        assert belief.labels == IOB
        # "10km" is two words and one of the model's, so the first piece of "km" is "##k".
        assert numpy.allclose(log_softmax(belief.scores), expected, atol=1e-4)
    assert len(beliefs[2].scores) == 0


def test_a_folder_of_its_beliefs_makes_a_student(tmp_path):
    """By the commands; the guess is the best legal sequence."""
    folder = classifier(tmp_path / "model")
    text, store = tmp_path / "a.txt", tmp_path / "store"
    text.write_text("Ann saw Oslo\nBo sees a ship in Oslo .\n")
    found = CliRunner().invoke(skd, ["annotate", f"hf:{folder}", str(text), str(store)])
    assert found.exit_code == 0, found.output
    beliefs = BeliefStore(store)
    assert beliefs.manifest.layers == {"ents": "ents"}
    (name,) = beliefs.names(labelled=False)
    docs = list(beliefs.read(name).get_docs(spacy.blank("en").vocab))
    for doc in docs:
        belief = beliefs.belief(read_beliefs(doc.user_data), "ents", doc)
        best = decode_spans(belief.best(k=1).named(0))
        assert [(ent.start, ent.end, ent.label_) for ent in doc.ents] == best
    assert any(doc.ents for doc in docs)
    config, plan = init(f"hf:{folder}", preset="tiny", store=str(store))
    assert [student.layer for student in plan.students] == ["ents"]
    assert config["components"]["teacher"]["teacher"] is None
    assert init(str(store), preset="tiny")[0].to_str() == config.to_str()
    with pytest.raises(ValueError, match="expected --store"):
        init(f"hf:{folder}")
    with pytest.raises(ValueError, match="expected the beliefs of hf:another"):
        init("hf:another", store=str(store))
    # Another reading of the labels is another run.
    with pytest.raises(ValueError, match="another run"):
        annotate(f"hf:{folder}", [str(text)], store, outside=Outside(Reading(scheme="iob1")))


def test_labels_of_words_are_a_layer_of_theirs(tmp_path):
    folder = classifier(tmp_path / "model", ["NOUN", "VERB", "DET"])
    text = tmp_path / "a.txt"
    text.write_text("Ann saw Oslo\n")
    pos = Outside(Reading("pos"))
    assert annotate(f"hf:{folder}", [str(text)], tmp_path / "out", outside=pos).layers == {
        "pos": "pos"
    }
    with pytest.raises(ValueError, match="expected IOB labels .*'NOUN'.* --layer pos"):
        annotate(f"hf:{folder}", [str(text)], tmp_path / "none")
    with pytest.raises(ValueError, match="has its own"):
        annotate("path", [str(text)], tmp_path / "none", outside=pos)
    with pytest.raises(ValueError, match="layer: expected one of spans or of words"):
        Reading("parser")


def test_what_is_no_classifier_is_refused(tmp_path):
    from transformers import BertModel

    folder = classifier(tmp_path / "model")
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match="there is no folder"):
        load_classifier(str(tmp_path / "none"), Reading(), nlp)
    BertModel.from_pretrained(folder).save_pretrained(folder)  # without the head
    with pytest.raises(ValueError, match="no weights for classifier.bias"):
        load_classifier(str(folder), Reading(), nlp)
