"""Objects to msgpack and back, as `srsly.msgpack_dumps` and `msgpack_loads` do, but these look for
encoders in all installed packages at every call: a quarter of a millisecond, a few words' time."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

from srsly.msgpack import Packer, msgpack_decoders, unpackb

Decoder = Callable[[Any], Any]


def make_packer() -> Callable[[Any], bytes]:
    """Make what packs an object, for one thread."""
    pack: Callable[[Any], bytes] = Packer(use_bin_type=True).pack
    return pack


def unpack_message(data: bytes) -> Any:
    """Return the object; its lists are tuples."""
    return unpackb(data, raw=False, use_list=False, object_pairs_hook=_decoded)


def _decoded(pairs: Iterable[tuple[Any, Any]]) -> Any:
    return _decoder()(dict(pairs))


@lru_cache(maxsize=1)
def _decoder() -> Decoder:
    """Chain the decoders of all packages, one after the other."""
    whole: Decoder = _as_it_is
    for decode in msgpack_decoders.get_all().values():
        whole = partial(decode, chain=whole)
    return whole


def _as_it_is(value: Any) -> Any:
    return value
