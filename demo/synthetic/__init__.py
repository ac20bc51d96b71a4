"""A seeded generator of English-like text with full annotation, in any amount."""

from .corpus import Counts, generate
from .documents import Document, documents_of_size, stream
from .lexicon import lexicon_sha256, load_lexicon
from .tree import Sentence, Token

__all__ = [
    "Counts",
    "Document",
    "Sentence",
    "Token",
    "documents_of_size",
    "generate",
    "lexicon_sha256",
    "load_lexicon",
    "stream",
]
