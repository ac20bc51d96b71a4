"""Makes `token_store`: a folder that `spacy skd annotate` wrote at commit 9f2e74b, when beliefs
were of all tokens, whitespace too. Run with that commit's package on the path:

    git archive 9f2e74b spacy_skd | tar x -C OLD
    PYTHONPATH=OLD python tests/data/make_token_store.py tests/data/token_store
"""

import sys
import tempfile
from pathlib import Path

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_skd.training.annotation.annotate import annotate

TEXTS = ["The cat\n\nsees  Ann .\n", "\n Dogs sleep well !", "Go"]
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 8,
    "depth": 1,
    "embed_size": 50,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
TREES = {"@architectures": "spacy-skd.BiaffineParser.v1", "arc_hidden": 8, "label_hidden": 4}
SEGMENTS = {"@architectures": "spacy-skd.SegmentScorer.v1", "max_width": 3, "hidden_width": 4}
TOKENS = {"@architectures": "spacy-skd.TokenScorer.v1"}
PIPES = {
    "sent": ("distilling_tagger", {"layer": "sent", "model": TOKENS}),
    "tag": ("distilling_tagger", {"layer": "tag", "model": TOKENS}),
    "ents": (
        "distilling_tagger",
        {"layer": "ents", "model": {"@architectures": "spacy-skd.ChainScorer.v1"}},
    ),
    "spans": (
        "distilling_tagger",
        {"layer": "spans", "structure": "segments", "model": SEGMENTS},
    ),
    "parser": ("distilling_parser", {"model": TREES}),
    "tags": ("distilling_parser", {"structure": "offset_tags", "model": TOKENS}),
}


def make(folder: Path) -> None:
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    for name, (factory, config) in PIPES.items():
        config = {**config, "model": {**config["model"], "tok2vec": TOK2VEC}}
        nlp.add_pipe(factory, name, config=config)
    words = ["The", "cat", "sees", "Ann", "."]
    doc = Doc(nlp.vocab, words, heads=[1, 2, 2, 2, 2], deps=list("dnroP"), tags=list("DNVNP"))
    doc.set_ents([Span(doc, 1, 2, "A"), Span(doc, 3, 4, "P")])
    doc.spans["sc"] = list(doc.ents)
    examples = [Example(Doc(nlp.vocab, words), doc)]
    nlp.initialize(lambda: examples)
    for _ in range(30):
        nlp.update(examples, losses={})
    with tempfile.TemporaryDirectory() as name:
        teacher, text = Path(name) / "teacher", Path(name) / "raw.jsonl"
        nlp.to_disk(teacher)
        lines = [spacy.util.srsly.json_dumps({"text": text}) + "\n" for text in TEXTS]
        text.write_text("".join(lines), encoding="utf8")
        annotate(teacher, [str(text)], folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
