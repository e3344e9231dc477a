"""The guide to CI is true: its files are written, its commands run, its output compared."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pratique.cli.main import pratique

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "ci.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.M | re.S)


def write(folder: Path) -> None:
    for block in blocks("yaml"):
        if named := re.match(r"# (\S+/\S+\.yaml)\n", block):
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.removeprefix(named[0]))


def steps() -> list[tuple[str, str]]:
    """Return each command of the guide that shows its output, with the output."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    write(folder)
    # The suite is an example of its own; its folder would be judged with the policies.
    (folder / "policies" / "suite.yaml").unlink()
    return folder


@pytest.mark.parametrize(("command", "output"), steps(), ids=[command for command, _ in steps()])
def test_a_command_prints_what_the_guide_shows(world: Path, command: str, output: str) -> None:
    path = f"{ROOT / '.cache' / 'clients' / 'bin'}:/usr/bin:/bin"
    script = f'pratique() {{ {shlex.quote(sys.executable)} -m pratique "$@"; }}\n{command}'
    done = subprocess.run(
        ["sh", "-c", script], cwd=world, env={"PATH": path, "HOME": str(world)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == output, done.stderr
    assert done.returncode == (1 if output else 0)


def commands() -> Iterator[str]:
    """Yield every command that stands in a block of shell or in a workflow."""
    for block in blocks("sh"):
        yield from block.splitlines()
    for block in blocks("yaml"):
        yield from re.findall(r"^\s*- (?:run: )?(pratique .*)$", block, re.M)
    yield from (command.rpartition("| ")[2] for command, _ in steps())


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_option_exists(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    command = pratique.get_command(None, name)  # type: ignore[arg-type]  # the menu does not look at it
    assert program == "pratique" and command is not None
    command.make_context(name, arguments)


def test_the_suite_of_the_guide_passes(world: Path) -> None:
    suite = next(block for block in blocks("yaml") if "kind: Suite" in block)
    template, constraint = (world / "policies" / "owner.yaml").read_text().split("---\n")
    folder = world / "verified"
    folder.mkdir()
    for name, text in {"suite": suite, "template": template, "constraint": constraint}.items():
        (folder / f"{name}.yaml").write_text(text)
    run = [sys.executable, "-m", "pratique", "verify", str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("ok\t"), done.stdout


def test_every_workflow_is_yaml() -> None:
    for block in blocks("yaml"):
        assert list(yaml.safe_load_all(block))
