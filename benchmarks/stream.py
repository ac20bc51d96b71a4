"""Corpora for `spacy skd stream`: one domain after another, and one set of entity types after
another.

    python benchmarks/stream.py parsing path/to/UD_English-EWT path/to/gum path/to/raw.jsonl \\
        corpus/stream
    python -m spacy skd stream corpus/stream/corpora.jsonl work/stream
    python benchmarks/ner.py prepare work/wikiann path/to/wikiann-en --labelled 2000
    python benchmarks/ner.py prepare work/wnut path/to/wnut17 --raw path/to/raw.jsonl
    python benchmarks/gum.py path/to/gum path/to/raw.jsonl corpus/gum
    python benchmarks/stream.py entities work/wikiann work/wnut corpus/gum corpus/stream_ner

`parsing`: the genres of EWT, as its documents' ids begin with, then GUM; of the training documents
of each every second is labelled, and the text of the others is raw, with a slice of the raw text of
its own. `entities`: WikiANN, WNUT17 and GUM's outermost spans, with as much of the raw text that
`ner.py` and `gum.py` gave each. Teachers are trained by the stream, of `configs/teacher.cfg` and
`configs/ner_teacher.cfg`.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import spacy
import srsly
from genre import documents, genre_of
from spacy.tokens import DocBin

from spacy_skd.cli.prepare import prepare, set_steps
from spacy_skd.report.scores import read_docs
from spacy_skd.training.conversion.raw_text import RawText, read_raw

GENRES = ("weblog", "email", "reviews", "answers", "newsgroup")
LAYERS = ("sent", "tag", "pos", "parser")
CONFIGS = Path(__file__).parents[1] / "configs"
TEACHER_WORDS = 160_000  # that a teacher sees in training


def text_of(document: list[str]) -> str:
    """The text of a document of CoNLL-U, its sentences joined by spaces."""
    return " ".join(line[9:] for line in document if line.startswith("# text = "))


def slices(raw: Path, *, words: int) -> Iterator[list[RawText]]:
    """Slices of a file of raw text, of about so many words each."""
    texts = iter(read_raw(raw))
    while True:
        chosen: list[RawText] = []
        while sum(text.n_words for text in chosen) < words:
            more = list(islice(texts, 20))
            if not more:
                return
            chosen += more
        yield chosen


def write_treebank(
    name: str, splits: dict[str, list[list[str]]], raw: list[str], output: Path
) -> None:
    """Write CoNLL-U of each split, and raw text."""
    folder = output / "treebanks" / name
    folder.mkdir(parents=True)
    for split, docs in splits.items():
        text = "".join(line + "\n" for doc in docs for line in doc)
        (folder / f"{split}.conllu").write_text(text, encoding="utf8")
    lines = (json.dumps({"text": text}, ensure_ascii=False) for text in raw)
    (folder / "raw.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")


def of_ewt(source: Path) -> Iterator[tuple[str, dict[str, list[list[str]]]]]:
    """The documents of each genre, by split."""
    by_split = {}
    for split in ("train", "dev", "test"):
        (path,) = source.glob(f"*{split}.conllu")
        by_split[split] = list(documents(path))
    for genre in GENRES:
        yield genre, {s: [d for d in docs if genre_of(d) == genre] for s, docs in by_split.items()}


def of_gum(source: Path) -> dict[str, list[list[str]]]:
    """The documents of GUM, by split: every fifth is test, every fifth dev, as of gum.py."""
    docs = list(documents(source / "train.conllu"))
    places = {"dev": 2, "test": 4}
    splits = {split: docs[place::5] for split, place in places.items()}
    splits["train"] = [doc for i, doc in enumerate(docs) if i % 5 not in places.values()]
    return splits


def parsing(options: argparse.Namespace) -> None:
    corpora = [*of_ewt(options.ewt), ("gum", of_gum(options.gum))]
    more = slices(options.raw, words=options.raw_words)
    rows = []
    for name, splits in corpora:
        splits["train"], unlabelled = splits["train"][::2], splits["train"][1::2]
        raw = [*map(text_of, unlabelled), *(text.text for text in next(more))]
        write_treebank(name, splits, raw, options.output)
        folder = options.output / name
        treebank = options.output / "treebanks" / name
        prepare(
            folder,
            treebank=treebank,
            raw=treebank / "raw.jsonl",
            merge_subtokens=False,
            layers=LAYERS,
        )
        rows.append({"name": name, "prepared": str(folder)})
    write_rows(options.output, rows)


def entities(options: argparse.Namespace) -> None:
    options.output.mkdir(parents=True)
    config = spacy.util.load_config(CONFIGS / "ner_teacher.cfg", interpolate=False)
    set_steps(config, TEACHER_WORDS)
    config.to_disk(options.output / "teacher.cfg")
    rows = []
    nlp = spacy.blank("en")
    folders = {"wikiann": options.wikiann, "wnut": options.wnut, "gum": options.output / "gum"}
    outermost = folders["gum"]
    outermost.mkdir()
    for split in ("train", "dev", "test"):
        docs = read_docs(options.gum / f"{split}.spacy", nlp)
        bare = []
        for doc in docs:
            words, spaces = zip(*((token.text, bool(token.whitespace_)) for token in doc))
            one = spacy.tokens.Doc(nlp.vocab, words=words, spaces=spaces)
            one.set_ents([one.char_span(e.start_char, e.end_char, e.label_) for e in doc.ents],
                         default="outside")  # fmt: skip
            bare.append(one)
        DocBin(docs=bare).to_disk(outermost / f"{split}.spacy")
    for name, folder in folders.items():
        source = options.gum if name == "gum" else folder
        raw = options.output / f"{name}.jsonl"
        srsly.write_jsonl(raw, [{"text": text} for text in raw_of(source, options.raw_words)])
        files = {"gold": "train.spacy", "dev": "dev.spacy", "test": "test.spacy"}
        paths = {key: str(folder / file) for key, file in files.items()}
        config = str(options.output / "teacher.cfg")
        rows.append({"name": name, "config": config, **paths, "raw": str(raw)})
    write_rows(options.output, rows)


def raw_of(folder: Path, words: int) -> list[str]:
    """The first texts of about so many words, of `raw.jsonl`, or of the docs of `raw.spacy`."""
    if (folder / "raw.jsonl").exists():
        return [text.text for text in next(slices(folder / "raw.jsonl", words=words))]
    texts, n = [], 0
    for doc in read_docs(folder / "raw.spacy", spacy.blank("en")):
        if n >= words:
            break
        texts.append(doc.text)
        n += len(doc)
    return texts


def write_rows(output: Path, rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(each) + "\n" for each in rows)
    (output / "corpora.jsonl").write_text(text, encoding="utf8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(required=True)
    trees = actions.add_parser("parsing")
    for name in ("ewt", "gum", "raw"):
        trees.add_argument(name, type=Path)
    trees.set_defaults(function=parsing)
    names = actions.add_parser("entities")
    for name in ("wikiann", "wnut", "gum"):
        names.add_argument(name, type=Path, help="folder that was prepared")
    names.set_defaults(function=entities)
    for action in (trees, names):
        action.add_argument("output", type=Path)
        action.add_argument("--raw-words", type=int, default=60_000, help="for each corpus")
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
