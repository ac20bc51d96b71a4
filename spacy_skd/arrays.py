"""Types of arrays, by their axes. Type checkers see the kind of number and not how many axes there
are, which the names say; an array may live on a GPU, where it has the same methods."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

import numpy
from numpy.typing import NDArray
from thinc.api import get_array_module

Array: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[numpy.bool_]

FloatsXd: TypeAlias = NDArray[numpy.floating[Any]]
Floats1d: TypeAlias = FloatsXd
Floats2d: TypeAlias = FloatsXd
Floats3d: TypeAlias = FloatsXd

IntsXd: TypeAlias = NDArray[numpy.integer[Any]]
Ints1d: TypeAlias = IntsXd
Ints2d: TypeAlias = IntsXd
Ints3d: TypeAlias = IntsXd


class ArrayModule(Protocol):
    """NumPy or CuPy: what is called of them returns an array, but for what is named here."""

    inf: float
    nan: float
    linalg: Any
    add: Any

    def __getattr__(self, name: str) -> Callable[..., Array]: ...

    def divmod(self, a: Any, b: Any) -> tuple[IntsXd, IntsXd]: ...

    def finfo(self, dtype: Any) -> Any: ...

    def nonzero(self, array: Any) -> tuple[IntsXd, ...]: ...


# NumPy or CuPy, whichever an array is of.
array_module = cast(Callable[[Any], ArrayModule], get_array_module)
