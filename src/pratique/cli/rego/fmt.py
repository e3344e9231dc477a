"""`pratique rego fmt`: files, folders or standard input, laid out as `opa fmt` does it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.rego import Version
    from pratique.rego.format import Target

_STDIN = Path("-")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-w", "--write", is_flag=True, help="Write the result into the file.")
@click.option("-l", "--list", "listing", is_flag=True, help="Only name the files that would change.")
@click.option("-d", "--diff", is_flag=True, help="Only show what would change.")
@click.option("--check", is_flag=True, help="As --list, and exit with 1 when a file would change.")
@click.option("--fail", is_flag=True, help="Exit with 2 when a file would change, as opa does.")
@click.option("--v0-compatible", is_flag=True, help="Read and write Rego v0.")
@click.option(
    "--v0-v1", "--rego-v1", "both", is_flag=True, help="Read Rego v0, write what means the same in v0 and v1."
)
@click.option("--v0-to-v1", "upgrade", is_flag=True, help="Read Rego v0, write Rego v1.")
@click.option("--v1-compatible", is_flag=True, help="With --v0-v1: read Rego v1. Alone: the default.")
@click.option("--drop-v0-imports", is_flag=True, help="Leave out imports that Rego v1 does not need.")
@click.option(
    "--check-result",
    type=bool,
    is_flag=False,
    flag_value=True,
    default=True,
    help="As opa has it. The result is always read again: it means the same and keeps every comment.",
)
def fmt(  # noqa: PLR0913  one parameter an option
    *,
    paths: tuple[Path, ...],
    write: bool,
    listing: bool,
    diff: bool,
    check: bool,
    fail: bool,
    v0_compatible: bool,
    both: bool,
    upgrade: bool,
    v1_compatible: bool,
    drop_v0_imports: bool,
    check_result: bool,
) -> None:
    """Format the Rego files in PATHS, or standard input, for example: pratique rego fmt -w policies.

    Comments are kept, and formatting twice changes nothing. Exit codes: 0 done, 1 with --check when a file would
    change, 2 when a file cannot be read as Rego, or with --fail when one would change.
    """
    from pratique import rego
    from pratique.rego.format import format_module

    if both and upgrade:
        raise InputError(
            "--v0-v1 and --v0-to-v1 exclude each other", hint="take --v0-to-v1 to leave v0 behind"
        )
    version: Version = "v0" if v0_compatible or upgrade or (both and not v1_compatible) else "v1"
    target: Target = "v0v1" if both else "v0" if v0_compatible else "v1"
    changed = wrong = 0
    for path in _files(paths):
        text = _read(path)
        name = "stdin" if path == _STDIN else str(path)
        try:
            result = format_module(
                rego.Source(name, text, version), target=target, drop_imports=drop_v0_imports or upgrade
            )
        except rego.CompileError as error:
            click.echo(error.render(), err=True)
            wrong += 1
            continue
        changed += result != text
        if listing or check:
            if result != text:
                click.echo(name)
        elif diff:
            click.echo(_difference(name, text, result), nl=False)
        elif not write or path == _STDIN:
            click.echo(result, nl=False)
        if write and result != text and path != _STDIN and not (listing or check or diff):
            path.write_bytes(result.encode())
    if wrong or (fail and changed):
        sys.exit(2)
    if check and changed:
        sys.exit(1)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files that are meant: those named, and every .rego file below a folder."""
    if not paths:
        yield _STDIN
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*.rego") if each.is_file())
        elif path == _STDIN or path.suffix == ".rego":
            yield path
        else:
            raise InputError(
                f"`{path}` is no .rego file", hint="name .rego files, or a folder that holds them"
            )


def _read(path: Path) -> str:
    """Return a file's text with the line ends that it has."""
    try:
        content = sys.stdin.buffer.read() if path == _STDIN else path.read_bytes()
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`{path}` cannot be read: {error}", hint="name a text file that exists") from error


def _difference(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (formatted)"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
