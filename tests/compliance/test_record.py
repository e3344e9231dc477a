"""Records on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compliance import record
from pratique.errors import InputError

WIRE: dict[str, Any] = {
    "key": "K/c|/v1/Pod|shop|web",
    "constraintKind": "K",
    "constraintName": "c",
    "assignmentId": "/a",
    "referenceId": "",
    "group": "",
    "version": "v1",
    "kind": "Pod",
    "namespace": "shop",
    "name": "web",
    "uid": "u",
    "message": "no owner",
    "messages": ["no owner"],
    "field": "metadata.labels.owner",
    "action": "deny",
    "firstSeen": "2026-01-01T00:00:00Z",
    "lastSeen": "2026-01-02T00:00:00Z",
    "fixedAt": "",
}


def test_a_record_travels_unchanged() -> None:
    found = record.read(WIRE)
    assert found.to_wire() == WIRE
    assert found.state == "NonCompliant"
    assert found.component_id == "shop/web"
    assert record.read({**WIRE, "fixedAt": "2026-01-03T00:00:00Z"}).state == "Compliant"


def test_both_sides_agree_on_the_key() -> None:
    key = record.key("K", "c", group="", version="v1", kind="Pod", namespace="shop", name="web")
    assert key == WIRE["key"]


@pytest.mark.parametrize("changed", [{"key": ""}, {"kind": None}, {"name": 1}, {"messages": "x"}])
def test_what_is_wrong_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        record.read({**WIRE, **changed})


def test_a_single_message_is_enough() -> None:
    assert record.read({**WIRE, "messages": None}).messages == ("no owner",)
