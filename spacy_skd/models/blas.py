"""Run a model's layers on numpy's BLAS.

thinc multiplies with BLIS by default, which runs at a third of the speed of the OpenBLAS that
numpy brings, on the same core. The ops are set on the nodes of our own models, never process-wide;
a GPU's ops, Apple's, and any other are left alone.
"""

from collections.abc import Iterable
from typing import Any

from thinc.api import Model, NumpyOps

_BLAS = NumpyOps(use_blis=False)


def on_blas(model: Model[Any, Any]) -> None:
    """Set the ops of all nodes. To be called in each forward pass: copying and loading a model
    resets them."""
    nodes_on_blas(model.walk())


def nodes_on_blas(nodes: Iterable[Model[Any, Any]]) -> None:
    """Set the ops of some nodes."""
    for node in nodes:
        if type(node.ops) is NumpyOps and getattr(node.ops, "use_blis", False):
            node.ops = _BLAS
