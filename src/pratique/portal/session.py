"""The session cookie and the proof that a write came from one of our own forms.

The cookie holds the service's bearer token: HttpOnly, so no script reads it, and SameSite=Lax, so no other
site's form sends it. A write must carry a token that is derived from the session's (a keyed hash, so it
tells nothing about it), in the form field `_csrf` or the header `X-CSRF-Token`, and must not come from
another origin. Nothing is stored: a restart of the portal signs nobody out.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MultiDict
from starlette.requests import Request
from starlette.responses import Response

from pratique.errors import DeniedError, InputError

COOKIE = "pratique_session"
THEME_COOKIE = "pratique_theme"
THEMES = ("light", "dark")
FORM_LIMIT = 2 * 1024 * 1024

Form = MultiDict


def cookie(request: Request) -> str:
    """Return the name of this portal's session cookie.

    Browsers send a cookie to every port of a host, and two installations may share one.
    """
    port = request.url.port
    return f"{COOKIE}_{port}" if port else COOKIE


def token(request: Request) -> str | None:
    """Return the bearer token of the request's session, if it has one."""
    return request.cookies.get(cookie(request)) or None


def csrf(session_token: str | None) -> str:
    """Return the token that a form of this session must carry."""
    return hmac.new((session_token or "").encode(), b"pratique-portal-form", hashlib.sha256).hexdigest()


def check_write(request: Request, form: Form) -> None:
    """Refuse a write that did not come from a form of this session.

    Raises DeniedError.
    """
    same_site = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host", ""):
        same_site = False
    given = request.headers.get("x-csrf-token") or form.get("_csrf", "")
    if not same_site or not hmac.compare_digest(given.encode(), csrf(token(request)).encode()):
        raise DeniedError(
            "this form does not belong to your session", hint="reload the page and send the form again"
        )


async def read_form(request: Request) -> Form:
    """Return the fields of a url-encoded body, in order, empty ones included.

    Raises InputError for another kind of body, or one that is too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise InputError(f"a form cannot be sent as `{kind}`", hint="send application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise InputError("the form is larger than 2 MiB", hint="shorten the text and send it again")
    try:
        return MultiDict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=5000))
    except ValueError:
        raise InputError("the form is not text that can be read", hint="send it as UTF-8") from None


def sign_in(request: Request, response: Response, bearer: str, *, max_age: int, secure: bool) -> None:
    """Put the bearer token into the session cookie."""
    response.set_cookie(
        cookie(request), bearer, max_age=max_age, httponly=True, samesite="lax", secure=secure, path="/"
    )


def sign_out(request: Request, response: Response) -> None:
    """Take the session cookie away."""
    response.delete_cookie(cookie(request), path="/", httponly=True, samesite="lax")


def theme(request: Request) -> str:
    """Return the theme that the person chose, or an empty string for the system's."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def local_path(target: str, *, default: str = "/") -> str:
    """Return `target` if it is a path on this portal, else the default (no redirect to elsewhere)."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    return target
