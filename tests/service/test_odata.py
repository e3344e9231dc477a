"""OData's options over plain rows, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.service.actions import odata
from pratique.service.errors import RequestError

CASES = Path(__file__).resolve().parents[1] / "cases/odata"
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "complianceState": "NonCompliant",
        "isCompliant": False,
        "count": 3,
        "owner": "Alice",
        "groups": ["group1", "group2"],
        "timestamp": "2026-01-01T00:00:00Z",
    },
    {
        "id": 2,
        "complianceState": "Compliant",
        "isCompliant": True,
        "count": 9,
        "owner": "O'Neil",
        "groups": [],
        "timestamp": "2026-03-01T00:00:00Z",
    },
    {
        "id": 3,
        "complianceState": "Error",
        "isCompliant": False,
        "count": None,
        "owner": None,
        "groups": None,
        "timestamp": "2026-03-02T00:00:00Z",
    },
]
COLUMNS = tuple(ROWS[0])


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((CASES / name).read_text())
    assert found
    return found


@pytest.mark.parametrize("case", cases("filter.yaml"), ids=lambda case: case["filter"] or "empty")
def test_filter(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(RequestError) as refusal:
            odata.read_filter(case["filter"], columns=COLUMNS)
        assert case["refused"] in refusal.value.message
        return
    test = odata.read_filter(case["filter"], columns=COLUMNS)
    assert [row["id"] for row in ROWS if test(row)] == case["ids"]


@pytest.mark.parametrize("case", cases("apply.yaml"), ids=lambda case: case["apply"])
def test_apply(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(RequestError) as refusal:
            odata.apply(ROWS, case["apply"], columns=COLUMNS)
        assert case["refused"] in refusal.value.message
        return
    assert odata.apply(ROWS, case["apply"], columns=COLUMNS) == case["rows"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 3]),
        ("timestamp", [3, 2, 1]),
        ("timestamp asc", [1, 2, 3]),
        ("isCompliant asc, TIMESTAMP desc", [3, 1, 2]),
        ("count desc", [2, 1, 3]),
    ],
)
def test_order(text: str, ids: list[int]) -> None:
    assert [row["id"] for row in odata.order(ROWS, text, columns=COLUMNS)] == ids


@pytest.mark.parametrize("text", ["bogus", "id upwards", "id asc desc"])
def test_a_wrong_order_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="orderby"):
        odata.order(ROWS, text, columns=COLUMNS)


def test_select_takes_columns_in_any_case() -> None:
    assert odata.select(ROWS, "ID, owner", columns=COLUMNS)[0] == {"id": 1, "owner": "Alice"}


def test_nesting_has_a_limit_and_no_traceback() -> None:
    with pytest.raises(RequestError, match="too deeply"):
        odata.read_filter("(" * 500 + "id eq 1" + ")" * 500, columns=COLUMNS)
