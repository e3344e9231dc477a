"""`pratique addon`: put the add-on into a cluster, take it out, look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output, session

if TYPE_CHECKING:
    from pratique.client.service import ServiceClient

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
@click.argument("name", default="")
@_cluster_options
@click.option("--service", "reach", default="", help="The service's address, as the cluster reaches it.")
@click.option("--agent-token", default="", envvar="PRATIQUE_AGENT_TOKEN", help="The cluster's agent token.")
@click.option("--service-ca", type=click.Path(exists=True, dir_okay=False), help="The service's authority.")
@click.option(
    "--standalone", is_flag=True, help="Without a service, as Gatekeeper: policies come by kubectl."
)
@click.option("--image", default="", help="The agent's image.")
@click.option("--replicas", default=2, show_default=True, help="How many pods answer admission requests.")
@click.option("--fail-closed", is_flag=True, help="Refuse requests while no pod can answer.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the pods.")
@session.options
@output.option
def enable(
    *,
    name: str,
    kubeconfig: str | None,
    context: str,
    timeout: float,
    target: session.Target,
    output_format: str,
    **given: Any,
) -> None:
    """Apply the add-on to the cluster NAME and wait until its pods are ready.

    Without --kubeconfig, NAME is a cluster that the service knows how to reach (the embedded one, when there
    is only that). With it, the cluster is registered as NAME and reports to the service from then on.
    """
    if kubeconfig is None and not context and not given["standalone"] and not given["reach"]:
        with output.progress("enabling the add-on") as say:
            known = session.run(target, lambda client: _switch(client, name, True, say=say, timeout=timeout))
        output.show(_row(known), output_format)
        return
    _run(kubeconfig, context, addons().status)  # who cannot be reached is not made known to the service
    settings = _settings(name, target, given)
    with output.progress("enabling the add-on") as say:
        status = _run(
            kubeconfig, context, lambda client: addons().enable(client, settings, say=say, timeout=timeout)
        )
    _show(status, output_format)


def _settings(name: str, target: session.Target, given: dict[str, Any]) -> Any:
    """Return the add-on's settings: with a token of the service, unless it is to stand alone."""
    from pathlib import Path

    from pratique.errors import InputError

    ca = Path(given["service_ca"]).read_text(encoding="utf-8") if given["service_ca"] else ""
    token, url = given["agent_token"], given["reach"]
    if not given["standalone"]:
        if not name:
            raise InputError(
                "the cluster has no name",
                hint="pratique addon enable NAME --kubeconfig FILE, or --standalone",
            )
        url = url or session.address(target)
        token = token or session.run(target, lambda client: _register(client, name))
    return addons().AddonSettings(
        cluster=name,
        service_url=url,
        token=token,
        ca=ca,
        image=given["image"] or addons().IMAGE,
        replicas=given["replicas"],
        failure_policy="Fail" if given["fail_closed"] else "Ignore",
    )


async def _register(client: ServiceClient, name: str) -> str:
    """Make the cluster known to the service, and return a token for its agents."""
    if name not in {cluster["name"] for cluster in await client.clusters()}:
        await client.put_cluster(name, {})
    return await client.cluster_token(name)


async def _switch(
    client: ServiceClient, name: str, enabled: bool, *, say: Callable[[str], None], timeout: float
) -> dict[str, Any]:
    """Let the service put the add-on into a cluster or take it out, and follow it to the end."""
    import asyncio

    from pratique.errors import InputError, UnavailableError

    known = [cluster["name"] for cluster in await client.clusters()]
    if not name and len(known) != 1:
        raise InputError(
            f"which of {len(known)} clusters is not said", hint=f"name one of: {', '.join(known)}"
        )
    name = name or known[0]
    await client.set_addon(name, enabled)
    wanted = "Enabled" if enabled else "Disabled"
    said = ""
    for _ in range(int(timeout * 5)):
        cluster = await client.cluster(name)
        state, message = cluster["addon"]["state"], cluster["addon"]["message"]
        if state == wanted:
            return cluster
        if state == "Failed":
            raise UnavailableError(
                f"the add-on of `{name}` failed: {message}", hint="see its page in the portal"
            )
        if message and message != said:
            say(message)
            said = message
        await asyncio.sleep(0.2)
    raise UnavailableError(
        f"the add-on of `{name}` is still {state}: {message}", hint="wait longer with --timeout"
    )


def _row(cluster: dict[str, Any]) -> dict[str, Any]:
    return {
        "cluster": cluster["name"],
        "addon": cluster["addon"]["state"],
        "message": cluster["addon"]["message"],
    }


@addon.command()
@click.argument("name", default="")
@_cluster_options
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the cluster.")
@session.options
@output.option
def disable(
    *,
    name: str,
    kubeconfig: str | None,
    context: str,
    timeout: float,
    target: session.Target,
    output_format: str,
) -> None:
    """Take the add-on out of a cluster, with everything that it manages; keep what others made."""
    with output.progress("disabling the add-on") as say:
        if kubeconfig is None and not context:
            known = session.run(target, lambda client: _switch(client, name, False, say=say, timeout=timeout))
            output.show(_row(known), output_format)
            return
        status = _run(kubeconfig, context, lambda client: addons().disable(client, say=say, timeout=timeout))
    _show(status, output_format)


@addon.command()
@_cluster_options
@output.option
def status(kubeconfig: str | None, context: str, output_format: str) -> None:
    """Show whether the add-on is enabled, and its pods."""
    _show(_run(kubeconfig, context, addons().status), output_format)


def addons() -> Any:
    """Import what applies the add-on; it brings an HTTP client, which the other commands do not need."""
    from pratique.client import addon as applied

    return applied


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
