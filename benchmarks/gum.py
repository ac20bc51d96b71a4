"""UD English GUM as the corpus of docs/pipelines.md: every layer of a real pipeline.

    python benchmarks/gum.py path/to/gum path/to/raw.jsonl corpus/gum --raw-words 700000

Of the documents, which the treebank sorts by genre, every fifth is test and every fifth dev. A
document is cut at ends of sentences into pieces of about --words words; each has the document's
genre as its one category, all entity spans in `doc.spans["sc"]` and the outermost in `doc.ents`.
`documents.json` says, by split, which document each piece is of. Raw text in which a sentence of
dev or test stands is left out, and the rest ends after --raw-words.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans

from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.documents import group_documents, make_doc
from spacy_skd.training.conversion.leakage import HeldOut
from spacy_skd.training.conversion.multiwords import multiwords_of, set_multiwords
from spacy_skd.training.conversion.raw_text import read_raw
from spacy_skd.training.conversion.sentence import Sentence

SPANS_KEY = "sc"
EVERY = 5
PLACES = {2: "dev", 4: "test"}  # of each five documents
Entity = tuple[int, int, str]  # start, end (exclusive), label


def split_of(number: int) -> str:
    """The split of a document. number (int): its place in the treebank."""
    return PLACES.get(number % EVERY, "train")


def pieces(sentences: Sequence[Sentence], *, words: int) -> Iterator[list[Sentence]]:
    """As many even pieces of consecutive sentences as have about so many words each."""
    ends = [*accumulate(len(sentence.words) for sentence in sentences)]
    n_pieces = max(1, round(ends[-1] / words))
    numbers = [min((end - 1) * n_pieces // ends[-1], n_pieces - 1) for end in ends]
    for number in sorted(set(numbers)):
        yield [sentence for sentence, of in zip(sentences, numbers) if of == number]


def make_piece(
    nlp: spacy.Language, sentences: Sequence[Sentence], entities: Sequence[Entity], genre: str
) -> Doc:
    """entities (Sequence[Entity]): by the tokens of the piece, nested ones too."""
    doc = make_doc(nlp.vocab, sentences, with_morphs=True, with_entities=False)
    set_multiwords(doc, [m for m in multiwords_of(doc) if not m.is_spelled])
    spans = [Span(doc, start, end, label) for start, end, label in entities]
    doc.spans[SPANS_KEY] = spans
    doc.set_ents(filter_spans(spans), default="outside")
    doc.cats = {genre: 1.0}
    return doc


def read_documents(folder: Path, *, words: int) -> Iterator[tuple[str, list[Doc]]]:
    """The id and the pieces of each document.

    RAISES (ValueError): if a span has no place in a piece.
    """
    nlp = spacy.blank("en")
    records = (folder / "train.entities.jsonl").read_text(encoding="utf8").splitlines()
    documents = group_documents(read_conllu(folder / "train.conllu"))
    for line, document in zip(records, documents, strict=True):
        record = json.loads(line)
        docs: list[Doc] = []
        start, n_spans = 0, 0
        for piece in pieces(document, words=words):
            end = start + sum(len(sentence.words) for sentence in piece)
            inside = [(a, b, label) for a, b, label in record["spans"] if start <= a and b <= end]
            moved = [(a - start, b - start, label) for a, b, label in inside]
            docs.append(make_piece(nlp, piece, moved, record["genre"]))
            start, n_spans = end, n_spans + len(inside)
        if n_spans != len(record["spans"]):
            raise ValueError(f"{record['id']}: {len(record['spans']) - n_spans} spans are cut")
        yield record["id"], docs


def with_all_cats(splits: dict[str, list[Doc]]) -> None:
    """Every doc gets all genres, those that it is not of with 0."""
    genres = sorted({genre for docs in splits.values() for doc in docs for genre in doc.cats})
    for docs in splits.values():
        for doc in docs:
            doc.cats = {genre: doc.cats.get(genre, 0.0) for genre in genres}


def write_raw(raw: Path, held_out: HeldOut, output: Path, *, words: int) -> int:
    """RETURNS (int): words that were written."""
    n_words = 0
    with output.open("w", encoding="utf8") as file:
        for text in read_raw(raw):
            if n_words >= words:
                break
            if held_out.find(text.text) is None:
                file.write(text.to_json()[0] + "\n")
                n_words += text.n_words
    return n_words


def prepare(source: Path, raw: Path, output: Path, *, words: int, raw_words: int) -> None:
    output.mkdir(parents=True, exist_ok=True)
    splits: dict[str, list[Doc]] = {"train": [], "dev": [], "test": []}
    documents: dict[str, list[str]] = {split: [] for split in splits}
    for number, (name, docs) in enumerate(read_documents(source, words=words)):
        splits[split_of(number)] += docs
        documents[split_of(number)] += [name] * len(docs)
    with_all_cats(splits)
    (output / "documents.json").write_text(json.dumps(documents))
    for split, docs in splits.items():
        DocBin(docs=docs, store_user_data=True).to_disk(output / f"{split}.spacy")
        n_words, n_spans = sum(map(len, docs)), sum(len(doc.spans[SPANS_KEY]) for doc in docs)
        print(
            f"{split}: {len(set(documents[split]))} documents, {len(docs)} pieces, "
            f"{n_words} words, {n_spans} spans"
        )
    held = [[s.text for s in doc.sents] for split in ("dev", "test") for doc in splits[split]]
    print(f"raw: {write_raw(raw, HeldOut(held), output / 'raw.jsonl', words=raw_words)} words")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder of the treebank")
    parser.add_argument("raw", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--words", type=int, default=200, help="of a piece, about")
    parser.add_argument("--raw-words", type=int, default=700_000)
    options = parser.parse_args()
    prepare(
        options.source,
        options.raw,
        options.output,
        words=options.words,
        raw_words=options.raw_words,
    )


if __name__ == "__main__":
    main()
