"""Write the generated pages of docs/: the tree in architecture.md, the references of commands, routes and builtins.

`python scripts/reference.py` writes, `python scripts/reference.py --check` only says what is out of date
and exits 1. tests/test_docs.py calls `pages`, so a page that lags behind the code fails.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import click
import yaml

from pratique import rego
from pratique.cli.main import MENU, pratique
from pratique.service.routes import reference

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "pratique"
EXAMPLES = "tests/cases/rego/calls/examples.yaml"
BUILTINS = """# Rego's builtins

Written by `make docs` from the builtins that are registered; the examples are run by the tests ([{0}](../../{0})).

Answers and refusals are those of OPA 1.22.2. A refused call is undefined, or ends the evaluation under strict builtin
errors. `a|b` takes either type. v0: the builtin is refused in Rego v1. Where an example has `input`, the file above
has the document.
"""
BEGIN, END = "<!-- tree: written by `make docs` -->\n", "<!-- end of tree -->\n"


def pages() -> dict[Path, str]:
    """Return what each generated page should hold, by its path."""
    architecture = ROOT / "docs" / "architecture.md"
    text = architecture.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        architecture: f"{before}{BEGIN}\n```\n{tree()}```\n\n{END}{after}",
        ROOT / "docs" / "reference" / "cli.md": command_line(),
        ROOT / "docs" / "reference" / "api.md": reference.markdown(),
        ROOT / "docs" / "reference" / "builtins.md": builtins(),
    }


def tree() -> str:
    """Return every package and module with the first sentence of its docstring."""
    lines = ["src/pratique/\n"]
    for path in sorted(SOURCE.rglob("*.py"), key=_order):
        if path == SOURCE / "__init__.py":
            continue
        inside = path.relative_to(SOURCE)
        folder = path.name == "__init__.py"
        depth = len(inside.parts) - (2 if folder else 1)
        name = f"{inside.parts[-2]}/" if folder else path.name
        lines.append(f"{'    ' * depth}{name:<{36 - 4 * depth}}{_summary(path)}".rstrip() + "\n")
    return "".join(lines)


def _order(path: Path) -> tuple[tuple[bool, str], ...]:
    parts = path.relative_to(SOURCE).parts
    if parts[-1] == "__init__.py":
        return tuple((True, part) for part in parts[:-1])
    return tuple((index < len(parts) - 1, part) for index, part in enumerate(parts))


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).rstrip(".")


def command_line() -> str:
    """Return the reference of every command, as its own --help prints it."""
    parts = [
        "# The command line\n\nWritten by `make docs` from the commands' own help. Exit codes: 0 done, 1 "
        "refused or in conflict, 2 wrong input, 3 something does not answer, 4 not found, 5 not signed in or "
        "not allowed, 130 interrupted.\n"
    ]
    # With the settings of the real menu: click keeps a command's help option from whoever asks first.
    top = click.Context(pratique, info_name="pratique", **pratique.context_settings)
    for name in MENU:
        command = pratique.get_command(top, name)
        if command is None:
            raise SystemExit(f"the menu names `{name}`, which does not exist")
        parts += _help(command, click.Context(command, info_name=name, parent=top), level=2)
    return "\n".join(parts)


def _help(command: click.Command, context: click.Context, *, level: int) -> list[str]:
    parts = [f"{'#' * level} `{context.command_path}`\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                below = click.Context(child, info_name=name, parent=context)
                parts += _help(child, below, level=level + 1)
    return parts


def builtins() -> str:
    """Return the reference of Rego's builtins: what each does, and one example that the tests run."""
    known = rego.builtins()
    listed = yaml.load((ROOT / EXAMPLES).read_text(), Loader=yaml.CSafeLoader)
    examples = {example["builtin"]: example for example in listed}
    parts = [BUILTINS.format(EXAMPLES)]
    groups: dict[str, list[rego.Builtin]] = {}
    for name in sorted(known):
        groups.setdefault(known[name].group, []).append(known[name])
    for group in sorted(groups, key=lambda group: _title(group).lower()):
        parts.append(f"## {_title(group)}\n")
        parts += [_builtin(each, examples.get(each.name)) for each in groups[group]]
    return "\n".join(parts)


def _title(group: str) -> str:
    return re.sub(r" \(.*?\)", "", _summary(SOURCE / "rego" / "builtins" / f"{group}.py"))


def _builtin(known: rego.Builtin, example: dict[str, str] | None) -> str:
    result = f" → {known.result}" if known.result and not known.void else ""
    old = " (v0)" if known.deprecated else ""
    text = f"- `{known.name}({', '.join(known.operands)}){result}`{old}: {known.summary}\n"
    if example is None:
        return text
    want = "undefined" if example["want"] is None else example["want"]
    return f"{text}\n  ```rego\n  {example['call']}\n  # {want}\n  ```\n"


def main() -> None:
    """Write the pages, or say which of them lag behind."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} lags behind the code: make docs")
        sys.exit(1 if stale else 0)
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
