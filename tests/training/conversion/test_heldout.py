"""Texts that are held out: few, always the same, and no copy of them is learnt from."""

import pytest

from spacy_skd.training.conversion import heldout
from spacy_skd.training.conversion.heldout import TextCounts, choose, count_texts, hold_out

LONG = "word " * 200


@pytest.fixture
def files(tmp_path):
    """Sixty texts in two files of one name, with copies that differ in case and spaces, and one
    text that is longer than all that is to be held out."""
    paths = []
    for part in range(2):
        path = tmp_path / f"part{part}" / "raw.txt"
        path.parent.mkdir()
        lines = [f"Text number {n} of some" for n in range(part * 20, part * 20 + 40)]
        path.write_text("\n".join([*lines, LONG, "", *[line.upper() + " ." for line in lines]]))
        paths.append(path)
    return paths


def lines(folder):
    texts = {path.name: path.read_text().splitlines() for path in sorted(folder.iterdir())}
    return [heldout.key_of(text) for name in texts for text in texts[name]]


def test_copies_go_the_same_way_and_nothing_is_lost(files, tmp_path):
    counts = count_texts(files)
    assert counts.texts == 162
    held = hold_out(files, tmp_path / "a", choose(files, counts))
    dev, train = lines(tmp_path / "a" / "dev"), lines(tmp_path / "a" / "train")
    assert len(dev) == held.texts > 0
    assert len(dev) + len(train) == 162
    assert not set(dev) & set(train)
    assert heldout.key_of(LONG) in train
    assert {path.name for path in (tmp_path / "a" / "train").iterdir()} == {"raw.txt", "1-raw.txt"}
    hold_out(files, tmp_path / "b", choose(files, counts))
    assert lines(tmp_path / "b" / "dev") == dev


def test_it_is_as_much_as_is_wanted_and_one_text(files, tmp_path, monkeypatch):
    monkeypatch.setattr(heldout, "MOST_WORDS", 30)
    hold_out(files, tmp_path / "a", choose(files, count_texts(files)))
    assert len(set(lines(tmp_path / "a" / "dev"))) == 6  # of 5 words


def test_one_of_two_is_left_and_one_alone_is_refused(tmp_path):
    path = tmp_path / "few.txt"
    path.write_text("Go home\nStay here\n")
    hold_out([path], tmp_path / "out", choose([path], count_texts([path])))
    assert len(lines(tmp_path / "out" / "dev")) == len(lines(tmp_path / "out" / "train")) == 1
    path.write_text("Go home !\nGo  home!\n")
    with pytest.raises(ValueError, match="two different texts or more.*found 1 in 2 texts"):
        choose([path], count_texts([path]))
    assert count_texts([]) == TextCounts()


def test_no_two_files_get_one_name(tmp_path):
    files = ["a/2-x.txt", "b/x.txt", "c/x.txt", "d/X.TXT", "e/2-x.txt"]
    names = heldout._names([tmp_path / file for file in files])
    assert names[:2] == ["2-x.txt", "x.txt"]
    assert len({name.casefold() for name in names}) == len(files)
