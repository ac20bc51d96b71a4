"""Entities of MISC: keys, schemes, and what is not read."""

import pytest
from spacy.training import biluo_tags_to_offsets
from spacy.training.converters import conllu_to_docs
from spacy.vocab import Vocab
from treebanks import write

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import make_doc


def treebank(*sentences):
    """A sentence for each list of MISC columns."""
    return "\n".join(
        "".join(
            f"{i + 1}\tw{i}\t_\tX\t_\t_\t{i}\t{'dep' if i else 'root'}\t_\t{misc}\n"
            for i, misc in enumerate(miscs)
        )
        for miscs in sentences
    )


def read(tmp_path, *sentences):
    return list(read_conllu(write(tmp_path, treebank(*sentences))))


@pytest.mark.parametrize("style", ["NE={}", "name={}", "{}", "Gloss=x|name={}|Lang=de"])
def test_what_spacy_convert_reads_is_read_alike(tmp_path, style):
    miscs = [style.format(tag) for tag in ("B-PER", "I-PER", "O", "B-ORG", "B-PER")]
    (sentence,) = read(tmp_path, miscs)
    assert sentence.entities == ["B-PER", "L-PER", "O", "U-ORG", "U-PER"]
    assert (sentence.n_repaired, sentence.unread) == (0, {})
    (theirs,) = conllu_to_docs(treebank(miscs), n_sents=1, no_print=True)
    ours = make_doc(Vocab(), [sentence], with_morphs=False, with_entities=True)
    assert [str(e) + e.label_ for e in ours.ents] == [str(e) + e.label_ for e in theirs.ents]
    assert len(ours.ents) == 3


@pytest.mark.parametrize("key", ["NER", "ner", "NamedEntity", "Named_Entity", "Entity", "NE_tag"])
def test_tags_under_another_key_that_names_entities(tmp_path, key):
    (sentence,) = read(tmp_path, ["_", f"{key}=B-loc", f"{key}=I-loc"])
    assert sentence.entities == [None, "B-loc", "L-loc"]
    assert sentence.unread == {}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-A I-A O I-A B-A I-B", "B-A L-A O U-A U-A U-B"),  # IOB1
        ("B-A I-A O B-A B-A B-B", "B-A L-A O U-A U-A U-B"),  # BIO
        ("B-A L-A O U-A U-A U-B", "B-A L-A O U-A U-A U-B"),  # BILUO
        ("B-A E-A O S-A S-A S-B", "B-A L-A O U-A U-A U-B"),  # BIOES
        ("B-A M-A E-A S-A O O", "B-A I-A L-A U-A O O"),  # BMES
    ],
)
def test_every_scheme_is_read_and_nothing_repaired(tmp_path, tags, expected):
    (sentence,) = read(tmp_path, [f"NE={tag}" for tag in tags.split()])
    assert sentence.entities == expected.split()
    assert sentence.n_repaired == 0


def test_a_tag_that_continues_nothing_is_counted(tmp_path):
    first, second = read(tmp_path, ["NE=B-A", "NE=I-B"], ["NE=O", "NE=I-A"])
    assert [first.n_repaired, second.n_repaired] == [1, 1]
    doc = make_doc(Vocab(), [first], with_morphs=False, with_entities=True)
    assert len(biluo_tags_to_offsets(doc, first.entities)) == 2


@pytest.mark.parametrize(
    ("miscs", "unread"),
    [
        (["Entity=(person-1", "Entity=1)"], {"Entity": 2}),
        (["NER=PER", "_"], {"NER": 1}),
        (["Chunk=B-NP", "Chunk=I-NP"], {"Chunk": 2}),
        (["name=B-PER|NER=B-ORG", "name=Anna"], {"NER": 1, "name": 1}),
        (["Gloss=B-PER", "Gloss=dog|Translit=O"], {}),
    ],
)
def test_what_looks_like_entities_and_is_not_read_is_counted(tmp_path, miscs, unread):
    (sentence,) = read(tmp_path, miscs)
    assert sentence.unread == unread


@pytest.mark.parametrize(
    ("column", "values", "unread"),
    [
        (5, ["NE=B-PER|Case=Nom", "Case=Acc|NE=I-PER", "NE=O"], {"FEATS:NE": 3}),
        (8, ["B-PER", "I-PER", "O"], {"DEPS:(no key)": 3}),
        (8, ["Ner=B-PER", "_", "_"], {"DEPS:Ner": 1}),
        (5, ["NameType=Giv", "NameType=B-X", "_"], {}),  # one of UD's own, for once like a tag
        (8, ["0:root", "1:dep|3:conj:and", "_"], {}),
    ],
)
def test_tags_in_other_columns_are_counted(tmp_path, column, values, unread):
    rows = [line.split("\t") for line in treebank(["_", "NE=B-ORG", "_"]).splitlines()]
    for row, value in zip(rows, values):
        row[column] = value
    text = "".join("\t".join(row) + "\n" for row in rows)
    (sentence,) = read_conllu(write(tmp_path, text))
    assert sentence.entities == [None, "U-ORG", None]
    assert sentence.unread == unread


def test_tags_of_multiword_tokens_are_counted(tmp_path):
    text = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\tNE=B-LOC\n" + treebank(["NE=O", "NE=B-LOC"])
    (sentence,) = read_conllu(write(tmp_path, text))
    assert sentence.entities == ["O", "U-LOC"]
    assert sentence.unread == {"tags of multiword tokens": 1}


@pytest.mark.parametrize("key", ["NE", "name", "ner"])
def test_entities_of_multiword_tokens_alone_are_told(tmp_path, key):
    text = treebank(["_", "_", "_"]).replace("2\t", f"2-3\tdu{chr(9)}_" * 1, 0)
    rows = text.splitlines(keepends=True)
    rows.insert(1, "2-3\tdu\t" + "_\t" * 7 + f"{key}=B-LOC\n")
    (sentence,) = read_conllu(write(tmp_path, "".join(rows)))
    assert not any(sentence.entities)
    assert sentence.unread == {key: 1}


@pytest.mark.parametrize("tags", ["LOC O O", "LOC-B LOC-I O", "b-loc O o", "(LOC* *) O"])
def test_where_only_o_is_read_nothing_is_known_of_the_others(tmp_path, tags):
    """Else a component learns that there is no entity where the file has one."""
    (sentence,) = read(tmp_path, [f"NER={tag}" for tag in tags.split()])
    assert sentence.entities == [None] * 3
    assert sentence.unread == {"NER": 3}


def test_tags_without_entities_and_words_without_a_value(tmp_path):
    (sentence,) = read(tmp_path, ["NE=O", "NE=_", "_|NE=O"])
    assert (sentence.entities, sentence.unread) == (["O", None, "O"], {})
