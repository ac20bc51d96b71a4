"""What is no pipeline, and what is meant by it."""

import shutil

import pytest

from spacy_skd.teachers.loading import load_trained


def test_folders_that_are_near_a_pipeline(tmp_path):
    (tmp_path / "out" / "model-best").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"cannot load the teacher .*saved there: .*model-best"):
        load_trained(tmp_path / "out", what="teacher")
    (tmp_path / "classifier").mkdir()
    (tmp_path / "classifier" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"given as hf:.*classifier"):
        load_trained(tmp_path / "classifier")
    with pytest.raises(ValueError, match="cannot load the pipeline") as caught:
        load_trained(tmp_path / "none")
    assert "Give" not in str(caught.value)
    assert "hf:" not in str(caught.value)


@pytest.mark.parametrize("damaged", ["parser/model", "config.cfg", "vocab/strings.json"])
def test_what_is_damaged_is_named(teacher, tmp_path, damaged):
    folder = tmp_path / "p"
    shutil.copytree(teacher, folder)
    file = folder / damaged
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"cannot load the teacher '{folder}': "):
        load_trained(folder, what="teacher")
