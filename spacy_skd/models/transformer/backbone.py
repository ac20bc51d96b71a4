"""Where a backbone's weights lie: a hub name, a local folder or an installed package."""

import importlib.util
import json
import zipfile
from pathlib import Path

PACKAGE_PREFIX = "package:"
_INDEX = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _INDEX, "pytorch_model.bin")
_PICKLE = b"\x80"  # how files of torch before 1.6 start


def resolve_backbone(name: str) -> str:
    """Return what the transformers library loads.

    name (str): a hub name or a local folder; `package:NAME` is the folder `model` of the installed
        Python package NAME.
    RAISES (ValueError): if the package is not installed, or a local folder is incomplete.
    """
    if name.startswith(PACKAGE_PREFIX):
        return str(_check_folder(_package_folder(name[len(PACKAGE_PREFIX) :])))
    if Path(name).is_dir():
        return str(_check_folder(Path(name)))
    if name.startswith((".", "/", "~")):
        raise ValueError(f"backbone: there is no folder {name!r}; expected one with a config.json")
    return name


def _package_folder(package: str) -> Path:
    module = package.replace("-", "_")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"backbone: the Python package {package!r} is not installed. Install it (pip install "
            f"{package}), or name a hub model or a local folder instead."
        )
    return Path(list(spec.submodule_search_locations)[0]) / "model"


def _check_folder(folder: Path) -> Path:
    config = folder / "config.json"
    if not config.is_file():
        raise ValueError(f"backbone: expected {config}, but there is no such file")
    try:
        json.loads(config.read_text(encoding="utf8"))
    except ValueError as error:
        raise ValueError(f"backbone: {config} is no valid JSON: {error}") from error
    weights = [folder / name for name in _WEIGHTS if (folder / name).is_file()]
    if not weights:
        raise ValueError(f"backbone: {folder} holds none of {', '.join(_WEIGHTS)}")
    if weights[0].name == _INDEX:
        for shard in _shards(weights[0]):
            _check_safetensors(shard)
    elif weights[0].suffix == ".safetensors":
        _check_safetensors(weights[0])
    else:
        _check_torch(weights[0])
    return folder


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"backbone: {index} is no index of weights ({error!r})") from error
    shards = [index.parent / str(name) for name in names]
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing or not shards:
        raise ValueError(f"backbone: {index} names files that are missing: {missing}; fetch again")
    return shards


def _check_torch(path: Path) -> None:
    """Check that a file of weights is whole: a zip's directory stands at its end, so one that is
    cut off is none."""
    with path.open("rb") as file:
        is_pickle = file.read(1) == _PICKLE
    if not is_pickle and not zipfile.is_zipfile(path):
        raise ValueError(f"backbone: {path} is damaged or truncated; fetch it again")


def _check_safetensors(path: Path) -> None:
    """Check that a file has header length (8 bytes), header, tensors: a shorter one was cut off."""
    size = path.stat().st_size
    with path.open("rb") as file:
        n = int.from_bytes(file.read(8), "little")
        try:
            if n > size:
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(n))
            if not isinstance(header, dict):
                raise ValueError("the header is no JSON object")
            ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"backbone: {path} is damaged: {error}; fetch it again") from error
    expected = 8 + n + max(ends, default=0)
    if size < expected:
        raise ValueError(
            f"backbone: {path} is truncated: expected {expected} bytes, got {size}; fetch it again"
        )
