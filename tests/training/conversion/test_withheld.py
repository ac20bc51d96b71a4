"""Treebanks without their text."""

from dataclasses import replace
from pathlib import Path

import pytest
from treebanks import GOOD, write

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.withheld import leave_out_withheld


@pytest.fixture
def sentence(tmp_path):
    return next(read_conllu(write(tmp_path, GOOD)))


def test_withheld_words_of_a_file_are_an_error_also_if_some_are_left(sentence):
    withheld = replace(sentence, words=["_", "_", "!"])
    for sentences in ([withheld], [withheld, withheld, sentence], [withheld] * 5 + [sentence] * 20):
        with pytest.raises(ValueError, match=r"x: the FORM of .* without its text.*README"):
            leave_out_withheld(sentences, Path("x"))


def test_few_sentences_without_words_are_left_out_and_underscores_are_kept(sentence):
    withheld = replace(sentence, words=["_", "_", "_"])
    underscore = replace(sentence, words=["_", "is", "here"])
    kept, left_out = leave_out_withheld([sentence, withheld, underscore, sentence], Path("x"))
    assert kept == [sentence, underscore, sentence]
    assert left_out == [withheld]


def test_a_letter_each_may_be_withheld(sentence):
    withheld = replace(sentence, words=["__", "_____", "_"])
    with pytest.raises(ValueError, match="the FORM of 3 of 3 words"):
        leave_out_withheld([withheld], Path("x"))


@pytest.mark.parametrize("words", [["[WORD]"] * 4, ["nw/p0"] * 3, ["***", "***"]])
def test_one_word_throughout_is_no_text(sentence, words):
    """Skeletons of corpora, and files whose first column is the name of a document."""
    alike = replace(sentence, words=words)
    with pytest.raises(ValueError, match="x: expected words, found the same one throughout"):
        leave_out_withheld([alike, replace(sentence, words=words[:1]), alike, alike], Path("x"))
    kept, _ = leave_out_withheld([alike, sentence, alike], Path("x"))
    assert len(kept) == 3
