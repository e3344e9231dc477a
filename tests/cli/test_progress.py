"""The line of progress: after a while, on a terminal, and gone at the end; else nothing, and nothing imported."""

from __future__ import annotations

import io
import sys
import time

import pytest

from pratique.cli import output
from pratique.cli import progress as module


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr(module, "AFTER", 0.0)
    with module.progress() as tick:
        tick(100, 0.5)
        tick(173, 1.0)
    text = seen.getvalue()
    assert "100 objects, " in text or "173 objects, " in text
    assert text.endswith("\x1b[?25h") or "\x1b[2K" in text  # the line is cleared


def test_a_quick_run_and_a_pipe_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.delitem(sys.modules, "rich.status", raising=False)
        with module.progress() as tick:
            tick(100, 0.5)
        assert stream.getvalue() == ""
        assert "rich.status" not in sys.modules


def test_the_line_says_how_much_is_left() -> None:
    bar = "█" * 6 + "░" * 18
    assert module.shown(2500, 0.25, 2.0) == f"{bar}  25%  2,500 objects, 1,250 a second, 6 s left"
    assert module.shown(10_000, 1.0, 4.0) == f"{'█' * 24} 100%  10,000 objects, 2,500 a second"
    assert module.shown(0, 0.0, 4.0) == f"{'░' * 24}   0%  0 objects, 0 a second"


def test_who_waits_for_an_evaluation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    until = time.monotonic() + 30
    with output.patience("evaluating the query", after=0.0):
        while "evaluating" not in seen.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    assert "evaluating the query" in seen.getvalue()
    assert "\x1b[2K" in seen.getvalue()  # the line is cleared


def test_a_quick_evaluation_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        with output.patience("evaluating the query", after=3600.0):
            pass
        assert stream.getvalue() == ""
