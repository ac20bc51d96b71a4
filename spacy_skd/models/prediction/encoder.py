"""The encoder in prediction, on columns (see `columns`): windows, then attention."""

from dataclasses import dataclass
from typing import Any

import numpy
from thinc.api import Model

from ...arrays import Floats1d, Floats2d
from ..attention import EPSILON
from ..blas import nodes_on_blas
from ..blocks import BLOCKS, Blocks
from .attention import Attention, attend
from .columns import centre, plan_chunks, scaled
from .kept import Snapshot
from .windows import Step, convolve, steps_of


@dataclass(frozen=True, eq=False)
class Encoder:
    """A `ContextEncoder`'s weights for prediction.

    scale, shift (Floats1d): (width,) of the norm after the attention layers.
    pad, block, halo (int): see `columns` and `blocks`.
    """

    steps: list[Step]
    attention: list[Attention]
    scale: Floats1d
    shift: Floats1d
    pad: int
    block: int
    halo: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Encoder":
        """Read an encoder."""
        model: Model[Any, Any] = snapshot.nodes[0]
        nodes_on_blas(snapshot.nodes)
        cnn, *layers = model.layers
        blocks: Blocks = model.attrs[BLOCKS]
        return cls(
            steps=steps_of(cnn),
            attention=[Attention.of(layer) for layer in layers],
            scale=model.get_param("norm_G"),
            shift=model.get_param("norm_b"),
            pad=cnn.attrs["pad"],
            block=blocks.block,
            halo=blocks.halo,
        )

    def encode(self, rows: Floats2d, lengths: list[int]) -> Floats2d:
        """Encode docs.

        rows (Floats2d): (T, width), the vectors of the batch's words.
        lengths (list[int]): tokens of each doc. RETURNS (Floats2d): (T, width).
        """
        block, halo = self.block, self.halo
        encoded = numpy.empty_like(rows)
        for chunk in plan_chunks(lengths, pad=self.pad, whole=block + 2 * halo):
            tokens = convolve(self.steps, chunk, rows)
            if self.attention:
                centre(tokens)
                for layer in self.attention:
                    attend(layer, tokens, chunk, block=block, halo=halo)
                scaled(tokens, epsilon=EPSILON, out=tokens)
                tokens *= self.scale[:, None]
                tokens += self.shift[:, None]
            chunk.write(tokens, encoded)
        return encoded
