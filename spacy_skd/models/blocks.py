"""Which tokens a token's attention sees: fixed overlapping blocks, relative to the doc's start.

A doc of at most `block + 2 * halo` tokens is one block that sees all of itself. A longer one is cut
into blocks of `block` tokens, each of which also sees `halo` tokens to the left and right. So the
cost is linear in the tokens, and a doc's vectors do not depend on the rest of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Array, Ints2d

# Padded tokens of a group: temporary arrays of attention stay in the processor's cache.
GROUP_TOKENS = 2048
BLOCKS = "blocks"  # name of the attribute of a model that holds its `Blocks`


@dataclass(frozen=True)
class Blocks:
    """What a token sees: its block of `block` tokens, and `halo` tokens on both sides of that.

    Among a model's attributes thinc cannot save it, so that those of the config count, also of
    weights that were trained with others.
    """

    block: int
    halo: int


@dataclass(frozen=True, eq=False)
class Group:
    """Blocks of the same shape, G of them, padded to Q queries and K keys.

    queries (Ints2d): (G, Q) row of each query token; 0 in the padding.
    keys (Ints2d): (G, K) row of each key token; 0 in the padding.
    query_mask (ndarray): (G, Q) bool, False in the padding. key_mask (ndarray): (G, K) bool.
    offset (int): position of the first key minus that of the first query (0 or -halo).
    """

    queries: Ints2d
    keys: Ints2d
    query_mask: Array
    key_mask: Array
    offset: int

    @property
    def distances(self) -> Ints2d:
        """(Q, K) position of the key minus that of the query."""
        n_queries, n_keys = self.queries.shape[1], self.keys.shape[1]
        return numpy.arange(n_keys)[None] + self.offset - numpy.arange(n_queries)[:, None]


def plan_blocks(lengths: Sequence[int], *, block: int, halo: int) -> list[Group]:
    """Return groups that cover every token of a batch once as a query.

    lengths (Sequence[int]): tokens of each doc, whose rows follow each other.
    """
    sizes = numpy.asarray(lengths, dtype="int64")
    starts = numpy.cumsum(sizes) - sizes
    whole = sizes <= block + 2 * halo
    groups = _whole_docs(starts[whole], sizes[whole])
    return groups + _cut_docs(starts[~whole], sizes[~whole], block=block, halo=halo)


def _whole_docs(starts: Array, sizes: Array) -> list[Group]:
    order = numpy.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    groups: list[Group] = []
    for first, last in _similar(sizes[order].tolist()):
        docs = order[first:last]
        position = numpy.arange(int(sizes[docs].max()))[None]
        mask = position < sizes[docs, None]
        index = numpy.where(mask, starts[docs, None] + position, 0)
        groups.append(Group(index, index, mask, mask, 0))
    return groups


def _similar(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Cut slices of ascending sizes: at most an eighth and 2 longer than the first of the slice."""
    slices: list[tuple[int, int]] = []
    first = 0
    for i in range(1, len(sizes) + 1):
        full = i == len(sizes) or sizes[i] > sizes[first] * 1.125 + 2
        if full or (i + 1 - first) * sizes[i] > GROUP_TOKENS:
            slices.append((first, i))
            first = i
    return slices


def _cut_docs(starts: Array, sizes: Array, *, block: int, halo: int) -> list[Group]:
    if not len(sizes):
        return []
    counts = -(-sizes // block)
    doc = numpy.repeat(numpy.arange(len(sizes)), counts)
    number = numpy.arange(len(doc)) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
    first, size, base = number * block, sizes[doc], starts[doc]
    per_group = max(1, GROUP_TOKENS // (block + 2 * halo))
    groups: list[Group] = []
    for i in range(0, len(doc), per_group):
        part = slice(i, i + per_group)
        queries = first[part, None] + numpy.arange(block)[None]
        keys = first[part, None] + numpy.arange(-halo, block + halo)[None]
        query_mask = queries < size[part, None]
        key_mask = (keys >= 0) & (keys < size[part, None])
        groups.append(
            Group(
                numpy.where(query_mask, queries + base[part, None], 0),
                numpy.where(key_mask, keys + base[part, None], 0),
                query_mask,
                key_mask,
                -halo,
            )
        )
    return groups
