"""Time of spaCy's tokenizer by how many pieces of text it may remember, and whether tokens differ.

    python benchmarks/tokenizer.py corpus/ewt/raw.jsonl --sizes 10000 100000

Microseconds of CPU a word, over stretches of a long text, the sizes in turns.
"""

import argparse
import json
import time
from pathlib import Path

import spacy
from spacy.language import Language

from spacy_skd.pipeline.tokenizer_cache import make_tokenizer_cache

BATCH = 512  # docs


def tokens_of(nlp: Language, texts: list[str]) -> list[list[str]]:
    return [[token.text for token in nlp.make_doc(text)] for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--lang", default="en")
    parser.add_argument("--stretch", type=int, default=250_000, help="words")
    args = parser.parse_args()
    with args.raw.open(encoding="utf8") as file:
        texts = [json.loads(line)["text"] for line in file]
    pipelines = {size: make_tokenizer_cache(size)(spacy.blank(args.lang)) for size in args.sizes}
    seconds: dict[int, float] = dict.fromkeys(pipelines, 0.0)
    words = total = 0
    print("words so far", *(f"{size:>9,}" for size in pipelines))
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        for size, nlp in pipelines.items():
            before = time.process_time()
            docs = [nlp.make_doc(text) for text in some]
            seconds[size] += time.process_time() - before
        words += sum(map(len, docs))
        if words >= args.stretch or start + BATCH >= len(texts):
            total += words
            print(f"{total:12,}", *(f"{1e6 * s / words:9.2f}" for s in seconds.values()))
            seconds, words = dict.fromkeys(pipelines, 0.0), 0
    found = [tokens_of(nlp, texts[-1000:]) for nlp in pipelines.values()]
    print("the same tokens:", all(some == found[0] for some in found))


if __name__ == "__main__":
    main()
