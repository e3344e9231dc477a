"""`pratique rego fmt` on files, folders and standard input."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pratique.cli.main import pratique

WRONG = "package a\np:=1\n"
RIGHT = "package a\n\np := 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "right.rego").write_text(RIGHT)
    (tmp_path / "below" / "wrong.rego").write_text(WRONG)
    (tmp_path / "other.txt").write_text("p:=1")
    return tmp_path


def run(*arguments: str, text: str = "") -> tuple[int, str, str]:
    found = CliRunner().invoke(pratique, ["rego", "fmt", *arguments], input=text)
    return found.exit_code, found.stdout, found.stderr


def test_standard_input_goes_to_standard_output() -> None:
    assert run(text=WRONG) == (0, RIGHT, "")
    assert run("-", text=WRONG) == (0, RIGHT, "")


def test_versions() -> None:
    text = "package a\np[x] { x = 1 }\n"
    assert run("--v0-compatible", text=text)[1] == "package a\n\np[x] {\n\tx = 1\n}\n"
    assert run("--v0-v1", text=text)[1] == "package a\n\nimport rego.v1\n\np contains x if x = 1\n"
    assert run("--v0-to-v1", text=text)[1] == "package a\n\np contains x if x = 1\n"
    code, printed, said = run(text=text)
    assert (code, printed) == (2, "")
    assert said.startswith("stdin:2:")
    assert "`if` keyword is required" in said


def test_listing_and_checking(folder: Path) -> None:
    wrong = str(folder / "below" / "wrong.rego")
    assert run("-l", str(folder)) == (0, f"{wrong}\n", "")
    assert run("--check", str(folder)) == (1, f"{wrong}\n", "")
    assert run("-l", "--fail", str(folder)) == (2, f"{wrong}\n", "")
    assert run("--check", str(folder / "right.rego")) == (0, "", "")
    assert (folder / "below" / "wrong.rego").read_text() == WRONG


def test_a_difference_is_one_that_patch_reads(folder: Path) -> None:
    wrong = str(folder / "below" / "wrong.rego")
    _, printed, _ = run("-d", str(folder))
    assert printed == (
        f"--- {wrong}\n+++ {wrong} (formatted)\n@@ -1,2 +1,3 @@\n package a\n-p:=1\n+\n+p := 1\n"
    )


def test_writing_changes_what_must_change(folder: Path) -> None:
    kept = (folder / "right.rego").stat().st_mtime_ns
    assert run("-w", str(folder)) == (0, "", "")
    assert (folder / "below" / "wrong.rego").read_text() == RIGHT
    assert (folder / "right.rego").stat().st_mtime_ns == kept
    assert run("--check", str(folder))[0] == 0


def test_a_file_with_a_mistake_does_not_keep_the_others_from_being_written(folder: Path) -> None:
    (folder / "bad.rego").write_text("package a\np if {")
    code, _, said = run("-w", str(folder))
    assert code == 2
    assert "bad.rego:2:" in said
    assert (folder / "below" / "wrong.rego").read_text() == RIGHT


def test_what_is_no_rego_is_refused(folder: Path) -> None:
    (folder / "binary.rego").write_bytes(b"\xff\xfe")
    for path in ("other.txt", "none.rego", "binary.rego"):
        code, _, _ = run(str(folder / path))
        assert code != 0
