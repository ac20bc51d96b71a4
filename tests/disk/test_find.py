"""Which files an input is made of."""

import os
import sys

import pytest

from spacy_skd.disk import files_of, refuse_stream, unique_files

SUFFIXES = (".jsonl", ".txt", ".spacy")


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def found(folder):
    return [p.relative_to(folder).as_posix() for p in files_of(folder, suffixes=SUFFIXES)]


def test_hidden_files_and_folders_are_left_out_unless_they_are_named(tmp_path):
    hidden = ("._b.jsonl", ".b.jsonl", ".ipynb_checkpoints/b-checkpoint.jsonl", "s/.t/deep/b.txt")
    write(tmp_path, "b.jsonl", "s/c.txt", ".DS_Store", *hidden)
    assert found(tmp_path) == ["b.jsonl", "s/c.txt"]
    for name in hidden:
        assert files_of(tmp_path / name, suffixes=SUFFIXES) == [tmp_path / name]
    assert found(tmp_path / ".ipynb_checkpoints") == ["b-checkpoint.jsonl"]


def test_suffixes_in_any_case(tmp_path):
    names = ["A.JSONL", "b.Jsonl", "c.TXT", "d.SPACY", "e.txt"]
    write(tmp_path, *names, "f.json", "g.md")
    assert found(tmp_path) == names
    for name in names:
        assert files_of(tmp_path / name, suffixes=SUFFIXES) == [tmp_path / name]
    with pytest.raises(ValueError, match=r"found the suffix '\.md'"):
        files_of(tmp_path / "g.md", suffixes=SUFFIXES)


def test_compressed_files_are_not_left_out_silently(tmp_path):
    write(tmp_path, "a.jsonl", "a.jsonl.gz", "notes.gz", "b.csv.xz", ".c.txt.gz")
    assert found(tmp_path) == ["a.jsonl"]
    write(tmp_path, "s/d.TXT.GZ")
    for path in (tmp_path, tmp_path / "s" / "d.TXT.GZ"):
        with pytest.raises(ValueError, match=r"d\.TXT\.GZ: .*not compressed: unpack it"):
            files_of(path, suffixes=SUFFIXES)


def test_each_real_file_once(tmp_path):
    write(tmp_path, "in/b.txt", "in/sub/c.txt", "elsewhere/d.txt", "elsewhere/deep/e.txt")
    (tmp_path / "in" / "z.txt").symlink_to("b.txt")
    os.link(tmp_path / "in" / "b.txt", tmp_path / "in" / "y.txt")
    (tmp_path / "in" / "loop").symlink_to(".")
    (tmp_path / "in" / "sub" / "up").symlink_to("..")
    (tmp_path / "in" / "itself").symlink_to("itself")
    (tmp_path / "in" / "gone.txt").symlink_to("nowhere")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "sub" / "x.txt").symlink_to(tmp_path / "elsewhere" / "d.txt")
    assert found(tmp_path / "in") == ["b.txt", "linked/d.txt", "linked/deep/e.txt", "sub/c.txt"]
    paths = [tmp_path / "in" / name for name in ("z.txt", "../in/b.txt", "sub/c.txt", "y.txt")]
    assert unique_files(paths) == [paths[0], paths[2]]


def test_streams_are_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/0", "/dev/null"):
        with pytest.raises(ValueError, match=rf"^{name}: .*found a stream.* write it to a file"):
            files_of(type(tmp_path)(name), suffixes=SUFFIXES)
    with pytest.raises(ValueError, match=r"pipe\.jsonl: .*found a stream"):
        refuse_stream(tmp_path / "pipe.jsonl")
    write(tmp_path, "a.txt")
    assert found(tmp_path) == ["a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such streams")
def test_a_process_substitution_is_refused(tmp_path):
    reader, writer = os.pipe()
    with pytest.raises(ValueError, match="found a stream"):
        files_of(type(tmp_path)(f"/dev/fd/{reader}"), suffixes=SUFFIXES)
    os.close(reader)
    os.close(writer)


def test_a_folder_without_files_of_the_one_suffix_says_which(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder holds no \.jsonl file"):
        files_of(tmp_path, suffixes=(".jsonl",))
