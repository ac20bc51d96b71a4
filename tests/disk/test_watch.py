import os

import pytest

from spacy_skd.disk import unchanged


@pytest.mark.parametrize("change", ["grows", "other text", "gone", "another file"])
def test_an_input_that_changes_meanwhile_is_named(tmp_path, change):
    path = tmp_path / "a.txt"
    path.write_text("text")
    watch = unchanged([path])
    watch.__enter__()
    if change == "gone":
        path.unlink()
    elif change == "another file":
        (tmp_path / "b").write_text("txet")
        os.replace(tmp_path / "b", path)
    else:
        path.write_text("texts" if change == "grows" else "txet")
        os.utime(path, ns=(0, 0))
    with pytest.raises(ValueError, match=r"a\.txt changed while it was read"):
        watch.__exit__(None, None, None)


def test_nothing_is_said_of_what_is_as_it_was_or_of_another_error(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text")
    with unchanged([path]):
        path.read_text()
    watch = unchanged([path])
    watch.__enter__()
    path.unlink()
    assert not watch.__exit__(KeyError, KeyError(), None)
