"""This process annotates; a thread writes a shard while the teacher is at the next."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from ..places.base import Sink, Written
from .base import Job, Maker


class Here:
    """See `Engine`."""

    def __init__(self, maker: Maker, sink: Sink):
        self.maker, self.sink = maker, sink
        self._writer = ThreadPoolExecutor(1)

    def run(self, jobs: Iterable[Job]) -> Iterator[Written]:
        pending: Future[Written] | None = None
        try:
            for job in jobs:
                bin_ = self.maker.bin_of(job.records)
                before = pending
                pending = None
                if before is not None:
                    yield before.result()
                pending = self._writer.submit(self.sink.write, job.name, bin_, labelled=job.is_gold)
        except (Exception, KeyboardInterrupt):
            if pending is not None:
                yield pending.result()  # what is annotated is not lost
            raise
        if pending is not None:
            yield pending.result()

    def close(self) -> None:
        self._writer.shutdown()
