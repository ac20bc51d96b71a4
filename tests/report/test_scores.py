"""Scores in three settings, of a pipeline whose answers are known."""

import pytest
import spacy
from conftest import make_docs
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_skd.layers.known import known_layers
from spacy_skd.report.scores import SETTINGS, read_docs, score, titles
from spacy_skd.training.conversion.multiwords import set_multiwords
from spacy_skd.training.conversion.sentence import Multiword


@pytest.fixture
def nlp(teacher):
    return spacy.load(teacher)


def test_gold_tokens_and_gold_sentences(nlp):
    """A pipeline that starts no sentence: right heads only where sentences are given."""
    references = make_docs(nlp)
    nlp.get_pipe("sent").task.layer.threshold = 1 - 1e-12
    found = {setting: score(nlp, references, setting=setting) for setting in SETTINGS}
    assert found["gold_sentences"]["sents_f"] == 1.0
    assert found["gold_sentences"]["dep_las"] == found["gold_sentences"]["all_las"] == 1.0
    assert found["predicted_sentences"]["sents_f"] < 1.0
    assert found["predicted_sentences"]["dep_las"] < 1.0
    assert "all_las" not in found["from_text"]


def test_from_text_takes_the_pipelines_own_tokens(nlp):
    words = ["Don't", "sleep"]
    reference = Doc(nlp.vocab, words, tags=["VB", "VB"], heads=[0, 0], deps=["ROOT", "dep"])
    assert score(nlp, [reference], setting="predicted_sentences")["tag_acc"] >= 0
    assert len(nlp.make_doc(reference.text)) == 3
    with pytest.raises(ValueError, match="setting: expected one of"):
        score(nlp, [reference], setting="none")


def test_from_text_is_the_treebanks_real_text(nlp):
    met = []
    nlp.add_pipe("sentencizer", name="meet")
    nlp._components[-1] = ("meet", lambda doc: met.append(doc.text) or doc)
    reference = Doc(nlp.vocab, ["Dogs", "sl", "eeep", "well"], tags=["NNS", "VBP", "VBP", "RB"],
                    spaces=[True, False, True, False])  # fmt: skip
    set_multiwords(reference, [Multiword(1, 3, "sleep", is_spelled=False)])
    found = [score(nlp, [reference], setting=setting) for setting in SETTINGS]
    assert met == ["Dogs sleeep well", "Dogs sleeep well", "Dogs sleep well"]
    assert found[-1]["tag_acc"] == pytest.approx(2 / 3), "the tag of the token is VBP_VBP"


def test_gold_tokens_have_the_norms_of_the_tokenizer(nlp):
    met = []
    nlp.add_pipe("sentencizer", name="meet")
    nlp._components[-1] = ("meet", lambda doc: met.append([t.norm_ for t in doc]) or doc)
    gold = Doc(nlp.vocab, ["Do", "n't", "go", "n't"], [False, True, True, False])
    for setting in ("predicted_sentences", "gold_sentences"):
        score(nlp, [gold], setting=setting)
    assert met == [["do", "not", "go", "n't"]] * 2


def test_punctuation_counts_in_all_las_alone(nlp):
    references = make_docs(nlp)
    wrong = 0
    for doc in references:
        for token in doc:
            if token.dep_ == "punct":
                token.dep_ = "p"
                wrong += 1
    found = score(nlp, references, setting="gold_sentences")
    total = sum(len(doc) for doc in references)
    assert found["all_uas"] == 1.0
    assert found["all_las"] == pytest.approx(1 - wrong / total)


def test_lemmas_and_categories_are_scored_where_gold_has_them_and_something_sets_them(nlp):
    references = make_docs(nlp)
    assert not {"lemma_acc", "cats_score"} & score(nlp, references, setting=SETTINGS[0]).keys()
    for doc in references:
        doc.cats = {"A": 1.0, "B": 0.0}
        for token in doc:
            token.lemma_ = "be"
    nlp.add_pipe("attribute_ruler")  # which is scored for lemmas, and sets none
    assert not {"lemma_acc", "cats_score"} & score(nlp, references, setting=SETTINGS[0]).keys()
    nlp.get_pipe("attribute_ruler").add([[{}]], {"LEMMA": "be"})
    nlp.add_pipe("textcat").initialize(
        lambda: [Example(nlp.make_doc(d.text), d) for d in references]
    )
    for setting in SETTINGS:
        found = score(nlp, references, setting=setting)
        assert found["lemma_acc"] == 1.0
        assert 0 <= found["cats_score"] <= 1
    assert list(titles().items())[-2:] == [("lemma_acc", "LEMMA"), ("cats_score", "CATS score")]


def test_scores_of_other_kinds_have_other_names():
    """The page has both spaCy's scores and the F1 of facts, of categories another than spaCy's."""
    doc = Doc(spacy.blank("en").vocab, ["Go"])
    doc.cats = {"A": 1.0, "B": 0.0}
    facts = {title for layer in known_layers() for title in layer.facts(doc)}
    assert "CATS" in facts
    assert titles()["cats_score"] not in facts


def test_docs_are_read_or_missed_by_name(nlp, tmp_path):
    DocBin(docs=make_docs(nlp)).to_disk(tmp_path / "some.spacy")
    assert len(read_docs(tmp_path / "some.spacy", nlp)) == 6
    DocBin().to_disk(tmp_path / "none.spacy")
    with pytest.raises(ValueError, match="none.spacy: expected docs, found none"):
        read_docs(tmp_path / "none.spacy", nlp)
    (tmp_path / "junk.spacy").write_text("junk")
    lacking = DocBin(docs=make_docs(nlp))
    lacking.strings = set()
    lacking.to_disk(tmp_path / "lacking.spacy")
    for name in ("junk", "lacking"):  # spaCy's errors name no file, and may be of any kind
        with pytest.raises(ValueError, match=f"{name}.spacy: expected docs as spaCy's DocBin"):
            read_docs(tmp_path / f"{name}.spacy", spacy.blank("en"))
