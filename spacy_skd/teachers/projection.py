"""A teacher's hidden states in a few columns of one byte: a projection that is fitted once, so that
those of all docs of a store are of one space."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from ..arrays import Array, Bools, Floats1d, Floats2d

HIGHEST = 127  # of the bytes of a word, the largest, so that no length is stored


@dataclass(frozen=True, eq=False)
class Projection:
    """The principal components of a teacher's vectors of words.

    mean (Floats1d): (width,) float32. axes (Floats2d): (width, columns) float32, orthonormal.
    words (int): to how many it was fitted.
    """

    mean: Floats1d
    axes: Floats2d
    words: int

    @classmethod
    def fit(cls, vectors: Iterable[Floats2d], *, columns: int) -> "Projection":
        """Fit a projection, in float64.

        vectors (Iterable[Floats2d]): (words, width) of each doc; a row of zeros is no vector.
        columns (int): of the result, at most the width.
        RAISES (ValueError): if there is no vector, or one that is not finite.
        """
        known = [rows[has_vector(rows)].astype("float64") for rows in vectors]
        words = numpy.concatenate(known) if known else numpy.zeros((0, 0))
        if not len(words):
            raise ValueError(
                "hidden: the teacher's transformer has no vector for any of the first words of the "
                "input. Leave --hidden out, or annotate text of which its tokenizer makes pieces"
            )
        mean = words.mean(axis=0)
        centred = words - mean
        _, axes = numpy.linalg.eigh(centred.T @ centred)  # ascending
        leading = numpy.ascontiguousarray(axes[:, ::-1][:, :columns], dtype="float32")
        return cls(mean.astype("float32"), leading, len(words))

    def __call__(self, vectors: Floats2d) -> Array:
        """Return (words, columns) int8, each row the direction from the mean, its largest value 127
        or -127. A row of zeros is one without a vector.

        vectors (Floats2d): (words, width), a row of zeros where the teacher has none.
        RAISES (ValueError): if one is not finite.
        """
        is_known = has_vector(vectors)
        if not is_known.any():
            return numpy.zeros((len(vectors), self.axes.shape[1]), dtype="int8")
        rows = (vectors - self.mean) @ self.axes
        largest = numpy.abs(rows).max(axis=1, keepdims=True)
        rows = rows / numpy.maximum(largest, numpy.finfo("float32").tiny) * HIGHEST
        return numpy.where(is_known[:, None], numpy.rint(rows), 0).astype("int8")

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "words": self.words,
            "shape": list(self.axes.shape),
            "mean": _encoded(self.mean),
            "axes": _encoded(self.axes),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Projection":
        """Read what `to_json` gave."""
        axes = _decoded(data["axes"]).reshape(data["shape"])
        return Projection(_decoded(data["mean"]), axes, data["words"])


def has_vector(vectors: Floats2d) -> Bools:
    """Return (words,) whether each has a vector: a word without a piece of the transformer's
    tokenizer has the mean of none, all 0.

    vectors (Floats2d): (words, width). RAISES (ValueError): if one is not finite.
    """
    if not numpy.isfinite(vectors).all():
        n = int((~numpy.isfinite(vectors).all(axis=1)).sum())
        raise ValueError(
            f"hidden: expected finite vectors of the teacher's transformer, found others for {n} "
            f"of {len(vectors)} words of a doc: its weights are damaged, or it overflows"
        )
    known: Bools = (vectors != 0).max(axis=1, initial=False)
    return known


def _encoded(array: Floats2d) -> str:
    return b64encode(array.astype("<f4").tobytes()).decode("ascii")


def _decoded(text: str) -> Floats2d:
    array: Floats2d = numpy.frombuffer(b64decode(text), dtype="<f4")
    return array
