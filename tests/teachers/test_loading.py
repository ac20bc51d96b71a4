"""What is no pipeline, and what is meant by it."""

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
