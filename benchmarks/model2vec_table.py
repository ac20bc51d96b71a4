"""Word vectors of a transformer by model2vec, as a folder for `paths.vectors`, to compare with
those of `spacy skd vectors`.

    python -m venv m2v && m2v/bin/pip install -e . -r benchmarks/requirements-model2vec.txt
    m2v/bin/python benchmarks/model2vec_table.py path/to/transformer work/ewt/vectors_model2vec \\
        corpus/ewt/train.spacy corpus/ewt/raw.jsonl

Words, their forms and their number are those of `spacy skd vectors`; the vectors are model2vec's,
with its own settings but for the width. path/to/transformer is a hub name or a local folder.
"""

import sys
from pathlib import Path

import spacy
from model2vec.distill import distill
from spacy.vectors import Vectors

from spacy_skd.training.annotation.vectors import WIDTH, VectorSettings, find_words, plain_docs


def main() -> None:
    backbone, output, *texts = sys.argv[1:]
    settings = VectorSettings()
    nlp = spacy.blank("en")
    found = find_words(plain_docs(nlp, [Path(text) for text in texts]), attr=settings.attr)
    often = [word for word, n in found.counts.most_common() if n >= settings.least]
    words = often[: settings.rows]
    model = distill(model_name=backbone, vocabulary=words, pca_dims=WIDTH)
    table = Vectors(data=model.encode(words).astype("float32"), strings=nlp.vocab.strings)
    for row, word in enumerate(words):
        for form in sorted(found.forms[word]):
            table.add(nlp.vocab.strings.add(form), row=row)
    nlp.vocab.vectors = table
    nlp.to_disk(output)


if __name__ == "__main__":
    main()
