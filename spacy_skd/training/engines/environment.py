"""What processes inherit from the one that starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def inheriting(**variables: str) -> Iterator[None]:
    """Let what is started in the block inherit environment variables, but for those that are set
    already: what the user says counts."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def threads_each(n: int) -> int:
    """Return how many threads each of n processes may have, so that together they have no more
    than this one has cores: at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        cores = os.cpu_count() or 1
    return max(1, cores // n)
