"""What a person can hand in wrong: each gets one message with the cure, its exit code, and loses nothing."""

from __future__ import annotations

import copy
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.service.conftest import Running

LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
    "contexts": [{"name": "one", "context": {"cluster": "one", "user": "me"}}],
}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person who is not the owner of the service's folder."""
    home = tmp_path / "other"
    monkeypatch.setenv("PRATIQUE_HOME", str(home))
    return home


def test_an_expired_token_asks_for_a_login(running: Running, pratique: Any, elsewhere: Path) -> None:
    pratique("login", "--code", running.run(running.service.sign_in_link()))
    with sqlite3.connect(running.state_dir / "pratique.db") as connection:
        connection.execute("update tokens set expires_at = '2020-01-01T00:00:00.000000Z'")
    connection.close()
    told = pratique("compliance", code=5)
    assert "this token has expired" in told and "`pratique login`" in told


def test_the_owner_gets_another_token_without_asking(running: Running, pratique: Any) -> None:
    pratique("policy", "list")
    with sqlite3.connect(running.state_dir / "pratique.db") as connection:
        connection.execute("update tokens set expires_at = '2020-01-01T00:00:00.000000Z'")
    connection.close()
    assert "Kubernetes" in pratique("policy", "list")


def broken(change: Any) -> str:
    config = copy.deepcopy(KUBECONFIG)
    change(config)
    return yaml.safe_dump(config)


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ("clusters: [", "is not YAML", 2),
        ("hello", "is not a kubeconfig", 2),
        (broken(lambda c: c.update({"current-context": "x"})), "has no context `x`", 2),
        (broken(lambda c: c["contexts"][0]["context"].update(user="x")), "names a missing user, `x`", 2),
        (broken(lambda c: c["clusters"][0]["cluster"].update(server="x")), "has the server `x`", 2),
        (
            broken(lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": "%%"})),
            "is not base64",
            2,
        ),
        (
            broken(lambda c: c["users"][0].update(user={"exec": {"command": "/nope"}})),
            "cannot run `/nope`",
            2,
        ),
        (broken(lambda c: None), "does not answer", 3),
    ],
)
def test_a_kubeconfig_that_is_no_use_registers_no_cluster(
    running: Running, pratique: Any, tmp_path: Path, text: str, told: str, code: int
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    said = pratique("addon", "enable", "other", "--kubeconfig", str(file), code=code)
    assert told in said and "hint: " in said and str(file) in said
    assert running.send("GET", "/api/v1/clusters").json["value"] == []


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (("--scope", "rubbish", "--param", "labelsList=a"), "`rubbish` is not a scope", 2),
        (("--scope", "/subscriptions/x", "--param", "labelsList=a"), "subscription `x` is not known", 4),
        (("--cluster", "x", "--param", "labelsList=a"), "no cluster `x`", 4),
        (("--param", 'labelsList={"a": 1}'), "labelsList", 2),
        (("--param", "labelsList=[1"), "`[1` is no value for parameter `labelsList` of type Array", 2),
        (("--param", "labelList=a"), "no parameter `labelList`", 2),
        (("--param", "labelsList=a", "--effect", "Dany"), "Dany", 2),
        ((), "no value for parameter `labelsList`", 2),
    ],
)
def test_a_wrong_assignment_assigns_nothing(
    running: Running, pratique: Any, arguments: tuple[str, ...], told: str, code: int
) -> None:
    said = pratique("assign", "create", LABELS, *arguments, code=code)
    assert told in said and "hint: " in said
    assert pratique("assign", "list", "-o", "json") == []


def test_a_body_that_is_not_json_is_refused(running: Running, pratique: Any, tmp_path: Path) -> None:
    path = f"{running.subscription}/providers/Microsoft.Authorization/policyAssignments/a"
    reply = running.send("PUT", f"{path}?api-version=2023-04-01", raw=b"{ nope")
    assert reply.status == 400
    assert "the body is not JSON" in reply.json["error"]["message"]
    assert "send a JSON object" in reply.json["error"]["hint"]
    file = tmp_path / "parameters.json"
    file.write_text("{ nope")
    assert f"{file}:2:1: not YAML" in pratique("assign", "create", LABELS, "--params", str(file), code=2)
    assert pratique("assign", "list", "-o", "json") == []


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http:///x"])
def test_an_address_that_is_none_is_told_from_one_that_does_not_answer(pratique: Any, url: str) -> None:
    said = pratique("compliance", "--url", url, code=2)
    assert f"`{url}` is not the address of a service" in said
