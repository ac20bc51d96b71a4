"""Vectors of all words, seen or not, by their character n-grams (floret), as near as they come to
those of `spacy skd vectors`; a folder for `paths.vectors`.

    python benchmarks/floret_table.py work/ewt/vectors work/ewt/vectors_floret \\
        corpus/ewt/train.spacy corpus/ewt/raw.jsonl --rows 20000

floret trains its table on text; here it is fitted to what the transformer knows: the rows whose
means are nearest to the vectors of words by least squares, weighted by the root of their count.
Needs scipy.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy
import spacy
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import lsmr
from spacy.vectors import Vectors

from spacy_skd.training.annotation.vectors import find_words, plain_docs

HASHES, SHORTEST, LONGEST = 2, 3, 5  # of a word, and of its n-grams
DAMP = 0.1  # rows that few words use stay small


def fit(
    table: Vectors, words: Sequence[str], targets: numpy.ndarray, weights: numpy.ndarray
) -> None:
    """Fill the table. targets (ndarray): (words, width). weights (ndarray): (words,)."""
    uses = incidence(table, words)
    roots = numpy.sqrt(weights)
    scaled = diags(roots) @ uses
    for column in range(targets.shape[1]):
        found = lsmr(scaled, roots * targets[:, column], damp=DAMP, maxiter=300)[0]
        table.data[:, column] = found
    error = numpy.linalg.norm(uses @ table.data - targets, axis=1)
    relative = (weights @ error**2) / (weights @ (targets**2).sum(axis=1))
    print(f"{len(words)} words; {100 * (1 - relative):.1f} % of their weighted squares explained")


def incidence(table: Vectors, words: Sequence[str]) -> csr_matrix:
    """RETURNS (csr_matrix): (words, rows), each row's share in the mean that is a word's vector."""
    rows: list[list[int]] = []
    for word in words:
        ngrams = table._get_ngrams(word)
        hashes = [hash for ngram in ngrams for hash in table._get_ngram_hashes(ngram)]
        rows.append([hash % len(table.data) for hash in hashes])
    shares = numpy.concatenate([numpy.full(len(some), 1 / len(some)) for some in rows])
    ends = numpy.cumsum([0, *map(len, rows)])
    return csr_matrix((shares, numpy.concatenate(rows), ends), shape=(len(words), len(table.data)))


def known(source: spacy.Language, texts: Sequence[str]) -> tuple[list[str], numpy.ndarray]:
    """RETURNS: words of the texts, in lower case, that have a vector, and their counts."""
    found = find_words(
        plain_docs(spacy.blank(source.lang), [Path(text) for text in texts]), attr="LOWER"
    )
    words = [word for word in found.counts if source.vocab.has_vector(word)]
    return words, numpy.asarray([found.counts[word] for word in words], dtype="float64")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--rows", type=int, default=20_000)
    args = parser.parse_args()
    source = spacy.load(args.vectors)
    words, counts = known(source, args.texts)
    targets = numpy.stack([source.vocab.get_vector(word) for word in words]).astype("float64")
    nlp = spacy.blank(source.lang)
    table = Vectors(
        data=numpy.zeros((args.rows, targets.shape[1]), dtype="float32"),
        strings=nlp.vocab.strings,
        mode="floret",
        minn=SHORTEST,
        maxn=LONGEST,
        hash_count=HASHES,
        attr="LOWER",
    )
    fit(table, words, targets, numpy.sqrt(counts))
    nlp.vocab.vectors = table
    nlp.to_disk(args.output)


if __name__ == "__main__":
    main()
