"""One day of one platform engineer: a running Pratique, and the clients that nobody here wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / ".cache" / "clients" / "bin"
PATIENCE = 30.0
expect.set_options(timeout=PATIENCE * 1000)
Found = TypeVar("Found")
FAILED: dict[tuple[str, str], str] = {}  # a file and its client -> the first step that failed


def played(item: pytest.Item) -> tuple[str, str]:
    """Return what steps build on each other: those of one file, with one client."""
    chosen = getattr(item, "callspec", None)
    return item.path.name, str(chosen.params.get("kubectl", "")) if chosen else ""


def client(name: str) -> str:
    """Return the path of a client; a missing one fails the story and says what brings it."""
    found = shutil.which(name, path=f"{CLIENTS}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.fail(
            f"`{name}` is missing: scripts/clients (and scripts/install-az) bring what the story needs"
        )
    return found


def until(probe: Callable[[], Found], *, what: str) -> Found:
    """Return the first true answer of `probe`; what it raises meanwhile is the reason when none comes."""
    deadline = time.monotonic() + PATIENCE
    last: object = None
    while time.monotonic() < deadline:
        try:
            if found := probe():
                return found
            last = found
        except AssertionError as error:
            last = error
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {PATIENCE:.0f} s; last seen: {last}")


def free_ports(count: int = 4) -> int:
    """Return a port such that it and the next ones are free."""
    for base in range(21000 + os.getpid() % 500 * 20, 60000, 20):
        sockets = []
        try:
            sockets = [socket.create_server(("127.0.0.1", base + offset)) for offset in range(count)]
            return base
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError("no free ports")


@dataclass
class Day:
    """A running `pratique up` and everything that the day has brought so far."""

    home: Path
    base: int
    environment: dict[str, str]
    program: str = "kubectl"  # the one of two that every `kubectl` of this day is
    output: str = ""
    process: subprocess.Popen[str] | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.base}"

    @property
    def sign_in(self) -> str:
        return re.findall(r"http://\S+code=\S+", self.output)[-1]

    def start(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pratique", "up", "--port-base", str(self.base), *options],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Ctrl-C"):
                return
        pytest.fail(f"`pratique up` ended: {self.output}")

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE)

    def run(self, *command: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        program = self.program if command[0] == "kubectl" else command[0]
        result = subprocess.run(
            [client(program), *command[1:]],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.home,
        )
        assert code in (None, result.returncode), f"{' '.join(command)}: {result.stdout}{result.stderr}"
        return result

    def kubectl(self, *arguments: str, code: int = 0) -> str:
        return self.run("kubectl", *arguments, code=code).stdout

    def pratique(self, *arguments: str, code: int = 0) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "pratique", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == code, f"pratique {' '.join(arguments)}: {result.stdout}{result.stderr}"
        return result.stdout if code == 0 else result.stderr

    def az(self, *arguments: str, code: int = 0) -> Any:
        text = self.run("az", *arguments, "-o", "json", "--only-show-errors", code=code).stdout
        return json.loads(text) if text.strip() else None

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", *arguments, "-o", "json"))["items"]
        return found


@pytest.fixture(scope="module")
def kubectl() -> str:
    """Return the program; a file that plays its day with several overrides this with parameters."""
    return "kubectl"


@pytest.fixture(scope="module")
def day(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    home = tmp_path_factory.mktemp("home")
    environment = {
        **os.environ,
        "PATH": f"{CLIENTS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path_factory.mktemp("person")),
        "PRATIQUE_HOME": str(home),
        "KUBECONFIG": str(home / "kubeconfig"),
        "AZURE_CONFIG_DIR": str(home / "azure"),
        "REQUESTS_CA_BUNDLE": str(home / "roots.pem"),
    }
    today = Day(home, free_ports(6), environment, kubectl)
    yield today
    if today.process is not None and today.process.poll() is None:
        today.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        FAILED.setdefault(played(item), item.name)
        page = getattr(item, "funcargs", {}).get("page")
        if page is not None:
            picture = ROOT / ".cache" / f"{item.name}.png"
            page.screenshot(path=picture, full_page=True)
            report.sections.append(("the page", f"{page.url}\n{picture}"))
    return report


@pytest.fixture(autouse=True)
def _no_step_without_the_one_before(request: pytest.FixtureRequest) -> None:
    if first := FAILED.get(played(request.node)):
        pytest.fail(f"not played: it builds on {first}, which failed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=client("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    opened = context.new_page()
    yield opened
    context.close()
