"""A running service, and the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.service.conftest import Running

from pratique.cli.main import main


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    found = Running(tmp_path / "home")
    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRATIQUE_URL", found.listener.url)
    monkeypatch.delenv("PRATIQUE_TOKEN", raising=False)
    yield found
    found.stop()


@pytest.fixture
def pratique(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, code: int = 0) -> Any:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        if code:
            return printed.err
        return json.loads(printed.out) if "json" in arguments else printed.out + printed.err

    return run
