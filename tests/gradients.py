"""Finite differences of thinc models in float64."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy
from spacy.attrs import IS_SPACE
from thinc.api import Model

WIDTH = 6


def as_float64(model: Model) -> None:
    """Parameters in float64, random so that none is 0 by its initialization."""
    rng = numpy.random.default_rng(0)
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                value = node.get_param(name).astype("float64")
                node.set_param(name, value + rng.normal(size=value.shape) * 0.1)


def check_gradients(
    model: Model,
    forward: Callable[[], Any],
    *,
    inputs: list[numpy.ndarray],
    names: Callable[[str], bool] = lambda name: True,
) -> None:
    """The backward pass against central differences along random directions.

    forward: runs the model on the inputs (changed in place between calls) and returns a number
        (a smooth function of the output) and a function that runs backward and returns the
        gradients of the inputs.
    """
    rng = numpy.random.default_rng(1)
    _, backward = forward()
    for node in model.walk():
        for name in node.grad_names:
            node.set_grad(name, numpy.zeros_like(node.get_grad(name)))
    d_inputs = backward()
    checked = 0
    for array, d_array in zip(inputs, d_inputs):
        _compare("input", array, d_array, forward, rng)
        checked += 1
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name) and node.get_param(name) is not None:
                value = node.get_param(name)
                assert node.has_grad(name), f"{node.name}.{name} has no gradient"
                _compare(f"{node.name}.{name}", value, node.get_grad(name), forward, rng)
                checked += 1
    assert checked


def _compare(name: str, value: Any, gradient: Any, forward: Callable, rng: Any) -> None:
    for _ in range(3):
        direction = rng.normal(size=value.shape)
        eps = 1e-6
        original = value.copy()
        value[...] = original + eps * direction
        up = forward()[0]
        value[...] = original - eps * direction
        down = forward()[0]
        value[...] = original
        expected = (up - down) / (2 * eps)
        found = float((gradient * direction).sum())
        assert abs(found - expected) <= 1e-6 + 1e-5 * abs(expected), (name, found, expected)


def given_vectors():
    """A tok2vec whose "docs" are their vectors; the backward pass returns the gradients."""
    return Model("given", lambda model, X, is_train: (X, lambda dX: dX), dims={"nO": WIDTH})


class GivenDoc(numpy.ndarray):
    """The vectors of a doc's tokens, and which of these are whitespace."""

    is_space: Any = None

    def has_annotation(self, attr: int) -> bool:
        return bool(self.to_array(attr).any())

    def to_array(self, attr: int) -> numpy.ndarray:
        assert attr == IS_SPACE
        return numpy.zeros(len(self)) if self.is_space is None else self.is_space


def vectors(*lengths: int, spaces: Sequence[Sequence[int]] = ()) -> list[Any]:
    """spaces: of each doc, the tokens that are whitespace; none if not given."""
    rng = numpy.random.default_rng(0)
    docs = [rng.normal(size=(n, WIDTH)).view(GivenDoc) for n in lengths]
    for doc, tokens in zip(docs, spaces):
        doc.is_space = numpy.isin(numpy.arange(len(doc)), tokens)
    return docs
