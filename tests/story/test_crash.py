"""What a crash costs: `pratique up` is killed in the middle of its work, and what is started next has lost nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.story.conftest import Day, until

LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
DENIAL = 'you must provide labels: {"owner"}'


def agents(day: Day) -> set[int]:
    """Return the process ids of this installation's pods; their service accounts lie in its folder."""
    found = set()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and str(day.home).encode() in (folder / "environ").read_bytes():
                words = (folder / "cmdline").read_bytes().split(b"\0")
                found |= {int(folder.name)} if b"agent" in words else set()
        except OSError:
            continue
    return found


def pods(day: Day) -> list[tuple[str, str, str]]:
    """Return name, READY and RESTARTS of the add-on's pods, as kubectl prints them."""
    lines = day.kubectl("get", "pods", "-n", "pratique-system", "--no-headers").splitlines()
    return [(words[0], words[1], words[3]) for words in map(str.split, lines)]


def denied(day: Day) -> bool:
    command = ("run", "naked", "--image=nginx", "-n", "shop", "--dry-run=server")
    return DENIAL in day.run("kubectl", *command, code=None).stderr


def test_a_cluster_that_enforces(day: Day) -> None:
    day.start()
    day.pratique("addon", "enable")
    day.kubectl("create", "namespace", "shop")
    day.kubectl("run", "old", "--image=nginx", "-n", "shop")
    assigned = ("--cluster", "embedded", "--name", "owner", "--param", "labelsList=owner", "--effect", "Deny")
    day.pratique("assign", "create", LABELS, *assigned)
    until(lambda: denied(day), what="denial")
    until(lambda: "NonCompliant" in day.pratique("compliance"), what="the report")


def test_a_killed_pod_is_shown_and_started_again(day: Day) -> None:
    before = {name for name, _, _ in pods(day)}
    os.kill(min(agents(day)), signal.SIGKILL)
    until(lambda: [one for one in pods(day) if one[1] == "0/1"], what="0/1")
    until(lambda: {(one[1], one[2]) for one in pods(day)} == {("1/1", "0"), ("1/1", "1")}, what="a restart")
    assert {name for name, _, _ in pods(day)} == before


def test_a_killed_installation_leaves_no_process_and_loses_nothing(day: Day) -> None:
    assert day.process is not None
    left = agents(day)
    assert len(left) == 3
    day.process.kill()
    day.process.wait()
    day.start()
    # Said to be ready, it enforces: not a moment later.
    assert denied(day)
    assert not left & agents(day)
    assert len(agents(day)) == 3
    assert "password" not in day.output
    assert {(ready, int(restarts) > 0) for _, ready, restarts in pods(day)} == {("1/1", True)}
    assert "old" in day.kubectl("get", "pods", "-n", "shop", "-o", "name")
    assert "NonCompliant" in day.pratique("compliance")
    assert day.stop() == 0
    assert not agents(day)
