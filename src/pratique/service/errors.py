"""What the service refuses, with the code that clients of Azure Resource Manager read.

RequestError(InputError)             400: the request itself cannot be read
├─ TemplateRefusedError              400: a definition whose template does not compile, with its places
NotSignedInError(DeniedError)        401
NotAllowedError(DeniedError)         403
ScopeNotFoundError, MissingError(NotFoundError)   404
InUseError(ConflictError)            409
TooManyAttemptsError(UnavailableError)            429
"""

from __future__ import annotations

from typing import Any

from pratique.errors import ConflictError, DeniedError, InputError, NotFoundError, UnavailableError


class RequestError(InputError):
    """The request cannot be read."""

    def __init__(
        self, message: str, *, code: str = "InvalidRequest", target: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.target = target


class TemplateRefusedError(InputError):
    """A template does not compile; `details` holds each problem with its place."""

    code = "InvalidConstraintTemplate"

    def __init__(self, message: str, details: list[dict[str, Any]], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.details = details


class NotSignedInError(DeniedError):
    """Nobody that we know is calling."""

    status = 401
    code = "InvalidAuthenticationToken"


class NotAllowedError(DeniedError):
    """The caller is known and may not do this."""

    status = 403
    code = "AuthorizationFailed"


class MissingError(NotFoundError):
    """What was asked for is not there; `code` says which kind of thing."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class ScopeNotFoundError(MissingError):
    """A scope names nothing that is here."""


class InUseError(ConflictError):
    """It cannot go, because something else needs it."""

    code = "ResourceInUse"


class TooManyAttemptsError(UnavailableError):
    """Too many failed sign-ins; wait."""

    status = 429
    code = "TooManyRequests"
