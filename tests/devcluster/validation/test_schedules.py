from datetime import UTC, datetime

import pytest

from pratique.devcluster.validation import schedules


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("* * * * *", "2026-01-01T00:00:30", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:15:00", "2026-01-01T00:30:00"),
        ("0 3 * * *", "2026-01-31T04:00:00", "2026-02-01T03:00:00"),
        ("30 8-10/2 * * mon-fri", "2026-01-02T08:30:00", "2026-01-02T10:30:00"),
        ("30 8-10/2 * * mon-fri", "2026-01-02T10:30:00", "2026-01-05T08:30:00"),
        ("0 0 29 feb *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),  # the 13th or a Friday
        ("@weekly", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("@every 1h30m", "2026-01-01T00:00:00", "2026-01-01T01:30:00"),
    ],
)
def test_when_a_schedule_is_due_next(text, after, due):
    moment = schedules.parse(text).next(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert moment == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_day_that_never_comes():
    assert schedules.parse("0 0 31 2 *").next(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
        ("@never", "unrecognized descriptor: @never"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("", "empty spec string"),
    ],
)
def test_what_is_no_schedule(text, problem):
    assert schedules.problem(text) == problem
