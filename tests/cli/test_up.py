"""`pratique up`: a port that is taken costs nothing, and a command that does not exist is told from one that does."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.story.conftest import free_ports

from pratique.service.db.store import Store


def pratique(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pratique", *arguments],
        env={**os.environ, "PRATIQUE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def credentials_were_made(home: Path) -> bool:
    database = home / "pratique.db"
    if not database.exists():
        return False
    with sqlite3.connect(database) as connection:
        return bool(connection.execute("select count(*) from users").fetchone()[0])


@pytest.mark.parametrize("offset", range(4))
def test_a_taken_port_is_named_and_costs_no_credentials(tmp_path: Path, offset: int) -> None:
    base = free_ports()
    with socket.create_server(("127.0.0.1", base + offset)):
        answer = pratique("up", "--port-base", str(base), home=tmp_path)
    assert answer.returncode == 3
    assert f"port `{base + offset}` on `127.0.0.1` is in use by another program\n" in answer.stderr
    assert "--port-base" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not credentials_were_made(tmp_path)


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (
        file,
        file / "below",
        Path("/proc/pratique"),
    ):  # /proc: nobody can write there, root neither
        answer = pratique("up", home=folder)
        assert answer.returncode == 2
        assert f"`{folder}` cannot be used" in answer.stderr
        assert "set PRATIQUE_HOME" in answer.stderr


def test_data_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    database = tmp_path / "pratique.db"
    store = Store(database)
    store.open()
    store.close()
    with sqlite3.connect(database) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    before = database.read_bytes()
    answer = pratique("up", "--port-base", str(free_ports()), home=tmp_path)
    assert answer.returncode == 1
    assert "was written by a newer version of pratique (schema `9999`)" in answer.stderr
    assert "PRATIQUE_HOME" in answer.stderr
    assert database.read_bytes() == before


def test_objects_of_a_newer_version_are_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    objects = tmp_path / "cluster/objects.db"
    with sqlite3.connect(objects) as connection:
        connection.execute("pragma user_version = 9999")
    connection.close()
    before = objects.read_bytes()
    answer = pratique("up", "--port-base", str(free_ports()), home=tmp_path)
    assert answer.returncode == 1
    assert "was written by a newer version" in answer.stderr
    assert objects.read_bytes() == before


@pytest.mark.parametrize("moment", ["is starting", "the embedded cluster", "the service"])
def test_it_is_stopped_while_it_starts(tmp_path: Path, moment: str) -> None:
    base = free_ports()
    command = [sys.executable, "-m", "pratique", "up", "--port-base", str(base)]
    with subprocess.Popen(
        command,
        env={**os.environ, "PRATIQUE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background jobs, which these tests may be, ignore the signal, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stdout is not None
            output = ""
            for line in process.stdout:
                output += line
                if moment in line:
                    process.send_signal(signal.SIGINT)
                    break
            output += process.communicate(timeout=30)[0]
        finally:
            process.kill()
    assert process.returncode in (0, 130)
    assert "Traceback" not in output
    # Credentials that were made are shown, however it ended.
    assert ("password" in output) == credentials_were_made(tmp_path)
    for offset in range(4):
        socket.create_server(("127.0.0.1", base + offset)).close()


def test_a_command_that_does_not_exist_names_what_comes_close(tmp_path: Path) -> None:
    answer = pratique("plicy", home=tmp_path)
    assert answer.returncode == 2
    assert "Did you mean `policy`?" in answer.stderr


def test_the_settings_of_a_shell(tmp_path: Path) -> None:
    lines = pratique("env", home=tmp_path).stdout.splitlines()
    assert lines[0] == f'export PATH={tmp_path}/bin:"$PATH"'
    told = json.loads(pratique("env", "-o", "json", home=tmp_path).stdout)
    assert set(told) == {"PATH", "PRATIQUE_HOME", "KUBECONFIG", "AZURE_CONFIG_DIR", "REQUESTS_CA_BUNDLE"}
    assert told["KUBECONFIG"] == f"{tmp_path}/kubeconfig"


def test_tab_completes_commands_and_their_subcommands(tmp_path: Path) -> None:
    for words, found in (("pratique ad", "plain,addon"), ("pratique assign cr", "plain,create")):
        command = [sys.executable, "-m", "pratique"]
        told = {
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
            "_PRATIQUE_COMPLETE": "bash_complete",
        }
        answer = subprocess.run(
            command, env={**os.environ, **told}, capture_output=True, text=True, timeout=30
        )
        assert answer.stdout == f"{found}\n"
