"""`pratique up`: a port that is taken costs nothing, and a command that does not exist is told from one that does."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.story.conftest import free_ports


def pratique(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pratique", *arguments],
        env={**os.environ, "PRATIQUE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("offset", range(4))
def test_a_taken_port_is_named_and_costs_no_credentials(tmp_path: Path, offset: int) -> None:
    base = free_ports()
    with socket.create_server(("127.0.0.1", base + offset)):
        answer = pratique("up", "--port-base", str(base), home=tmp_path)
    assert answer.returncode == 3
    assert str(base + offset) in answer.stderr
    assert "--port-base" in answer.stderr
    assert "Traceback" not in answer.stderr
    database = tmp_path / "pratique.db"
    if database.exists():
        with sqlite3.connect(database) as connection:
            assert connection.execute("select count(*) from users").fetchone() == (0,)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    answer = pratique("up", home=file)
    assert answer.returncode == 2
    assert "PRATIQUE_HOME" in answer.stderr


def test_a_command_that_does_not_exist_names_what_comes_close(tmp_path: Path) -> None:
    answer = pratique("plicy", home=tmp_path)
    assert answer.returncode == 2
    assert "Did you mean `policy`?" in answer.stderr
