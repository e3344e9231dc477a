"""A server and an engine together, in a temporary folder, until the `with` ends."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.bed import engine as engines
from tests.bed import server as servers
from tests.bed.api import Api
from tests.bed.engine import Engine
from tests.bed.server import PEERS, ROOT, Server

SERVERS: dict[str, Callable[[Path], Server]] = {"real": servers.Real, "embedded": servers.Embedded}


@dataclass(frozen=True)
class Bed:
    """What stands while the bed is open."""

    folder: Path
    server: Server
    engine: Engine | None
    kubeconfig: Path

    @property
    def api(self) -> Api:
        """Return the administrator's way in."""
        return self.server.admin

    def placed(self, value: Any, *, back: bool = False) -> Any:
        """Return data with what only this bed knows in the place of `<NAMESPACE>` and the like, or the other way."""
        if self.engine is None:
            return value
        text = json.dumps(value)
        engine = self.engine
        for name, own in (
            ("<NAMESPACE>", engine.namespace),
            ("<ACCOUNT>", engine.account),
            ("<CA>", engine.authority),
        ):
            text = text.replace(own, name) if back else text.replace(name, own)
        return json.loads(text)

    def kubectl(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        program = ROOT / ".cache" / "clients" / "bin" / "kubectl"
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)}
        return subprocess.run(
            [str(program), *words], input=given, capture_output=True, text=True, env=environment, timeout=120
        )


def missing(server: str, engine: str) -> list[str]:
    """Return the programs that a bed needs and that are not built yet."""
    needed = [
        *(servers.NEEDED if server == "real" else ()),
        *(["gatekeeper"] if engine == "gatekeeper" else ()),
    ]
    return [name for name in needed if not (PEERS / name).exists()]


def need(server: str, engine: str) -> None:
    """Skip the test where programs that a bed needs are not built, and name them with the cure."""
    if lacking := missing(server, engine):
        pytest.skip(_not_built(lacking))


def _not_built(lacking: list[str]) -> str:
    return f"not built: {', '.join(lacking)}; cure: scripts/peers {' '.join(lacking)}"


@contextlib.contextmanager
def opened(*, server: str = "real", engine: str = "gatekeeper", folder: Path | None = None) -> Iterator[Bed]:
    """Open a bed: `server` is real or embedded, `engine` gatekeeper, pratique or none."""
    if lacking := missing(server, engine):
        raise RuntimeError(_not_built(lacking))
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bed-")))
        running = SERVERS[server](folder)
        stack.callback(running.stop)
        kubeconfig = running.admin.write_kubeconfig(folder / "kubeconfig")
        policies = None
        if engine != "none":
            policies = engines.ENGINES[engine](running, folder)
            stack.callback(policies.stop)
        yield Bed(folder, running, policies, kubeconfig)
