import pytest
from spacy.training.converters import conllu_to_docs
from spacy.vocab import Vocab
from treebanks import GOOD, write

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import make_doc


def test_reads_words_trees_spaces_ranges_and_entities(tmp_path):
    first, second = read_conllu(write(tmp_path, GOOD))
    assert first.text == "Go home!"
    assert first.heads == [0, 0, 0]
    assert first.deps == ["root", "advmod", "punct"]
    assert first.pos == ["VERB", "ADV", "PUNCT"]
    assert first.tags == ["VB", "RB", "."]
    assert first.morphs[0] == "Mood=Imp"
    assert second.words == ["de", "le"]
    assert second.spaces[0] is False
    assert second.n_unspelled == 1
    assert second.entities == [None, "U-ORG"]
    assert first.document == second.document == 1


def changed(line, column, value):
    lines = GOOD.split("\n")
    columns = lines[line].split("\t")
    columns[column] = value
    lines[line] = "\t".join(columns)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(3, 6, "2"), "line 4: the heads form a cycle: 2 -> 2"),
        (changed(3, 6, "0"), "HEAD 0 and DEPREL root go together"),
        (changed(3, 6, "0").replace("advmod", "root"), "line 4: a second root: line 3"),
        (
            changed(2, 6, "3").replace("\troot\t", "\tdep\t", 1),
            "line 3: .* has no root",
        ),
        (
            changed(3, 6, "3").replace("\t1\tpunct", "\t2\tpunct"),
            "heads form a cycle: (2 -> 3 -> 2|3 -> 2 -> 3)",
        ),
        (changed(3, 6, "9"), "line 4: HEAD 9 is out of range: the sentence has 3 words"),
        (changed(3, 6, "x"), "line 4: expected HEAD to be an integer"),
        (changed(3, 0, "7"), "line 4: IDs must be consecutive"),
        (changed(3, 3, "FOO"), "line 4: unknown UPOS 'FOO'"),
        (changed(3, 5, "Foo"), "line 4: expected FEATS"),
        (GOOD.replace("\tadvmod\t_", "\tadvmod"), "line 4: expected 10 columns"),
        (changed(8, 9, "NE=Q-ORG"), "line 9: expected a BILUO tag like NE=B-PER, found NE=Q-ORG"),
        ("", "found no sentence"),
        ("# only a comment\n\n", "found no sentence"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as found:
        list(read_conllu(write(tmp_path, text)))
    assert "x.conllu" in str(found.value)


def test_entities_that_are_no_legal_biluo_are_repaired_as_spacy_convert_does(tmp_path):
    text = changed(8, 9, "NE=L-ORG")  # never begun
    text = text.replace("advmod\t_\tSpaceAfter=No", "advmod\t_\tNE=I-PER|SpaceAfter=No")
    first, second = read_conllu(write(tmp_path, text))
    assert (first.entities, first.n_repaired) == ([None, "U-PER", None], 1)
    assert (second.entities, second.n_repaired) == ([None, "U-ORG"], 1)
    docs = conllu_to_docs(text, n_sents=1, no_print=True)
    theirs = [[(e.text, e.label_) for e in doc.ents] for doc in docs]
    ours = [make_doc(Vocab(), [s], with_morphs=False, with_entities=True) for s in (first, second)]
    assert [[(e.text, e.label_) for e in doc.ents] for doc in ours] == theirs
    assert theirs == [[("home", "PER")], [("le", "ORG")]]


def test_bytes_that_are_not_utf8(tmp_path):
    with pytest.raises(ValueError, match="UTF-8"):
        list(read_conllu(write(tmp_path, GOOD.replace("home", "hömé"), "latin1")))


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u3000"])
@pytest.mark.parametrize("told", ["", "# text = Stop  it\n", "# text = Stop it\n"])
def test_rows_of_whitespace_as_of_what_spacy_exports(tmp_path, space, told):
    """A token of whitespace stands before or behind others, with its own row."""
    told = told.replace("  ", f" {space}")
    text = f"""{told}1\tStop\tstop\tVERB\tVB\t_\t0\tROOT\t_\t_
2\t{space}\t{space}\tSPACE\t_SP\t_\t1\tdep\t_\tSpaceAfter=No
3\tit\tit\tPRON\tPRP\t_\t1\tdobj\t_\t_

"""
    (sentence,) = read_conllu(write(tmp_path, text))
    ours = make_doc(Vocab(), [sentence], with_morphs=False, with_entities=False)
    (theirs,) = conllu_to_docs(text, no_print=True)
    assert ours.text == theirs.text == f"Stop {space}it "
    keys = ["ORTH", "TAG", "POS", "HEAD", "DEP", "SPACY"]
    assert ours.to_array(keys).tolist() == theirs.to_array(keys).tolist()
    assert sentence.text_differs == ("Stop it" in told)
    with pytest.raises(ValueError, match="the column FORM is empty"):
        list(read_conllu(write(tmp_path, text.replace("SPACE", "X"))))
