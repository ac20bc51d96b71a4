"""Names of the rows of a table of stores."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy

from spacy_skd.training.configs.plan import Plan
from spacy_skd.training.configs.several_stores import _names, with_stores


def stores(*folders):
    return [SimpleNamespace(folder=Path(folder), is_of=lambda nlp: True) for folder in folders]


def test_each_store_has_a_name_of_its_own():
    assert _names(stores("p/x", "q/x", "r/x_2", "s/a.b")) == ["x", "x_2", "x_2_2", "a_b"]


def test_a_folder_is_given_once(tmp_path):
    twice = stores(tmp_path / "x", tmp_path / "y", tmp_path / "y" / ".." / "x")
    with pytest.raises(ValueError, match="expected each folder once, got .*x twice"):
        with_stores(Plan([]), twice, spacy.blank("en"))
