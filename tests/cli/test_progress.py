"""The line of progress: after a while, on a terminal, and gone at the end; else nothing, and nothing imported."""

from __future__ import annotations

import io
import sys

import pytest

from pratique.cli import progress as module


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr(module, "AFTER", 0.0)
    with module.progress() as tick:
        tick(100)
        tick(173)
    text = seen.getvalue()
    assert "100 objects, " in text or "173 objects, " in text
    assert text.endswith("\x1b[?25h") or "\x1b[2K" in text  # the line is cleared


def test_a_quick_run_and_a_pipe_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.delitem(sys.modules, "rich.status", raising=False)
        with module.progress() as tick:
            tick(100)
        assert stream.getvalue() == ""
        assert "rich.status" not in sys.modules
