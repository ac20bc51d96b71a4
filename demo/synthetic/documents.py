"""Documents of 3 to 15 sentences, each from a seed of its own."""

import hashlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from random import Random

from .sampling import between
from .scene import Scene, new_scene
from .sentences import sentence
from .tree import Sentence
from .vocabulary import load_vocabulary

MIN_SENTENCES = 3
MAX_SENTENCES = 15


@dataclass(frozen=True)
class Document:
    """A document: its name, its topic and its sentences."""

    name: str
    topic: str
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The running text, sentences separated by a space."""
        return " ".join([sent.text for sent in self.sentences])

    @property
    def n_words(self) -> int:
        """Tokens, punctuation included."""
        return sum(len(sent.tokens) for sent in self.sentences)


def derived_seed(seed: int, *names: object) -> int:
    """A seed for a part of the corpus, the same on every platform."""
    text = ":".join([str(seed), *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def stream(seed: int, split: str, *, forbidden: Set[str] = frozenset()) -> Iterator[Document]:
    """Documents without end, in constant memory; a document depends on its number only.

    Sentences whose key (see `Sentence.key`) is in `forbidden` do not occur.
    """
    vocabulary = load_vocabulary()
    number = 0
    while True:
        rand = Random(derived_seed(seed, split, number)).random
        name = f"{split}-{number:06d}"
        scene = new_scene(rand, vocabulary)
        yield Document(name, scene.topic, tuple(_sentences(scene, forbidden)))
        number += 1


def documents_of_size(
    seed: int, split: str, *, words: int, forbidden: Set[str] = frozenset()
) -> Iterator[Document]:
    """Whole documents until there are at least `words` tokens."""
    done = 0
    if words <= 0:
        return
    for document in stream(seed, split, forbidden=forbidden):
        yield document
        done += document.n_words
        if done >= words:
            return


def _sentences(s: Scene, forbidden: Set[str]) -> list[Sentence]:
    count = between(s.rand, MIN_SENTENCES, MAX_SENTENCES)
    kinds = [""] * count
    if s.chance(0.25):
        kinds[0] = "headline"
    if count >= 6 and s.chance(0.12):
        start = between(s.rand, 1, count - 4)
        kinds[start : start + 3] = ["item"] * 3
    return [sentence(s, forbidden, kind=kind) for kind in kinds]
