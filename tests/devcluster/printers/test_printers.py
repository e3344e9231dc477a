from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pratique.devcluster import printers
from pratique.devcluster.printers import _PRINTERS

NOW = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)
CASES = yaml.safe_load((Path(__file__).parents[2] / "cases/printers/rows.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_row(case):
    assert printers.cells(case["object"], NOW) == [cell for cell in case["cells"] if cell not in ("|", "|-")]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_row_has_a_cell_for_each_column_and_wide_ones_are_marked(case):
    group, _, _ = case["object"]["apiVersion"].rpartition("/")
    columns = printers.columns(group, case["object"]["kind"])
    if columns is None:
        assert case["name"] == "a kind that is not built in"
        return
    wide, expected = False, []
    for cell in case["cells"]:
        if cell in ("|", "|-"):
            wide = cell == "|"
        else:
            expected.append(int(wide))
    assert [column["priority"] for column in columns] == expected


@pytest.mark.parametrize("key", sorted(_PRINTERS), ids="/".join)
def test_every_kind_prints_an_object_without_content(key):
    group, kind = key
    obj = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {"name": "x"}}
    assert len(printers.cells(obj, NOW)) == len(printers.columns(group, kind))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s")),
        *((600, "10m"), (10799, "179m"), (10800, "3h"), (28799, "7h59m"), (28800, "8h")),
        *((172799, "47h"), (172800, "2d"), (176400, "2d1h"), (691200, "8d"), (63072000, "2y")),
        *((63158400, "2y1d"), (252288000, "8y")),
    ],
)
def test_durations_have_at_most_two_units(seconds, text):
    assert printers.human_duration(seconds) == text
