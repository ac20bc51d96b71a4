"""Types of arrays, by their axes. Type checkers see the kind of number and not how many axes there
are, which the names say; an array may live on a GPU, where it has the same methods."""

from typing import Any, TypeAlias

import numpy
from numpy.typing import NDArray
from thinc.api import get_array_module

Array: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[numpy.bool_]

FloatsXd: TypeAlias = NDArray[numpy.floating[Any]]
Floats1d: TypeAlias = FloatsXd
Floats2d: TypeAlias = FloatsXd
Floats3d: TypeAlias = FloatsXd
Floats4d: TypeAlias = FloatsXd

IntsXd: TypeAlias = NDArray[numpy.integer[Any]]
Ints1d: TypeAlias = IntsXd
Ints2d: TypeAlias = IntsXd
Ints3d: TypeAlias = IntsXd


def array_module(array: Array) -> Any:
    """Return numpy, or cupy if the array lives on a GPU."""
    return get_array_module(array)  # type: ignore[no-untyped-call]
