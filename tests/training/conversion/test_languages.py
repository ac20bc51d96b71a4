"""Languages that spaCy does not have, or cannot tokenize here."""

import sys

import pytest

from spacy_skd.training.conversion.languages import blank_pipeline


@pytest.mark.parametrize(
    ("lang", "package", "reason"),
    [
        ("vi", "pyvi", "spaCy cannot tokenize 'vi': Pyvi not installed"),
        ("ja", "sudachipy", "spaCy cannot tokenize 'ja': Japanese support requires SudachiPy"),
        ("th", "pythainlp", "spaCy cannot tokenize 'th': .*requires the PyThaiNLP"),
        ("ko", "natto", "spaCy cannot tokenize 'ko': The Korean tokenizer"),
    ],
)
def test_spacys_own_reason_is_said(monkeypatch, lang, package, reason):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=reason):
        blank_pipeline(lang)


@pytest.mark.parametrize("lang", ["zz", "", "en-US", "a.b"])
def test_no_language(lang):
    with pytest.raises(ValueError, match=f"expected a language code of spaCy, found '{lang}'"):
        blank_pipeline(lang)


def test_a_language_by_another_code():
    assert blank_pipeline("fra").lang == "fr"
