"""Folders of outputs: replaced if all that is in them is ours, else left as they are."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.disk import NotOurs, check_folder, held_folder, new_folder
from spacy_skd.disk.drafts import OWNER
from spacy_skd.disk.lock import LOCK
from spacy_skd.disk.mark import MARK, Mark

OLD = {"a.txt": "1", "deep/er/b.txt": "2", "deep/c.txt": "3"}
NEW = {"a.txt": "one", "deep/d.txt": "four"}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder):
    """All files by path, links as what they point to."""
    return {
        path.relative_to(folder).as_posix(): (
            os.readlink(path) if path.is_symlink() else path.read_text()
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def ours(folder):
    found = contents(folder)
    found.pop(MARK)
    return found


def make(folder, files, **settings):
    with new_folder(folder, by="x", **settings) as draft:
        write(draft, files)


def test_files_of_the_earlier_run_are_replaced_and_no_longer_needed_ones_removed(tmp_path):
    out = tmp_path / "new" / "out"
    make(out, OLD)
    assert ours(out) == OLD
    make(out, NEW, overwrite=True)
    assert ours(out) == NEW
    assert sorted(path.name for path in out.iterdir()) == [MARK, "a.txt", "deep"]
    assert not (out / "deep" / "er").exists()


def test_without_overwrite_or_by_another_command_it_is_kept(tmp_path):
    make(tmp_path / "out", OLD)
    before = contents(tmp_path / "out")
    with pytest.raises(NotOurs, match=r"exists already and is not empty: it holds a.txt"):
        make(tmp_path / "out", NEW)
    with pytest.raises(NotOurs, match="`spacy skd x` wrote it, not `spacy skd y`"):
        check_folder(tmp_path / "out", by="y", overwrite=True)
    (tmp_path / "file").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(NotOurs, match="found a file"):
            make(tmp_path / "file", NEW, overwrite=overwrite)
    assert contents(tmp_path / "out") == before


PARTS = st.sampled_from(["a.txt", "deep", "er", "x", ".hidden", "b.txt", LOCK, MARK, OWNER])


@given(
    place=st.lists(PARTS, min_size=1, max_size=3),
    kind=st.sampled_from(["file", "link", "dangling", "link to a folder"]),
    is_ours=st.booleans(),
)
def test_a_strangers_file_anywhere_survives(tmp_path_factory, place, kind, is_ours):
    """Whether it was there before, or stands in the place of a file of ours."""
    folder = tmp_path_factory.mktemp("here")
    out, path = folder / "out", folder.joinpath("out", *place)
    write(folder / "elsewhere", {"z": "keep"})
    if is_ours:
        make(out, OLD)
    if any(parent.is_file() for parent in path.parents) or path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "file":
        path.write_text("mine")
    else:
        target = {"link": "elsewhere/z", "dangling": "none", "link to a folder": "elsewhere"}[kind]
        path.symlink_to(folder / target)
    before = contents(folder)
    for overwrite in (False, True):
        with pytest.raises(OSError, match="mine|exists|replaced|no lock"):
            make(out, NEW, overwrite=overwrite)
    assert contents(folder) == before


def test_a_file_that_comes_while_the_command_is_at_work_survives(tmp_path):
    make(tmp_path, OLD)
    writing = new_folder(tmp_path, by="x", overwrite=True)
    write(writing.__enter__(), NEW)
    (tmp_path / "late").write_text("keep")
    with pytest.raises(NotOurs, match="late was not written by"):
        writing.__exit__(None, None, None)
    assert ours(tmp_path) == {**OLD, "late": "keep"}


def test_a_file_of_ours_that_was_edited_survives(tmp_path):
    make(tmp_path, OLD)
    (tmp_path / "deep" / "c.txt").write_text("4")
    with pytest.raises(NotOurs, match="deep/c.txt was changed since `spacy skd x` wrote it"):
        make(tmp_path, NEW, overwrite=True)
    assert ours(tmp_path) == {**OLD, "deep/c.txt": "4"}


def make_and_stop(folder):
    with new_folder(folder, by="x", overwrite=True) as draft:
        write(draft, NEW)
        raise KeyboardInterrupt


def test_an_error_leaves_everything_as_it_was(tmp_path):
    for files in (None, OLD):
        out = tmp_path / "parent" / "out"
        if files:
            make(out, files)
        before = contents(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            make_and_stop(out)
        assert contents(tmp_path) == before
        assert out.exists() == bool(files)
    assert list(tmp_path.iterdir()) == [tmp_path / "parent"]


def test_what_a_killed_run_left_is_ours(tmp_path):
    """Its draft, and files between two marks."""
    make(tmp_path, OLD)
    mark = Mark.read(tmp_path)
    write(tmp_path, {"deep/d.txt": "four"})
    mark.joined(Mark.of(tmp_path, ["deep/d.txt"], by="x")).write(tmp_path, drafts=tmp_path)
    left = tmp_path / ".spacy-skd-draft-abc"
    write(left, {OWNER: json.dumps({"draft": left.name}), "files/a.txt": "half"})
    (tmp_path / ".spacy-skd-draft-def").mkdir()
    make(tmp_path, NEW, overwrite=True)
    assert ours(tmp_path) == NEW


def test_a_draft_of_somebody_elses_survives(tmp_path):
    """Of the name alone, and of the name that it is copied from."""
    for name, owner in (("out.draft", None), (".spacy-skd-draft-abc", "none")):
        folder = tmp_path / "out" / name
        write(folder, {"keep": "mine", **({OWNER: owner} if owner else {})})
        before = contents(tmp_path)
        for overwrite in (False, True):
            with pytest.raises(NotOurs):
                make(tmp_path / "out", NEW, overwrite=overwrite)
        assert contents(tmp_path) == before
    write(tmp_path, {"more.draft": "keep"})
    make(tmp_path / "more", NEW)
    assert (tmp_path / "more.draft").read_text() == "keep"


def test_a_mark_that_names_files_outside_is_none(tmp_path):
    write(tmp_path, {"precious": "keep", "out/a": "1"})
    mark = Mark.of(tmp_path / "out", ["../precious", "a"], by="x")
    mark.write(tmp_path / "out", drafts=tmp_path)
    with pytest.raises(NotOurs):
        make(tmp_path / "out", NEW, overwrite=True)
    assert (tmp_path / "precious").read_text() == "keep"


def test_a_link_to_a_folder_is_written_through(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    make(tmp_path / "out", OLD)
    make(tmp_path / "out", NEW, overwrite=True)
    assert (tmp_path / "out").is_symlink()
    assert ours(tmp_path / "disk") == NEW


def test_folders_without_a_mark_are_known_by_what_is_in_them(tmp_path):
    write(tmp_path, OLD)
    with pytest.raises(NotOurs, match="a.txt was not written by"):
        make(tmp_path, NEW, overwrite=True)
    with pytest.raises(NotOurs, match=r"deep/er/b.txt was not written by"):
        make(tmp_path, NEW, overwrite=True, earlier=lambda folder: ["a.txt", "deep/c.txt"])
    make(tmp_path, NEW, overwrite=True, earlier=lambda folder: list(OLD))
    assert ours(tmp_path) == NEW


def test_no_write_goes_around_the_helper():
    """Nothing else in the package removes, renames or replaces."""
    package = Path(__file__).parents[2] / "spacy_skd"
    calls = ("rmtree(", ".unlink(", ".rmdir(", "os.remove(", "os.rename(", ".rename(")
    writers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(call in path.read_text(encoding="utf8") for call in calls)
    }
    assert writers == {"disk/atomic.py", "disk/drafts.py", "disk/folder.py", "disk/lock.py"}


@pytest.mark.parametrize("folder", ["file/out", "file/deeper/out", "nowhere/out"])
def test_a_folder_below_a_file_is_refused_at_once(tmp_path, folder):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    refused = r"out cannot be written: .* is no folder$"
    with pytest.raises(NotADirectoryError, match=refused):
        check_folder(tmp_path / folder, by="skd test")
    with (
        pytest.raises(NotADirectoryError, match=refused),
        new_folder(tmp_path / folder, by="skd test"),
    ):
        pass
    with pytest.raises(NotADirectoryError, match="is no folder$"), held_folder(tmp_path / folder):
        pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are Unicode there")
def test_names_that_are_no_utf_8(tmp_path):
    """As they are on disks that were written elsewhere: the mark knows them."""
    name = os.fsdecode(b"r\xff\xe9.txt")
    for text in ("1", "2"):
        with new_folder(tmp_path / "out", by="test", overwrite=True) as draft:
            (draft / name).write_text(text)
    assert contents(tmp_path / "out").pop(name) == "2"
    (tmp_path / "out" / name).write_text("changed")
    with pytest.raises(NotOurs, match="was changed since"):
        check_folder(tmp_path / "out", by="test", overwrite=True)
