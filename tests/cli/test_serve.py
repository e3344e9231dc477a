"""`pratique serve` as a program: what it prints, how it stops, and what it refuses."""

from __future__ import annotations

import http.cookiejar
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One run of the command."""

    def __init__(self, home: Path, *arguments: str) -> None:
        environment = {**os.environ, "PRATIQUE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pratique", "serve", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self, url: str, context: ssl.SSLContext | None = None) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5, context=context) as answer:
                    assert answer.status == 200
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{url} does not get ready")

    def end(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(tmp_path / "home", *arguments))
        return started[-1]

    yield start
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait(10)


def test_it_starts_says_where_it_is_and_stops_cleanly(serve: Any, tmp_path: Path) -> None:
    plain, secure = free_port(), free_port()
    arguments = ("--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{secure}")
    program = serve(*arguments)
    program.ready(f"http://127.0.0.1:{plain}")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "home/tls/ca.crt"))
    program.ready(f"https://127.0.0.1:{secure}", trusted)
    code, out, err = program.end()
    assert (code, err.strip()) == (0, "stopping"), (out, err)
    assert f"http://127.0.0.1:{plain}/login?code=" in out
    assert "password" in out and "az login" in out
    again = serve(*arguments)
    again.ready(f"http://127.0.0.1:{plain}")
    _, out, _ = again.end()
    assert "password" not in out, "credentials are shown once"


def test_what_it_says_is_data_for_a_program(serve: Any) -> None:
    plain = free_port()
    program = serve(
        "--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{free_port()}", "-o", "json"
    )
    program.ready(f"http://127.0.0.1:{plain}")
    told = json.loads(program.end()[1])
    assert told["signIn"].startswith(f"http://127.0.0.1:{plain}/login?code=")
    assert set(told["credentials"]) == {"username", "password", "clientId", "clientSecret", "tenant"}


def test_it_stops_though_somebody_listens_and_a_page_is_open(serve: Any) -> None:
    plain = free_port()
    url = f"http://127.0.0.1:{plain}"
    program = serve("--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{free_port()}")
    program.ready(url)
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    browser.open(f"{url}/login?code={_link_code(program)}", timeout=30).close()
    (session,) = cookies
    events = urllib.request.Request(f"{url}/api/v1/events")
    events.add_header("Authorization", f"Bearer {session.value}")
    with (
        urllib.request.urlopen(events, timeout=30) as stream,
        browser.open(f"{url}/live", timeout=30) as page,
    ):
        assert stream.readline().startswith(b":")
        assert page.readline().startswith(b"retry:")
        code, _, err = program.end()
    assert (code, err.strip()) == (0, "stopping")


def _link_code(program: Program) -> str:
    assert program.process.stdout is not None
    for line in program.process.stdout:
        if "code=" in line:
            return line.rpartition("code=")[2].strip()
    raise AssertionError("no sign-in link was printed")


def test_a_busy_port_is_named_and_no_credentials_are_lost(serve: Any) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        program = serve("--listen", f"127.0.0.1:{port}", "--listen-tls", f"127.0.0.1:{free_port()}")
        _, err = program.process.communicate(timeout=30)
    assert program.process.returncode == 3
    assert f"port `{port}`" in err and "Traceback" not in err
    plain = free_port()
    program = serve("--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{free_port()}")
    program.ready(f"http://127.0.0.1:{plain}")
    assert "password" in program.end()[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "0.0.0.0:7080"), "without TLS"),
        (("--listen", "nonsense"), "`nonsense` is not an address"),
        (("--listen", "127.0.0.1:99999"), "is not an address"),
    ],
)
def test_what_cannot_be_served_is_refused(serve: Any, arguments: tuple[str, ...], told: str) -> None:
    program = serve(*arguments)
    _, err = program.process.communicate(timeout=30)
    assert program.process.returncode == 2
    assert told in err and "Traceback" not in err


def test_data_of_a_newer_version_is_refused(serve: Any, tmp_path: Path) -> None:
    import sqlite3

    plain = free_port()
    arguments = ("--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{free_port()}")
    program = serve(*arguments)
    program.ready(f"http://127.0.0.1:{plain}")
    program.end()
    with sqlite3.connect(tmp_path / "home/pratique.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    refused = serve(*arguments)
    _, err = refused.process.communicate(timeout=30)
    assert refused.process.returncode == 1 and "newer version" in err
