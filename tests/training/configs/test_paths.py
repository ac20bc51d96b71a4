"""Paths that a config of spaCy's would not give back."""

from pathlib import Path

import pytest
from spacy.util import load_config
from thinc.api import Config

from spacy_skd.training.configs.paths import check_paths, unread_paths


@pytest.mark.parametrize("path", ["a$HOME/x", "q ${paths.dev} b", "a$"])
def test_a_reference_is_refused(path):
    with pytest.raises(ValueError, match=r"without '\$'.*rename the folder, or name a link"):
        check_paths(["fit", None, Path(path)])


def test_all_else_is_read_back_as_spacys_training_does(tmp_path):
    paths = ["my work é/100%", "a %20 %(x)s b", "~/x", 'say "x" #1; [y] = z', "C:\\x\\new", "{x}"]
    check_paths(paths)
    Config({"paths": {"dev": paths}, "corpora": {"x": "${paths.dev}"}}).to_disk(tmp_path / "c.cfg")
    raw = load_config(tmp_path / "c.cfg", interpolate=False)
    assert raw.interpolate()["corpora"]["x"] == paths


def test_a_path_that_is_no_utf_8_is_refused():
    with pytest.raises(ValueError, match=r"expected a path of UTF-8.*'a\\udcff/x'"):
        check_paths([Path("a\udcff/x")])


def test_what_nothing_refers_to_is_unread():
    paths = {"train": "a", "raw": "b", "root": "c", "rest": None, "stores": {"x": "y"}}
    blocks = {"path": "${paths.train}", "stores": "${paths.stores}", "rows": ["${paths.root}/z"]}
    config = Config({"paths": paths, "corpora": blocks})
    assert unread_paths(config) == {"raw": "b"}
    assert unread_paths(config.interpolate()) == {}
    assert unread_paths(Config({"nlp": {"lang": "en"}})) == {}
