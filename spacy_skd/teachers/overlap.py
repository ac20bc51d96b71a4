"""Two stages of a run over items, each in a thread of its own."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Callable, List, Optional, Sequence, TypeVar

In = TypeVar("In")
Between = TypeVar("Between")
Out = TypeVar("Out")


def overlapped(
    first: Callable[[In], Between], second: Callable[[Between], Out], items: Sequence[In]
) -> List[Out]:
    """`second(first(item))` of each item, in order. `first` of an item runs in this thread while
    `second` of the one before it runs in another; both see the items one after the other, so they
    must share nothing that changes, and what is returned does not depend on the threads.

    At most two items are in between at any time. When this returns or raises, no thread runs.
    RAISES: what either does, the error of an earlier item before that of a later one.
    """
    if len(items) < 2:
        return [second(first(item)) for item in items]
    found: List[Out] = []
    pending: Optional["Future[Out]"] = None
    with ThreadPoolExecutor(1) as thread:
        for item in items:
            try:
                between = first(item)
            finally:
                if pending is not None:
                    found.append(pending.result())
            # A thread has no context of its own, where thinc keeps which ops are in use.
            pending = thread.submit(copy_context().run, second, between)
        if pending is not None:
            found.append(pending.result())
    return found
