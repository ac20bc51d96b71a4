"""Annotation into an object store: a local server of S3, which boto's tests use."""

import json
import os

import pytest
from annotated import SMALL, contents, write_text

from spacy_skd.disk.lock import LOCK, Held, Owner
from spacy_skd.shards.manifest import FILE
from spacy_skd.training.annotation.annotate import REJECTS, Workers, annotate
from spacy_skd.training.annotation.places.bucket import BucketPlace, open_store

BUCKET = "s3://texts"


@pytest.fixture(scope="module")
def s3():
    """The file system of a bucket, whose server this process and what it starts find."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for key, value in settings.items():
            patch.setenv(key, value)
        fs, _ = open_store(BUCKET)
        fs.mkdir("texts")
        yield fs
        fs.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("places") / "in" / "a.jsonl")


@pytest.fixture(scope="module")
def expected(teacher, text, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "out"
    annotate(teacher, [str(text)], out, settings=SMALL)
    return contents(out)


def stored(fs, folder):
    fs.invalidate_cache()
    return {path.rpartition("/")[2]: fs.cat_file(path) for path in fs.find(folder)}


def comparable(found):
    """Files, without where the input was."""
    found = dict(found)
    manifest = json.loads(found.pop(FILE))
    rejects = found.pop(REJECTS)
    for key in ("digest", "rejects"):
        del manifest[key]
    del manifest["inputs"][0]["path"]
    return found, manifest, [json.loads(line)["reason"] for line in rejects.splitlines()]


def test_from_and_to_a_bucket_what_a_folder_gets(s3, teacher, text, expected):
    s3.put_file(str(text), "texts/in/a.jsonl")
    url = f"{BUCKET}/in/*.jsonl"
    annotate(teacher, [url], f"{BUCKET}/out", settings=SMALL)
    found = stored(s3, "texts/out")
    assert comparable(found) == comparable(expected)
    assert json.loads(found[FILE])["inputs"][0]["path"] == f"{BUCKET}/in/a.jsonl"
    assert json.loads(found[REJECTS].splitlines()[0])["file"] == f"{BUCKET}/in/a.jsonl"

    # A damaged shard alone is written again; what no manifest names is nobody's.
    s3.pipe_file("texts/out/shard-000003.spacy", b"damaged")
    done = []
    annotate(teacher, [url], f"{BUCKET}/out", settings=SMALL, report=done.append)
    assert [progress.is_new for progress in done].count(True) == 1
    assert stored(s3, "texts/out") == found


def test_one_run_at_a_time(s3, teacher, text):
    place = f"{BUCKET}/held"
    gone = {**vars(Owner.here()), "pid": 2**22 + 1, "token": "x"}
    here = {**vars(Owner.here()), "pid": os.getppid(), "command": "skd annotate", "token": "x"}
    s3.pipe_file(f"texts/held/{LOCK}", json.dumps(here).encode())
    with pytest.raises(Held, match=rf"{place} is being written by `skd annotate`.*remove {place}"):
        annotate(teacher, [str(text)], place, settings=SMALL)
    s3.pipe_file(f"texts/held/{LOCK}", json.dumps(gone).encode())
    with BucketPlace(place).hold():
        s3.pipe_file(f"texts/held/{LOCK}", json.dumps(here).encode())
        with pytest.raises(Held, match="is being written"), BucketPlace(place).hold():
            raise AssertionError
    assert LOCK in stored(s3, "texts/held"), "the lock of another is left"


def test_a_run_whose_lock_is_taken_ends(s3, teacher, text):
    def steal(progress):
        s3.pipe_file(f"texts/stolen/{LOCK}", b"{}")

    with pytest.raises(Held, match="s3://texts/stolen is written by another run, too"):
        annotate(teacher, [str(text)], f"{BUCKET}/stolen", settings=SMALL, report=steal)
    assert len(json.loads(stored(s3, "texts/stolen")[FILE])["shards"]) == 1


def test_what_is_not_ours_stays(s3, teacher, text):
    s3.pipe_file("texts/precious/x.bin", b"x")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="not empty and holds no manifest.json, but x.bin"):
            annotate(teacher, [str(text)], f"{BUCKET}/precious", overwrite=overwrite)
    assert stored(s3, "texts/precious") == {"x.bin": b"x"}


def test_another_run_is_replaced_if_asked(s3, teacher, text):
    place = f"{BUCKET}/again"
    annotate(teacher, [str(text)], place, settings=SMALL)
    with pytest.raises(ValueError, match="settings.shard_words: expected 20 .* got 20000"):
        annotate(teacher, [str(text)], place)
    annotate(teacher, [str(text)], place, overwrite=True)
    assert sorted(stored(s3, "texts/again")) == [FILE, REJECTS, "shard-000000.spacy"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("s3://nowhere/out", "s3://nowhere/out.*bucket"),
        ("nosuch://x/y", "nosuch://x/y cannot be reached: .*scale"),
    ],
)
def test_a_place_that_cannot_be_used(s3, teacher, text, output, message):
    with pytest.raises((ValueError, OSError), match=message):
        annotate(teacher, [str(text)], output, settings=SMALL)


def test_an_input_that_is_not_there(s3, teacher, tmp_path):
    with pytest.raises(ValueError, match=r"s3://texts/none/: no .jsonl, .txt, .spacy file matches"):
        annotate(teacher, ["s3://texts/none/"], tmp_path / "out")


def test_file_urls_are_folders(teacher, text, expected, tmp_path):
    annotate(teacher, [text.as_uri()], (tmp_path / "out").as_uri(), settings=SMALL)
    assert contents(tmp_path / "out") == expected


@pytest.mark.long
def test_workers_write_to_a_bucket_by_themselves(s3, teacher, text, expected):
    two = Workers(count=2)
    annotate(teacher, [str(text)], f"{BUCKET}/two", settings=SMALL, workers=two)
    assert comparable(stored(s3, "texts/two")) == comparable(expected)
