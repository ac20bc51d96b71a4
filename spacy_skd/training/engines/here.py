"""This process does the jobs; a thread completes one while the next is done."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from .base import Doing, Engine, Result, Todo


class Here(Engine[Todo, Result]):
    """See `Engine`."""

    def __init__(self, do: Doing[Todo, Result]):
        self.do = do
        self._completer = ThreadPoolExecutor(1)

    def run(self, jobs: Iterable[Todo]) -> Iterator[tuple[Todo, Result]]:
        pending: tuple[Todo, Future[Result]] | None = None
        try:
            for job in jobs:
                complete = self.do(job)
                before = pending
                pending = None
                if before is not None:
                    yield before[0], before[1].result()
                pending = job, self._completer.submit(complete)
        except (Exception, KeyboardInterrupt):
            if pending is not None:
                yield pending[0], pending[1].result()  # what is done is not lost
            raise
        if pending is not None:
            yield pending[0], pending[1].result()

    def close(self) -> None:
        self._completer.shutdown()
