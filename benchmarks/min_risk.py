"""The tree of the highest score against the tree of the highest expected number of right heads.

    python benchmarks/min_risk.py corpus/ewt/dev.spacy PIPELINE [PIPELINE ...]

Gold tokens, predicted sentences; UAS without punctuation, in percent, of single-rooted trees by the
parser's scores and by the marginals of its distribution over trees.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import spacy
from spacy.tokens import Doc

from spacy_skd.report.scores import read_docs, unannotated
from spacy_skd.structures import Parts, SpanningTrees


def of_highest_score(doc: Doc) -> Iterator[int]:
    """The head of each token, itself for a root."""
    return (token.head.i for token in doc)


def of_least_risk(doc: Doc) -> Iterator[int]:
    """See `of_highest_score`."""
    found = doc._.activations["parser"]
    for (start, end), marginals in zip(found["units"].tolist(), found["marginals"]):
        parts = Parts({"arc": marginals[None]}, numpy.asarray([end - start]))
        (best,) = SpanningTrees(single_root=True).best_heads([parts])[0]
        yield from (start + (i if head == 0 else head - 1) for i, head in enumerate(best.tolist()))


def uas(docs: list[Doc], references: list[Doc], heads: Callable[[Doc], Iterator[int]]) -> float:
    pairs: list[tuple[int, int]] = []
    for doc, gold in zip(docs, references):
        for token, head in zip(gold, heads(doc), strict=True):
            if token.dep_ not in ("p", "punct"):  # as spaCy's scorer
                pairs.append((head, token.head.i))
    return 100 * sum(a == b for a, b in pairs) / len(pairs)


def main() -> None:
    for path in sys.argv[2:]:
        nlp = spacy.load(path)
        nlp.get_pipe("parser").save_activations = True
        references = read_docs(Path(sys.argv[1]), nlp)
        docs = list(nlp.pipe(unannotated(nlp, references)))
        scores = [uas(docs, references, heads) for heads in (of_highest_score, of_least_risk)]
        print(f"{path}: highest score {scores[0]:.2f}, least risk {scores[1]:.2f}")


if __name__ == "__main__":
    main()
