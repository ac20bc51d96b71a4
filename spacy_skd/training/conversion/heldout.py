"""Texts that are held out to evaluate on: few, the same ones each time, and no copy of them left.

A text and its copies go the same way, since it is chosen by a digest of its letters (leakage.py).
"""

import heapq
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...disk import digest
from .leakage import key_of
from .raw_text import REJECTS, Placed, Unfit, append_reject, read_texts

SHARE, MOST_WORDS = 0.1, 10_000  # of the words, and at most so many
TRAIN, DEV = "train", "dev"  # folders


@dataclass
class TextCounts:
    """Of some files. shortest: words of the shortest text."""

    texts: int = 0
    words: int = 0
    rejected: int = 0
    shortest: int = 0


def count_texts(files: Sequence[Path]) -> TextCounts:
    """Count texts, their words between spaces, and the lines that are unfit."""
    counts = TextCounts()
    for item in _items(files):
        if isinstance(item, Unfit):
            counts.rejected += 1
            continue
        words = item.raw.n_words
        counts.shortest = words if not counts.texts else min(words, counts.shortest)
        counts.texts += 1
        counts.words += words
    return counts


def hold_out(files: Sequence[Path], output: Path, chosen: Container[str]) -> TextCounts:
    """Copy texts to `output`/dev, if they are chosen, or `output`/train, into files of the same
    names; unfit lines to `output`/rejects.jsonl.

    chosen (Container[str]): see `choose`.
    RETURNS (TextCounts): of the texts that are held out.
    """
    held = TextCounts()
    for path, name in zip(files, _names(files)):
        for split in (TRAIN, DEV):
            (output / split).mkdir(parents=True, exist_ok=True)
        with (
            (output / TRAIN / name).open("w", encoding="utf8", newline="\n") as train,
            (output / DEV / name).open("w", encoding="utf8", newline="\n") as dev,
        ):
            for item in _items([path]):
                if isinstance(item, Unfit):
                    append_reject(item, output / REJECTS)
                    continue
                is_held = _digest(item) in chosen
                line = (item.raw.line or item.raw.text).rstrip("\r\n")
                (dev if is_held else train).write(f"{line}\n")
                held.texts += is_held
                held.words += is_held * item.raw.n_words
    return held


def choose(files: Sequence[Path], counts: TextCounts) -> set[str]:
    """Choose texts to hold out: about `SHARE` of the words, but at most `MOST_WORDS` and one text;
    those of the smallest digests, without long ones.

    counts (TextCounts): of the files.
    RETURNS (set[str]): digests.
    RAISES (ValueError): if there are not two different texts.
    """
    wanted = max(1.0, min(SHARE * counts.words, MOST_WORDS))
    longest = max(wanted, counts.shortest)
    heap: list[tuple[int, str, int]] = []  # the largest digest first
    chosen: set[str] = set()
    others: set[str] = set()  # more than can be chosen, or all there are
    total = 0
    for item in _items(files):
        if isinstance(item, Unfit) or (digest_ := _digest(item)) in chosen:
            continue
        words = item.raw.n_words
        dropped = digest_
        if words <= longest:
            chosen.add(digest_)
            heapq.heappush(heap, (-int(digest_, 16), digest_, words))
            total += words
            while len(heap) > 1 and total - heap[0][2] >= wanted:
                _, dropped, words = heapq.heappop(heap)
                chosen.discard(dropped)
                total -= words
        if len(others) <= MOST_WORDS:
            others.add(dropped)
    if others <= chosen and len(heap) > 1:  # leave one to learn from
        chosen.discard(heapq.heappop(heap)[1])
    elif others <= chosen:
        raise ValueError(
            f"expected two different texts or more, of which one is held out to evaluate on, found "
            f"{len(chosen)} in {counts.texts} texts; give more texts, or docs to evaluate on by "
            f"--dev"
        )
    return chosen


def _digest(item: Placed) -> str:
    return digest(key_of(item.raw.text).encode("utf8"))


def _names(files: Sequence[Path]) -> list[str]:
    """Return the files' names, with a number before those that are there already."""
    names: dict[str, str] = {}  # by what a file system may take for the same
    for i, path in enumerate(files):
        name, number = path.name, i
        while name.casefold() in names:
            name, number = f"{number}-{path.name}", number + 1
        names[name.casefold()] = name
    return list(names.values())


def _items(files: Sequence[Path]) -> Iterator[Placed | Unfit]:
    """Yield texts and what is unfit, without blank lines."""
    for path in files:
        for item in read_texts(path):
            if isinstance(item, Placed) or item.reason:
                yield item
