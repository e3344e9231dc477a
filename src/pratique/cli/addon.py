"""`pratique addon`: put the add-on into a cluster, take it out, look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from pratique.cli import output

COLUMNS: list[output.Column] = [
    ("POD", "name"),
    ("READY", "ready"),
    ("STATUS", lambda row: row["message"] or row["phase"]),
    ("RESTARTS", "restarts"),
]


def _cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--context", default="", help="A context of the kubeconfig.")(command)
    return click.option(
        "--kubeconfig",
        type=click.Path(),
        help="The cluster's kubeconfig; kubectl's own, or the embedded cluster's, without it.",
    )(command)


@click.group()
def addon() -> None:
    """Enable, disable or look at the add-on of a cluster."""


@addon.command()
@_cluster_options
@click.option("--cluster", default="", help="The cluster's name at the service.")
@click.option(
    "--service", "service_url", default="", help="The service's address, as the cluster reaches it."
)
@click.option("--token", default="", envvar="PRATIQUE_AGENT_TOKEN", help="The cluster's agent token.")
@click.option("--service-ca", type=click.Path(exists=True, dir_okay=False), help="The service's authority.")
@click.option("--image", default="", help="The agent's image.")
@click.option("--replicas", default=2, show_default=True, help="How many pods answer admission requests.")
@click.option("--fail-closed", is_flag=True, help="Refuse requests while no pod can answer.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the pods.")
@output.option
def enable(kubeconfig: str | None, context: str, output_format: str, timeout: float, **given: Any) -> None:
    """Apply the add-on and wait until its pods are ready.

    Without --service the cluster enforces what you apply with kubectl, as Gatekeeper does, and reports to
    nobody. With it, give --cluster and --token too (`POST /api/v1/clusters/NAME/token` makes one).
    """
    from pathlib import Path

    from pratique.client import addon as addons
    from pratique.errors import InputError

    if given["service_url"] and not (given["cluster"] and given["token"]):
        raise InputError(
            "--service needs --cluster and --token", hint="the cluster's page in the portal shows both"
        )
    ca = Path(given["service_ca"]).read_text(encoding="utf-8") if given["service_ca"] else ""
    settings = addons.AddonSettings(
        cluster=given["cluster"],
        service_url=given["service_url"],
        token=given["token"],
        ca=ca,
        image=given["image"] or addons.IMAGE,
        replicas=given["replicas"],
        failure_policy="Fail" if given["fail_closed"] else "Ignore",
    )
    with output.progress("enabling the add-on") as say:
        status = _run(
            kubeconfig, context, lambda client: addons.enable(client, settings, say=say, timeout=timeout)
        )
    _show(status, output_format)


@addon.command()
@_cluster_options
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the cluster.")
@output.option
def disable(kubeconfig: str | None, context: str, output_format: str, timeout: float) -> None:
    """Take the add-on out of a cluster, with everything that it manages; keep what others made."""
    from pratique.client import addon as addons

    with output.progress("disabling the add-on") as say:
        status = _run(kubeconfig, context, lambda client: addons.disable(client, say=say, timeout=timeout))
    _show(status, output_format)


@addon.command()
@_cluster_options
@output.option
def status(kubeconfig: str | None, context: str, output_format: str) -> None:
    """Show whether the add-on is enabled, and its pods."""
    from pratique.client import addon as addons

    _show(_run(kubeconfig, context, addons.status), output_format)


def _show(status: Any, output_format: str) -> None:
    document = asdict(status)
    if output_format != "table":
        output.show(document | {"pods": list(document["pods"])}, output_format)
        return
    click.echo(f"{status.state}{f': {status.message}' if status.message else ''}")
    output.show([asdict(pod) for pod in status.pods], "table", columns=COLUMNS)


def _run(kubeconfig: str | None, context: str, work: Callable[[Any], Any]) -> Any:
    import asyncio
    import os
    from pathlib import Path

    from pratique.cli import home
    from pratique.client.kube import KubeClient
    from pratique.client.kubeconfig import default_paths

    path: str | Path | None = kubeconfig
    embedded = home.locate().kubeconfig
    named = path or os.environ.get("KUBECONFIG") or any(file.exists() for file in default_paths())
    if not named and embedded.exists():
        path = embedded

    async def call() -> Any:
        async with KubeClient.from_kubeconfig(path, context=context) as client:
            return await work(client)

    return asyncio.run(call())
