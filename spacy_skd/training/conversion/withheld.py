"""Treebanks that are distributed without their text: every FORM is "_", as many "_" as the word has
letters, or another word that stands for all ("[WORD]")."""

from collections.abc import Sequence
from pathlib import Path

from .sentence import Sentence

WITHHELD = "_"
# More of a file's words than this are no underscores that somebody wrote.
SHARE, LEAST = 0.1, 5


def leave_out_withheld(
    sentences: Sequence[Sentence], file: Path
) -> tuple[list[Sentence], list[Sentence]]:
    """Return the sentences that have their words, and those most of whose words are withheld.

    RAISES (ValueError): if words of the whole file are withheld, or each sentence has one word
        alone, again and again.
    """
    withheld = [sentence for sentence in sentences if _is_withheld(sentence)]
    n_words = sum(len(sentence.words) for sentence in sentences)
    n_withheld = sum(map(_n_withheld, sentences))
    many = n_withheld >= LEAST and n_withheld >= SHARE * n_words
    if many or n_withheld > n_words / 2 or len(withheld) > len(sentences) / 2:
        raise ValueError(
            f"{file}: the FORM of {n_withheld} of {n_words} words is {WITHHELD!r}: the treebank is "
            "distributed without its text. Its README says how to merge the text into it."
        )
    _check_unlike(sentences, file)
    return [s for s in sentences if not _is_withheld(s)], withheld


def _check_unlike(sentences: Sequence[Sentence], file: Path) -> None:
    several = [sentence.words for sentence in sentences if len(sentence.words) > 1]
    if sum(map(len, several)) >= LEAST and all(len(set(words)) == 1 for words in several):
        raise ValueError(
            f"{file}: expected words, found the same one throughout each sentence, as "
            f"{several[0][0]!r}: either the text is withheld, and its README says how to merge it "
            f"into the file, or this column has something else, as the name of the document. Put "
            f"the words where they are expected"
        )


def _is_withheld(sentence: Sentence) -> bool:
    n_withheld = _n_withheld(sentence)
    return n_withheld > 1 and n_withheld > len(sentence.words) / 2


def _n_withheld(sentence: Sentence) -> int:
    return sum(not word.strip(WITHHELD) for word in sentence.words)
