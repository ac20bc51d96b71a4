"""Which components of a pipeline merge or split the tokens that it was given."""

from spacy.language import Language


def mergers(nlp: Language) -> list[str]:
    """Return the enabled components that merge or split tokens, as far as their factories say so
    (`retokenizes`, as that of `merge_noun_chunks` does), to be disabled where tokens are compared
    with others: gold's, those of another pipeline, those that components before were asked about.
    spaCy does not move the spans of `doc.spans` with them."""
    return [name for name in nlp.pipe_names if merges(nlp, name)]


def merges(nlp: Language, name: str) -> bool:
    """Tell whether one component does."""
    return bool(nlp.get_pipe_meta(name).retokenizes)
