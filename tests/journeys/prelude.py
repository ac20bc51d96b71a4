"""What the docs' Python has names for: run before each of its blocks, in the folder's place."""

import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

nlp = spacy.load("student")
student = spacy.load("student")
teacher = spacy.load("path/or/package")


def unannotated(doc: Doc) -> Doc:
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    return Doc(doc.vocab, words=words, spaces=spaces)


def gold(pipeline: spacy.Language) -> list:
    docs = list(DocBin().from_disk("train.spacy").get_docs(pipeline.vocab))
    return [Example(unannotated(doc), doc) for doc in docs[:8]]


new_examples = gold(nlp)
old_text = [Example(doc, doc.copy()) for doc in map(nlp.make_doc, ["Ann saw a ship.", "Hm"])]
# Of `distill`: docs on which tok2vec and transformer have run, each side's first component.
examples = []
for example in gold(student):
    (_, tok2vec), (_, transformer) = student.pipeline[0], teacher.pipeline[0]
    reference = transformer(unannotated(example.reference))
    examples.append(Example(tok2vec(example.predicted), reference))
optimizer = student.resume_training()
