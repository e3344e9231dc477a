"""`pratique policy`: the definitions that can be assigned."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output, session
from pratique.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from pratique.client.service import ServiceClient

Document = dict[str, Any]

COLUMNS: list[output.Column] = [
    ("NAME", "name"),
    ("TYPE", lambda row: row["properties"].get("policyType")),
    ("CATEGORY", lambda row: (row["properties"].get("metadata") or {}).get("category")),
    ("DISPLAY NAME", lambda row: row["properties"].get("displayName")),
]


@click.group()
def policy() -> None:
    """List, show, create and delete policy definitions."""


@policy.command("list")
@click.option("--custom", "which", flag_value="Custom", help="Only those made here.")
@click.option("--built-in", "which", flag_value="BuiltIn", help="Only those that come with Pratique.")
@click.option("--category", default="", help="Only those of a category.")
@click.option("--search", default="", help="Only those whose name or description holds this text.")
@session.options
@output.option
def list_command(
    *, which: str | None, category: str, search: str, target: session.Target, output_format: str
) -> None:
    """List the definitions that can be assigned."""
    found = session.run(target, lambda client: client.list_definitions())
    rows = [row for row in found if _matches(row, which=which or "", category=category, search=search)]
    if not rows and output_format == "table":
        output.note("no definition matches")
    output.show(rows, output_format, columns=COLUMNS)


@policy.command()
@click.argument("definition")
@session.options
@output.option
def show(*, definition: str, target: session.Target, output_format: str) -> None:
    """Show a DEFINITION: its id, name or display name."""
    found = session.run(target, lambda client: find(client, definition))
    if output_format != "table":
        output.show(found, output_format)
        return
    properties = found["properties"]
    click.echo(f"{properties.get('displayName') or found['name']}\n{found['id']}")
    if text := properties.get("description"):
        click.echo(f"\n{text}")
    rows = [
        {"name": name, **declared, "required": "defaultValue" not in declared}
        for name, declared in (properties.get("parameters") or {}).items()
    ]
    if rows:
        click.echo()
        output.show(
            rows,
            "table",
            columns=[
                ("PARAMETER", "name"),
                ("TYPE", "type"),
                ("REQUIRED", "required"),
                ("DEFAULT", "defaultValue"),
                ("ALLOWED", "allowedValues"),
            ],
        )


@policy.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the constraint template from this file.",
)
@session.options
@output.option
def create(
    *, name: str, file: Path, template: Path | None, target: session.Target, output_format: str
) -> None:
    """Save the definition in FILE (JSON or YAML) as NAME, or change it.

    FILE holds `properties`, or their content alone. A template that does not compile is refused with its
    file, line and column.
    """
    body = _read(file)
    if template is not None:
        _embed(body, read_text(template))

    async def work(client: ServiceClient) -> Document:
        subscription = (await client.me())["subscriptionId"]
        scope = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/policyDefinitions"
        return await client.put_definition(f"{scope}/{name}", body)

    found = session.run(target, work)
    output.show(found if output_format != "table" else [found], output_format, columns=COLUMNS)


@policy.command()
@click.argument("definition")
@session.options
def delete(*, definition: str, target: session.Target) -> None:
    """Delete a DEFINITION of your own; one that is still assigned stays."""

    async def work(client: ServiceClient) -> str:
        found = await find(client, definition)
        await client.delete_definition(found["id"])
        return str(found["id"])

    output.note(f"deleted {session.run(target, work)}")


async def find(client: ServiceClient, text: str) -> Document:
    """Return the definition that a person means by an id, a name or a display name.

    Raises NotFoundError with what comes close.
    """
    if text.startswith("/"):
        return await client.get_definition(text)
    return pick(await client.list_definitions(), text, what="definition", listing="pratique policy list")


def pick(documents: list[Document], text: str, *, what: str, listing: str) -> Document:
    """Return the one document that a name or a display name stands for."""
    from difflib import get_close_matches

    wanted = text.casefold()
    found = [
        document
        for document in documents
        if wanted
        in (document["name"].casefold(), str(document["properties"].get("displayName", "")).casefold())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"`{document['id']}`" for document in found)
        raise InputError(f"`{text}` stands for several: {ids}", hint="give the whole id")
    names = {str(document["properties"].get("displayName") or document["name"]) for document in documents}
    close = get_close_matches(text, sorted(names | {document["name"] for document in documents}), 3, 0.4)
    raise NotFoundError(
        f"there is no {what} `{text}`",
        hint=f"did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else f"see `{listing}`",
    )


def _matches(row: Document, *, which: str, category: str, search: str) -> bool:
    properties = row["properties"]
    if which and properties.get("policyType") != which:
        return False
    found = str((properties.get("metadata") or {}).get("category") or "")
    if category and found.casefold() != category.casefold():
        return False
    text = f"{row['name']} {properties.get('displayName', '')} {properties.get('description', '')}"
    return search.casefold() in text.casefold()


def _read(file: Path) -> Document:
    from pratique.kube import yaml

    found = yaml.read_one(read_text(file), file=str(file))
    if not isinstance(found, dict):
        raise InputError(f"`{file}` holds no definition", hint="it must be an object with `properties`")
    return found if "properties" in found else {"properties": found}


def read_text(file: Path) -> str:
    """Return a file's text; raises NotFoundError or InputError naming it."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"no such file: `{file}`", hint="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read `{file}`: {error}", hint="it must be UTF-8 text") from error


def _embed(body: Document, text: str) -> None:
    try:
        details = body["properties"]["policyRule"]["then"].setdefault("details", {})
        details["templateInfo"] = {
            "sourceType": "Base64Encoded",
            "content": base64.b64encode(text.encode()).decode(),
        }
    except (KeyError, TypeError, AttributeError):
        raise InputError(
            "the definition has no `policyRule.then` to put the template into",
            hint=json.dumps({"policyRule": {"if": {}, "then": {"effect": "Audit", "details": {}}}}),
        ) from None
