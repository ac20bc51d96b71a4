"""A treebank with one genre held out: train without it, dev and test of it alone.

    python benchmarks/genre.py path/to/UD_English-EWT work/no_reviews reviews
    python -m spacy skd prepare corpus/no_reviews --treebank work/no_reviews \\
        --raw path/to/raw.jsonl --layers sent,tag,pos,parser --no-merge-subtokens
    python benchmarks/ewt.py corpus/no_reviews work/reviews teacher annotate vectors
    python benchmarks/ewt.py corpus/no_reviews work/reviews small stock_silver@0.004 table

The genre is the first part of a document's `newdoc id` (EWT: answers, email, newsgroup, reviews,
weblog). The raw text must have none of it; `prepare` leaves out what stands in dev or test.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

NEWDOC = "# newdoc id = "


def documents(path: Path) -> Iterator[list[str]]:
    """The lines of each document."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf8").splitlines():
        if line.startswith(NEWDOC) and lines:
            yield lines
            lines = []
        lines.append(line)
    yield lines


def genre_of(document: list[str]) -> str:
    """RAISES (ValueError): if the document has no id."""
    if not document[0].startswith(NEWDOC):
        raise ValueError(f"expected a document to begin with {NEWDOC!r}, got {document[0]!r}")
    return document[0][len(NEWDOC) :].partition("-")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the treebank")
    parser.add_argument("output", type=Path)
    parser.add_argument("genre")
    options = parser.parse_args()
    source, output, genre = options.source, options.output, options.genre
    output.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (path,) = source.glob(f"*{split}.conllu")
        found = list(documents(path))
        kept = [doc for doc in found if (genre_of(doc) == genre) != (split == "train")]
        if not kept or len(kept) == len(found):
            raise ValueError(f"{path}: expected {genre!r} among other genres")
        text = "".join(line + "\n" for doc in kept for line in doc)
        (output / path.name).write_text(text, encoding="utf8")
        print(f"{split}: {len(kept)} of {len(found)} documents")


if __name__ == "__main__":
    main()
