"""Shards: `.spacy` files that appear whole or not at all, and are checked when they are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from spacy.attrs import IDS, SPACY
from spacy.tokens import Doc, DocBin
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab

from ..disk.atomic import digest, write_atomically
from .messages import make_packer

_STRINGS = ("ORTH", "NORM", "TAG", "LEMMA", "MORPH", "DEP", "ENT_TYPE", "ENT_KB_ID", "ENT_ID")


@dataclass(frozen=True)
class Shard:
    """What the manifest says of a shard.

    labelled (bool): whether its docs have gold annotation; the annotation of the others is the
        teacher's best guess. bytes, blake2b: of the file.
    """

    docs: int
    words: int
    labelled: bool
    bytes: int
    blake2b: str


def shard_name(number: int) -> str:
    return f"shard-{number:06d}.spacy"


def make_bin(docs: Iterable[Doc]) -> DocBin:
    """Do as `DocBin(docs=docs, store_user_data=True)`, which asks every token for its strings one
    by one: that is a sixth of the time that a shard takes beside the teacher's own."""
    bin_ = DocBin(store_user_data=True)
    pack = make_packer()
    columns = [bin_.attrs.index(IDS[name]) for name in _STRINGS]
    for doc in docs:
        if doc.spans:
            bin_.add(doc)
            continue
        tokens = doc.to_array([*bin_.attrs]).reshape(-1, len(bin_.attrs))
        bin_.tokens.append(tokens)
        bin_.spaces.append(doc.to_array(SPACY).reshape(-1, 1).astype(bool))
        bin_.flags.append({"has_unknown_spaces": doc.has_unknown_spaces})
        bin_.cats.append(doc.cats)
        bin_.user_data.append(pack(doc.user_data))
        bin_.span_groups.append(doc.spans.to_bytes())
        hashes: list[int] = numpy.unique(tokens[:, columns]).tolist()
        bin_.strings.update(doc.vocab.strings[i] for i in hashes)
    return bin_


def write_shard(path: Path, bin_: DocBin, *, labelled: bool) -> Shard:
    """Write a shard.

    RAISES (OSError): naming the file, which then is not there (or as it was before).
    """
    data = bin_.to_bytes()
    shard = shard_of(bin_, data, labelled=labelled)
    write_atomically(path, data)
    return shard


def shard_of(bin_: DocBin, data: bytes, *, labelled: bool) -> Shard:
    """Describe a bin. data (bytes): what it is written as."""
    words = sum(len(tokens) for tokens in bin_.tokens)
    return Shard(len(bin_), words, labelled, len(data), digest(data))


def read_shard(path: Path, shard: Shard) -> DocBin:
    """Read a shard. RAISES (ValueError): naming the file, if it is missing, cut off or changed."""
    bin_ = DocBin(store_user_data=True).from_bytes(_read_checked(path, shard))
    if len(bin_) != shard.docs:
        raise ValueError(damaged(path, f"expected {shard.docs} docs, found {len(bin_)}"))
    return bin_


def is_whole(path: Path, shard: Shard) -> bool:
    """Tell whether the file is there as the manifest describes it."""
    try:
        check_whole(path, shard)
    except ValueError:
        return False
    return True


def check_whole(path: Path, shard: Shard) -> None:
    """Raise ValueError, naming the file, if it is not as the manifest describes it."""
    _read_checked(path, shard)


def files_of_docs(corpus: Path) -> list[Path]:
    """Return the `.spacy` files of a folder, in the order of their names, or the one file that is
    named."""
    return sorted(walk_corpus(corpus, ".spacy")) if corpus.is_dir() else [corpus]


def unpacked(path: Path, vocab: Vocab) -> Iterator[tuple[int, Doc]]:
    """Yield how many docs a `.spacy` file of anybody's has, with each of them. RAISES (ValueError):
    naming the file, if it is none."""
    try:
        bin_ = DocBin(store_user_data=True).from_disk(path)
        for doc in bin_.get_docs(vocab):
            yield len(bin_), doc
    except Exception as error:  # zlib's, msgpack's, numpy's, spaCy's of missing strings
        raise ValueError(
            f"{path}: expected docs as spaCy's DocBin writes them, found something else ({error})"
        ) from error


def single(bin_: DocBin, i: int) -> DocBin:
    """Make one doc of a bin a bin of its own, that keeps nothing else of it in memory. Its strings
    are not in it: add those of the whole bin to the vocab."""
    one = DocBin(store_user_data=True)
    one.attrs = bin_.attrs
    one.tokens, one.spaces = [bin_.tokens[i].copy()], [bin_.spaces[i].copy()]
    one.cats, one.flags = [bin_.cats[i]], [bin_.flags[i]]
    one.span_groups, one.user_data = [bin_.span_groups[i]], [bin_.user_data[i]]
    return one


def _read_checked(path: Path, shard: Shard) -> bytes:
    if not path.is_file():
        raise ValueError(damaged(path, "there is no such file"))
    size = path.stat().st_size
    if size != shard.bytes:
        raise ValueError(damaged(path, f"expected {shard.bytes} bytes, found {size}"))
    data = path.read_bytes()
    if digest(data) != shard.blake2b:
        raise ValueError(damaged(path, f"expected blake2b {shard.blake2b}, found {digest(data)}"))
    return data


def damaged(path: object, what: str) -> str:
    """Say what is wrong with a shard, and what to do."""
    return (
        f"shard {path} is not as it was written: {what}. Run the command that wrote it again: "
        f"it redoes this shard alone"
    )
