"""Refusals, in the API server's words."""

from __future__ import annotations

import pytest

from pratique.kube import status


@pytest.mark.parametrize(
    ("error", "code", "reason", "message"),
    [
        (status.missing("configmaps", "", "x"), 404, "NotFound", 'configmaps "x" not found'),
        (status.missing("deployments", "apps", "x"), 404, "NotFound", 'deployments.apps "x" not found'),
        (status.already_exists("pods", "", "x"), 409, "AlreadyExists", 'pods "x" already exists'),
        (status.denied("pods", "", "x", detail="no"), 403, "Forbidden", 'pods "x" is forbidden: no'),
        (status.internal("oh"), 500, "InternalError", "Internal error occurred: oh"),
        (status.gone("too old"), 410, "Expired", "too old"),
    ],
)
def test_statuses(error: status.StatusError, code: int, reason: str, message: str) -> None:
    assert (error.code, error.reason, error.message) == (code, reason, message)
    assert error.status["status"] == "Failure"


def test_invalid_carries_every_cause_once_in_its_message() -> None:
    errors = [status.required("a"), status.required("a"), status.invalid("b", "x", "no")]
    error = status.unacceptable("Pod", "", "p", errors=errors)
    assert error.message == 'Pod "p" is invalid: [a: Required value, b: Invalid value: "x": no]'
    assert len(error.status["details"]["causes"]) == 3


def test_values_are_printed_as_go_prints_them() -> None:
    assert str(status.invalid("f", 7, "no")) == "f: Invalid value: 7: no"
    assert str(status.invalid("f", None, "no")) == "f: Invalid value: null: no"
    assert str(status.invalid("f", {"R": "a > b"}, "no")) == 'f: Invalid value: {"R":"a \\u003e b"}: no'
    assert (
        str(status.unsupported("f", "x", ["A", "B"]))
        == 'f: Unsupported value: "x": supported values: "A", "B"'
    )
