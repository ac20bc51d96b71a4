"""Two stages of a run over items, each in a thread of its own; and docs in batches."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

In = TypeVar("In")
Between = TypeVar("Between")
Out = TypeVar("Out")


def in_turn(
    first: Callable[[In], Between], second: Callable[[Between], Out], items: Sequence[In]
) -> list[Out]:
    """Return `second(first(item))` of each item."""
    return [second(first(item)) for item in items]


def overlapped(
    first: Callable[[In], Between], second: Callable[[Between], Out], items: Sequence[In]
) -> list[Out]:
    """Return the same as `in_turn`, with `first` of an item in this thread while `second` of the
    one before it runs in another. Each stage sees the items one after the other; if the two share
    nothing that changes, what is returned does not depend on the threads.

    Two items are between the stages at most. When this returns or raises, the other thread has
    ended. RAISES: what a stage does, for an earlier item before a later one.
    """
    if len(items) < 2:
        return in_turn(first, second, items)
    results: list[Out] = []
    pending: Future[Out] | None = None
    with ThreadPoolExecutor(1) as thread:
        for item in items:
            try:
                between = first(item)
            finally:
                if pending is not None:
                    results.append(pending.result())
            # A thread has no context of its own, where thinc keeps which ops are in use.
            pending = thread.submit(copy_context().run, second, between)
        if pending is not None:
            results.append(pending.result())
    return results


def n_cores() -> int:
    """Return how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def batches_by_length(lengths: Sequence[int], *, size: int) -> list[list[int]]:
    """Batch indices of docs of similar length: at most `size` padded words, or one doc."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if not batches or lengths[i] * (len(batches[-1]) + 1) > size:
            batches.append([])
        batches[-1].append(i)
    return batches
