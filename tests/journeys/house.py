"""What somebody keeps in a file of their own and names by --code: a function as a component."""

from spacy.language import Language
from spacy.tokens import Doc

if not Doc.has_extension("shouts"):
    Doc.set_extension("shouts", default=None)


@Language.component("count_shouts")
def count_shouts(doc: Doc) -> Doc:
    doc._.shouts = sum(token.text == "!" for token in doc)
    return doc
