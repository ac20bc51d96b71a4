"""Who does the work: options of commands that run a pipeline over much text, and the GPU."""

from collections.abc import Callable

import spacy
import typer

from ..training.engines.choice import LOCAL

ENGINE: str = typer.Option(LOCAL, "--engine", help="local, or ray for a cluster")
WORKERS: int = typer.Option(1, "--workers", "-n", help="Processes, each with its own pipeline")
ADDRESS: str = typer.Option(
    "", "--address", help="Ray cluster: auto, or host:port. By default one on this machine"
)
GPUS: float = typer.Option(0.0, "--gpus-per-worker", help="Of a Ray worker; 0.5: two share")


def use_gpu(gpu_id: int, setup: Callable[[int], object] | None = None) -> None:
    """Let models run on a GPU, if there is to be one; -1 is the CPU.

    setup (Callable[[int], object] | None): what does it, of either; `spacy.require_gpu` of a GPU.
    RAISES (ValueError): if there is no such GPU, or nothing that could use it is installed.
    """
    try:
        if setup is not None:
            setup(gpu_id)
        elif gpu_id >= 0:
            spacy.require_gpu(gpu_id)
    except (ValueError, RuntimeError) as error:  # CUDA's, of a number that no GPU has
        raise ValueError(
            f"--gpu-id: expected the number of a GPU that can be used, got {gpu_id}: {error}. "
            f"Install CuPy for it (pip install cupy-cuda12x), or leave --gpu-id out for the CPU"
        ) from error
