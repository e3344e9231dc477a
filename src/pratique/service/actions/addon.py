"""The add-on of a cluster, switched on or off with the kubeconfig that the service holds for it.

The answer is immediate (202) and the work goes on in the background; how it stands is in the cluster's
`addon`, and each step is announced. A service that was stopped in between takes it up again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anyio.to_thread

from pratique.client import addon
from pratique.client.kube import KubeClient
from pratique.errors import PratiqueError, UnavailableError
from pratique.service.actions import accounts, fleet
from pratique.service.actions.context import SYSTEM, Actor, Context
from pratique.service.actions.reach import read_kubeconfig
from pratique.service.errors import RequestError

Document = dict[str, Any]

ENABLED, ENABLING, DISABLED, DISABLING, FAILED = "Enabled", "Enabling", "Disabled", "Disabling", "Failed"


PATIENCE = 60.0  # seconds that a resumed switch waits for its cluster to answer


def switch(context: Context, actor: Actor, name: str, *, enabled: bool) -> Document:
    """Start to enable or disable the add-on; return the cluster as it is now."""
    row = fleet.get_row(context, name)
    if not row["kubeconfig"]:
        raise RequestError(
            f"the service has no kubeconfig for cluster `{row['document']['name']}`",
            code="ClusterUnreachable",
            hint="run `pratique addon enable` with the cluster's kubeconfig, or store one with the cluster",
        )
    with context.store.write() as connection:
        verb = "enable" if enabled else "disable"
        context.log(
            connection,
            actor,
            operation=f"Microsoft.ContainerService/managedClusters/addon/{verb}",
            target=row["document"]["id"],
        )
    message = "applying the add-on's objects" if enabled else "removing the add-on"
    fleet.set_addon(context, name, state=ENABLING if enabled else DISABLING, message=message)
    context.hub.publish("activity")
    start(context, row, enabled=enabled)
    return fleet.get(context, name)


def resume(context: Context) -> None:
    """Take up what was going on when the service stopped."""
    for row in fleet.list_rows(context):
        if row["addon_state"] in (ENABLING, DISABLING) and row["kubeconfig"]:
            start(context, row, enabled=row["addon_state"] == ENABLING, patience=PATIENCE)


def start(context: Context, row: Document, *, enabled: bool, patience: float = 0) -> None:
    """Start the work itself; a second switch of the same cluster ends the first."""
    context.background.start(
        f"add-on of {row['name']}", lambda: _work(context, row, enabled=enabled, patience=patience)
    )


async def _work(context: Context, row: Document, *, enabled: bool, patience: float) -> None:
    name = row["name"]
    try:
        connection = await anyio.to_thread.run_sync(read_kubeconfig, row["kubeconfig"])
        async with KubeClient(connection) as client:
            await _reachable(client, patience)
            if enabled:
                await _enable(context, client, row)
            else:
                await addon.disable(client)
        state, message = (ENABLED if enabled else DISABLED), ""
    except PratiqueError as error:
        state, message = FAILED, error.render()
    await anyio.to_thread.run_sync(lambda: fleet.set_addon(context, name, state=state, message=message))


async def _reachable(client: KubeClient, patience: float) -> None:
    """Wait for a cluster that may be starting together with the service."""
    deadline = time.monotonic() + patience
    while True:
        try:
            await addon.status(client)
        except UnavailableError:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return


async def _enable(context: Context, client: KubeClient, row: Document) -> None:
    cluster = row["document"]["name"]
    token = await anyio.to_thread.run_sync(accounts.agent_token, context, SYSTEM, cluster)
    settings = addon.AddonSettings(
        cluster=cluster, service_url=context.settings.agent_url, token=token, ca=context.settings.agent_ca
    )
    loop = asyncio.get_running_loop()

    def say(message: str) -> None:
        loop.run_in_executor(None, lambda: fleet.say_addon(context, row["name"], message))

    await addon.enable(client, settings, say=say)
