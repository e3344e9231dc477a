"""The architecture as failing checks: layers, sizes, and a documented tree that is the tree on disk."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "pratique"
MODULES = sorted(SOURCE.rglob("*.py"))


def test_imports_point_down_the_layers() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_the_described_layers_are_the_checked_ones() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = config["importlinter:contract:packages"]["layers"].strip()
    described = (ROOT / "docs/architecture.md").read_text().partition("## The layers")[2].split("```")[1]
    assert described.strip() == layers


def test_files_are_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in MODULES
        if (count := len(path.read_text().splitlines())) > 500
    }
    assert not long, f"files past 500 lines want another piece: {long}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_functions_fit_on_a_screen(path: Path) -> None:
    long = {
        node.name: lines
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > 60
    }
    assert not long, f"functions past 60 lines: {long}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_commands_import_late(path: Path) -> None:
    if path.relative_to(SOURCE).parts[0] in ("cli", "__main__.py"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            late = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert not late, f"{path.name}:{late[0].lineno} imports inside `{node.name}`"
        if isinstance(node, ast.Name):
            assert node.id != "TYPE_CHECKING", f"{path.name}: a cycle hides behind TYPE_CHECKING"
