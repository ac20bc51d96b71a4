"""spacy-transformers' model under CPU autocast. Imports torch: import it lazily."""

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from spacy_transformers.layers.transformer_model import TransformerModel
from spacy_transformers.layers.transformer_model import init as fetch
from thinc.api import Model, Optimizer

from .backbone import resolve_backbone

# What oneDNN compiled for a shape it keeps with its scratch memory: by default of 1,024 shapes,
# gigabytes, since batches differ in length. The layers of one batch have the same few. It reads
# this when it compiles the first.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


class CpuTransformerModel(TransformerModel):  # type: ignore[misc, unused-ignore]
    """A `TransformerModel` whose forward pass may run in bfloat16 on a CPU, and whose learning rate
    is a multiple of the optimizer's. thinc's own mixed precision autocasts CUDA only.
    """

    def __init__(
        self,
        name: str,
        get_spans: Callable[..., Any],
        tokenizer_config: dict[str, Any],
        transformer_config: dict[str, Any],
        *,
        bfloat16: str,
        learn_rate_scale: float,
    ):
        super().__init__(name, get_spans, tokenizer_config, transformer_config)
        self.bfloat16 = bfloat16
        self.learn_rate_scale = learn_rate_scale
        self.source = name
        setattr(self, "init", _init)  # noqa: B010  (mypy takes it for a method)

    def __call__(self, X: Any, is_train: bool) -> Any:
        with self._precision():
            return super().__call__(X, is_train)

    def predict(self, X: Any) -> Any:
        return self(X, is_train=False)[0]

    def begin_update(self, X: Any) -> Any:
        return self(X, is_train=True)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights at `learn_rate_scale` times the optimizer's rate."""
        super().finish_update(_Scaled(optimizer, self.learn_rate_scale))

    def copy(self) -> "CpuTransformerModel":
        hf = self.layers[0].shims[0]._hfmodel
        copied = CpuTransformerModel(
            self.source,
            self.attrs["get_spans"],
            hf._init_tokenizer_config,
            hf._init_transformer_config,
            bfloat16=self.bfloat16,
            learn_rate_scale=self.learn_rate_scale,
        )
        base = super().copy()
        copied._dims = base._dims
        copied.layers[0] = base.layers[0]
        copied.attrs.update(self.attrs)
        return copied

    def _precision(self) -> AbstractContextManager[Any]:
        on = self.bfloat16 == "on" or (self.bfloat16 == "auto" and cpu_has_bfloat16())
        if not on or torch.get_default_device().type != "cpu":
            return contextlib.nullcontext()
        backbone = self.layers[0].shims[0]._hfmodel.transformer
        if backbone is not None and not getattr(backbone, "_gives_float32", False):
            backbone.register_forward_hook(_to_float32)
            backbone._gives_float32 = True
        result: AbstractContextManager[Any] = torch.autocast("cpu", torch.bfloat16)
        return result


def _init(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    """Fetch the backbone, once. What is saved keeps the name that the user gave."""
    assert isinstance(model, CpuTransformerModel)
    if model.attrs["has_transformer"]:
        return
    model.attrs["name"] = resolve_backbone(model.source)
    try:
        fetch(model, X, Y)
    except OSError as error:  # what the transformers library raises
        raise ValueError(
            f"backbone: cannot load {model.source!r}: {error}\nExpected the name of a hub model "
            f"(and a network, or the model in the local cache), a local folder, or package:NAME."
        ) from error
    finally:
        model.attrs["name"] = model.source


def _to_float32(module: Any, inputs: Any, output: Any) -> Any:
    """Return float32: numpy has no bfloat16, so what leaves the backbone is float32."""
    for key, value in output.items():
        if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
            output[key] = value.float()
    return output


class _Scaled:
    """An optimizer whose steps are a multiple of another's."""

    def __init__(self, optimizer: Any, scale: float):
        self._optimizer = optimizer
        self._scale = scale

    def __call__(self, key: Any, weights: Any, gradient: Any, *, lr_scale: float = 1.0) -> Any:
        return self._optimizer(key, weights, gradient, lr_scale=lr_scale * self._scale)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


def cpu_has_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware; elsewhere autocast is several times
    slower than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
