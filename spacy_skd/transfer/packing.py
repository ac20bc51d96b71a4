"""Arrays to plain bytes and back: dtype, shape and data, no pickle."""

from typing import Dict, List, Sequence, Tuple

import numpy
from thinc.types import FloatsXd

Array = Tuple[str, Tuple[int, ...], bytes]  # dtype, shape, data
Packed = Dict[str, Array]


def pack_halves(values: FloatsXd) -> Array:
    """float16, all high bytes before all low ones: zlib finds more in them so."""
    halves = numpy.ascontiguousarray(values, dtype="<f2")
    planes = halves.view("uint8").reshape(-1, 2).T[::-1]
    return ("<f2", halves.shape, planes.tobytes())


def unpack_halves(array: Array) -> FloatsXd:
    planes = numpy.frombuffer(array[2], dtype="uint8").reshape(2, -1)[::-1]
    return numpy.ascontiguousarray(planes.T).view("<f2").ravel().astype("float32")


def pack_array(array: "numpy.ndarray") -> Array:
    array = array.astype(array.dtype.newbyteorder("<"))
    return (array.dtype.str, array.shape, array.tobytes())


def unpack_array(array: Array) -> "numpy.ndarray":
    dtype, shape, data = array
    return numpy.frombuffer(data, dtype=dtype).reshape(shape)


def smallest(values: "numpy.ndarray") -> "numpy.ndarray":
    """Integers in the smallest signed type that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for dtype in ("int8", "int16", "int32"):
        if numpy.iinfo(dtype).min <= low and high <= numpy.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype("int64")


def join(arrays: Sequence["numpy.ndarray"], dtype: str) -> "numpy.ndarray":
    parts: List["numpy.ndarray"] = [array.ravel() for array in arrays]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype=dtype)
