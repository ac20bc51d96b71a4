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


@pytest.mark.parametrize(
    ("forms", "has_space"),
    [(["Go", "!"], True), (["\u8001\u5e08", "\u770b", "\u3002"], False), (["ab", "\u732b"], False)],
)
def test_a_gap_is_a_space_but_where_a_script_has_none(tmp_path, forms, has_space):
    rows = [f"{i}\t{form}{chr(9)}_\tX\t_\t_\t0\troot\t_\tSpaceAfter=No" if i == 1 else
            f"{i}\t{form}{chr(9)}_\tX\t_\t_\t1\tdep\t_\tSpaceAfter=No"
            for i, form in enumerate(forms, start=1)]  # fmt: skip
    (sentence,) = read_conllu(write(tmp_path, "\n".join(rows) + "\n\n"))
    assert sentence.spaces == [False] * len(forms)
    assert sentence.before_gap().spaces == [False] * (len(forms) - 1) + [has_space]
