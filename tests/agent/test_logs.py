"""Log lines: one JSON object each, whatever is in it."""

from __future__ import annotations

import json
import logging

from pratique import rego
from pratique.agent.logs import JsonLines


def line(**fields: object) -> dict[str, object]:
    record = logging.LogRecord("pratique.agent", logging.INFO, "", 0, "denied", None, None)
    record.fields = fields
    found: dict[str, object] = json.loads(JsonLines().format(record))
    return found


def test_details_of_a_policy_are_logged_as_data() -> None:
    details = {"share": rego.Spelled("1.0"), "seen": frozenset({1})}
    assert line(details=details)["details"] == {"share": 1.0, "seen": "frozenset({1})"}
