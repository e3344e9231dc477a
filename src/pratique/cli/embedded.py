"""The composition root: service, portal and embedded cluster in one process, on loopback.

In: an installation's folder and four ports. Out: four listeners until a signal comes, then a clean end. It
knows every part, and no part knows it; each is stopped in the reverse order of its start.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvloop

import pratique
from pratique.cli import output
from pratique.cli.home import Home
from pratique.cli.login import document
from pratique.client import addon
from pratique.client.addon import IMAGE, NAMESPACE, WEBHOOK_SERVICE
from pratique.client.kube import KubeClient
from pratique.client.service import ServiceClient
from pratique.devcluster import DevCluster
from pratique.devcluster import Settings as ClusterSettings
from pratique.errors import PratiqueError
from pratique.listener import Listener, tls_of
from pratique.portal.app import create_app as create_portal
from pratique.portal.settings import Settings as PortalSettings
from pratique.service import Credentials, Service
from pratique.service import Settings as ServiceSettings
from pratique.service.certificates import Certificate, ensure

HOST = "127.0.0.1"
CLUSTER = "embedded"
ADDON_SECONDS = 10.0  # how long a start waits for an add-on that was left enabled


@dataclass(frozen=True, slots=True)
class Ports:
    """The four ports of an installation."""

    portal: int = 7080
    tls: int = 7443
    kubernetes: int = 7444
    webhook: int = 7445

    @classmethod
    def from_base(cls, base: int) -> Ports:
        """Return four ports in a row."""
        return cls(base, base + 1, base + 2, base + 3)


def run(place: Home, ports: Ports, *, mirror: Path | None, began: float, output_format: str) -> None:
    """Start everything, say where it is, and stop it at SIGINT or SIGTERM.

    `began` is the `time.perf_counter()` at which the command started, for the figure that is printed.
    """
    uvloop.run(_run(place, ports, mirror=mirror, began=began, output_format=output_format))


async def _run(place: Home, ports: Ports, *, mirror: Path | None, began: float, output_format: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        with output.progress("starting the embedded cluster") as say:
            certificate = ensure(place.root, [HOST, "localhost"])
            place.roots.write_text(_system_roots() + certificate.ca.read_text())
            # All four ports come first: one that is taken must not cost the credentials that a first start makes.
            service = await _listen(place, ports, certificate, mirror=mirror, stack=stack)
            cluster = await _start_cluster(place, ports, stack=stack)
            if stopped.is_set():
                raise click.Abort
            say("starting the service")
            credentials = await service.start()
            stack.push_async_callback(service.stop)
            place.url.write_text(service.settings.agent_url)
            await service.adopt_cluster(CLUSTER, kubeconfig=cluster.kubeconfig.read_text())
            missing = await _until_enforcing(cluster.kubeconfig, stopped, say=say)
        seconds = time.perf_counter() - began
        # Also for who has stopped it meanwhile: new credentials are shown now or never.
        facts = _facts(place, ports, await service.sign_in_link(), seconds)
        if output_format == "table":
            click.echo(_welcome(facts, credentials))
        else:
            made = {"credentials": document(credentials)} if credentials else {}
            output.show(facts | made, output_format)
        if missing:
            output.note(f"The add-on does not enforce yet: {missing}")
        sys.stdout.flush()
        await stopped.wait()
        output.note("stopping")


async def _until_enforcing(kubeconfig: Path, stopped: asyncio.Event, *, say: Callable[[str], None]) -> str:
    """Wait until an add-on that was left enabled enforces again; return what is missing when it does not.

    While it is away the API server lets requests pass, so "ready" would not be true before.
    """
    async with KubeClient.from_kubeconfig(kubeconfig) as client:
        if (await addon.status(client)).state == "Disabled":
            return ""
        say("starting the add-on")
        waiting = asyncio.create_task(addon.wait_ready(client, timeout=ADDON_SECONDS))
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait((waiting, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, ended):
            task.cancel()
        found, _ = await asyncio.gather(waiting, ended, return_exceptions=True)
        return found.message if isinstance(found, PratiqueError) else ""


async def _listen(
    place: Home, ports: Ports, certificate: Certificate, *, mirror: Path | None, stack: AsyncExitStack
) -> Service:
    origin = f"http://{HOST}:{ports.portal}"
    service = Service(ServiceSettings(state_dir=place.root, mirror=mirror, agent_url=origin))
    client = ServiceClient(origin)
    stack.push_async_callback(client.close)
    service.fallback = create_portal(PortalSettings(), lambda token: client.with_token(token or ""))
    for listener in (
        Listener(service.app, host=HOST, port=ports.portal),
        Listener(
            service.app, host=HOST, port=ports.tls, tls=tls_of(certificate.certificate, certificate.key)
        ),
    ):
        await listener.start()
        stack.push_async_callback(listener.stop)
    return service


async def _start_cluster(place: Home, ports: Ports, *, stack: AsyncExitStack) -> DevCluster:
    cluster = DevCluster(
        ClusterSettings(
            state_dir=place.cluster,
            host=HOST,
            port=ports.kubernetes,
            images={IMAGE: (sys.executable, "-m", "pratique", "agent")},
            services={(NAMESPACE, WEBHOOK_SERVICE): ports.webhook},
            node_name=f"{CLUSTER}-0",
        )
    )
    await cluster.start()
    stack.push_async_callback(cluster.stop)
    place.kubeconfig.unlink(missing_ok=True)
    place.kubeconfig.symlink_to(cluster.kubeconfig)
    return cluster


def _system_roots() -> str:
    roots = ssl.get_default_verify_paths().cafile
    return Path(roots).read_text() if roots and Path(roots).exists() else ""


def _facts(place: Home, ports: Ports, code: str, seconds: float) -> dict[str, Any]:
    return {
        "version": pratique.__version__,
        "seconds": round(seconds, 1),
        "portal": f"http://{HOST}:{ports.portal}",
        "signIn": f"http://{HOST}:{ports.portal}/login?code={code}",
        "tls": f"https://{HOST}:{ports.tls}",
        "kubeconfig": str(place.kubeconfig),
    }


def _welcome(facts: dict[str, Any], credentials: Credentials | None) -> str:
    lines = [
        f"Pratique {facts['version']} is ready after {facts['seconds']:.1f} s",
        "",
        f"  portal      {facts['signIn']}",
        "              (signs you in once, within ten minutes)",
        f"  kubeconfig  {facts['kubeconfig']}",
        f'  shell       eval "$({_command()} env)"    sets up kubectl and az for this installation',
    ]
    if credentials is not None:
        lines += [
            "",
            "  Made at this first start, and never shown again (`pratique login --reset` makes new ones):",
            f"  user        {credentials.username}   password {credentials.password}",
            f"  az          az cloud register -n Pratique --endpoint-resource-manager {facts['tls']}",
            "              az cloud set -n Pratique",
            f"              az login --service-principal -u {credentials.client_id} \\",
            f"                -p {credentials.client_secret} --tenant {credentials.tenant}",
        ]
    lines += ["", "Ctrl-C stops everything; what is there now will be there again."]
    return "\n".join(lines)


def _command() -> str:
    return str(Path(sys.executable).with_name("pratique"))
