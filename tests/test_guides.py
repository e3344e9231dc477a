"""The guides are played: their files are written, their commands run, their Python typed in.

A fenced block whose language is followed by a name is a file; `console` blocks hold `$ command` lines and what they
print; `python` blocks are typed into an interpreter, all of a page into the same.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDES = Path(__file__).resolve().parents[1] / "docs" / "guides"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command of a block and what it prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.M)
    assert not parts[0]
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("page", ["rego.md"])
def test_a_guide_says_what_happens(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = BLOCK.findall((GUIDES / page).read_text())
    for language, name, text in blocks:
        if name:
            (tmp_path / name).write_text(text)
        else:
            assert language in {"console", "python"}, f"what is in the block of {language}?"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "100",
    }
    ran = 0
    for language, _, text in blocks:
        for command, expected in commands(text) if language == "console" else ():
            found = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert found.stdout == expected, command
            ran += 1
    assert ran >= 5
    monkeypatch.chdir(tmp_path)
    typed = "\n".join(text for language, _, text in blocks if language == "python")
    said: list[str] = []
    session = doctest.DocTestParser().get_doctest(typed, {}, page, page, 0)
    assert not doctest.DocTestRunner().run(session, out=said.append).failed, "".join(said)
