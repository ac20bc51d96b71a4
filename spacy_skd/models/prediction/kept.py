"""What prediction makes of a model's parameters once, and keeps until they are others.

Parameters change in two ways. A model is given other arrays: by loading, by `use_params`, by most
optimizers, when it grows. Or an optimizer changes the arrays of a model that has gradients in
place; so of such a model the values are compared, 0.1 ms for a megabyte. (The arrays of a model
without gradients are not to be changed in place by hand: `set_param` another array.)
"""

from collections.abc import Callable
from operator import attrgetter, getitem, is_
from typing import Any, Generic, TypeVar

import numpy
from thinc.api import Model

MadeT = TypeVar("MadeT")
KEPT = "kept"  # name of the attribute of a model that holds a `Kept`
_PROXY = attrgetter("proxy")


class Snapshot:
    """The layers and parameters that a model has now; to compare takes about 5 microseconds.

    nodes (list[Model]): the model and all its layers.
    """

    def __init__(self, model: Model[Any, Any]):
        self.nodes = list(model.walk())
        self._layers = [(node, list(node.layers)) for node in self.nodes if node.layers]
        self._servers = [node._params for node in self.nodes]
        self._tables = [server._params for server in self._servers]
        self._gradients = [server._grads for server in self._servers]
        items = [(table, key) for table in self._tables for key in table]
        self._homes: list[Any] = [table for table, _ in items]
        self._keys: list[Any] = [key for _, key in items]
        self._arrays = [table[key] for table, key in items]
        self._values = [array.copy() for array in self._arrays] if any(self._gradients) else None

    def is_of(self, model: Model[Any, Any]) -> bool:
        """Tell whether the model has these layers and parameters still. Of one whose parameters
        are elsewhere (a proxy of thinc's) that is not known, so it has not."""
        return (
            self.nodes[0] is model
            and sum(map(len, self._tables)) == len(self._keys)
            and all(map(is_, map(getitem, self._homes, self._keys), self._arrays))
            and all(node.layers == before for node, before in self._layers)
            and not any(map(_PROXY, self._servers))
            and (self._values is not None or not any(self._gradients))
            and (self._values is None or all(map(numpy.array_equal, self._arrays, self._values)))
        )


class Kept(Generic[MadeT]):
    """What is made of a model's parameters, in the attributes of a model. Copies and pickles of it
    are empty; threads may make it twice."""

    def __init__(self) -> None:
        self._made: tuple[Snapshot, MadeT] | None = None

    def __deepcopy__(self, memo: Any) -> "Kept[MadeT]":
        return Kept()

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()

    def of(self, model: Model[Any, Any], make: Callable[[Snapshot], MadeT]) -> MadeT:
        """Return what was made of the model, if it has the same parameters still, else make it."""
        made = self._made
        if made is None or not made[0].is_of(model):
            snapshot = Snapshot(model)  # first: what changes meanwhile is noticed the next time
            made = snapshot, make(snapshot)
            self._made = made
        return made[1]
