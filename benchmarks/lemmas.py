"""What the accuracy of lemmas hides: first words of sentences, words in capitals, and lemmas that
no text has.

    python benchmarks/lemmas.py test.spacy --train train.spacy --raw raw.txt NAME=PIPELINE ...

The first pipeline is the one that the others are compared with (a teacher).
"""

import argparse
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import spacy
from spacy.tokens import Doc, Token

from spacy_skd.report.scores import read_docs, unannotated

Words = Callable[[Token], bool]

# By the name of a figure, the words of the reference that it is of.
KINDS: dict[str, Words] = {
    "all": lambda token: True,
    "first": lambda token: bool(token.is_sent_start),
    "capitals": lambda token: token.text.isupper() and sum(map(str.isalpha, token.text)) > 1,
}


def accuracies(predicted: Sequence[Doc], references: Sequence[Doc]) -> dict[str, float]:
    """Return, by kind of words, the share of lemmas that are the reference's, of words that have
    one there; a kind that does not occur is left out.

    references (Sequence[Doc]): of the same tokens, gold or what a teacher says.
    RAISES (ValueError): if tokens differ.
    """
    pairs = list(_pairs(predicted, references))
    found: dict[str, float] = {}
    for kind, is_one in KINDS.items():
        right = [ours.lemma_ == gold.lemma_ for ours, gold in pairs if is_one(gold)]
        if right:
            found[kind] = sum(right) / len(right)
    return found


def invented(predicted: Iterable[Doc], known: Collection[str]) -> list[str]:
    """Return the lemmas of words, in lower case and in order, that are not known: one for each word
    that has such a lemma. known (Collection[str]): see `known_texts`."""
    words = (token for doc in predicted for token in doc if not token.is_space)
    return sorted(token.lemma_.lower() for token in words if token.lemma_.lower() not in known)


def known_texts(gold: Iterable[Doc], raw: Iterable[Doc]) -> set[str]:
    """Return the lemmas of annotated docs and the words of all, in lower case."""
    known: set[str] = set()
    for docs, attrs in ((gold, ("lemma_", "lower_")), (raw, ("lower_",))):
        for doc in docs:
            known.update(getattr(token, attr).lower() for token in doc for attr in attrs)
    return known


def figures(
    predicted: Sequence[Doc], references: Sequence[Doc], known: Collection[str]
) -> dict[str, float]:
    """Return `accuracies`, "invented", how many words have a lemma that is not known, and
    "different", how many such lemmas there are."""
    lemmas = invented(predicted, known)
    counts = {"invented": float(len(lemmas)), "different": float(len(set(lemmas)))}
    return {**accuracies(predicted, references), **counts}


def compared(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return what each has more than the first. rows: `figures` by system."""
    first = next(iter(rows.values()))
    return {
        name: {kind: row[kind] - first[kind] for kind in first if kind in row}
        for name, row in list(rows.items())[1:]
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return figures as Markdown, shares in percent. rows: `figures` by system."""
    kinds = list(dict.fromkeys(kind for row in rows.values() for kind in row))
    lines = ["| " + " | ".join(["", *kinds]) + " |", "|---|" + "---:|" * len(kinds)]
    for name, row in rows.items():
        cells = [_cell(kind, row[kind]) if kind in row else "-" for kind in kinds]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell(kind: str, value: float) -> str:
    return f"{100 * value:.2f}" if kind in KINDS else f"{value:.0f}"


def _pairs(predicted: Sequence[Doc], references: Sequence[Doc]) -> Iterable[tuple[Token, Token]]:
    """Yield the tokens of words whose lemma the reference has."""
    if [len(doc) for doc in predicted] != [len(doc) for doc in references]:
        raise ValueError("expected docs of the same tokens as the references, got others")
    for ours, gold in zip(predicted, references):
        yield from ((a, b) for a, b in zip(ours, gold) if b.lemma and not b.is_space)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("references", type=Path)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--raw", type=Path)
    parser.add_argument("pipelines", nargs="+", metavar="NAME=PIPELINE")
    args = parser.parse_args()
    blank = spacy.blank("en")
    lines = args.raw.read_text(encoding="utf8").splitlines() if args.raw else []
    known = known_texts(read_docs(args.train, blank), map(blank.make_doc, lines))
    rows: dict[str, dict[str, float]] = {}
    for name, path in (each.split("=", 1) for each in args.pipelines):
        nlp = spacy.load(path)
        references = read_docs(args.references, nlp)
        predicted = list(nlp.pipe(unannotated(nlp, references)))
        rows[name] = figures(predicted, references, known)
    print(table(rows))


if __name__ == "__main__":
    main()
