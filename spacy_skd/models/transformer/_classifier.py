"""A token classifier of the transformers library, over texts of any length. Imports torch: import
it lazily."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from thinc.api import get_current_ops
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForTokenClassification, AutoTokenizer

from ...arrays import Bools, Floats2d, Ints1d
from .backbone import resolve_backbone

_WIDEST = 512  # pieces of a window, where the model does not say
_MADE_UP = 10**6  # of `model_max_length`, where a tokenizer does not say
_AT_ONCE = 16  # windows of a batch


class Window(NamedTuple):
    """text (int): which. ids (list[int]): of its pieces. spans (Ints2d): (pieces, 2) the first
    character of each and the one after its last, (0, 0) of special ones. is_first, is_last (bool):
    whether the text begins or ends with it."""

    text: int
    ids: list[int]
    spans: Any
    is_first: bool
    is_last: bool


class TokenClassifier:
    """See `log_probabilities`.

    name (str): a hub name, a local folder, or `package:NAME`.
    RAISES (ValueError): if there is no such model, it is no token classifier, or its tokenizer does
        not say which characters a piece is of.
    """

    def __init__(self, name: str):
        path = resolve_backbone(name)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, use_fast=True)
            model, said = AutoModelForTokenClassification.from_pretrained(
                path, output_loading_info=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"cannot load {name!r}: {error}") from error
        if said["missing_keys"]:
            raise ValueError(
                f"{name!r}: expected a token classifier, but it has no weights for "
                f"{', '.join(sorted(said['missing_keys'])[:3])}; fine-tune it first"
            )
        if not self.tokenizer.is_fast:
            raise ValueError(f"{name!r}: expected a fast tokenizer (tokenizer.json)")
        on_gpu = get_current_ops().device_type == "gpu"
        self.device = torch.device("cuda" if on_gpu else "cpu")
        self.model = model.eval().to(self.device)
        self._padding = int(self.tokenizer.pad_token_id or 0)

    @property
    def labels(self) -> tuple[str, ...]:
        names = self.model.config.id2label
        return tuple(str(names[i]) for i in range(len(names)))

    @property
    def width(self) -> int:
        """Most pieces of a window, special ones among them."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        longest = self.tokenizer.model_max_length
        if longest < _MADE_UP:
            return int(min(longest, positions or longest))
        # Some models count positions from the padding on.
        return int(min(_WIDEST, (positions or _WIDEST + 2) - 2))

    def fingerprint(self) -> str:
        """Return a digest of labels, tokenizer and weights, wherever they lie."""
        whole = hashlib.blake2b(digest_size=16)
        whole.update("\0".join(self.labels).encode("utf8"))
        whole.update(self.tokenizer.backend_tokenizer.to_str().encode("utf8"))
        for key, weights in sorted(self.model.state_dict().items()):
            whole.update(key.encode("utf8"))
            whole.update(weights.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return whole.hexdigest()

    def log_probabilities(
        self, texts: Sequence[str], starts: Sequence[Ints1d]
    ) -> list[tuple[Floats2d, Bools]]:
        """Return what the model says of the first piece of each word. A long text is read in
        windows that overlap by half; of a word that several have, that counts in which it stands
        most inside.

        starts (Sequence[Ints1d]): of each text (words,) the first character of each word.
        RETURNS (list[tuple[Floats2d, Bools]]): (words, labels) nats, NaN for a word without pieces;
            (words,) whether the word's piece is that of the word before, too.
        """
        n_labels = len(self.labels)
        rows = [numpy.full((len(each), n_labels), numpy.nan, "float32") for each in starts]
        shared = [numpy.zeros(len(each), dtype=bool) for each in starts]
        depths = [numpy.full(len(each), -1.0) for each in starts]
        windows = list(self._windows(texts))
        for window, log_p in zip(windows, self._run(windows)):
            at = starts[window.text]
            piece, depth = _pieces_of(at, window)
            better = depth > depths[window.text]
            rows[window.text][better] = log_p[piece[better]]
            depths[window.text][better] = depth[better]
            first = window.spans[piece, 0]
            with_last = numpy.append(False, first[1:] <= at[:-1]) & (first < at)
            shared[window.text][better] = with_last[better]
        return list(zip(rows, shared))

    def _windows(self, texts: Sequence[str]) -> Iterator[Window]:
        inner = self.width - self.tokenizer.num_special_tokens_to_add()
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.width,
            stride=inner // 2,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        text_of = encoded["overflow_to_sample_mapping"]
        for i, text in enumerate(text_of):
            spans = numpy.asarray(encoded["offset_mapping"][i]).reshape(-1, 2)
            special = numpy.asarray(encoded["special_tokens_mask"][i], dtype=bool)
            spans = numpy.where(special[:, None], 0, spans)
            is_first, is_last = text_of[i - 1 : i] != [text], text_of[i + 1 : i + 2] != [text]
            yield Window(text, encoded["input_ids"][i], spans, is_first, is_last)

    def _run(self, windows: Sequence[Window]) -> list[Floats2d]:
        """Return (pieces, labels) of each window, nats."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        results: dict[int, Floats2d] = {}
        for k in range(0, len(order), _AT_ONCE):
            places = order[k : k + _AT_ONCE]
            lengths = torch.tensor([len(windows[i].ids) for i in places])
            rows = [torch.tensor(windows[i].ids) for i in places]
            ids = pad_sequence(rows, batch_first=True, padding_value=self._padding)
            mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
            with torch.inference_mode():
                output = self.model(
                    input_ids=ids.to(self.device), attention_mask=mask.long().to(self.device)
                )
            log_p = torch.log_softmax(output.logits.float(), dim=-1).cpu().numpy()
            results.update((i, row[: len(windows[i].ids)]) for i, row in zip(places, log_p))
        return [results[i] for i in range(len(windows))]


def _pieces_of(starts: Ints1d, window: Window) -> tuple[Ints1d, Any]:
    """Return of each word its first piece, that which has its first character, and by how many
    pieces it stands inside the window, -1 if it has none. The text's own edges are no edges."""
    real = numpy.flatnonzero(window.spans[:, 1] > window.spans[:, 0])
    if not len(real):
        return numpy.zeros(len(starts), "int64"), numpy.full(len(starts), -1.0)
    spans = window.spans[real]
    found = numpy.searchsorted(spans[:, 1], starts, side="right")
    inside = numpy.minimum(found, len(real) - 1)
    has = (found < len(real)) & (spans[inside, 0] <= starts)
    left = numpy.where(window.is_first, numpy.inf, inside)
    right = numpy.where(window.is_last, numpy.inf, len(real) - 1 - inside)
    return real[inside], numpy.where(has, numpy.minimum(left, right), -1.0)
