"""`pratique eval`: a Rego query over policies, data and an input, as `opa eval` answers it."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pratique.errors import InputError, Location

if TYPE_CHECKING:
    from pratique import rego

# Variables that take the values of expressions; no answer shows them.
_CAPTURE = "__expression_"


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
@click.option("-I", "--stdin-input", is_flag=True, help="Read the input document from standard input.")
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
    stdin_input: bool,
    form: str,
    v0_compatible: bool,
    strict_builtin_errors: bool,
    fail: bool,
    fail_defined: bool,
) -> None:
    """Evaluate QUERY and print its results, for example: pratique eval -d policy.rego 'data.main.deny'."""
    from pratique import rego

    version: Literal["v0", "v1"] = "v0" if v0_compatible else "v1"
    if stdin_input and input_path is not None:
        raise InputError("the input is given twice", hint="give --input or --stdin-input")
    if stdin_input:
        input_path = Path("-")

    def say(text: str, location: Location) -> None:
        click.echo(f"{location}: {text}", err=True)

    try:
        sources, data = _load(paths, version)
        given: Any = rego.UNDEFINED if input_path is None else _document(input_path)
        ask = partial(
            rego.query, sources, input=given, data=data, strict=strict_builtin_errors, version=version
        )
        results = _results(query, version, ask, say)
    except (rego.CompileError, rego.EvaluationError) as error:
        if form != "json":
            raise
        click.echo(json.dumps({"errors": _errors(error)}, indent=2, ensure_ascii=False))
        sys.exit(error.exit_code)
    _print(results, form)
    if (fail and not results) or (fail_defined and results):
        sys.exit(1)


def _errors(error: Any) -> list[dict[str, Any]]:
    """Return an error's problems as OPA's JSON has them; a query's own places name no file."""
    return [
        {
            "message": each.message,
            "code": each.code,
            "location": {
                "file": "" if each.location.file == "query" else each.location.file,
                "row": each.location.line,
                "col": each.location.column,
            },
        }
        for each in getattr(error, "problems", (error,))
    ]


def _results(query: str, version: Any, ask: Any, sink: Any) -> list[dict[str, Any]]:
    """Return each answer's bindings and the value of each expression of the query.

    An expression that is a term is asked as `variable = term`, so that its value comes back even where it is
    false. With several expressions, or one that iterates, it must also hold, as `opa eval` has it.
    """
    from pratique import rego
    from pratique.rego import nodes
    from pratique.rego.parse import parse_query

    body = parse_query(rego.Source("query", query, version))
    shown, asked, held = [], [], []
    for number, each in enumerate(body):
        start, end = each.span.start, max(part.span.end for part in (each, *each.withs))
        text = query[start:end]
        location = each.span.location()
        name = ""
        if isinstance(each, nodes.Test):
            name = f"{_CAPTURE}{number}"
            held.append(name)
        shown.append((name, text, {"row": location.line, "col": location.column}))
        asked.append(f"{name} = {text}" if name else text)
    if len(body) > 1 or _iterates(body):
        asked += held
    try:
        found = ask("\n".join(asked), sink=sink)
    except (rego.CompileError, rego.EvaluationError):
        # The author's own text has the places that the author knows; what it prints was said already.
        ask(query, sink=lambda text, location: None)
        raise
    return [
        {
            "expressions": [
                {"value": rego.to_json(row[name]) if name else True, "text": text, "location": location}
                for name, text, location in shown
            ],
            "bindings": _visible(row),
        }
        for row in found
    ]


def _iterates(node: Any) -> bool:
    """Whether a reference outside comprehensions has a variable in its path, or a relation is called."""
    from pratique.rego import nodes

    if isinstance(node, nodes.Comprehension):
        return False
    if isinstance(node, nodes.Ref) and any(isinstance(each, nodes.Var) for each in node.path):
        return True
    if isinstance(node, nodes.Call) and node.name == "walk":
        return True
    if isinstance(node, tuple):
        return any(map(_iterates, node))
    return is_dataclass(node) and any(
        _iterates(getattr(node, each.name)) for each in fields(node) if each.name != "span"
    )


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

    return {
        name: rego.to_json(value)
        for name, value in bindings.items()
        if not name.startswith("$") and not name.startswith(_CAPTURE)
    }


def _print(results: list[dict[str, Any]], form: str) -> None:
    if form == "discard":
        click.echo(json.dumps({"result": "discarded"} if results else {}, indent=2))
        return
    rows = [[each["value"] for each in result["expressions"]] for result in results]
    if form == "values":
        for row in rows:
            click.echo(json.dumps(row, indent=2, ensure_ascii=False))
    elif form == "raw":
        for row in rows:
            click.echo(
                " ".join(
                    each
                    if isinstance(each, str)
                    else json.dumps(each, ensure_ascii=False, separators=(",", ":"))
                    for each in row
                )
            )
    elif form == "bindings":
        for result in results:
            click.echo(json.dumps(result["bindings"], indent=2, ensure_ascii=False))
    elif form == "pretty":
        for result, row in zip(results, rows, strict=True):
            shown = result["bindings"] or (row[0] if len(row) == 1 else row)
            click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        if not results:
            click.echo("undefined")
    else:
        kept = [{name: part for name, part in each.items() if part} for each in results]
        click.echo(json.dumps({"result": kept} if kept else {}, indent=2, ensure_ascii=False))
