"""`pratique eval`: a Rego query over policies, data and an input, as `opa eval` answers it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pratique.errors import InputError, Location

if TYPE_CHECKING:
    from pratique import rego


@click.command()
@click.argument("query")
@click.option(
    "-d",
    "--data",
    "paths",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A policy (.rego), data (.json, .yaml), or a folder of both. May be given several times.",
)
@click.option(
    "-i", "--input", "input_path", type=click.Path(path_type=Path), help="The input document; - reads it."
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["json", "values", "bindings", "pretty", "raw", "discard"]),
    default="json",
    show_default=True,
)
@click.option("--v0-compatible", is_flag=True, help="Read policies and query as Rego v0.")
@click.option("--strict-builtin-errors", is_flag=True, help="End at the first error of a builtin.")
@click.option("--fail", is_flag=True, help="Exit with 1 when the answer is undefined or empty.")
@click.option("--fail-defined", is_flag=True, help="Exit with 1 when the answer is defined.")
def eval(  # noqa: PLR0913  the command's own name; one parameter an option
    *,
    query: str,
    paths: tuple[Path, ...],
    input_path: Path | None,
    form: str,
    v0_compatible: bool,
    strict_builtin_errors: bool,
    fail: bool,
    fail_defined: bool,
) -> None:
    """Evaluate QUERY and print its results, for example: pratique eval -d policy.rego 'data.main.deny'."""
    from pratique import rego

    version: Literal["v0", "v1"] = "v0" if v0_compatible else "v1"
    sources, data = _load(paths, version)
    given: Any = rego.UNDEFINED if input_path is None else _document(input_path)

    def say(text: str, location: Location) -> None:
        click.echo(f"{location}: {text}", err=True)

    found = rego.query(
        sources, query, input=given, data=data, strict=strict_builtin_errors, sink=say, version=version
    )
    results = [{"bindings": _visible(each), "value": _value(each)} for each in found]
    _print(results, form, query)
    if (fail and not found) or (fail_defined and found):
        sys.exit(1)


def _load(paths: tuple[Path, ...], version: Any) -> tuple[list[rego.Source], dict[str, Any]]:
    """Read what --data names: policies as sources, documents merged below the folders that they lie in."""
    from pratique import rego

    sources: list[rego.Source] = []
    data: dict[str, Any] = {}
    for path in paths:
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.suffix == ".rego":
                sources.append(rego.Source(str(file), _text(file), version))
            elif file.suffix in (".json", ".yaml", ".yml"):
                below = file.parent.relative_to(path).parts if path.is_dir() else ()
                _merge(data, below, _document(file), file)
            elif not path.is_dir():
                raise InputError(
                    f"`{file}` is neither a policy nor data", hint="name a .rego, .json or .yaml file"
                )
    return sources, data


def _merge(data: dict[str, Any], below: tuple[str, ...], document: Any, file: Path) -> None:
    for name in below:
        data = data.setdefault(name, {})
    if not isinstance(document, dict):
        raise InputError(f"`{file}` holds no object", hint="data has names at its top level")
    for name, value in document.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            _merge(data[name], (), value, file)
        elif name in data:
            raise InputError(f"`{file}` gives `{name}` a second value", hint="keep one of the two")
        else:
            data[name] = value


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`{path}` cannot be read: {error}", hint="name a text file that exists") from error


def _document(path: Path) -> Any:
    import json

    from pratique.kube import yaml

    text = _text(path)
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise InputError(
                f"`{path}` is not JSON: {error}", hint="check the text with a JSON formatter"
            ) from error
    documents = yaml.read(text, file=str(path))
    return documents[0] if documents else None


def _visible(bindings: dict[str, Any]) -> dict[str, Any]:
    from pratique import rego

    return {name: rego.to_json(value) for name, value in bindings.items() if not name.startswith("$")}


def _value(bindings: dict[str, Any]) -> Any:
    """Return the query's own value where it is one expression without variables, else true."""
    from pratique import rego

    return rego.to_json(bindings.get("$value", True))


def _print(results: list[dict[str, Any]], form: str, query: str) -> None:
    import json

    if form == "discard":
        return
    if form in ("values", "raw"):
        for each in results:
            value = each["value"]
            click.echo(
                value if form == "raw" and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            )
    elif form == "bindings":
        click.echo(json.dumps([each["bindings"] for each in results], indent=2, ensure_ascii=False))
    elif form == "pretty":
        for each in results:
            shown = each["bindings"] or each["value"]
            click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        if not results:
            click.echo("undefined")
    else:
        rows = []
        for each in results:
            row: dict[str, Any] = {
                "expressions": [
                    {"value": each["value"], "text": query, "location": {"row": 1, "col": 1}},
                ]
            }
            if each["bindings"]:
                row["bindings"] = each["bindings"]
            rows.append(row)
        click.echo(json.dumps({"result": rows} if rows else {}, indent=2, ensure_ascii=False))
