import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from spacy_skd.shards.files import Shard
from spacy_skd.shards.manifest import FILE, Manifest, _digest

FORM = {
    "kind": "tokens",
    "structure": "IndependentLabels",
    "settings": {},
    "labels": ["A", "B"],
    "transition": None,
}


def make(**changes):
    manifest = Manifest(
        teacher={"path": "x", "fingerprint": "f" * 32},
        versions={"spacy": "3.8"},
        settings={"least": 0.0},
        inputs=[{"path": "a.txt", "bytes": 3, "blake2b": "00"}],
        pipes={"tag": FORM},
        shards={"shard-000000.spacy": Shard(1, 2, False, 3, "00")},
    )
    return replace(manifest, **changes)


def test_round_trip(tmp_path):
    make().to_disk(tmp_path)
    assert Manifest.from_disk(tmp_path) == make()
    assert make().forms()["tag"].labels == ("A", "B")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"teacher": {"path": "x", "fingerprint": "0" * 32}}, 'teacher.fingerprint: expected "ff'),
        ({"settings": {"least": 0.1}}, r"settings.least: expected 0.0 .*, got 0.1"),
        ({"inputs": [{"path": "a.txt", "bytes": 3, "blake2b": "01"}]}, r"inputs\[0\].blake2b"),
        ({"inputs": []}, "inputs: expected a list of 1 .*, got a list of 0"),
        ({"pipes": {"tag": {**FORM, "labels": ["A", "C"]}}}, r"pipes.tag.labels\[1\]"),
        ({"pipes": {}}, "pipes.tag"),
    ],
)
def test_another_run_is_refused_and_the_difference_named(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said) as error:
        make().check_same(make(**changes), folder=tmp_path)
    assert "choose another output, or replace it" in str(error.value)


def test_where_the_input_lies_and_which_versions_ran_does_not_matter(tmp_path):
    moved = [{"path": "elsewhere/a.txt", "bytes": 3, "blake2b": "00"}]
    teacher = {"path": "y", "fingerprint": "f" * 32}
    other = make(inputs=moved, teacher=teacher, versions={}, shards={}, complete=True)
    make().check_same(other, folder=tmp_path)


def test_what_is_annotated_is_noted_and_no_part_of_what_must_be_the_same(tmp_path):
    noted = make(layers={"tag": "pos"})
    assert noted.id == make().id
    make().check_same(noted, folder=tmp_path)
    noted.to_disk(tmp_path)
    assert Manifest.from_disk(tmp_path).layers == {"tag": "pos"}


def test_a_manifest_of_before_layers_were_noted_is_read(tmp_path):
    data = make()._data()
    del data["layers"]
    (tmp_path / FILE).write_text(json.dumps({**data, "digest": _digest(data)}))
    assert Manifest.from_disk(tmp_path) == make()


def test_an_edited_or_damaged_manifest_is_refused(tmp_path):
    make().to_disk(tmp_path)
    path = tmp_path / FILE
    whole = path.read_text()
    for edited in (whole.replace('"words": 2', '"words": 3'), whole[:-20], "[]", "{}"):
        path.write_text(edited)
        with pytest.raises(
            ValueError, match=r"manifest.json is damaged or was edited.*annotate again"
        ):
            Manifest.from_disk(tmp_path)
    path.write_text(json.dumps({**json.loads(whole), "format": 99}))
    with pytest.raises(ValueError, match="expected format 1, found 99"):
        Manifest.from_disk(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match="found no manifest.json"):
        Manifest.from_disk(tmp_path)


def test_a_relative_path_is_told_with_the_folder_that_it_is_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=re.escape(f"annotated (relative to {tmp_path}): ")):
        Manifest.from_disk(Path("annotated"))


def test_the_id_is_of_teacher_and_labels_alone():
    assert make().id == make(settings={}, inputs=[], shards={}).id
    assert make().id != make(pipes={"tag": {**FORM, "labels": ["B", "A"]}}).id
    assert make().id != make(teacher={"fingerprint": "0" * 32}).id
