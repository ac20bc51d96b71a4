"""Files that appear whole, and do not take the place of others."""

import os

import pytest

from spacy_skd.disk import atomic, check_new_file, write_atomically, write_new


def test_a_file_is_replaced_or_left_as_it_was(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"1")
    write_atomically(path, b"2")
    assert path.read_bytes() == b"2"
    with pytest.raises(OSError, match="cannot write .*b"):
        write_atomically(tmp_path / "none" / "b", b"3")
    (tmp_path / "c").mkdir()
    with pytest.raises(OSError, match="cannot write .*c"):
        write_atomically(tmp_path / "c", b"3")
    assert sorted(os.listdir(tmp_path)) == ["a", "c"]


def test_drafts_of_others_stay(tmp_path):
    (tmp_path / "a.draft").write_bytes(b"mine")
    write_atomically(tmp_path / "a", b"1")
    write_new(tmp_path / "b" / "c", b"1")
    assert (tmp_path / "a.draft").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["a", "a.draft", "b"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_takes_no_others_place(tmp_path, monkeypatch, has_links):
    """Nor that of one that came between the check and the writing."""
    if not has_links:
        monkeypatch.setattr(atomic.os, "link", no_link)
    path = tmp_path / "a"
    write_new(path, b"1")
    with pytest.raises(FileExistsError, match="a exists already; remove it or choose"):
        write_new(path, b"2")
    assert path.read_bytes() == b"1"
    write_new(path, b"2", overwrite=True)
    assert path.read_bytes() == b"2"
    check = atomic.check_new_file
    monkeypatch.setattr(atomic, "check_new_file", lambda path, overwrite=False: None)
    if has_links:
        with pytest.raises(FileExistsError):
            write_new(path, b"3")
        assert path.read_bytes() == b"2"
    check(tmp_path / "b")
    assert os.listdir(tmp_path) == ["a"]


def no_link(source, target):
    raise PermissionError(1, "no links here")


def test_what_is_no_file_is_never_replaced(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    for overwrite in (False, True):
        for path in (tmp_path, "/dev/null"):
            with pytest.raises(FileExistsError):
                check_new_file(type(tmp_path)(path), overwrite=overwrite)
        with pytest.raises(NotADirectoryError, match="is no folder"):
            check_new_file(tmp_path / "file" / "a", overwrite=overwrite)
    write_new(tmp_path / "link", b"y", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "y"
