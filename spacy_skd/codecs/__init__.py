"""Plain annotations (lists of labels and heads) to and from `Parts`; nothing here knows a `Doc`."""

from .head_labels import HeadLabels
from .labels import LabelMatch, match_labels
from .tags import decode_tags, encode_tags
from .trees import Gold, decode_trees, encode_heads, gold_tokens

__all__ = [
    "Gold",
    "HeadLabels",
    "LabelMatch",
    "decode_tags",
    "decode_trees",
    "encode_heads",
    "encode_tags",
    "gold_tokens",
    "match_labels",
]
