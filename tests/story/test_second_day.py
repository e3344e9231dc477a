"""Steps 17, 19 and 20 of the story: the service goes away and comes back; enforcement and effect are switched off.

The service runs by itself (`pratique serve`), and the cluster of `pratique up` is one that it was given by a
kubeconfig, so that each can go without the other.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.story.conftest import Day, until

LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
DENIAL = 'you must provide labels: {"owner"}'
ASSIGNED = ("--cluster", "edge", "--name", "owner", "--param", "labelsList=owner")


class Service:
    """A `pratique serve` with a folder of its own."""

    def __init__(self, day: Day) -> None:
        self.base = day.base + 4  # the day keeps six
        self.url = f"http://127.0.0.1:{self.base}"
        self.home = day.home / "service"
        self.environment = {**day.environment, "PRATIQUE_HOME": str(self.home), "PRATIQUE_URL": self.url}
        self.start()

    def start(self) -> None:
        listen = ("--listen", f"127.0.0.1:{self.base}", "--listen-tls", f"127.0.0.1:{self.base + 1}")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pratique", "serve", *listen],
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert any(line.startswith("authority") for line in self.process.stdout)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "pratique", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def state(self) -> tuple[str, int, int]:
        """Return state, components out of order and components judged, of the one assignment."""
        (row,) = json.loads(self.run("compliance", "-o", "json"))
        return row["state"], row["components"]["nonCompliant"], row["components"]["evaluated"]


@pytest.fixture(scope="module")
def service(day: Day) -> Iterator[Service]:
    running = Service(day)
    yield running
    running.stop()


def tried(day: Day, *options: str) -> str:
    return day.run("kubectl", "run", "naked", "--image=nginx", "-n", "shop", *options, code=None).stderr


def test_a_cluster_is_given_by_its_kubeconfig(day: Day, service: Service) -> None:
    day.start()
    day.kubectl("create", "namespace", "shop")
    day.kubectl("run", "old", "--image=nginx", "-n", "shop")
    service.run("addon", "enable", "edge", "--kubeconfig", str(day.home / "kubeconfig"))
    service.run("assign", "create", LABELS, *ASSIGNED, "--effect", "Deny")
    # What is let through before the policy arrives must not stay.
    until(lambda: DENIAL in tried(day, "--dry-run=server"), what="denial")
    until(lambda: service.state() == ("NonCompliant", 1, 1), what="the first report")


def test_17_the_service_goes_away_and_comes_back(day: Day, service: Service) -> None:
    assert service.stop() == 0
    assert DENIAL in tried(day)
    day.kubectl("label", "pod", "-n", "shop", "old", "owner=me")
    day.kubectl("run", "good", "--image=nginx", "-n", "shop", "--labels=owner=me")
    service.start()
    until(lambda: service.state() == ("Compliant", 0, 2), what="the report of what happened meanwhile")


def test_19_enforcement_is_switched_off(day: Day, service: Service) -> None:
    service.run("assign", "create", LABELS, *ASSIGNED, "--effect", "Deny", "--dry-run")
    until(lambda: not tried(day), what="admission without denial")
    until(lambda: service.state() == ("NonCompliant", 1, 3), what="the component is still shown")
    (constraint,) = day.objects("k8sazurev1podenforcelabels")
    assert constraint["spec"]["enforcementAction"] == "dryrun"


def test_20_the_effect_is_switched_off(day: Day, service: Service) -> None:
    service.run("assign", "create", LABELS, *ASSIGNED, "--effect", "Disabled")
    until(lambda: not day.objects("constrainttemplates"), what="the template is gone")
    assert not day.kubectl("get", "crd", "-o", "name").count("k8sazurev1podenforcelabels")
    until(lambda: service.state()[1] == 0, what="the records are closed")
    assert json.loads(service.run("compliance", "-o", "json"))[0]["effect"] == "Disabled"
