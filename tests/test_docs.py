"""Documentation is tested: generated pages are current, links lead somewhere, commands named exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    stale = [path.name for path, text in reference().pages().items() if path.read_text() != text]
    assert not stale, f"make docs: {stale}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"^(?:\$ )?make ([a-z]+)", page.read_text(), re.M))
    assert named <= targets


def test_every_decision_has_its_four_parts() -> None:
    for page in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        text = page.read_text()
        for part in ("**Context.**", "**Choice.**", "**Evidence.**", "**Consequence.**"):
            assert part in text, f"{page.name} lacks {part}"
