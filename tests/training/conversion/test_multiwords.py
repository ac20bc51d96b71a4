"""Multiword tokens: which are merged, and how they are annotated."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.converters import conllu_to_docs
from treebanks import write

from spacy_skd.shards.store import KEY as BELIEFS
from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import make_doc
from spacy_skd.training.conversion.multiwords import (
    KEY,
    count_not_made,
    merge,
    multiwords_of,
    real_text,
    unlike,
)
from spacy_skd.training.conversion.sentence import Multiword

FRENCH = """# text = Elle va du cinéma aux quais.
1\tElle\telle\tPRON\tCLS\tPerson=3\t2\tnsubj\t_\t_
2\tva\taller\tVERB\tV\t_\t0\troot\t_\t_
3-4\tdu\t_\t_\t_\t_\t_\t_\t_\t_
3\tde\tde\tADP\tP\t_\t5\tcase\t_\t_
4\tle\tle\tDET\tD\tGender=Masc|Number=Sing\t5\tdet\t_\t_
5\tcinéma\tcinéma\tNOUN\tN\tNumber=Sing\t2\tobl\t_\tNE=U-LOC
6-7\taux\t_\t_\t_\t_\t_\t_\t_\t_
6\tà\tà\tADP\tP\t_\t8\tcase\t_\t_
7\tles\tle\tDET\tD\tNumber=Plur\t8\tdet\t_\tNE=B-LOC
8\tquais\tquai\tNOUN\tN\tNumber=Plur\t2\tobl\t_\tSpaceAfter=No|NE=L-LOC
9\t.\t.\tPUNCT\tF\t_\t2\tpunct\t_\t_

"""
ENGLISH = """1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
4-5\tboating\t_\t_\t_\t_\t_\t_\t_\t_
4\tboat\tboat\tNOUN\tNN\t_\t3\tobl\t_\t_
5\ting\ting\tPART\tXX\t_\t4\tdep\t_\t_

"""


def doc_of(tmp_path, text, lang):
    nlp = spacy.blank(lang)
    sentences = list(read_conllu(write(tmp_path, text)))
    return nlp, make_doc(nlp.vocab, sentences, with_morphs=True, with_entities=True)


def test_merged_as_spacy_convert_does(tmp_path):
    nlp, doc = doc_of(tmp_path, FRENCH, "fr")
    assert doc.text == "Elle va dele cinéma àles quais. "
    assert real_text(doc) == "Elle va du cinéma aux quais. "
    merged = merge(doc, unlike(doc, nlp.tokenizer))
    (theirs,) = conllu_to_docs(FRENCH, n_sents=1, merge_subtokens=True, no_print=True)
    for name in ("text", "tag_", "pos_", "lemma_", "dep_", "whitespace_", "ent_type_"):
        values = [[getattr(token, name) for token in d] for d in (merged, theirs)]
        assert values[0] == values[1], name
    assert [token.head.i for token in merged] == [token.head.i for token in theirs]
    assert [str(token.morph) for token in merged] == [str(token.morph) for token in theirs]
    assert merged.text == real_text(merged) == real_text(doc)
    assert merged.user_data == {}
    assert [token.text for token in nlp(merged.text.strip())] == [token.text for token in merged]
    assert [(str(e), e.label_) for e in merged.ents] == [("cinéma", "LOC"), ("quais", "LOC")]
    assert (merged[2].tag_, merged[2].lemma_) == ("P_D", "de le")


def test_what_the_tokenizer_splits_just_so_stays(tmp_path):
    nlp, doc = doc_of(tmp_path, ENGLISH, "en")
    assert [m.form for m in unlike(doc, nlp.tokenizer)] == ["boating"]
    assert count_not_made(doc, nlp.tokenizer) == 2
    merged = merge(doc, unlike(doc, nlp.tokenizer))
    assert [token.text for token in merged] == ["Do", "n't", "go", "boating"]
    assert [token.head.i for token in merged] == [2, 2, 2, 2]
    assert count_not_made(merged, nlp.tokenizer) == 0
    assert [m.form for m in multiwords_of(merged)] == ["Don't"]


def test_the_note_is_not_taken_for_beliefs(tmp_path):
    """Readers look for the key of beliefs in the bytes of the user data."""
    _, doc = doc_of(tmp_path, FRENCH, "fr")
    (packed,) = DocBin(docs=[doc], store_user_data=True).user_data
    assert BELIEFS.encode() not in packed


def test_what_is_not_merged_moves_and_is_stored(tmp_path):
    _, doc = doc_of(tmp_path, FRENCH, "fr")
    merged = merge(doc, multiwords_of(doc)[:1])
    (stored,) = DocBin(docs=[merged], store_user_data=True).get_docs(merged.vocab)
    assert multiwords_of(stored) == [Multiword(4, 6, "aux", is_spelled=False)]
    assert real_text(stored) == "Elle va du cinéma aux quais. "


def chain(heads, **settings):
    deps = ["ROOT" if i == head else "dep" for i, head in enumerate(heads)]
    return Doc(spacy.blank("xx").vocab, list("abcdef"[: len(heads)]), heads=heads, deps=deps,
               **settings)  # fmt: skip


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([2, 3, 1, 3], [2, 0, 2]),  # "c" stands between the two words of "ab"
        ([3, 4, 1, 4, 4], [3, 0, 3, 3]),
        ([2, 2, 2, 1, 0], [1, 1, 0, 0]),
        ([1, 1, 0, 2, 3], [0, 0, 1, 2]),
    ],
)
def test_merged_trees_have_no_cycle(heads, expected):
    merged = merge(chain(heads), [Multiword(0, 2, "x", is_spelled=False)])
    assert [token.head.i for token in merged] == expected
    assert len(list(merged.sents)) == 1


def test_no_entity_is_lost_and_missing_annotation_stays_missing():
    ents = ["O", "B-A", "B-B", "I-B", "O"]
    doc = chain([0, 0, 0, 0, 0], ents=ents)
    merged = merge(doc, [Multiword(0, 2, "x", is_spelled=False)])
    assert [(str(e), e.label_) for e in merged.ents] == [("x", "A"), ("c d", "B")]
    bare = merge(Doc(doc.vocab, ["a", "b", "c"]), [Multiword(0, 2, "x", is_spelled=False)])
    assert not any(map(bare.has_annotation, ("TAG", "DEP", "ENT_IOB", "MORPH", "SENT_START")))
    spans = chain([0, 0, 0])
    spans.spans["sc"] = [spans[1:3]]
    merged = merge(spans, [Multiword(0, 2, "x", is_spelled=False)])
    assert str(merged.spans["sc"][0]) == "x c"


def test_a_pipelines_own_tokens_align_with_the_merged_reference(tmp_path):
    nlp, doc = doc_of(tmp_path, FRENCH, "fr")
    assert KEY in doc.user_data
    reference = merge(doc, multiwords_of(doc))
    example = Example(nlp.make_doc(real_text(doc)), reference)
    assert example.get_aligned("TAG", as_string=True)[2] == "P_D"
