"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.kube import jsonpath

OBJECT: dict[str, Any] = {
    "metadata": {"labels": {"a.b": "dotted"}},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "n": 3}, {"type": "Other", "status": "False"}],
        "list": [1, 2, 3],
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".status.list", [[1, 2, 3]]),
        (".status.list[1]", [2]),
        (".status.list[-1]", [3]),
        (".status.list[*]", [1, 2, 3]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.n>2)].type", ["Ready"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (".metadata.labels['a.b']", ["dotted"]),
        (r".metadata.labels.a\.b", ["dotted"]),
        ("{.status.list[0]}", [1]),
        (".status.missing", []),
        (".status.list[9]", []),
        ("nonsense[", []),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    assert jsonpath.find(OBJECT, path) == found


def test_text() -> None:
    assert jsonpath.text("a") == "a"
    assert jsonpath.text({"b": 1, "a": [True]}) == '{"a":[true],"b":1}'
