"""Several workers write what one process writes, also if some of them are killed."""

import multiprocessing
import os
import signal
import subprocess
import threading
from collections import deque
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
import spacy
from annotated import SMALL, contents, write_text
from bulky import Bulky, Echo, Threads
from conftest import make_docs
from spacy.tokens import DocBin

from spacy_skd.cli.report import report
from spacy_skd.report.scores import SETTINGS
from spacy_skd.shards.files import Shard
from spacy_skd.training.annotation.annotate import AskingPlan, Workers, annotate
from spacy_skd.training.annotation.annotator import Asked
from spacy_skd.training.annotation.inputs import Record
from spacy_skd.training.annotation.places.base import Written
from spacy_skd.training.annotation.places.folder import FolderSink
from spacy_skd.training.annotation.shard_jobs import ShardJob
from spacy_skd.training.annotation.silver import silver
from spacy_skd.training.annotation.vectors import VectorSettings, make_vectors
from spacy_skd.training.engines import environment
from spacy_skd.training.engines.base import ATTEMPTS, Crew, Died, WorkersDied
from spacy_skd.training.engines.cluster import Cluster
from spacy_skd.training.engines.processes import Processes, _sendable
from spacy_skd.training.engines.worker import Start, Worker


class Fragile(Crew):
    """Workers in name only. dies (dict): by a job's name, how many that have it will die."""

    n_workers = 0  # which is an abstract property

    def __init__(self, dies, n_workers=2):
        self.dies, self.n_workers = dict(dies), n_workers
        self.queues = [deque() for _ in range(n_workers)]
        self.names, self.tickets, self.most = {}, count(), 0

    def give(self, job):
        ticket = next(self.tickets)
        min(self.queues, key=len).append(ticket)
        self.names[ticket] = job.name
        self.most = max(self.most, sum(map(len, self.queues)))
        return ticket

    def ready(self, at_hand):
        assert sorted(at_hand) == sorted(ticket for queue in self.queues for ticket in queue)
        return max(self.queues, key=len)[0]

    def result(self, ticket):
        name = self.names[ticket]
        if self.dies.get(name, 0):
            self.dies[name] -= 1
            raise Died("struck by lightning")
        self.of(ticket).remove(ticket)
        return Written(name, Shard(1, 1, False, 1, ""))

    def renew(self, ticket):
        queue = self.of(ticket)
        lost = [other for other in queue if other != ticket]
        queue.clear()
        return lost

    def of(self, ticket):
        return next(queue for queue in self.queues if ticket in queue)

    def close(self):
        pass


def jobs(n):
    return [ShardJob(f"job{i}", [Record("a.txt", i + 1, "Ann", 0, 1)]) for i in range(n)]


def test_what_dead_workers_had_at_hand_is_given_to_others():
    crew = Fragile({"job0": ATTEMPTS - 1, "job3": 1, "job8": 2})
    names = [f"job{i}" for i in range(9)]
    done = [(job.name, written.name) for job, written in crew.run(iter(jobs(9)))]
    assert sorted(done) == list(zip(names, names))
    assert done != list(zip(names, names))
    in_order = [job.name for job, _ in Fragile({"job0": 1, "job3": 1}).in_order(iter(jobs(9)))]
    assert in_order == names
    assert crew.most <= 4
    assert not any(crew.dies.values())


def test_a_shard_that_kills_its_workers_is_named():
    crew = Fragile({"job4": ATTEMPTS})
    with pytest.raises(WorkersDied, match=r"job4 \(a.txt:5 to a.txt:5\): 3 workers .*lightning"):
        list(crew.run(jobs(6)))


def test_jobs_are_asked_for_as_there_is_room():
    asked = []
    source = (asked.append(job.name) or job for job in jobs(50))
    next(Fragile({}, 3).run(source))
    assert len(asked) == 7  # two a worker, and the next


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    write_text(folder / "in" / "a.jsonl")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "in" / "gold.spacy")
    return folder / "in"


@pytest.fixture(scope="module")
def expected(teacher, texts, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "out"
    annotate(teacher, [str(texts)], out, settings=SMALL)
    return contents(out)


def killing(*strokes):
    """A report that strikes when the first shards are written."""
    left = list(strokes)

    def report(progress):
        if left and progress.is_new:
            left.pop(0)()

    return report


def kill_process():
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)


def test_processes_of_which_some_are_killed(teacher, texts, expected, tmp_path):
    report = killing(kill_process)
    two = Workers(count=2)
    annotate(teacher, [str(texts)], tmp_path / "out", settings=SMALL, workers=two, report=report)
    assert contents(tmp_path / "out") == expected
    assert not multiprocessing.active_children()


def test_jobs_and_results_are_larger_than_a_pipe_holds():
    """Both ends would wait for the other to take what they send."""
    done = {}
    crew = Processes(Start(Echo()), 2)

    def work():
        given = (Bulky(str(i), bytes([i]) * 2_000_000) for i in range(8))
        done.update((job.name, result == job.data) for job, result in crew.run(given))

    working = threading.Thread(target=work, daemon=True)
    working.start()
    working.join(timeout=60)
    crew.close()
    assert done == {str(i): True for i in range(8)}
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("said", "cores", "told"), [
    (None, 5, "2"),
    pytest.param(None, 1, "1", marks=pytest.mark.long),
    pytest.param("7", 5, "7", marks=pytest.mark.long),
])  # fmt: skip
def test_workers_share_the_cores_unless_the_user_says_how(monkeypatch, said, cores, told):
    """Two processes of as many threads as there are cores each do a third of the work."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    has = {"sched_getaffinity": lambda pid: set(range(cores))}
    monkeypatch.setattr(environment, "os", SimpleNamespace(environ=os.environ, **has))
    crew = Processes(Start(Threads()), 2)
    (found,) = [result for _, result in crew.run(iter([Bulky("a", b"")]))]
    crew.close()
    assert found == told
    assert os.environ.get("OMP_NUM_THREADS") == said


def test_a_worker_with_another_teacher_says_so(teacher, tmp_path):
    sink = FolderSink(str(tmp_path), str(tmp_path))
    plan = AskingPlan(Asked((str(teacher),), SMALL), "0" * 32, b"", sink)
    with pytest.raises(ValueError, match="the pipeline that the worker loads is another: expected"):
        Worker(Start(plan))
    with pytest.raises(ValueError, match="cannot load the teacher"):
        Worker(Start(replace(plan, asked=Asked((str(tmp_path / "gone"),), SMALL))))


def test_code_that_cannot_be_imported_is_named(teacher, tmp_path):
    asked, sink = Asked((str(teacher),), SMALL), FolderSink(str(tmp_path), str(tmp_path))
    beside = tmp_path / "code.py"
    beside.write_text("from pathlib import Path\n(Path(__file__).parent / 'x').read_text()\n")
    start = Start(AskingPlan(asked, "", b"", sink), code=str(beside))
    with pytest.raises(ValueError, match="--code: the file cannot be imported"):
        Worker(start)
    (tmp_path / "x").write_text("")
    with pytest.raises(ValueError, match="the pipeline that the worker loads is another"):
        Worker(start)


def test_what_a_worker_raises_arrives():
    class Local(Exception):
        pass

    assert str(_sendable(Local("full"))) == "Local: full"
    error = OSError(28, "cannot write x: no space")
    assert _sendable(error) is error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "dask"}, "engine: expected one of local, ray, got 'dask'"),
        ({"count": 0}, "workers"),
        ({"address": "auto"}, "of --engine ray"),
        ({"engine": "ray", "gpu": 1}, "--gpus-per-worker"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        Workers(**settings)


@pytest.fixture(scope="module")
def cluster():
    """Two machines of one CPU each."""
    ray = pytest.importorskip("ray", reason="extra [scale]")
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=settings)
    other = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    yield cluster, other
    ray.shutdown()
    cluster.shutdown()


def kill_actor():
    found = subprocess.run(["pgrep", "-f", "^ray::_Actor"], capture_output=True, text=True).stdout
    os.kill(int(found.split()[0]), signal.SIGKILL)


def test_a_cluster_whose_worker_and_then_a_machine_is_lost(
    cluster, teacher, texts, expected, tmp_path
):
    cluster, other = cluster
    report = killing(kill_actor, lambda: cluster.remove_node(other, allow_graceful=False))
    two = Workers("ray", count=2, address=cluster.address)
    annotate(teacher, [str(texts)], tmp_path / "out", settings=SMALL, workers=two, report=report)
    assert contents(tmp_path / "out") == expected


def test_paths_are_of_the_folder_of_the_command(cluster, teacher, texts, tmp_path, monkeypatch):
    """The cluster was started in another."""
    cluster, _ = cluster
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teacher").symlink_to(teacher)
    (tmp_path / "few.txt").write_text("Ann sees dogs")
    workers = Workers("ray", address=cluster.address)
    annotate("teacher", ["few.txt"], "out", settings=SMALL, workers=workers)
    assert (tmp_path / "out" / "shard-000000.spacy").exists()


def test_without_an_address_it_is_this_machine_alone(monkeypatch):
    """Else Ray takes a cluster that runs on the machine, or that RAY_ADDRESS names."""
    given = {}

    def init(**settings):
        given.update(settings)
        raise RuntimeError("full")

    fake = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setattr("spacy_skd.training.engines.cluster._import_ray", lambda: fake)
    with pytest.raises(ValueError, match="no Ray cluster on this machine"):
        Cluster(Start(Echo()), 1)
    assert given["address"] == "local"


@pytest.mark.long  # processes do these jobs, too
def test_a_cluster_does_other_jobs(cluster, teacher, texts, tmp_path):
    cluster, _ = cluster
    made = []
    for workers in (Workers(), Workers("ray", address=cluster.address)):
        out = tmp_path / workers.engine
        assert silver(teacher, texts / "a.jsonl", out / "s.spacy", workers=workers) == (30, 2)
        how = VectorSettings(width=4, least=1)
        text = texts / "gold.spacy"
        make_vectors(teacher, [text], out / "vectors", settings=how, workers=workers)
        scores = report(text, {"a": teacher}, workers=workers, speed_words=50)["a"]
        vectors = (out / "vectors" / "vocab" / "vectors").read_bytes()
        made.append(((out / "s.spacy").read_bytes(), vectors, [scores[each] for each in SETTINGS]))
    assert made[0] == made[1]


def test_a_cluster_without_room(cluster, teacher, texts, tmp_path):
    cluster, _ = cluster
    settings = {"engine": "ray", "address": cluster.address}
    for wrong in ({"count": 5}, {"gpus": 1.0}):
        with pytest.raises(ValueError, match=r"the Ray cluster has .*give fewer --workers"):
            annotate(teacher, [str(texts)], tmp_path / "out", workers=Workers(**settings, **wrong))


def test_no_cluster_at_the_address(teacher, texts, tmp_path):
    nowhere = Workers("ray", address="127.0.0.1:1")
    with pytest.raises(ValueError, match=r"no Ray cluster at '127.0.0.1:1'"):
        annotate(teacher, [str(texts)], tmp_path / "out", workers=nowhere)
