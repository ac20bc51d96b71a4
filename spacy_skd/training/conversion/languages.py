"""The tokenizer of a language, or why there is none."""

import spacy
from spacy.language import Language


def blank_pipeline(lang: str) -> Language:
    """Make a blank pipeline.

    RAISES (ValueError): if spaCy has no such language, or with its own reason if it has but cannot
        make its tokenizer, which may need a package.
    """
    try:
        return spacy.blank(lang)
    except Exception as error:  # whatever the package that it wraps raises
        module = getattr(error.__cause__, "name", None) or ""
        if isinstance(error, ImportError) and module.startswith("spacy.lang."):
            raise ValueError(
                f"lang: expected a language code of spaCy, found {lang!r} ({error})"
            ) from error
        raise ValueError(f"lang: spaCy cannot tokenize {lang!r}: {error}") from error
