"""How commands print: data on standard output as table, JSON or YAML; talk on standard error.

A command takes `@output.option` and gets `output_format`; it hands plain data to `show`. Tables are
aligned columns in upper case as kubectl prints them, never cut. `progress` tells what a slow command
is doing: a spinner on a terminal, a line a step elsewhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

Column = tuple[str, "str | Callable[[Mapping[str, Any]], object]"]

option = click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)


def show(data: Any, output_format: str, *, columns: Sequence[Column] = ()) -> None:
    """Print `data`: a mapping, or a list of mappings.

    `columns` are (heading, key or function) pairs for tables; without them the first row's keys serve.
    """
    if output_format == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output_format == "yaml":
        import yaml

        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
    else:
        rows = data if isinstance(data, list) else [data]
        click.echo(
            table(rows, columns or [(key.upper(), key) for key in (rows[0] if rows else {})]), nl=False
        )


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Return `rows` as aligned text with a heading line; no rows give an empty text."""
    if not rows:
        return ""
    lines = [[heading for heading, _ in columns]]
    lines += [
        [_cell(row.get(key) if isinstance(key, str) else key(row)) for _, key in columns] for row in rows
    ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value).replace("\n", " ")


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(text, err=True)


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show `text` while the block runs; the yielded function changes it."""
    if not sys.stderr.isatty():
        note(text)
        yield note
        return
    from rich.console import Console

    with Console(stderr=True).status(text) as status:
        yield lambda line: status.update(line)


@contextmanager
def patience(text: str, *, after: float = 1.0) -> Iterator[None]:
    """Show `text` on a terminal while the block runs, once it has run for `after` seconds; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    import threading

    shown: list[Any] = []

    def show() -> None:
        # Nothing of this is imported for the many runs that are quick.
        from rich.console import Console

        status = Console(stderr=True).status(text)
        shown.append(status)
        status.start()

    timer = threading.Timer(after, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for status in shown:
            status.stop()
