"""How far a long command is: a bar on a terminal, elsewhere a line now and then."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tqdm import tqdm

from ..training.progress import Progress, Report

EVERY = 30.0  # seconds between lines


def progress(command: str, *, bar: bool = True) -> AbstractContextManager[Report]:
    """Return what a command reports to, shown on stderr as long as the block runs.

    bar (bool): whether to show one on a terminal; lines come there otherwise, too.
    """
    return _bar() if bar and sys.stderr.isatty() else _lines(command)


def say(text: str) -> None:
    """Print at once, escaped as in Python what the terminal cannot show: names of files that are no
    UTF-8, or letters that its encoding lacks."""
    encoding = sys.stdout.encoding or "utf8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


class Pace:
    """Words that were worked on, and what of the whole is done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.started = clock, clock()
        self.words = 0
        self.done = self.total = self.skipped = 0

    def add(self, progress: Progress) -> None:
        """Take a report in. What was there before the run says nothing of its speed."""
        if progress.is_new:
            self.words += progress.words
        else:
            self.skipped += max(0, progress.done - self.done)
        self.done, self.total = progress.done, progress.total

    @property
    def seconds(self) -> float:
        """Since the start."""
        return max(self.clock() - self.started, 1e-9)

    @property
    def left(self) -> float:
        """Seconds; infinite if it is not known."""
        worked = self.done - self.skipped
        return self.seconds * (self.total - self.done) / worked if worked > 0 else float("inf")

    def __str__(self) -> str:
        if not self.done:
            return f"at work for {_time(self.seconds)}"
        line = f"{self.words:,} words, {self.words / self.seconds:,.0f} words/s"
        if not self.total:
            return f"{line} after {_time(self.seconds)}"
        line += f", {100 * self.done // self.total} % after {_time(self.seconds)}"
        return line if self.left == float("inf") else f"{line}, {_time(self.left)} left"


@contextmanager
def _bar() -> Iterator[Report]:
    pace = Pace()
    with tqdm(total=1, bar_format="{postfix} [{elapsed}]") as bar:

        def report(progress: Progress) -> None:
            pace.add(progress)
            speed = pace.words / pace.seconds
            bar.set_postfix_str(f"{pace.words:,} words, {speed:,.0f} words/s", refresh=False)
            if not progress.total:
                bar.update(0)
                return
            bar.bar_format = "{percentage:3.0f}%|{bar}| {postfix} [{elapsed}, {remaining} left]"
            if (bar.total, bar.initial) != (pace.total, pace.skipped) or pace.done < bar.n:
                bar.total, bar.initial, bar.n = pace.total, pace.skipped, min(bar.n, pace.done)
            bar.update(pace.done - bar.n)

        yield report


@contextmanager
def _lines(command: str) -> Iterator[Report]:
    """Report from a thread, so that a line comes in time whatever the command is at."""
    pace, ended = Pace(), threading.Event()

    def tell() -> None:
        while not ended.wait(EVERY):
            print(f"{command}: {pace}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield pace.add
    finally:
        ended.set()
        thread.join()


def _time(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m} min" if hours else f"{m} min {s} s" if m else f"{s} s"
