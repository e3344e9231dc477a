"""`pratique policy`, `assign`, `compliance` and `login` against a real service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.service.conftest import TEMPLATE, Agent, Running, definition

LABELS = "Kubernetes cluster pods should use specified labels"


def test_the_owner_of_the_folder_needs_no_login(running: Running, pratique: Any) -> None:
    assert LABELS in pratique("policy", "list")
    kept = running.state_dir / "credentials.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert running.listener.url in json.loads(kept.read_text())


def test_somebody_else_needs_one(
    running: Running, pratique: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "other"))
    assert "pratique login" in pratique("policy", "list", code=5)
    pratique("login", "--code", running.run(running.service.sign_in_link()))
    assert LABELS in pratique("policy", "list")


def test_login_with_a_password_from_standard_input(
    running: Running, pratique: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    assert running.credentials is not None
    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr("sys.stdin", io.StringIO(running.credentials.password + "\n"))
    assert "signed in as admin" in pratique("login", "--password-stdin")
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    assert "wrong user name or password" in pratique("login", "--password-stdin", code=5)


def test_reset_prints_new_credentials_that_work(running: Running, pratique: Any) -> None:
    made = pratique("login", "--reset", "-o", "json")
    reply = running.send(
        "POST", "/api/v1/login", {"username": made["username"], "password": made["password"]}, token=""
    )
    assert reply.status == 200
    assert LABELS in pratique("policy", "list")  # an ended session is taken up by the owner


def test_a_definition_from_a_file_and_a_template(running: Running, pratique: Any, tmp_path: Path) -> None:
    file, template = tmp_path / "own.yaml", tmp_path / "template.yaml"
    file.write_text(yaml.safe_dump(definition("kind: Nothing\n")))
    template.write_text(TEMPLATE)
    made = pratique("policy", "create", "own", str(file), "--template", str(template), "-o", "json")
    assert made["id"].endswith("/own")
    assert pratique("policy", "show", "own labels", "-o", "json") == made
    assert [row["name"] for row in pratique("policy", "list", "--custom", "-o", "json")] == ["own"]
    assert "deleted" in pratique("policy", "delete", "own")


def test_a_broken_template_shows_its_line_and_a_caret(
    running: Running, pratique: Any, tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    broken = TEMPLATE.replace("wanted := input", "wanted :=== input")
    file.write_text(yaml.safe_dump(definition(broken)))
    told = pratique("policy", "create", "own", str(file), code=2)
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if ":===" in text)
    assert told.count(f"template.yaml:{line}:") == 1 and "^" in told


def test_assign_by_display_name_with_parameters_read_by_type(running: Running, pratique: Any) -> None:
    running.cluster()
    made = pratique(
        *("assign", "create", LABELS, "--cluster", "embedded", "--name", "labels"),
        *("--param", "labelsList=owner, team", "--effect", "Audit", "--dry-run", "-o", "json"),
    )
    assert made["properties"]["parameters"]["labelsList"]["value"] == ["owner", "team"]
    assert made["properties"]["enforcementMode"] == "DoNotEnforce"
    assert made["properties"]["scope"].endswith("/managedClusters/embedded")
    assert "labelsList" in pratique("assign", "show", "labels")
    assert len(pratique("assign", "list", "-o", "json")) == 1
    pratique("assign", "delete", "labels")
    assert "nothing is assigned" in pratique("assign", "list")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["policy", "show", "Kubernetes cluster pods should use labels"], 4, LABELS),
        (["assign", "show", "nope"], 4, "there is no assignment `nope`"),
        (["assign", "create", LABELS, "--param", "labelsLst=x"], 2, "labelsList"),
        (["assign", "create", LABELS, "--param", "labelsList"], 2, "has no value"),
        (["assign", "create", LABELS, "--param", "labelSelector={"], 2, "labelSelector"),
        (["assign", "create", LABELS, "--param", "labelsList=x", "--effect", "Explode"], 2, "Explode"),
        (["assign", "create", LABELS, "--param", "labelsList=x", "--scope", "/nowhere"], 2, "/nowhere"),
        (["assign", "create", LABELS, "--param", "labelsList=x", "--cluster", "nope"], 4, "embedded"),
        (["policy", "create", "x", "/no/such/file"], 4, "/no/such/file"),
        (["compliance", "--url", "http://127.0.0.1:9"], 3, "127.0.0.1:9"),
        (["compliance", "--token", "wrong"], 5, "not known"),
    ],
)
def test_bad_input_gets_one_clear_message(
    running: Running, pratique: Any, arguments: list[str], code: int, told: str
) -> None:
    running.cluster()
    message = pratique(*arguments, code=code)
    assert told in message and "Traceback" not in message


def test_compliance_by_policy_cluster_and_component(running: Running, pratique: Any) -> None:
    running.assign(running.define(), running.cluster())
    agent = Agent(running)
    agent.report([agent.record(running.constraint(), "nginx")], full=True)
    assert "NonCompliant" in pratique("compliance")
    assert pratique("compliance", "--by", "cluster", "-o", "json")[0]["name"] == "embedded"
    (row,) = pratique("compliance", "--by", "component", "-o", "json")
    assert (row["namespace"], row["name"]) == ("shop", "nginx")
    assert pratique("compliance", "--by", "component", "--search", "nothing", "-o", "json") == []
