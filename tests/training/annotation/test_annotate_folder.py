"""Annotated folders among other people's files and other runs; inputs that change."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import spacy
import srsly
from annotated import SMALL, command, contents, write_text

from spacy_skd.disk import Held, NotOurs, locked
from spacy_skd.shards import Manifest
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.origin import origin_of

OTHER = Settings(shard_words=30, max_words=8, batch_words=40)


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "in" / "a.jsonl")


def test_beside_a_running_one_it_says_who_holds_the_folder(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    before = contents(out)
    with locked(out):
        for overwrite in (False, True):
            with pytest.raises(Held, match=rf"is being written by .*process {os.getpid()} on"):
                annotate(teacher, [str(text)], out, settings=OTHER, overwrite=overwrite)
    assert contents(out) == before


def test_of_two_at_once_one_is_done_and_one_is_refused(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], tmp_path / "whole", settings=SMALL)
    pipe = subprocess.PIPE
    line = command(teacher, text, out)
    runs = [subprocess.Popen(line, stderr=pipe, stdout=pipe, text=True) for _ in range(2)]
    said = {run.pid: run.communicate() for run in runs}
    refused = [run for run in runs if run.returncode == 1]
    # If one began when the other was done, it found all as it should be.
    assert sorted({run.returncode for run in runs} - {1}) == [3], said
    for run in refused:
        told = " ".join("".join(said[run.pid]).split())
        (other,) = [r.pid for r in runs if r is not run]
        assert f"process {other} on" in told
    assert contents(out) == contents(tmp_path / "whole")


def wait_for(condition, process):
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_stopped_it_says_that_the_same_command_goes_on(teacher, text, tmp_path, stop, code):
    out = tmp_path / "out"
    line = command(teacher, text, out)
    process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: list(out.glob("shard-*")), process)
    process.send_signal(stop)
    told = " ".join("".join(process.communicate()).split())
    assert process.returncode == code, told
    assert "the same command goes on where it stopped" in told
    assert "Traceback" not in told
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    annotate(teacher, [str(text)], out, settings=SMALL)
    annotate(teacher, [str(text)], tmp_path / "whole", settings=SMALL)
    assert contents(out) == contents(tmp_path / "whole")


def test_a_shard_that_is_lost_meanwhile_is_noticed(teacher, text, tmp_path):
    out = tmp_path / "out"

    def damage(progress):
        path = out / "shard-000000.spacy"
        if (out / "shard-000002.spacy").exists() and path.exists():
            path.unlink()

    with pytest.raises(ValueError, match=r"shard-000000.spacy is not as it was written"):
        annotate(teacher, [str(text)], out, settings=SMALL, report=damage)
    assert not Manifest.from_disk(out).complete
    annotate(teacher, [str(text)], out, settings=SMALL)
    annotate(teacher, [str(text)], tmp_path / "whole", settings=SMALL)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("change", ["grows", "same size", "gone"])
def test_an_input_that_changes_while_it_is_read_is_noticed(teacher, text, tmp_path, change):
    out, whole = tmp_path / "out", text.read_text()

    def meanwhile(progress):
        if change == "gone":
            text.rename(tmp_path / "moved") if text.exists() else None
        elif change == "grows":
            text.write_text(text.read_text() + '{"text": "more"}\n')
        else:
            state = text.stat()
            text.write_text(whole.replace("dogs 29", "cats 29"))
            os.utime(text, ns=(state.st_atime_ns, state.st_mtime_ns))

    with pytest.raises((ValueError, OSError), match=r"a\.jsonl"):
        annotate(teacher, [str(text)], out, settings=SMALL, report=meanwhile)
    assert not Manifest.from_disk(out).complete
    text.write_text(whole)
    assert annotate(teacher, [str(text)], out, settings=SMALL).complete


def test_the_change_is_told_with_the_remedy(teacher, text, tmp_path):
    def grow(progress):
        text.write_text(text.read_text() + "\n")

    with pytest.raises(ValueError, match=r"changed while it was read: .* Put back what it was"):
        annotate(teacher, [str(text)], tmp_path / "out", settings=SMALL, report=grow)


def test_a_foreign_manifest_and_its_shards_survive(teacher, text, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for manifest in ('{"name": "app", "shards": {}}', "[]", "{", '{"shards": 1}'):
        (out / "manifest.json").write_text(manifest)
        (out / "shard-000000.spacy").write_text("mine")
        before = contents(out)
        for overwrite in (False, True):
            with pytest.raises(ValueError, match=r"manifest\.json"):
                annotate(teacher, [str(text)], out, settings=SMALL, overwrite=overwrite)
        assert contents(out) == before


def test_a_manifest_that_names_other_files_removes_none(teacher, text, tmp_path):
    out, precious = tmp_path / "out", tmp_path / "precious"
    annotate(teacher, [str(text)], out, settings=SMALL)
    precious.write_bytes((out / "shard-000000.spacy").read_bytes())
    manifest = (out / "manifest.json").read_text()
    edited = manifest.replace("shard-000000.spacy", "../precious")
    (out / "manifest.json").write_text(edited)
    with pytest.raises(NotOurs, match="it names other files than shards"):
        annotate(teacher, [str(text)], out, settings=OTHER, overwrite=True)
    assert precious.exists()


def test_what_others_put_beside_the_shards_survives(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    for name in ("notes.txt", "shard-000000.spacy.draft", "rejects.jsonl.draft", ".hidden"):
        (out / name).write_text("mine")
    before = contents(out)
    annotate(teacher, [str(text)], out, settings=SMALL)  # goes on beside them
    with pytest.raises(NotOurs, match="was not written by `spacy skd annotate`"):
        annotate(teacher, [str(text)], out, settings=OTHER, overwrite=True)
    assert contents(out) == before


@pytest.mark.parametrize("name", ["shard-000099.spacy", "shard-000010.spacy", "rejects.jsonl"])
def test_a_file_of_another_in_the_place_of_ours_survives(teacher, text, tmp_path, name):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    (out / name).write_text("mine")
    before = contents(out)
    if name != "shard-000010.spacy":  # which the run does not reach
        with pytest.raises(NotOurs, match=rf"{re.escape(name)} is not as .*move it elsewhere"):
            annotate(teacher, [str(text)], out, settings=SMALL)
    with pytest.raises(NotOurs, match=rf"{re.escape(name)}"):
        annotate(teacher, [str(text)], out, settings=OTHER, overwrite=True)
    assert contents(out) == before


def test_the_next_shard_of_a_killed_run_is_taken_if_it_is_the_same(teacher, text, tmp_path):
    """Versions that named a shard after writing it may have been killed in between."""
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    before = contents(out)
    manifest = Manifest.from_disk(out)
    manifest.shards.pop("shard-000009.spacy")
    manifest.complete = False
    manifest.to_disk(out)
    annotate(teacher, [str(text)], out, settings=SMALL)
    assert contents(out) == before
    manifest.to_disk(out)
    (out / "shard-000009.spacy").write_text("mine")
    with pytest.raises(NotOurs, match="shard-000009.spacy is another's"):
        annotate(teacher, [str(text)], out, settings=SMALL)
    assert (out / "shard-000009.spacy").read_text() == "mine"


def test_a_manifest_of_before_is_read_and_its_folder_replaced(teacher, text, tmp_path):
    out = tmp_path / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    before = contents(out)
    without_rejects(out)
    assert annotate(teacher, [str(text)], out, settings=SMALL).complete
    assert contents(out) == before
    without_rejects(out)
    annotate(teacher, [str(text)], out, settings=OTHER, overwrite=True)
    assert len(Manifest.from_disk(out).shards) < 10


def without_rejects(folder):
    """The manifest as it was before it named the file of rejects."""
    from spacy_skd.shards import manifest

    data = json.loads((folder / manifest.FILE).read_text())
    del data["rejects"], data["digest"]
    data["digest"] = manifest._digest(data)
    (folder / manifest.FILE).write_text(json.dumps(data))


def test_streams_are_refused(teacher, text, tmp_path):
    for name in ("-", "/dev/stdin"):
        with pytest.raises(ValueError, match="found a stream"):
            annotate(teacher, [str(text), name], tmp_path / "out", settings=SMALL)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_file_whose_name_is_no_utf_8(teacher, text, tmp_path):
    """Its manifest is read back, the same command finds all done, and a student can name it."""
    named = text.with_name(os.fsdecode(b"caf\xe9.jsonl"))
    text.rename(named)
    first = annotate(teacher, [str(named)], tmp_path / "out", settings=SMALL)
    assert Manifest.from_disk(tmp_path / "out").inputs[0]["path"] == str(named)
    before = contents(tmp_path / "out")
    assert annotate(teacher, [str(named.parent)], tmp_path / "out", settings=SMALL) == first
    assert contents(tmp_path / "out") == before
    nlp = spacy.blank("en")
    student = nlp.add_pipe("skd_teacher", config={"store": str(tmp_path / "out")})
    about = origin_of(nlp, student)
    assert srsly.json_loads(srsly.json_dumps(about))["spacy_skd"]["data"] == ["caf\\udce9.jsonl"]
