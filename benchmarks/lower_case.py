"""Annotated docs in lower case, to score pipelines on text without capitals.

python benchmarks/lower_case.py corpus/ewt/dev.spacy work/ewt/dev_lower.spacy
python -m spacy skd report work/ewt/dev_lower.spacy small=work/ewt/small_0/model-best
"""

import sys
from pathlib import Path

import spacy
from spacy.tokens import DocBin

from spacy_skd.training.corpora.items import read_items
from spacy_skd.training.corpora.lower_case import lower_item


def main() -> None:
    source, output = map(Path, sys.argv[1:])
    nlp = spacy.blank("en")
    items = read_items(nlp, DocBin(store_user_data=True).from_disk(source), is_gold=True)
    docs = [doc for item in items for doc in lower_item(nlp, item).bin.get_docs(nlp.vocab)]
    DocBin(docs=docs, store_user_data=True).to_disk(output)


if __name__ == "__main__":
    main()
