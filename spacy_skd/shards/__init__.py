"""Folders of annotated docs: shards of docs with beliefs, and the manifest that names them."""

from .files import make_bin, read_shard, shard_name, write_shard
from .manifest import Manifest
from .store import BeliefStore, StoredBeliefs, add_beliefs, read_beliefs

__all__ = [
    "BeliefStore",
    "Manifest",
    "StoredBeliefs",
    "add_beliefs",
    "make_bin",
    "read_beliefs",
    "read_shard",
    "shard_name",
    "write_shard",
]
