"""Figures of lemmas, on docs whose figures are known."""

import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from lemmas import accuracies, compared, figures, invented, known_texts, table

WORDS = ["Dogs", "sleep", ".", "NATO", "WALKED", "\n"]
GOLD = ["dog", "sleep", ".", "NATO", "walk", "\n"]
STARTS = [True, False, False, True, False, False]


def doc(lemmas):
    return Doc(spacy.blank("en").vocab, WORDS, lemmas=lemmas, sent_starts=STARTS)


def test_accuracies_by_kind_of_word():
    predicted = doc(["Dogs", "sleep", ".", "NATO", "walke", "\n"])
    found = accuracies([predicted], [doc(GOLD)])
    assert found == {"all": 3 / 5, "first": 1 / 2, "capitals": 1 / 2}


def test_words_without_gold_do_not_count():
    assert accuracies([doc(GOLD)], [doc(["", "", "", "", "walk", ""])]) == {"all": 1, "capitals": 1}


def test_other_tokens_are_refused():
    with pytest.raises(ValueError, match="expected docs of the same tokens"):
        accuracies([doc(GOLD)], [Doc(spacy.blank("en").vocab, ["a"])])


def test_what_no_text_has_is_invented():
    known = known_texts([doc(GOLD)], [Doc(spacy.blank("en").vocab, ["Strolled"])])
    predicted = doc(["Dogs", "Slepe", "slepe", "NATO", "strolled", "\n"])
    assert invented([predicted], known) == ["slepe", "slepe"]
    row = figures([predicted], [doc(GOLD)], known)
    assert (row["invented"], row["different"]) == (2, 1)


def test_rows_are_compared_with_the_first():
    rows = {"teacher": {"all": 0.9, "invented": 3.0}, "small": {"all": 0.85, "invented": 5.0}}
    assert compared(rows) == {"small": {"all": pytest.approx(-0.05), "invented": 2.0}}
    assert table(rows).splitlines()[-1] == "| small | 85.00 | 5 |"
