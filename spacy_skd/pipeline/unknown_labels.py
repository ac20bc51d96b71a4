"""Gold labels that a component lacks: named once and counted, never silently dropped."""

import logging
from collections.abc import Collection, Iterable

logger = logging.getLogger("spacy.skd")


class UnknownLabels:
    """Reports for one component.

    tokens (int): gold labels of tokens so far that the component lacks.
    """

    def __init__(self, name: str):
        self.name = name
        self.tokens = 0

    def add(self, gold: Iterable[str], labels: Collection[str]) -> None:
        """gold (Iterable[str]): of the tokens of a batch, "" for none. labels (Collection[str]):
        the component's."""
        lacking = [label for label in gold if label and label not in labels]
        if lacking and not self.tokens:
            logger.warning(
                "%s: the annotation has the labels %s, which the component lacks; they are taken "
                "as not annotated (counted in `unknown_labels.tokens`)",
                self.name,
                sorted(set(lacking)),
            )
        self.tokens += len(lacking)
