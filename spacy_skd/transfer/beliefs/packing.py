"""Arrays of scores as bytes and back: halves where scores are kept, a bit for whether they are."""

from collections.abc import Sequence

import numpy

from ...arrays import Array, Floats2d, FloatsXd, Ints2d
from ...structures import IMPOSSIBLE
from ...structures.numerics import POSSIBLE_ABOVE

PackedArray = tuple[str, tuple[int, ...], bytes]  # dtype, shape, data
Packed = dict[str, PackedArray]

UNITS = ("starts", "ends")
LOWEST = -60_000.0  # float16 ends at -65504


def pack_rows(name: str, scores: Floats2d, *, least: float) -> Packed:
    """Pack a bit for each label, a half for each that is kept. scores: (rows, labels), nats."""
    below = below_best(scores)
    kept = below > 2 * LOWEST
    if least > 0 and below.size:
        log_sums = numpy.log(numpy.exp(below).sum(axis=1, keepdims=True))
        kept &= (below - log_sums >= numpy.log(least)) | (below == 0)
    bits = numpy.packbits(kept, axis=1)
    return {f"{name}_kept": pack_array(bits), f"{name}_values": pack_halves(below[kept])}


def unpack_rows(name: str, packed: Packed, *, n_columns: int) -> Floats2d:
    bits = unpack_array(packed[f"{name}_kept"])
    kept = numpy.unpackbits(bits, axis=1, count=n_columns).astype(bool)
    return spread(kept, unpack_halves(packed[f"{name}_values"]))


def pack_units(units: Ints2d) -> Packed:
    """Pack units. units: (U, 2) start and end token."""
    return {key: pack_array(smallest(tokens)) for key, tokens in zip(UNITS, units.T)}


def unpack_units(packed: Packed) -> Ints2d:
    return numpy.stack([unpack_array(packed[key]).astype("int32") for key in UNITS], axis=1)


def spread(kept: Array, values: FloatsXd) -> FloatsXd:
    """Return the values where `kept`, IMPOSSIBLE elsewhere. RAISES (ValueError): if they do not
    fit."""
    if int(kept.sum()) != len(values):
        raise ValueError(f"expected {int(kept.sum())} values, found {len(values)}")
    scores = numpy.full(kept.shape, IMPOSSIBLE, dtype="float32")
    scores[kept] = values
    return scores


def below_best(scores: Floats2d) -> Floats2d:
    """Make each row's best 0; what is impossible is IMPOSSIBLE."""
    if not scores.size:
        return scores.astype("float32")
    possible = scores > POSSIBLE_ABOVE
    below = scores.astype("float32") - scores.max(axis=1, keepdims=True)
    return numpy.where(possible, numpy.maximum(below, LOWEST), IMPOSSIBLE).astype("float32")


def pack_halves(values: FloatsXd) -> PackedArray:
    """Pack as float16, all high bytes before all low ones: zlib finds more in them so."""
    halves = numpy.ascontiguousarray(values, dtype="<f2")
    planes = halves.view("uint8").reshape(-1, 2).T[::-1]
    return ("<f2", halves.shape, planes.tobytes())


def unpack_halves(array: PackedArray) -> FloatsXd:
    planes = numpy.frombuffer(array[2], dtype="uint8").reshape(2, -1)[::-1]
    return numpy.ascontiguousarray(planes.T).view("<f2").ravel().astype("float32")


def pack_array(array: Array) -> PackedArray:
    array = array.astype(array.dtype.newbyteorder("<"))
    return (array.dtype.str, array.shape, array.tobytes())


def unpack_array(array: PackedArray) -> Array:
    dtype, shape, data = array
    return numpy.frombuffer(data, dtype=dtype).reshape(shape)


def smallest(values: Array) -> Array:
    """Return integers in the smallest signed type that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for dtype in ("int8", "int16", "int32"):
        if numpy.iinfo(dtype).min <= low and high <= numpy.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype("int64")


def join(arrays: Sequence[Array], dtype: str) -> Array:
    parts: list[numpy.ndarray] = [array.ravel() for array in arrays]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype=dtype)


# Candidates


def pack_weights(weights: FloatsXd) -> PackedArray:
    """Pack (units, K) as float32, of the heaviest 1."""
    highest = weights.max(axis=1, keepdims=True, initial=0.0)
    return pack_array((weights / numpy.where(highest > 0, highest, 1.0)).astype("float32"))


def unpack_weights(array: PackedArray) -> FloatsXd:
    return unpack_array(array).astype("float64")


def check_labels(rows: Array, *, low: int, high: int, n_candidates: int) -> None:
    """Raise ValueError if a label is not one of `low` to `high` - 1, or a weight is missing."""
    if len(rows) != n_candidates or (rows.size and not low <= rows.min() <= rows.max() < high):
        raise ValueError(f"expected {n_candidates} rows of labels {low} to {high - 1}")
