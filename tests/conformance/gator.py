"""Runs of gator's commands beside ours: over the shared fixtures, the policy library, and files of our own.

In: `tests/cases/offline/gator/*.yaml` and `../shared/conformance`. Out: `Run`s (a name, arguments, a folder), and
`Outcome`s (standard output without times, exit code). `scripts/record_gator.py` writes what gator says to
`gator.json`: own runs with their text, those over others' files as a digest only.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = HERE.parent / "cases" / "offline" / "gator"
RECORDED = HERE / "gator.json"
TODO = HERE / "gator-todo.txt"
SHARED = ROOT.parent / "shared" / "conformance"
GATEKEEPER = SHARED / "gatekeeper"
LIBRARY = SHARED / "gatekeeper-library"

_TIME = re.compile(r"\b\d+\.\d{3}s\b")
# What a benchmark measures, with its unit and sign, and the width that it gives to a table.
_FIGURE = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?(?:\s?(?:ns|µs|ms|s|B|KB|MB|GB))*\b")
_WIDTH = re.compile(r"[ ─]+")


@dataclass(frozen=True)
class Run:
    """One command: its files are written into an empty folder, or it runs in a shared one."""

    name: str
    arguments: tuple[str, ...]
    stdin: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    silent: bool = (
        False  # gator ends it without a word on standard output, and ours tells there what is wrong
    )

    def write(self, folder: Path) -> Path:
        """Return the folder to run in, with the files written."""
        if self.folder is not None:
            return self.folder
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return folder


@dataclass(frozen=True)
class Outcome:
    """What a command said: standard output without times and with ties in one order, and the exit code."""

    stdout: str
    code: int

    @classmethod
    def of(cls, run: Run, stdout: str, code: int, folder: Path) -> Outcome:
        """Take what a run in a folder said; paths are as seen from there.

        gator sorts results by action and message, and leaves equal ones in the order of a Go map.
        """
        text = "" if run.silent and code else _TIME.sub("0.000s", stdout)
        # gator's own paths lack the leading slash.
        for lead in (f"{folder}/", f"{folder}/"[1:]):
            text = text.replace(lead, "")
        if run.arguments[:1] == ("bench",):
            text = _WIDTH.sub(" ", _FIGURE.sub("N", text))
        if run.arguments[:1] == ("test",):
            settle = _settle_data if {"json", "yaml"} & set(run.arguments) else _settle_lines
            text = settle(text)
        return cls(text, code)

    def recorded(self, run: Run) -> dict[str, Any]:
        """Return it as the file of recordings keeps it."""
        if run.folder is None:
            return {"code": self.code, "stdout": self.stdout}
        return {"code": self.code, "sha256": hashlib.sha256(self.stdout.encode()).hexdigest()}


def _settle_lines(text: str) -> str:
    lines = text.splitlines(keepends=True)
    groups = itertools.groupby(lines, key=lambda line: line.partition(" Message: ")[2])
    return "".join(line for _, group in groups for line in sorted(group))


def _settle_data(text: str) -> str:
    try:
        found = yaml.load(text, Loader=yaml.CBaseLoader)
    except yaml.YAMLError:
        return text
    if not isinstance(found, list):
        return text

    def order(one: Any) -> tuple[str, str]:
        result = one.get("result", one)
        return result.get("enforcementaction", result.get("enforcementAction", "")), result.get("msg", "")

    if len({order(one) for one in found}) == len(found):
        return text
    groups = itertools.groupby(found, key=order)
    return json.dumps([one for _, group in groups for one in sorted(group, key=json.dumps)])


def own() -> Iterator[Run]:
    """Yield the runs over files of our own."""
    documents = [yaml.safe_load(path.read_text()) for path in sorted(CASES.glob("*.yaml"))]
    texts: dict[str, str] = {name: text for one in documents for name, text in one.get("texts", {}).items()}

    def filled(text: str) -> str:
        for name, value in texts.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    for case in itertools.chain.from_iterable(one["cases"] for one in documents):
        files = {name: filled(text) for name, text in (case.get("files") or {}).items()}
        stdin = case.get("stdin")
        for arguments in case["runs"]:
            name = f"{case['name']}: {' '.join(one or repr(one) for one in arguments)}"
            given = None if stdin is None else filled(stdin)
            yield Run(name, tuple(arguments), given, files, silent=case.get("silent", False))


def shared() -> Iterator[Run]:
    """Yield the runs over the shared fixtures: each alone, and with the policies beside them."""
    if not SHARED.is_dir():
        return
    test = GATEKEEPER / "gator" / "test" / "fixtures"
    manifests = sorted((test / "manifests").iterdir())
    for folder in manifests:
        for path in [folder, *sorted(folder.iterdir())]:
            given = str(path.relative_to(test))
            for more in ((), ("-f", "policies/default"), ("-f", "policies/enforcement_action")):
                for output in ((), ("-o", "json"), ("-o", "yaml")) if not more or path == folder else ((),):
                    yield _shared(test, "test", "-f", given, *more, *output)
    yield _shared(test, "test", "-f", ".")
    for folder in ("example", "expansion", "bats", "bats/tests/good", "bats/tests/bad", "gator/policy"):
        for output in ((), ("-o", "json"), ("-o", "yaml")):
            yield _shared(GATEKEEPER, "test", "-f", folder, *output)
    bats = GATEKEEPER / "bats" / "tests"
    for constraint in sorted((bats / "constraints").iterdir()):
        template = _template_of(constraint)
        for found in (bats / "good", bats / "bad") if template is not None else ():
            names = [str(one.relative_to(GATEKEEPER)) for one in (template, constraint, found) if one]
            yield _shared(GATEKEEPER, "test", *(part for one in names for part in ("-f", one)))
    for arguments in (
        ("gator/verify",),
        ("gator/verify", "-v"),
        ("gator/...",),
        ("gator/verify/suite.yaml",),
    ):
        yield _shared(GATEKEEPER, "verify", *arguments)
    for folder in sorted((GATEKEEPER / "gator" / "expand" / "fixtures").iterdir()):
        given = str((folder / "input").relative_to(GATEKEEPER))
        yield _shared(GATEKEEPER, "expand", "-n", given)
        yield _shared(GATEKEEPER, "expand", "-n", given, "-f", "json")
        yield _shared(GATEKEEPER, "test", "-f", given)
    for suite in sorted(LIBRARY.rglob("suite.yaml")):
        yield _shared(LIBRARY, "verify", str(suite.relative_to(LIBRARY)), "-v")
        yield _shared(LIBRARY, "test", "-f", str(suite.parent.relative_to(LIBRARY)))


def _template_of(constraint: Path) -> Path | None:
    kind = re.search(r"^kind: (\S+)", constraint.read_text(), re.M)
    for path in sorted((constraint.parents[1] / "templates").iterdir()):
        if kind is not None and re.search(rf"^\s+kind: {kind[1]}$", path.read_text(), re.M):
            return path
    return None


def _shared(folder: Path, *arguments: str) -> Run:
    name = f"{folder.relative_to(SHARED)}: {' '.join(arguments)}"
    return Run(name, arguments, folder=folder)


def runs() -> list[Run]:
    """Return every run."""
    return [*own(), *shared()]


def peer() -> str | None:
    """Return gator, where it is on PATH or was built by `scripts/peers`."""
    built = ROOT / ".cache" / "peers" / "bin" / "gator"
    return str(built) if built.exists() else shutil.which("gator")


def play(program: list[str], run: Run, folder: Path) -> Outcome:
    """Run a command and return what it said."""
    folder = run.write(folder)
    done = subprocess.run(
        [*program, *run.arguments],
        cwd=folder,
        input=None if run.stdin is None else run.stdin.encode(),
        stdin=subprocess.DEVNULL if run.stdin is None else None,
        capture_output=True,
        timeout=120,
    )
    return Outcome.of(run, done.stdout.decode(), done.returncode, folder)


def recorded() -> dict[str, dict[str, Any]]:
    """Return what gator said when it was recorded, by the run's name."""
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text())
    return found


def todo() -> dict[str, str]:
    """Return the runs that do not agree yet, with their reasons."""
    found: dict[str, str] = {}
    reason = ""
    for line in TODO.read_text().splitlines():
        if line.startswith("#"):
            reason = line.lstrip("# ")
        elif line:
            found[line] = reason
    return found
