"""Options of commands that run a pipeline over much text: who does it."""

import typer

from ..training.engines.choice import LOCAL

ENGINE: str = typer.Option(LOCAL, "--engine", help="local, or ray for a cluster")
WORKERS: int = typer.Option(1, "--workers", "-n", help="Processes, each with its own pipeline")
ADDRESS: str = typer.Option(
    "", "--address", help="Ray cluster: auto, or host:port. By default one on this machine"
)
GPUS: float = typer.Option(0.0, "--gpus-per-worker", help="Of a Ray worker; 0.5: two share")
