"""Where pipelines err in UPOS and LAS: in words with a static vector, and in those without.

    python benchmarks/unseen.py corpus/ewt/dev.spacy work/ewt/vectors PIPELINE [PIPELINE ...]

Gold tokens, predicted sentences; an arc is wrong if its head or deprel is. Punctuation counts. The
second argument is what `spacy skd vectors` wrote: words without a vector are rare or absent in the
texts that it read.
"""

import argparse
from pathlib import Path

import numpy
import spacy

from spacy_skd.report.scores import read_docs, unannotated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dev", type=Path)
    parser.add_argument("vectors")
    parser.add_argument("pipelines", nargs="+")
    options = parser.parse_args()
    dev, vectors = options.dev, spacy.load(options.vectors).vocab
    print(f"{'':40} {'with a vector':>24} {'without':>24}")
    print(
        f"{'pipeline':40} {'words':>8} {'UPOS':>7} {'arcs':>7} {'words':>8} {'UPOS':>7} {'arcs':>7}"
    )
    for path in options.pipelines:
        nlp = spacy.load(path)
        references = read_docs(dev, nlp)
        seen, pos, arcs = [], [], []
        for found, gold in zip(nlp.pipe(unannotated(nlp, references)), references):
            seen += [vectors.has_vector(token.text) for token in gold]
            pos += [mine.pos != theirs.pos for mine, theirs in zip(found, gold)]
            arcs += [
                mine.head.i != theirs.head.i or mine.dep != theirs.dep
                for mine, theirs in zip(found, gold)
            ]
        row = []
        for mask in (numpy.asarray(seen), ~numpy.asarray(seen)):
            row += [
                f"{mask.sum():8}",
                *(f"{(mask & numpy.asarray(x)).sum():7}" for x in (pos, arcs)),
            ]
        print(f"{path[-40:]:40}", *row)


if __name__ == "__main__":
    main()
