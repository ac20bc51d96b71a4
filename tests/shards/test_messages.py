import numpy
import pytest
import srsly

from spacy_skd.shards import messages
from spacy_skd.shards.messages import make_packer, unpack_message

VALUES = [
    {},
    {"a": [1, (2.5, None), {"b": b"\x00\xff"}], ("k", 1): "é"},
    {"spacy_skd": {"id": b"12345678", "beliefs": {"tag": {"score": ("<f2", (1, 2), b"1234")}}}},
    {"array": numpy.arange(6, dtype="float32").reshape(2, 3)},
]


@pytest.mark.parametrize("value", VALUES)
def test_as_srsly_does_it(value):
    pack = make_packer()
    data = pack(value)
    assert data == srsly.msgpack_dumps(value) == pack(value)
    found, expected = unpack_message(data), srsly.msgpack_loads(data, use_list=False)
    numpy.testing.assert_equal(found, expected)
    assert repr(found) == repr(expected)


def test_a_failure_leaves_nothing_behind():
    pack = make_packer()
    with pytest.raises(OverflowError):
        pack({"a": "much" * 100, "b": 2**70})
    assert pack([1]) == srsly.msgpack_dumps([1])


def test_decoders_are_looked_for_once(monkeypatch):
    monkeypatch.setattr(messages.msgpack_decoders, "get_all", dict, raising=False)
    messages._decoder.cache_clear()
    unpack_message(srsly.msgpack_dumps({}))
    monkeypatch.setattr(messages.msgpack_decoders, "get_all", None)
    assert unpack_message(srsly.msgpack_dumps({"a": {}})) == {"a": {}}
    messages._decoder.cache_clear()
