"""Errors as HTTP answers: the status, and the body that every client of ours and of ARM can print.

    {"error": {"code", "message", "target"?, "details": [{"code", "message", "target", ...}], "hint"?}}

The hint is also the last of `details`, because the Azure CLI prints those and would drop a member that it
does not know.
"""

from __future__ import annotations

from typing import Any

from pratique.errors import (
    ConflictError,
    DeniedError,
    InputError,
    NotFoundError,
    PratiqueError,
    SourceError,
)

_DEFAULTS: tuple[tuple[type[PratiqueError], int, str], ...] = (
    (InputError, 400, "InvalidRequest"),
    (NotFoundError, 404, "NotFound"),
    (ConflictError, 409, "Conflict"),
    (DeniedError, 403, "AuthorizationFailed"),
    (PratiqueError, 503, "ServiceUnavailable"),
)


def error_answer(error: PratiqueError, *, origin: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers for an error."""
    status, code = next((status, code) for kind, status, code in _DEFAULTS if isinstance(error, kind))
    status = getattr(error, "status", status)
    if not isinstance(status, int):
        status = 400  # constraint.TemplateError has a `status` of its own, which is text
    found: dict[str, Any] = {"code": getattr(error, "code", "") or code, "message": error.message}
    if target := getattr(error, "target", ""):
        found["target"] = target
    details = list(getattr(error, "details", ()))
    if isinstance(error, SourceError) and not details:
        place = error.location
        details.append(
            {
                "code": found["code"],
                "message": error.message,
                "target": str(place),
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "text": place.text,
                "width": place.width,
            }
        )
    if error.hint:
        found["hint"] = error.hint
        details.append({"code": "Hint", "message": error.hint})
    found["details"] = details
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{origin}/adfs", error="invalid_token"'
    if status in (429, 503):
        headers["Retry-After"] = "5"
    return status, {"error": found}, headers


def plain_error(status: int, code: str, message: str, *, hint: str = "") -> dict[str, Any]:
    """Return an error's body without an exception behind it."""
    found: dict[str, Any] = {"code": code, "message": message, "details": []}
    if hint:
        found["hint"] = hint
        found["details"] = [{"code": "Hint", "message": hint}]
    return {"error": found}
