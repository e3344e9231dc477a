"""`pratique assign`: which definition holds where, with which parameters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output, session
from pratique.cli.policy import find, pick
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.client.service import ServiceClient

Document = dict[str, Any]

ASSIGNMENTS = "providers/Microsoft.Authorization/policyAssignments"
COLUMNS: list[output.Column] = [
    ("NAME", "name"),
    ("DISPLAY NAME", lambda row: row["properties"].get("displayName")),
    ("ENFORCEMENT", lambda row: row["properties"].get("enforcementMode")),
    ("DEFINITION", lambda row: row["properties"]["policyDefinitionId"].rsplit("/", 1)[-1]),
    ("SCOPE", lambda row: row["properties"].get("scope")),
]


@click.group()
def assign() -> None:
    """Assign definitions to scopes, list and delete assignments."""


@assign.command()
@click.argument("definition")
@click.option("--name", default="", help="The assignment's name; made from the definition's without it.")
@click.option("--display-name", default="", help="What people call it.")
@click.option("--description", default="", help="Why it is there.")
@click.option("--cluster", default="", help="Assign to this cluster.")
@click.option("--scope", default="", help="Assign to this scope; the subscription without it.")
@click.option("--not-scope", "not_scopes", multiple=True, help="Leave this scope out; may be repeated.")
@click.option("--param", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option(
    "--params", "file", type=click.Path(dir_okay=False, path_type=Path), help="A JSON or YAML file."
)
@click.option("--effect", default="", help="The same as --param effect=EFFECT.")
@click.option("--dry-run", is_flag=True, help="Judge and report, but deny nothing (DoNotEnforce).")
@session.options
@output.option
def create(*, definition: str, target: session.Target, output_format: str, **options: Any) -> None:
    """Assign a DEFINITION: its id, name or display name.

    A VALUE is read as the parameter's type says: `--param labels=owner,team` is a list of two.
    """
    if options["cluster"] and options["scope"]:
        raise click.UsageError("--cluster and --scope exclude each other")

    async def work(client: ServiceClient) -> Document:
        found = await find(client, definition)
        declared = found["properties"].get("parameters") or {}
        body = {
            "properties": {
                "policyDefinitionId": found["id"],
                "displayName": options["display_name"] or found["properties"].get("displayName", ""),
                "description": options["description"],
                "parameters": _parameters(declared, options),
                "notScopes": list(options["not_scopes"]),
                "enforcementMode": "DoNotEnforce" if options["dry_run"] else "Default",
            }
        }
        scope = await _scope(client, options["cluster"], options["scope"])
        name = options["name"] or _name(found)
        return await client.put_assignment(f"{scope}/{ASSIGNMENTS}/{name}", body)

    made = session.run(target, work)
    output.show(made if output_format != "table" else [made], output_format, columns=COLUMNS)


@assign.command("list")
@click.option("--cluster", default="", help="Only what is assigned to this cluster itself.")
@click.option("--scope", default="", help="Only at this scope and below.")
@session.options
@output.option
def list_command(*, cluster: str, scope: str, target: session.Target, output_format: str) -> None:
    """List the assignments."""

    async def work(client: ServiceClient) -> list[Document]:
        where = await _scope(client, cluster, scope) if cluster or scope else ""
        return await client.list_assignments(scope=where)

    rows = session.run(target, work)
    if not rows and output_format == "table":
        output.note("nothing is assigned")
    output.show(rows, output_format, columns=COLUMNS)


@assign.command()
@click.argument("assignment")
@session.options
@output.option
def show(*, assignment: str, target: session.Target, output_format: str) -> None:
    """Show an ASSIGNMENT: its id, name or display name."""
    found = session.run(target, lambda client: _find(client, assignment))
    if output_format != "table":
        output.show(found, output_format)
        return
    output.show([found], "table", columns=COLUMNS)
    for name, value in (found["properties"].get("parameters") or {}).items():
        click.echo(f"  {name} = {json.dumps(value.get('value'), ensure_ascii=False)}")


@assign.command()
@click.argument("assignment")
@session.options
def delete(*, assignment: str, target: session.Target) -> None:
    """Delete an ASSIGNMENT; its records are closed, its constraint goes from the clusters."""

    async def work(client: ServiceClient) -> str:
        found = await _find(client, assignment)
        await client.delete_assignment(found["id"])
        return str(found["id"])

    output.note(f"deleted {session.run(target, work)}")


async def _find(client: ServiceClient, text: str) -> Document:
    if text.startswith("/"):
        return await client.get_assignment(text)
    return pick(await client.list_assignments(), text, what="assignment", listing="pratique assign list")


async def _scope(client: ServiceClient, cluster: str, scope: str) -> str:
    if cluster:
        return str((await client.cluster(cluster))["resourceId"])
    if scope:
        from pratique.policy import Scope

        return Scope.parse(scope).id
    return f"/subscriptions/{(await client.me())['subscriptionId']}"


def _name(definition: Document) -> str:
    text = str(definition["properties"].get("displayName") or definition["name"])
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64].rstrip("-") or definition["name"]


def _parameters(declared: Document, options: dict[str, Any]) -> Document:
    values: Document = {}
    if options["file"] is not None:
        values |= _from_file(options["file"])
    for text in options["given"]:
        name, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"`--param {text}` has no value", hint="write --param NAME=VALUE")
        known = _declared(declared, name)
        values[known] = {"value": _value(value, declared[known], known)}
    if options["effect"]:
        values[_declared(declared, "effect")] = {"value": options["effect"]}
    return values


def _declared(declared: Document, name: str) -> str:
    found = next((known for known in declared if known.casefold() == name.casefold()), None)
    if found is None:
        raise InputError(
            f"the definition has no parameter `{name}`",
            hint=f"it has {', '.join(declared)}" if declared else "it has none",
        )
    return found


def _from_file(file: Path) -> Document:
    from pratique.cli.policy import read_text
    from pratique.kube import yaml

    found = yaml.read_one(read_text(file), file=str(file))
    if not isinstance(found, dict):
        raise InputError(f"`{file}` holds no parameters", hint='as in {"labels": {"value": ["owner"]}}')
    return {
        name: value if isinstance(value, dict) and "value" in value else {"value": value}
        for name, value in found.items()
    }


def _value(text: str, declared: Document, name: str) -> Any:
    """Return a parameter's value as its type reads the text."""
    kind = str(declared.get("type", "String")).casefold()
    if kind in ("string", "datetime"):
        return text
    if kind == "array" and not text.lstrip().startswith(("[", "{")):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise InputError(
            f"`{text}` is no value for parameter `{name}` of type {declared.get('type')}",
            hint='write it as JSON, such as 3, true or {"a": 1}',
        ) from None
