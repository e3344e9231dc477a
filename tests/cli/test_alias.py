"""Flags as gator's parser takes them."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pratique.cli.alias import GatorCommand


@click.command(cls=GatorCommand)
@click.option("-f", "--filename", "names", multiple=True)
@click.option("-o", "--output", default="")
@click.option("-v", "--verbose", is_flag=True)
@click.option("-t", "--trace", is_flag=True)
@click.option("--native/--no-native", default=True)
@click.argument("rest", nargs=-1)
def command(**given: Any) -> None:
    click.echo(json.dumps(given))


def run(*arguments: str) -> tuple[str, int]:
    done = CliRunner().invoke(command, list(arguments))
    return done.output.strip(), done.exit_code


DEFAULTS = {"names": [], "output": "", "verbose": False, "trace": False, "native": True, "rest": []}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["-f=a", "-fb", "-f", "c", "--filename=d", "--filename", "e"], {"names": ["a", "b", "c", "d", "e"]}),
        (["-o=json"], {"output": "json"}),
        (["-o=", "-f="], {"output": "", "names": [""]}),
        (["-vf."], {"verbose": True, "names": ["."]}),
        (["-vto=x=y"], {"verbose": True, "trace": True, "output": "x=y"}),
        (["-o", "a", "--output=b"], {"output": "b"}),
        (["-v=false"], {}),
        (["-v", "--verbose=F"], {}),
        (["--verbose=0", "-v"], {"verbose": True}),
        (["--native=false"], {"native": False}),
        (["--no-native"], {"native": False}),
        (["--no-native=false"], {}),
        (["--native=0", "--native"], {}),
        (["a", "-v", "b"], {"verbose": True, "rest": ["a", "b"]}),
        (["-v", "--", "-t", "-f"], {"verbose": True, "rest": ["-t", "-f"]}),
        (["-f", "-v"], {"names": ["-v"]}),
        (["-"], {"rest": ["-"]}),
    ],
)
def test_forms(arguments: list[str], wanted: dict[str, Any]) -> None:
    said, code = run(*arguments)
    assert (json.loads(said), code) == (DEFAULTS | wanted, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--verbose=maybe"], "`maybe` is no value of `--verbose`"),
        (["-v="], "`` is no value of `-v`"),
        (["--verb"], "No such option"),
        (["-x"], "No such option"),
        (["-vx"], "No such option"),
        (["-v", "-o"], "requires an argument"),
    ],
)
def test_what_is_no_flag_ends_with_one(arguments: list[str], message: str) -> None:
    said, code = run(*arguments)
    assert (message in said, code) == (True, 1), said
