"""No output is an input, holds one or lies in one."""

import os

import pytest

from spacy_skd.disk import check_apart


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "data" / "in" / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    return path


def test_apart(source, tmp_path):
    for output in ("out", "data/out", "data/in2", "data/out/deep"):
        check_apart(tmp_path / output, [source, source.parent, "en_core_web_sm", "data/*.txt"])


@pytest.mark.parametrize("output", ["data", "data/in", ".", "data/../data/in", "link", "link/in"])
def test_inputs_in_the_output(source, tmp_path, output):
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(ValueError, match="lies in the output folder"):
        check_apart(tmp_path / output, [source])


def test_an_input_that_links_into_the_output(source, tmp_path):
    (tmp_path / "in.txt").symlink_to(source)
    with pytest.raises(ValueError, match="lies in the output folder"):
        check_apart(source.parent, [tmp_path / "in.txt"])


@pytest.mark.parametrize("output", ["data/in/out", "data/in/new/out", "data/in/../in/out"])
def test_an_output_in_an_input_folder(source, tmp_path, output):
    with pytest.raises(ValueError, match="lies in the input folder"):
        check_apart(tmp_path / output, [source.parent])


def test_the_same(source, tmp_path):
    (tmp_path / "link.txt").symlink_to(source)
    os.link(source, tmp_path / "hard.txt")
    for output in (source, tmp_path / "link.txt", tmp_path / "hard.txt"):
        with pytest.raises(ValueError, match="is the input"):
            check_apart(output, [source, source.parent])


def test_a_file_may_be_new_beside_an_input_but_neither_replaces_one_nor_joins_its_folder(source):
    check_apart(source.parent / "new.cfg", [source])
    for output, inputs, said in (
        (source, [source], "is the input"),
        (source, [source.parent], "lies in the input"),
        (source.parent / "new.cfg", [source.parent], "lies in the input"),
    ):
        with pytest.raises(ValueError, match=said):
            check_apart(output, inputs)
