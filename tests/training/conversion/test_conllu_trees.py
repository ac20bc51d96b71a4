"""HEAD and DEPREL: the root's names, and heads that are unknown."""

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training.converters import conllu_to_docs
from treebanks import write

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import make_doc, split_documents


def treebank(*sentences):
    """A sentence for each text of HEAD:DEPREL."""
    return "\n".join(
        "".join(
            "{}\tw{}\t_\tNOUN\tNN\t_\t{}\t{}\t_\t_\n".format(i, i, *arc.split(":"))
            for i, arc in enumerate(sentence.split(), start=1)
        )
        for sentence in sentences
    )


def read(tmp_path, *sentences):
    return list(read_conllu(write(tmp_path, treebank(*sentences))))


def stored(tmp_path, sentences):
    docs = [
        make_doc(spacy.blank("xx").vocab, piece, with_morphs=False, with_entities=False)
        for piece in split_documents(sentences, sentences_per_doc=10)
    ]
    DocBin(docs=docs).to_disk(tmp_path / "x.spacy")
    return list(DocBin().from_disk(tmp_path / "x.spacy").get_docs(spacy.blank("xx").vocab))


@pytest.mark.parametrize("root", ["root", "ROOT", "Root", "_"])
def test_the_names_of_the_root(tmp_path, root):
    (sentence,) = read(tmp_path, f"2:obj 0:{root} 2:_")
    assert sentence.heads == [1, 1, 1]
    assert sentence.deps == ["obj", "root", "dep"]


def test_unknown_heads_are_no_roots_and_share_no_doc_with_trees(tmp_path):
    sentences = read(tmp_path, "2:a 0:root", "_:_ _:_", "_:a _:b", "0:root")
    first, unknown, last = stored(tmp_path, sentences)
    assert [len(first), len(unknown), len(last)] == [2, 4, 1]
    assert not unknown.has_annotation("DEP")
    assert not any(token.has_dep() or token.has_head() for token in unknown)
    assert [token.is_sent_start for token in unknown] == [True, False, True, False]
    assert [token.tag_ for token in unknown] == ["NN"] * 4
    assert all(token.has_head() for doc in (first, last) for token in doc)


def test_some_heads_are_kept_where_the_sentence_stays_whole(tmp_path):
    sentences = read(tmp_path, "3:a _:_ 0:root _:_", "0:root")
    assert sentences[0].heads == [2, None, 2, None]
    (doc,) = stored(tmp_path, sentences)
    assert [token.has_head() for token in doc] == [True, False, True, False, True]
    assert [sent.start for sent in doc.sents] == [0, 4]


@pytest.mark.parametrize("arcs", ["_:_ 3:a 0:root", "2:a _:_ 2:b", "2:a 3:b _:_"])
def test_heads_that_spacy_cannot_hold_are_left_out_and_said(tmp_path, arcs):
    (sentence,) = read(tmp_path, arcs)
    assert sentence.heads == [None] * 3
    assert sentence.deps == [""] * 3
    assert sentence.lost_heads


@pytest.mark.parametrize(
    ("arcs", "message"),
    [
        ("0:obj", "HEAD 0 and DEPREL root go together"),
        ("2:ROOT 0:root", "HEAD 0 and DEPREL root go together"),
        ("2:a 1:b _:_", "the heads form a cycle"),
        ("0:root _:_ 0:root", "a second root"),
    ],
)
def test_what_is_known_must_be_a_tree(tmp_path, arcs, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, arcs)


def test_a_subtype_of_root_is_the_root(tmp_path):
    rows = treebank("0:root 1:dep").replace("root", "root:main")
    (sentence,) = read_conllu(write(tmp_path, rows))
    assert (sentence.heads, sentence.deps) == ([0, 0], ["root", "dep"])


@pytest.mark.parametrize("root", ["root", "ROOT"])
def test_a_root_may_be_its_own_head_as_in_spacy(tmp_path, root):
    text = treebank(f"2:obj 2:{root} 2:punct")
    (sentence,) = read_conllu(write(tmp_path, text))
    assert (sentence.heads, sentence.deps) == ([1, 1, 1], ["obj", "root", "punct"])
    (theirs,) = conllu_to_docs(text, no_print=True)
    (ours,) = stored(tmp_path, [sentence])
    assert ours.to_array(["HEAD", "DEP"]).tolist() == theirs.to_array(["HEAD", "DEP"]).tolist()
    with pytest.raises(ValueError, match="a second root"):
        read(tmp_path, f"0:root 2:{root}")
