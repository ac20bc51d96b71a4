import copy
import pickle
import time

import numpy
import pytest
from thinc.api import SGD, Adam, Linear, chain

from spacy_skd.models.prediction.kept import Kept, Snapshot

X = numpy.ones((4, 3), dtype="float32")


def make_model():
    model = chain(Linear(3, 3), Linear(2, 3))
    model.initialize(X=X, Y=numpy.ones((4, 2), dtype="float32"))
    for layer in model.layers:
        layer.set_param("b", numpy.ones(layer.get_dim("nO"), dtype="float32"))
    return model


def train(model, optimizer):
    _, backprop = model.begin_update(X)
    backprop(numpy.ones((4, 2), dtype="float32"))
    model.finish_update(optimizer)


def sums(snapshot):
    """Something that is made of a model."""
    layers = snapshot.nodes[0].layers
    return [float(layer.get_param(name).sum()) for layer in layers for name in ("W", "b")]


def check(kept, model):
    """What is kept is what would be made anew."""
    made = kept.of(model, sums)
    assert made == sums(Snapshot(model))
    return made


def test_it_is_made_once():
    model, kept, calls = make_model(), Kept(), []
    for _ in range(3):
        kept.of(model, lambda snapshot: calls.append(snapshot.nodes[0]))
    assert calls == [model]


@pytest.mark.parametrize("make", [lambda: Adam(0.1), lambda: SGD(0.1), lambda: SGD(0.1, L2=0.1)])
def test_steps_of_training_also_those_in_place(make):
    model, kept, optimizer = make_model(), Kept(), make()
    before = check(kept, model)
    for _ in range(3):
        train(model, optimizer)
        after = check(kept, model)
        assert after != before
        before = after


def test_averages_for_a_while():
    model, kept, optimizer = make_model(), Kept(), Adam(0.1, use_averages=True)
    for _ in range(3):
        train(model, optimizer)
    before = check(kept, model)
    with model.use_params(optimizer.averages):
        assert check(kept, model) != before
    assert check(kept, model) == before


def test_bytes_of_another_and_initialize():
    model, kept = make_model(), Kept()
    before = check(kept, model)
    model.from_bytes(make_model().to_bytes())
    assert check(kept, model) != before
    model.initialize()
    check(kept, model)


def test_a_layer_is_replaced():
    model, kept = make_model(), Kept()
    before = check(kept, model)
    other = make_model().layers[0]
    model.replace_node(model.layers[0], other)
    after = check(kept, model)
    assert after != before
    other.set_param("W", other.get_param("W") * 2)
    assert check(kept, model) != after
    model.layers[0] = make_model().layers[0]
    check(kept, model)


def test_parameters_that_come_later():
    model, kept = Linear(2, 3), Kept()
    assert kept.of(model, lambda snapshot: model.has_param("W")) is None
    model.initialize()
    assert kept.of(model, lambda snapshot: model.has_param("W"))


def test_another_model():
    kept = Kept()
    assert check(kept, make_model()) != check(kept, make_model())


def test_copies_and_pickles_are_empty():
    model, kept = make_model(), Kept()
    check(kept, model)
    for other in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert other._made is None
    model.attrs["kept"] = kept
    assert model.copy().attrs["kept"]._made is None
    assert b"kept" not in model.to_bytes()


def test_to_compare_costs_microseconds():
    """Of as many layers and parameters as an encoder has."""
    model = chain(*[Linear(3, 3) for _ in range(30)])
    model.initialize(X=X, Y=X)
    snapshot, times = Snapshot(model), []
    for _ in range(200):
        start = time.perf_counter()
        assert snapshot.is_of(model)
        times.append(time.perf_counter() - start)
    assert min(times) < 20e-6
