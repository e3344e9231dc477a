"""`pratique compliance`: where policies hold and where not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output, session

if TYPE_CHECKING:
    from pratique.client.service import ServiceClient

Document = dict[str, Any]

POLICY: list[output.Column] = [
    ("ASSIGNMENT", "displayName"),
    ("STATE", "state"),
    ("EFFECT", "effect"),
    ("COMPLIANT", lambda row: _percentage(row)),
    ("COMPONENTS", lambda row: _share(row)),
    ("SCOPE", "scope"),
]
CLUSTER: list[output.Column] = [
    ("CLUSTER", "name"),
    ("STATE", "state"),
    ("ADD-ON", lambda row: row["addon"]["state"]),
    ("COMPLIANT", lambda row: _percentage(row)),
    ("COMPONENTS", lambda row: _share(row)),
    ("LAST SEEN", "lastSeen"),
]
COMPONENT: list[output.Column] = [
    ("CLUSTER", "cluster"),
    ("KIND", "kind"),
    ("NAMESPACE", "namespace"),
    ("NAME", "name"),
    ("SINCE", "firstSeen"),
    ("MESSAGE", "message"),
]


@click.command()
@click.option(
    "--by",
    type=click.Choice(["policy", "cluster", "component"]),
    default="policy",
    show_default=True,
    help="What a row stands for.",
)
@click.option("--cluster", default="", help="Components: only those of this cluster.")
@click.option("--namespace", default="", help="Components: only those in this namespace.")
@click.option("--search", default="", help="Components: only those with this text.")
@session.options
@output.option
def compliance(
    *, by: str, cluster: str, namespace: str, search: str, target: session.Target, output_format: str
) -> None:
    """Show compliance by policy, by cluster, or each component that is not compliant."""
    if by != "component" and (cluster or namespace or search):
        raise click.UsageError("--cluster, --namespace and --search go with --by component")

    async def work(client: ServiceClient) -> list[Document]:
        if by != "component":
            return await client.compliance(by)
        rows: list[Document] = []
        token: str | None = ""
        while token is not None:
            page = await client.records(
                cluster=cluster, namespace=namespace, search=search, top=1000, skiptoken=token
            )
            rows += page.value
            token = page.next
        return rows

    rows = session.run(target, work)
    columns = {"policy": POLICY, "cluster": CLUSTER, "component": COMPONENT}[by]
    if not rows and output_format == "table":
        output.note("nothing to show: nothing is assigned, or every component is compliant")
    output.show(rows, output_format, columns=columns)
    if output_format == "table":
        for row in rows if by != "component" else ():
            for problem in row["problems"]:
                output.note(f"{problem['cluster']}: {problem['code']}: {problem['message']}")


def _percentage(row: Mapping[str, Any]) -> str:
    return "" if row["state"] == "NotStarted" else f"{row['percentage']:g}%"


def _share(row: Mapping[str, Any]) -> str:
    components = row["components"]
    good = components["evaluated"] - components["nonCompliant"]
    return f"{good}/{components['evaluated']}"
