"""Docs of `.spacy` files that become examples when they are due."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.attrs import NORM, ORTH
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ...shards.files import single
from ...shards.guesses import read_guess, with_guesses
from ...shards.messages import unpack_message
from ...shards.store import KEY, note_row
from .readers import predicted_of


@dataclass(frozen=True, eq=False)
class Item:
    """A bin of one doc. is_gold: its annotation is to be learnt, not a teacher's guess. row (str):
    of a table of stores, the one that it is of; "" without such a table."""

    bin: DocBin
    is_gold: bool
    row: str = ""

    @property
    def n_words(self) -> int:
        return len(self.bin.tokens[0])

    @property
    def has_belief(self) -> bool:
        """Whether its user data has one."""
        return KEY.encode() in (self.bin.user_data[0] or b"")

    def checked(self, shard: Path) -> "Item":
        """Return the item. RAISES (ValueError): if the doc has no belief."""
        if not self.has_belief:
            raise ValueError(
                f"shard {shard}: a doc has lost its belief (doc.user_data[{KEY!r}]), so it was not "
                f"written by `spacy skd annotate`; annotate into a new folder"
            )
        return self

    def example(self, nlp: Language) -> Example:
        """Make an example, whose reference has the belief in its user data."""
        if self.is_gold:
            (reference,) = self.bin.get_docs(nlp.vocab)
            self._note_row(reference)
            return Example(predicted_of(nlp, reference), reference)
        tokens, attrs = self.bin.tokens[0], self.bin.attrs
        words: Any = tokens[:, attrs.index(ORTH)]
        spaces: Any = self.bin.spaces[0]
        predicted, reference = (Doc(nlp.vocab, words=words, spaces=spaces) for _ in range(2))
        # A tokenizer's special cases ("n't" is "not") are norms of tokens, not of words.
        predicted.from_array([NORM], tokens[:, attrs.index(NORM)].reshape(-1, 1))
        user_data = unpack_message(self.bin.user_data[0] or b"")
        reference.user_data.update((k, v) for k, v in user_data.items() if isinstance(k, str))
        self._note_row(reference)
        return Example(predicted, reference)

    def _note_row(self, reference: Doc) -> None:
        if self.row and KEY in reference.user_data:
            note_row(reference.user_data, self.row)

    def guessed(self, nlp: Language, eg: Example) -> Example:
        """Return the item's example, whose reference has the teacher's guess of what gold lacks."""
        if self.is_gold:
            guess = read_guess(eg.reference)
        else:
            (guess,) = self.bin.get_docs(nlp.vocab)
        return eg if guess is None else with_guesses(eg, guess)


def read_items(nlp: Language, bin_: DocBin, *, is_gold: bool) -> Iterator[Item]:
    for string in bin_.strings:
        nlp.vocab.strings.add(string)
    return (Item(single(bin_, i), is_gold) for i in range(len(bin_)) if len(bin_.tokens[i]))
