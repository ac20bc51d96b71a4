"""What a student rehearses: texts of the corpora of before, as many words of each, which its old
self annotates."""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...disk import digest, write_new
from ...training.conversion.raw_text import Placed, RawText, read_texts
from ..texts.docs import docs_in
from .corpora import Corpus


@dataclass(frozen=True)
class Rehearsed:
    """words: how many there are. of: names of the corpora whose text it is; those of `lost` have
    none left, and other text stands for theirs."""

    words: int
    of: tuple[str, ...]
    lost: tuple[str, ...]


def write_texts(former: Sequence[Corpus], new: Corpus, output: Path, *, words: int) -> Rehearsed:
    """Choose text to rehearse, evenly of all corpora of before that have any left: raw text, or,
    where there is none, that of labelled docs; if no corpus has any, of the new one. The same texts
    each time, by a digest of each.

    words (int): about how many between spaces, in all. output (Path): gets them as JSONL.
    RAISES (ValueError): if there is no text at all.
    """
    sizes = {corpus.name: _words_of(corpus) for corpus in former}
    lost = tuple(name for name, size in sizes.items() if not size)
    sources = [corpus for corpus in former if sizes[corpus.name]] or [new]
    lines: list[str] = []
    left = words
    # The small ones first: what they lack the others make up for.
    by_size = sorted(sources, key=lambda corpus: sizes.get(corpus.name, 0))
    for place, corpus in enumerate(by_size):
        chosen = _least_digests(corpus, left // (len(by_size) - place))
        lines += [json.dumps({"text": text.text}, ensure_ascii=False) for text in chosen]
        left -= sum(text.n_words for text in chosen)
    if not lines:
        raise ValueError(
            f"nothing is left of {', '.join(sizes)}, and {new.name} has no text: there is nothing "
            f"to rehearse. Name some as `raw`, or `gold`"
        )
    write_new(output, ("\n".join(lines) + "\n").encode("utf8"), overwrite=True)
    return Rehearsed(words - left, tuple(corpus.name for corpus in sources), lost)


def _texts_of(corpus: Corpus) -> Iterator[RawText]:
    """Yield what is left of a corpus; lines that are unfit were told of when it was annotated."""
    files = corpus.raw_files()
    for path in files:
        yield from (item.raw for item in read_texts(path) if isinstance(item, Placed))
    if not files and corpus.gold is not None:
        yield from (RawText(doc.text) for doc in docs_in(corpus.gold) if doc.text.strip())


def _words_of(corpus: Corpus) -> int:
    return sum(text.n_words for text in _texts_of(corpus))


def _least_digests(corpus: Corpus, words: int) -> list[RawText]:
    """Return texts of the smallest digests, of so many words or the last one more, in the order of
    these."""
    heap: list[tuple[int, int, RawText]] = []  # the largest digest first
    total = 0
    for number, text in enumerate(_texts_of(corpus)):
        order = -int(digest(text.text.encode("utf8"))[:15], 16)
        heapq.heappush(heap, (order, number, text))
        total += text.n_words
        while len(heap) > 1 and total - heap[0][2].n_words >= words:
            total -= heapq.heappop(heap)[2].n_words
    return [text for _, _, text in sorted(heap, reverse=True)]
