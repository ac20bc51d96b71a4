"""Which slices facts fall into."""

import pytest
import spacy
from conftest import make_docs
from spacy.tokens import Doc

from spacy_skd.layers.known import find_layer
from spacy_skd.report.slices import Slices, order_of, seen_in, value_of


def slices_of(doc, name, *, title, keys=(), seen=None):
    layer = find_layer(name)
    of_doc = Slices(keys, seen=seen).of(doc)
    return [set(of_doc(layer, title, fact)) for fact in layer.facts(doc)[title]]


def test_slices_by_hand():
    doc = make_docs(spacy.blank("en"))[0]  # The cat sees Ann . Dogs sleep well
    doc.user_data["meta"] = {"genre": "pets", "year": 7}
    found = slices_of(doc, "parser", title="LAS", keys=["genre", "year"], seen={"LAS": {"cat"}})
    common = {("genre", "pets"), ("year", "7"), ("sentence length", "1 to 10")}
    assert found[0] == common | {("in training", "unseen"), ("arc length", "1")}
    assert found[1] == common | {("in training", "seen"), ("arc length", "1")}
    assert found[2] == common | {("in training", "unseen"), ("arc length", "root")}
    (first, second) = slices_of(doc, "sent", title="SENTS", keys=["genre"])
    assert first == second == {("genre", "pets")}, "a sentence has no length beside its own"


def test_sentences_of_some_lengths_and_texts_without_any():
    words = ["w"] * 32
    starts = [i in (0, 11) for i in range(32)]
    doc = Doc(spacy.blank("en").vocab, words, tags=words, sent_starts=starts)
    found = slices_of(doc, "tag", title="TAG")
    assert found[10] == {("sentence length", "11 to 20")}
    assert found[11] == {("sentence length", "21 to 40")}
    doc = Doc(doc.vocab, words, tags=words)
    assert slices_of(doc, "tag", title="TAG")[0] == {("text length", "21 to 40")}


def test_what_is_said_of_a_doc():
    doc = spacy.blank("en").make_doc("Go !")
    doc.user_data["meta"] = {"genre": "web"}
    doc.user_data["source"] = "mail"
    doc.cats = {"A": 0.2, "B": 0.8}
    if not Doc.has_extension("report_test"):
        Doc.set_extension("report_test", default=None)
    doc._.report_test = 3
    found = [value_of(doc, k) for k in ("genre", "source", "category", "report_test", "other")]
    assert found == ["web", "mail", "B", "3", ""]
    with pytest.raises(ValueError, match="slice 'other'.*category, genre, report_test, source"):
        Slices(["other"]).check([doc])
    Slices(["genre"]).check([doc.copy(), spacy.blank("en").make_doc("Go")])


def test_of_many_values_the_most_frequent_stand_alone():
    """A key of ids, say, has as many as there are docs."""
    docs = []
    for i in [*range(60), *range(49)]:
        docs.append(spacy.blank("en").make_doc("Go !"))
        docs[-1].user_data["id"] = f"doc {i}"
    slices = Slices(["id"])
    slices.check(docs)
    found = [slices.of(doc).of_doc for doc in docs[:60]]
    assert found[48] == [("id", "doc 48")]
    assert len({value for ((_, value),) in found}) == 51
    assert found[55] == found[59] == [("id", "10 rarer")]


def test_what_training_had():
    seen = seen_in(make_docs(spacy.blank("en"))[:1])
    assert seen["TAG"] == {"The", "cat", "sees", "Ann", ".", "Dogs", "sleep", "well"}
    assert "." not in seen["LAS"]
    assert "SENTS" not in seen


def test_values_are_in_the_order_of_lengths():
    values = ["10 or more", "unseen", "2", "41 or more", "root", "x", "seen", "1 to 10"]
    in_order = ["seen", "unseen", "1 to 10", "41 or more", "root", "2", "10 or more", "x"]
    assert sorted(values, key=order_of) == in_order
