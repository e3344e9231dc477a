"""Our commands say what gator says: beside it where it is at hand, else against what it said when recorded.

`gator-todo.txt` names the runs that do not agree, by reason; one that agrees after all must leave it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.conformance import gator

from pratique.cli.main import pratique

RUNS = gator.runs()
TODO = gator.todo()


def ours(run: gator.Run, folder: Path) -> gator.Outcome:
    before = Path.cwd()
    folder = run.write(folder)
    os.chdir(folder)
    try:
        done = CliRunner().invoke(pratique, list(run.arguments), input=run.stdin or "")
    finally:
        os.chdir(before)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return gator.Outcome.of(run, done.stdout, done.exit_code, folder)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_run(run: gator.Run, tmp_path: Path) -> None:
    said = ours(run, tmp_path)
    peer = gator.peer()
    if peer is not None:
        theirs = gator.play([peer], run, tmp_path)
        agrees, expected = said == theirs, theirs.stdout
    else:
        wanted = gator.recorded()[run.name]
        agrees, expected = said.recorded(run) == wanted, wanted.get("stdout", "gator is needed to show it")
    if run.name in TODO:
        assert not agrees, f"it agrees now: take it out of {gator.TODO.name}"
    else:
        assert agrees, f"gator:\n{expected}\nours ({said.code}):\n{said.stdout}"


def test_every_run_is_recorded_and_every_exception_exists() -> None:
    names = {run.name for run in RUNS}
    assert len(names) == len(RUNS)
    known = set(gator.recorded())
    if gator.SHARED.is_dir():
        assert known == names, "scripts/record_gator.py"
        assert set(TODO) <= names
    assert all(TODO.values()), "a reason stands above them, behind `#`"
