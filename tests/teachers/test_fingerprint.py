import os
import shutil

import pytest
import spacy

from spacy_skd.report.speed import megabytes
from spacy_skd.teachers.fingerprint import fingerprint, fingerprint_of_folder


def test_copies_are_the_same_teacher_and_other_weights_another(teacher, tmp_path):
    expected = fingerprint(spacy.load(teacher))
    copy = tmp_path / "deep" / "copy"
    shutil.copytree(teacher, copy)
    os.utime(copy / "config.cfg", (0, 0))
    (copy / "README.md").write_text("about it")
    (copy / ".hidden").write_text("x")
    assert fingerprint(spacy.load(copy)) == expected
    weights = copy / "parser" / "model"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert fingerprint_of_folder(copy) != expected
    shutil.copytree(teacher, copy, dirs_exist_ok=True)
    config = (copy / "config.cfg").read_text()
    (copy / "config.cfg").write_text(config.replace("max_length = 150", "max_length = 100", 1))
    assert fingerprint(spacy.load(copy)) != expected


def test_linked_folders_are_as_what_they_lead_to(teacher, tmp_path):
    expected = fingerprint_of_folder(teacher)
    linked, parser = tmp_path / "linked", tmp_path / "elsewhere" / "parser"
    shutil.copytree(teacher, linked)
    shutil.move(linked / "parser", parser)
    (linked / "parser").symlink_to(parser, target_is_directory=True)
    (linked / "of_itself").symlink_to(linked, target_is_directory=True)
    assert fingerprint_of_folder(linked) == expected
    assert megabytes(linked) == megabytes(teacher)
    (parser / "model").write_bytes(b"other")
    assert fingerprint_of_folder(linked) != expected


def test_a_pipeline_that_was_never_saved_has_none():
    with pytest.raises(ValueError, match="save it"):
        fingerprint(spacy.blank("en"))
