"""What a student rehearses: texts of the corpora of before, as many words of each, which its old
self annotates."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...disk import digest, write_new
from ...training.conversion.raw_text import RawText, read_raw
from .corpora import Corpus


@dataclass(frozen=True)
class Rehearsed:
    """words: how many there are. of: names of the corpora whose text it is; those of `lost` have
    none left, and other text stands for theirs."""

    words: int
    of: tuple[str, ...]
    lost: tuple[str, ...]


def write_texts(former: Sequence[Corpus], new: Corpus, output: Path, *, words: int) -> Rehearsed:
    """Choose raw text to rehearse, evenly of all corpora of before that have any left; where none
    has, of the new one. The same texts each time, by a digest of each.

    words (int): about how many between spaces, in all. output (Path): gets them as JSONL.
    RAISES (ValueError): if there is no raw text at all.
    """
    files = {corpus.name: corpus.raw_files() for corpus in former}
    lost = tuple(name for name, found in files.items() if not found)
    sources = {name: found for name, found in files.items() if found}
    if not sources:
        sources = {new.name: new.raw_files()}
    if not sources.get(new.name, True):
        raise ValueError(
            f"no raw text is left of {', '.join(files)}, and {new.name} has none: there is nothing "
            f"to rehearse. Name some as `raw`, or pass --rehearsal 0"
        )
    lines: list[str] = []
    total = 0
    for found in sources.values():
        chosen = _some(found, words // len(sources))
        lines += [text.to_json()[0] for text in chosen]
        total += sum(text.n_words for text in chosen)
    write_new(output, ("\n".join(lines) + "\n").encode("utf8"), overwrite=True)
    return Rehearsed(total, tuple(sources), lost)


def _some(files: Sequence[Path], words: int) -> list[RawText]:
    """Return texts of the smallest digests, of so many words or the last one more, in the order of
    these."""
    heap: list[tuple[int, int, RawText]] = []  # the largest digest first
    total = 0
    for number, text in enumerate(read_raw(files)):
        order = -int(digest(text.text.encode("utf8"))[:15], 16)
        heapq.heappush(heap, (order, number, text))
        total += text.n_words
        while len(heap) > 1 and total - heap[0][2].n_words >= words:
            total -= heapq.heappop(heap)[2].n_words
    return [text for _, _, text in sorted(heap, reverse=True)]
