"""Lemmas of words that are written as they are not elsewhere, and lemmas that are no words."""

from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc, Token


def is_first(token: Token) -> bool:
    return bool(token.is_sent_start) and token.is_alpha


def is_in_capitals(token: Token) -> bool:
    return token.is_alpha and token.is_upper and len(token) > 1


KINDS = {"first words": is_first, "capitals": is_in_capitals}


def known_words(gold: Iterable[Doc], raw: Iterable[Doc]) -> set[str]:
    """Lower-case lemmas and forms of gold, and forms of raw text."""
    known = {token.lower_ for docs in (gold, raw) for doc in docs for token in doc}
    return known | {token.lemma_.lower() for doc in gold for token in doc}


def lemma_report(docs: list[Doc], references: list[Doc], known: set[str]) -> dict[str, Any]:
    """Of the words of each kind, by their form in the reference: how many there are, and how many
    lemmas are right; and how many lemmas are invented, which are in neither gold nor raw text."""
    pairs = [pair for doc, gold in zip(docs, references) for pair in zip(doc, gold)]
    report: dict[str, Any] = {}
    for kind, is_of in KINDS.items():
        right = [word.lemma_ == gold.lemma_ for word, gold in pairs if is_of(gold)]
        report[kind] = {"words": len(right), "right": sum(right)}
    lemmas = [word.lemma_ for word, _ in pairs if word.lemma_]
    invented = [lemma for lemma in lemmas if lemma.lower() not in known]
    report["invented"] = {"words": len(pairs), "lemmas": len(invented), "some": invented[:20]}
    return report
