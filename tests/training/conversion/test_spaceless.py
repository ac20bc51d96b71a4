"""Words of scripts without spaces."""

import pytest

from spacy_skd.training.conversion.raw_text import RawText
from spacy_skd.training.conversion.spaceless import apart, count_words, is_spaceless


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It has four words", 4),
        ("", 0),
        ("caf\u00e9 \u0434\u0430", 2),
        ("\u8001\u5e08\u770b\u89c1\u732b", 5),
        ("\u6211\u7528 spaCy 3\u3002", 4),
        ("\u306d\u3053\u3060", 3),
        ("\u0e41\u0e21\u0e27\u0e14\u0e33", 2),
    ],
)
def test_characters_are_words_where_spaces_are_none(text, count):
    assert count_words(text) == count


def test_characters_are_set_apart():
    assert apart("ab \u732b\u72d7c").split() == ["ab", "\u732b", "\u72d7", "c"]
    assert is_spaceless("\u732b")
    assert not is_spaceless("ab")
    assert not is_spaceless("c")


def test_raw_text_counts_them():
    assert RawText("\u8001\u5e08", {}, "").n_words == 2
