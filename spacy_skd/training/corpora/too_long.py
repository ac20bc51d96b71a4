"""Gold that a corpus leaves out since it is longer than `max_length`: counted, told once."""

import logging

logger = logging.getLogger("spacy.skd")


class TooLong:
    """What one corpus leaves out.

    name (str): of the corpus. max_length (int): words, 0 for no limit.
    """

    def __init__(self, name: str, max_length: int):
        self.name, self.max_length = name, max_length
        self._told = False

    def tell(self, n: int, *, of: int, unit: str) -> None:
        """Say how much is left out of what there is, the first time. RAISES (ValueError): if that
        is all."""
        if not n:
            return
        if n == of:
            raise ValueError(
                f"{self.name}: max_length: all {of} {unit} are of docs longer than "
                f"{self.max_length} words, so that there is no gold to learn; set a higher one, or "
                f"0 for no limit"
            )
        if not self._told:
            logger.warning(
                "%s: max_length: %d of %d %s are of docs longer than %d words and left out",
                self.name, n, of, unit, self.max_length,
            )  # fmt: skip
        self._told = True
