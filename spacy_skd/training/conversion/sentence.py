"""One sentence of an annotated file, whatever its format."""

from dataclasses import dataclass, field, replace

from .spaceless import has_spaceless


@dataclass(frozen=True)
class Multiword:
    """A token of the text that the treebank takes apart: "du" is "de" and "le".

    start, end: its words, 0-based, end exclusive. form: as the text has it. is_spelled: whether
    its words, joined, are the form ("don't": "do", "n't").
    """

    start: int
    end: int
    form: str
    is_spelled: bool

    def moved(self, by: int) -> "Multiword":
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True)
class Sentence:
    """One sentence of N syntactic words; every list has one entry a word.

    heads: 0-based index of the head inside the sentence; the root is its own head; None is unknown.
    deps: deprels, of the root too ("root"); "" without a head. tags, pos, lemmas, morphs: "" where
    the file has "_". entities: BILUO tags; None for a word without one.
    document: number of the `# newdoc` block it stands in, 0 before the first.
    n_repaired: tags of entities that were not legal in the file's scheme, and are now.
    lost_heads: whether heads were left out, because the file has none for the other words.
    text_differs: whether the words and spaces do not spell the file's own `# text`.
    unread: how many values of MISC look like entities and are not read, by key, and of other
    columns, by "FEATS:key".
    """

    words: list[str]
    spaces: list[bool]
    lemmas: list[str]
    pos: list[str]
    tags: list[str]
    morphs: list[str]
    heads: list[int | None]
    deps: list[str]
    entities: list[str | None]
    document: int
    line: int
    multiwords: tuple[Multiword, ...] = ()
    n_repaired: int = 0
    lost_heads: bool = False
    text_differs: bool = False
    unread: dict[str, int] = field(default_factory=dict)

    @property
    def n_unspelled(self) -> int:
        """Multiword tokens whose words do not spell their surface form ("du": "de" "le")."""
        return sum(not multiword.is_spelled for multiword in self.multiwords)

    def before_gap(self) -> "Sentence":
        """Return it with a space at its end, where the next sentence is left out, but for scripts
        without spaces."""
        has_spaces = any(self.spaces) or not has_spaceless(self.text)
        return replace(self, spaces=[*self.spaces[:-1], has_spaces])

    @property
    def has_tree(self) -> bool:
        return any(head is not None for head in self.heads)

    @property
    def text(self) -> str:
        """As people write it: multiword tokens in their own form, without a space at the end."""
        words = list(self.words)
        for multiword in self.multiwords:
            words[multiword.start : multiword.end] = [
                multiword.form,
                *[""] * (multiword.end - multiword.start - 1),
            ]
        pairs = zip(words, self.spaces)
        return "".join(word + " " * space for word, space in pairs).rstrip(" ")
