"""What a teacher believes of a doc: one kind of belief, one module. All are of the doc's words, and
registered by the names under which they are stored."""

from .base import Belief, ParseBelief
from .documents import DocBelief, DocCandidates
from .form import Form
from .head_tags import HeadLabelBelief
from .lemmas import LemmaBelief
from .listed_labels import LabelCandidates
from .listed_spans import SpanCandidates
from .listed_trees import TreeCandidates
from .mixture import Mixture
from .pooled import Pooled
from .segments import SegmentBelief
from .tokens import ChainBelief, TokenBelief
from .trees import TreeBelief

__all__ = [
    "Belief",
    "ChainBelief",
    "DocBelief",
    "DocCandidates",
    "Form",
    "HeadLabelBelief",
    "LabelCandidates",
    "LemmaBelief",
    "Mixture",
    "ParseBelief",
    "Pooled",
    "SegmentBelief",
    "SpanCandidates",
    "TokenBelief",
    "TreeBelief",
    "TreeCandidates",
]
