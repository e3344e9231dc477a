"""Findings that an object allows for a time: with a reason until its day, and never longer or without one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.offline.test_check import judge, policy

from pratique.cli.test import test as command
from pratique.offline import suppression

TODAY = date(2026, 11, 27)
MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  annotations:
    allow.pratique.dev/owner: {value}
"""


@pytest.mark.parametrize(
    ("value", "reason", "problem"),
    [
        ('"until 2026-11-27: moved next week"', "moved next week", ""),
        ('" until  2030-01-01 :  a\\n reason "', "a reason", ""),
        ('"until 2026-11-26: moved last week"', "", "expired on 2026-11-26"),
        ('"until 2030-01-01:"', "", "gives no reason"),
        ('"until 2030-02-30: x"', "", "names a day that does not exist, 2030-02-30"),
        ('"because"', "", "does not say until when and why"),
        ('""', "", "does not say until when and why"),
        ("5", "", "does not say until when and why"),
    ],
)
def test_an_annotation(tmp_path: Path, value: str, reason: str, problem: str) -> None:
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(value=value))
    (finding,), problems = suppression.apply(found, TODAY)
    assert (finding.allowed, finding.denies) == (reason, not reason)
    assert [error.message for error in problems] == (
        [f"`allow.pratique.dev/owner` allows nothing: it {problem}"] if problem else []
    )
    assert all((error.location.line, bool(error.hint)) == (6, True) for error in problems)


def test_another_constraint_is_not_allowed(tmp_path: Path) -> None:
    text = MAP.format(value='"until 2030-01-01: x"').replace("/owner:", "/other:")
    found, _ = judge(tmp_path, policy=policy(), maps=text)
    (finding,), problems = suppression.apply(found, TODAY)
    assert finding.denies and not problems


def test_the_command_heeds_it_and_tells_what_does_not_hold(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(value='"until 2999-01-01: it is for tests"'))
    allowed = CliRunner().invoke(command, ["-f", str(tmp_path)])
    assert (allowed.exit_code, allowed.stdout) == (0, "")
    assert "1 finding allowed or known" in allowed.stderr
    assert CliRunner().invoke(command, ["-f", str(tmp_path), "--no-suppress"]).exit_code == 1
    (tmp_path / "maps.yaml").write_text(MAP.format(value='"until 2001-01-01: long ago"'))
    over = CliRunner().invoke(command, ["-f", str(tmp_path)])
    assert over.exit_code == 1
    assert (
        "maps.yaml:6:31: `allow.pratique.dev/owner` allows nothing: it expired on 2001-01-01" in over.stderr
    )
