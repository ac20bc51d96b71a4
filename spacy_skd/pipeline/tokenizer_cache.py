"""More words that spaCy's tokenizer remembers.

It keeps the tokens of a piece of text between spaces, of 10,000 pieces at most; all others it cuts
anew, by regular expressions, wherever they are met. In long texts that is more than one piece in
ten, and takes a small student longer than its parser does.

spaCy saves no such setting: the config has it, so that a saved pipeline does; a pickled or copied
one has spaCy's own again, also in the processes of `n_process` where they are not forked. Within a
memory zone spaCy remembers nothing new.
"""

from collections.abc import Callable

from spacy.language import Language

from ..errors import check_between
from ..registry import callback

NAME = "spacy-skd.tokenizer_cache.v1"
SIZE = 100_000  # 20 MB


@callback(NAME)
def make_tokenizer_cache(
    size: int = SIZE, first: Callable[[Language], Language] | None = None
) -> Callable[[Language], Language]:
    """For `[nlp.after_creation]`: set how many pieces the tokenizer remembers. It cuts as before.

    size (int): pieces, about 200 bytes each. A tokenizer that is not spaCy's own and has no
        `max_cache_size` stays as it is.
    first (Callable[[Language], Language] | None): another such callback, which is called before.
    RAISES (ValueError): if the size is negative.
    """
    check_between("size", size, low=0, high=10**9)

    def after_creation(nlp: Language) -> Language:
        nlp = nlp if first is None else first(nlp)
        if hasattr(nlp.tokenizer, "max_cache_size"):
            nlp.tokenizer.max_cache_size = size
        return nlp

    return after_creation
