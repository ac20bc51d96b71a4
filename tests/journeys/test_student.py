"""The student that the README's commands made, under what spaCy's users do with a pipeline."""

import pickle

import pytest
import spacy
from journeys.predictions import best, said, says, scores, texts, wrapped
from spacy import displacy
from spacy.tokens import DocBin
from spacy.util import load_model_from_config

NAMES = ["tok2vec", "senter", "tagger", "pos", "morph", "parser", "ner", "spancat",
         "attribute_ruler", "lemmatizer", "entity_ruler"]  # fmt: skip
BROKEN = [
    "",
    " ",
    "\n\n",
    "\t \u00a0\n",
    " Ann saw a ship.",
    "Ann saw a ship. \n",
    "\u200b",
    "!" * 70,
]


@pytest.fixture(scope="module")
def student(made):
    return best(made)


def test_it_has_learnt_what_its_teacher_does(made, student):
    assert student.pipe_names == NAMES
    found = scores(student, made / "dev.spacy")
    assert found["tag_acc"] > 0.9
    assert found["pos_acc"] > 0.9
    assert found["morph_acc"] > 0.8
    assert found["dep_las"] > 0.5
    assert found["ents_f"] > 0.25


def test_what_was_taken_over_works(student):
    doc = student("Ann painted ten miles.")
    assert ("ten miles", "DISTANCE") in [(ent.text, ent.label_) for ent in doc.ents]
    assert doc[1].lemma_ == "paint"
    assert doc[2].pos_ == "NUM"


def test_it_says_the_same_one_by_one_in_batches_and_in_processes(made, student):
    given = texts(made)
    alone = [said(student(text)) for text in given]
    assert says(student, given) == alone
    assert says(student, given, batch_size=2) == alone
    assert says(student, given, n_process=2, batch_size=3) == alone


def test_it_is_the_same_after_bytes_a_pickle_and_the_disk(made, student, tmp_path):
    given = texts(made)
    expected = says(student, given)
    again = load_model_from_config(student.config, auto_fill=True).from_bytes(student.to_bytes())
    assert says(again, given) == expected
    assert says(pickle.loads(pickle.dumps(student)), given) == expected
    student.to_disk(tmp_path / "saved")
    assert says(spacy.load(tmp_path / "saved"), given) == expected


def test_components_can_be_chosen(made, student):
    given = texts(made)
    folder = made / "out" / "model-best"
    tags = [[row[1] for row in words] for words, *_ in says(student, given)]
    chosen = (
        {"enable": ["tok2vec", "tagger"]},
        {"exclude": ["ner", "spancat"]},
        {"disable": ["ner"]},
    )
    for settings in chosen:
        found = spacy.load(folder, **settings)
        assert [[t.tag_ for t in doc] for doc in found.pipe(given)] == tags, settings
    with student.select_pipes(enable=["tok2vec", "tagger"]):
        assert [[t.tag_ for t in doc] for doc in student.pipe(given)] == tags
        assert not any(doc.ents for doc in student.pipe(given))
    assert any(doc.ents for doc in student.pipe(given))


def test_without_sentence_starts_a_parser_cuts_at_punctuation(made):
    nlp = spacy.load(made / "out" / "model-best", enable=["tok2vec", "tagger", "parser"])
    doc = nlp("Ann saw a ship. Ben liked Oslo! The cat found a song.")
    assert [sent.text for sent in doc.sents] == [
        "Ann saw a ship.", "Ben liked Oslo!", "The cat found a song."]  # fmt: skip


def test_docs_travel(made, student, tmp_path):
    docs = list(student.pipe(texts(made)))
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "docs.spacy")
    read = DocBin().from_disk(tmp_path / "docs.spacy").get_docs(spacy.blank("en").vocab)
    assert [said(doc) for doc in read] == [said(doc) for doc in docs]
    assert docs[0].from_json(docs[0].to_json()).text == docs[0].text


def test_displacy_draws_it(student):
    doc = student("Ann Baker saw a ship in Oslo. Ben liked it!")
    assert "<svg" in displacy.render(doc, style="dep", page=False, jupyter=False)
    assert "entit" in displacy.render(doc, style="ent", page=False, jupyter=False)
    assert "<div" in displacy.render(doc, style="span", page=False, jupyter=False)


def test_a_memory_zone_leaves_no_words(made):
    nlp = best(made)
    given = texts(made)
    expected = says(nlp, given)
    with nlp.memory_zone():
        seen = says(nlp, [f"{text} Zork{i} saw a quork{i}." for i, text in enumerate(given)])
        assert "Zork3" in nlp.vocab.strings
    assert len(seen) == len(given)
    assert not [i for i in range(len(given)) if f"Zork{i}" in nlp.vocab.strings]
    assert says(nlp, given) == expected


@pytest.mark.parametrize("text", BROKEN)
def test_text_without_words_or_of_odd_ones(student, text):
    doc = student(text)
    assert doc.text == text
    assert [said(doc)] == says(student, [text])


def test_very_long_text(made, student):
    text = " ".join(texts(made, 60)) + " "
    doc = student(text * 4)
    assert len(doc) > 3000
    assert all(t.tag_ and t.dep_ for t in doc)
    assert len(list(doc.sents)) > 10


def test_white_space_is_no_part_of_a_structure(made, student):
    doc = student(wrapped(made))
    spaces = [token for token in doc if token.is_space]
    assert len(spaces) > 20
    for span in (*doc.ents, *doc.spans["sc"]):
        assert not span[0].is_space
        assert not span[-1].is_space
    for token in spaces:
        assert token.head is not token
        assert not list(token.children)
        assert not token.is_sent_start
        assert (token.tag_, token.pos_, token.dep_) == ("_SP", "SPACE", "dep")
        assert token.lemma_ == token.text


def test_white_space_changes_nothing_else(made, student):
    """Words are the same in lines and in one line, as far as the encoder sees them so."""
    text = "\n\nAnn Baker saw a ship in Oslo.\n"
    doc = student(text)
    (first, *_) = [token for token in doc if not token.is_space]
    assert doc[0].head == first
    blank = student("\n")
    assert blank[0].head == blank[0]
