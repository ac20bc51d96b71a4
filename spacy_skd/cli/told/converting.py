"""What a conversion has to say of its input, for `convert` and `prepare`."""

from collections.abc import Iterator

from wasabi import msg

from ...training.conversion.conllu_entities import ELSEWHERE
from ...training.conversion.convert_counts import Counts, SplitCounts

# Share of the tokens that the language's tokenizer does not make, which is told above it.
UNLIKE = 0.05


def tell_odd(counts: Counts, *, spans_key: str | None = None) -> None:
    """Warn of what was left out, lost or changed, a line for each file that has it.

    spans_key (str | None): the group that spans went to; None for entities.
    """
    for name, split in counts.splits.items():
        is_of_entities = spans_key is None
        for text in (*_of_spans(split, is_of_entities=is_of_entities), *_of_words(split)):
            msg.warn(f"{name}: {text}")
    if counts.raw and counts.raw.nulls:
        msg.warn(
            f"raw: {counts.raw.nulls} values that JSON cannot hold (NaN, Infinity) came out as null"
        )


def _of_spans(split: SplitCounts, *, is_of_entities: bool) -> Iterator[str]:
    """Yield what is odd about the spans and categories of a split."""
    for key, n in split.unread_entities.items():
        column, _, name = key.partition(":")
        where = f"{column} under {name}" if name and column in ELSEWHERE else f"MISC under {key}"
        yield f"{n} values of {where} look like entities and are not read"
    if any(split.answers.values()):
        counts = ", ".join(f"{n} {answer}" for answer, n in split.answers.items() if n)
        yield f"records that annotators refused are not learnt as they are: {counts}"
    if split.negative:
        yield (
            f"{split.negative} spans are known to be none: a component learns them with "
            'incorrect_spans_key = "incorrect_spans"'
        )
    if split.unread_spans:
        yield (
            f"{split.unread_spans} spans are not read, which stand under another key or in another "
            "group than those that are. --spans-key NAME reads the group NAME of `spans`"
        )
    if split.unread_tokens:
        yield (
            f"the tokens of {split.unread_tokens} records have tags, lemmas or deprels, which are "
            "not read: spaCy's DocBin, a .spacy file, keeps them"
        )
    if split.without_spans:
        yield (
            f"{split.without_spans} records left out, which do not say what spans or categories "
            "their text has"
        )
    if 0 < split.with_categories < split.sentences:
        yield (
            f"{split.sentences - split.with_categories} of {split.sentences} texts have no "
            "categories: they are unknown"
        )
    if split.several_categories:
        yield (
            f"{split.several_categories} texts have several categories at once (their numbers sum "
            "to more than 1): a component learns them with exclusive = false"
        )
    if split.misaligned:
        yield (
            f"{split.misaligned} spans begin or end within a token of the language's tokenizer; "
            + ("their tokens are unknown" if is_of_entities else "they are left out")
        )
    if split.overlapping:
        yield (
            f"{split.overlapping} spans left out, which overlap longer ones: entities cannot. "
            "--spans-key sc writes all of them to doc.spans"
        )


def _of_words(split: SplitCounts) -> Iterator[str]:
    """Yield what is odd about its words, their trees and their text."""
    if split.withheld:
        yield f"{split.withheld} sentences left out, most of whose words are withheld (FORM is _)"
    if split.lost_heads:
        yield (
            f"{split.lost_heads} sentences have a head for some words alone, and none that joins "
            "the first word with the root: they have no trees"
        )
    if split.texts_differ:
        yield f"the words of {split.texts_differ} sentences do not spell their `# text`"
    if split.unspelled:
        yield (
            f"the words of {split.unspelled} multiword tokens do not spell their surface form, so "
            "that the docs' text is not the treebank's: see --merge-subtokens"
        )
    if split.not_tokenized > UNLIKE * split.words:
        yield (
            f"the tokenizer of the language does not make {split.not_tokenized} of "
            f"{split.words} tokens ({100 * split.not_tokenized / split.words:.1f} %): a pipeline "
            "sees others in text than those that it learns from"
        )
