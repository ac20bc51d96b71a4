"""What sums and products are in a recursion: of numbers, or of their logarithms."""

from typing import Any, Protocol

from ..arrays import ArrayModule, Floats2d, Floats3d
from .forward_backward import log_sum


class Ring(Protocol):
    """Enough for the inside pass of a chart. An entry may be an array itself, of some `shape`."""

    shape: tuple[int, ...]
    zero: float
    one: Any

    def times(self, xp: ArrayModule, a: Any, b: Any) -> Any: ...

    def sum_of_products(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        """Return the sum over t, (items, B, *shape). a, b: (items, t, B, *shape)."""


class Gradients(Ring, Protocol):
    """Enough for the outside pass."""

    def plus(self, xp: ArrayModule, a: Any, b: Any) -> Any: ...

    def add(self, xp: ArrayModule, total: Floats3d, a: Floats2d, b: Floats3d) -> None:
        """Add to `total`, in place, a (items, B) times b (items, t, B)."""


class Numbers:
    """Sums of products."""

    shape: tuple[int, ...] = ()
    zero = 0.0
    one = 1.0

    def times(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return a * b

    def sum_of_products(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return xp.einsum("itb,itb->ib", a, b)

    def plus(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return a + b

    def add(self, xp: ArrayModule, total: Floats3d, a: Floats2d, b: Floats3d) -> None:
        total += a[:, None] * b


class Logarithms:
    """Sums of products of numbers that are given by their logarithms."""

    shape: tuple[int, ...] = ()
    zero = -float("inf")
    one = 0.0

    def times(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return a + b

    def sum_of_products(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return log_sum(xp, a + b, axis=1)

    def plus(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return xp.logaddexp(a, b)

    def add(self, xp: ArrayModule, total: Floats3d, a: Floats2d, b: Floats3d) -> None:
        xp.logaddexp(total, a[:, None] + b, out=total)
