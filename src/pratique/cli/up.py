"""`pratique up`: everything on this machine with one command, and all of it stopped by Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import pratique
from pratique.cli import home, output
from pratique.errors import ConflictError


@click.command()
@click.option("--port-base", type=click.IntRange(1024, 65532), help="Use four ports from here on instead.")
@click.option("--reset", is_flag=True, help="Begin anew: forget every object, policy, login and report.")
@click.option("--yes", is_flag=True, help="Do not ask before --reset.")
@click.option(
    "--mirror",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Answer template URLs from this folder: .../NAME/vN/template.yaml is DIR/NAME/template.yaml.",
)
@output.option
def up(*, port_base: int | None, reset: bool, yes: bool, mirror: Path | None, output_format: str) -> None:
    """Start the service, the portal and an embedded cluster.

    Portal and API listen on 127.0.0.1:7080, the same API on TLS on 7443 (for az), Kubernetes on 7444 and the
    webhook on 7445. What an earlier start left is found as it was.
    """
    began = time.perf_counter()
    place = home.locate()
    with _alone(place):
        if reset:
            _forget(place, sure=yes)
        _link_clients(place)
        output.note(f"Pratique {pratique.__version__} is starting")
        from pratique.cli.embedded import Ports, run

        ports = Ports.from_base(port_base) if port_base else Ports()
        run(place, ports, mirror=mirror, began=began, output_format=output_format)


@contextmanager
def _alone(place: home.Home) -> Iterator[None]:
    """Hold the installation's lock; the kernel lets go of it however this process ends."""
    with place.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise ConflictError(
                f"already running from `{place.root}` (process {lock.read().strip() or 'unknown'})",
                hint="stop it with Ctrl-C, or set PRATIQUE_HOME to another folder for a second one",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _forget(place: home.Home, *, sure: bool) -> None:
    found = [path for path in place.root.iterdir() if path != place.lock]
    if found and not sure:
        click.confirm(f"Delete everything in {place.root}?", abort=True)
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _link_clients(place: home.Home) -> None:
    """Put this pratique and the clients that are at hand into the folder that `pratique env` puts on PATH."""
    place.bin.mkdir(exist_ok=True)
    for name in ("pratique", "kubectl", "az"):
        found = str(Path(sys.executable).with_name(name)) if name == "pratique" else shutil.which(name)
        link = place.bin / name
        if found and Path(found).exists() and Path(found).parent != place.bin:
            link.unlink(missing_ok=True)
            link.symlink_to(found)
