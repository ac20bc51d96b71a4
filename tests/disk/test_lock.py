"""One run at a time: who holds a folder, and who takes it over."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from spacy_skd.disk import Held, locked
from spacy_skd.disk.lock import LOCK, Owner

HOLD = """
import sys
from pathlib import Path
from spacy_skd.disk import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def try_it(folder):
    with locked(folder):
        return Owner.read(folder / LOCK)


def test_the_second_is_told_who_holds_it(holder, tmp_path):
    with pytest.raises(Held) as error:
        try_it(tmp_path)
    said = str(error.value)
    for part in (f"process {holder.pid} on {Owner.here().host}", "since 20", str(tmp_path / LOCK)):
        assert part in said
    holder.communicate("")
    assert not (tmp_path / LOCK).exists()
    assert try_it(tmp_path).pid == os.getpid()
    assert not any(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_taken_over(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert (tmp_path / LOCK).exists()
    assert try_it(tmp_path).pid == os.getpid()


def test_the_number_of_a_process_may_be_anothers_by_now(tmp_path):
    """This process is alive, but it is not the one that held the lock."""
    (tmp_path / LOCK).write_text(json.dumps(vars(Owner.here())))
    assert try_it(tmp_path).pid == os.getpid()


def test_another_machine_cannot_be_asked(tmp_path):
    elsewhere = {**vars(Owner.here()), "host": "elsewhere", "machine": "other"}
    (tmp_path / LOCK).write_text(json.dumps(elsewhere))
    with pytest.raises(Held, match=rf"on elsewhere, .* remove {re.escape(str(tmp_path / LOCK))}"):
        try_it(tmp_path)
    container = {**elsewhere, "machine": Owner.here().machine}
    (tmp_path / LOCK).write_text(json.dumps(container))
    assert try_it(tmp_path).pid == os.getpid()


def test_where_the_system_has_no_locks_the_file_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_skd.disk.lock.fcntl", None)
    with locked(tmp_path):
        with pytest.raises(Held, match="is being written by"):
            try_it(tmp_path)
    assert try_it(tmp_path).pid == os.getpid()


@pytest.mark.parametrize("content", ["mine", "{}", "[1]", '{"pid": 1}'])
def test_a_file_of_that_name_that_is_no_lock_is_left_alone(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    with pytest.raises(Held, match="is no lock of spacy-skd"):
        try_it(tmp_path)
    assert (tmp_path / LOCK).read_text() == content


def test_never_two_at_once(tmp_path):
    """Each takes and gives back as fast as it can; the file is removed and made in between."""
    inside, most, took = [], [], []

    def work():
        for _ in range(300):
            try:
                with locked(tmp_path):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                took.append(1)
            except Held:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert took
    assert not any(tmp_path.iterdir())
