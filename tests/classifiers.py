"""Tiny random token classifiers of the transformers library, as folders."""

from collections.abc import Sequence
from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["Ann", "saw", "a", "ship", "in", "Oslo", "Bo", "sees", "dogs", "They", "sleep"]
IOB = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def classifier(folder: Path, labels: Sequence[str] = IOB, *, positions: int = 64) -> Path:
    """A BERT of one layer that reads whole words of `WORDS`, and characters of others."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    characters = [chr(i) for i in range(33, 127)]
    single = [*characters, *(f"##{character}" for character in characters)]
    pieces = list(dict.fromkeys([*SPECIAL, *single, *WORDS]))
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=16, intermediate_size=16, num_attention_heads=2,
        num_hidden_layers=1, initializer_range=0.5, max_position_embeddings=positions,
        id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=False, model_max_length=positions
    )
    tokenizer.save_pretrained(folder)
    return folder
