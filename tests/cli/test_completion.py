"""What Tab completes: commands, flags, the words that an option takes, and files."""

from __future__ import annotations

import pytest
from click.shell_completion import BashComplete

from pratique.cli.main import pratique


def complete(line: str) -> list[tuple[str, str]]:
    *words, begun = line.split(" ")
    shell = BashComplete(pratique, {}, "pratique", "_PRATIQUE_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(words, begun)]


@pytest.mark.parametrize(
    "line",
    [
        "test -f ",
        "test --filename ",
        "test --values ",
        "test --baseline ",
        "test --write-baseline ",
        "verify ",
        "expand -n ",
        "expand -o ",
        "bench --save ",
        "sync test -n ",
        "rego check ",
    ],
)
def test_files(line: str) -> None:
    assert complete(line) == [("file", "")]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("test -o j", ["json", "junit"]),
        ("test --output=s", ["sarif"]),
        ("verify -o ", ["human", "json", "junit", "tap", "github"]),
        ("expand -f ", ["json", "yaml"]),
        ("bench -e ", ["rego", "cel", "all"]),
        ("bench --output t", ["table"]),
        ("compliance --by c", ["cluster", "component"]),
        ("veri", ["verify"]),
        ("test --den", ["--deny-only"]),
    ],
)
def test_words(line: str, wanted: list[str]) -> None:
    assert complete(line) == [("plain", word) for word in wanted]


def test_the_file_of_a_report() -> None:
    assert complete("test -o sarif=out/r") == [("file", "out/r")]
