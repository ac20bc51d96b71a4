import pytest
import spacy
from treebanks import GOOD, write

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import make_doc, split_documents


def test_long_documents_are_cut_into_even_pieces(tmp_path):
    sentences = list(read_conllu(write(tmp_path, GOOD)))[:1] * 11
    pieces = list(split_documents(sentences, sentences_per_doc=10))
    assert [len(piece) for piece in pieces] == [5, 6]
    assert [len(p) for p in split_documents(sentences, sentences_per_doc=10, max_words=9)] == [
        3, 2, 3, 3,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="sentences_per_doc"):
        list(split_documents(sentences, sentences_per_doc=0))


def test_every_annotation_is_set(tmp_path):
    sentences = list(read_conllu(write(tmp_path, GOOD)))
    doc = make_doc(spacy.blank("fr").vocab, sentences, with_morphs=True, with_entities=True)
    assert doc.text == "Go home! dele "
    assert [t.head.i for t in doc] == [0, 0, 0, 4, 4]
    assert [t.dep_ for t in doc] == ["ROOT", "advmod", "punct", "case", "ROOT"]
    assert [t.is_sent_start for t in doc] == [True, False, False, True, False]
    assert str(doc[0].morph) == "Mood=Imp"
    assert [(e.text, e.label_) for e in doc.ents] == [("le", "ORG")]
