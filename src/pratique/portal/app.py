"""The portal as an ASGI application: addresses to pages, and what holds for every page.

In: requests of browsers. Out: HTML. Around each page stands `guarded`: a session or the sign-in page, the
proof of origin for writes, one client of the service for this person, and errors turned into pages that say
what to do. It must not know what a page shows.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pratique.errors import (
    ConflictError,
    DeniedError,
    InputError,
    NotFoundError,
    PratiqueError,
    UnavailableError,
)
from pratique.portal import render, session
from pratique.portal.api import ClientFactory
from pratique.portal.live import Streams, live
from pratique.portal.pages import (
    activity,
    assign,
    assignments,
    clusters,
    compliance,
    component,
    definitions,
    denials,
    editor,
    help,
    overview,
    signin,
)
from pratique.portal.problems import problem_of, sentence
from pratique.portal.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)

POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

STATUS = (
    (DeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (InputError, 400),
    (UnavailableError, 503),
)


class Portal(Starlette):
    """The application, and what its server asks of it when the port closes."""

    def end_streams(self) -> None:
        """End every page's stream: none of them would end by itself."""
        streams: Streams = self.state.streams
        streams.end()


def create_app(settings: Settings, client_factory: ClientFactory) -> Portal:
    """Return the portal; `client_factory` makes the service's client for one person's token."""
    app = Portal(
        routes=routes(),
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: not_found, Exception: crashed},
    )
    app.state.settings = settings
    app.state.client_factory = client_factory
    app.state.streams = Streams()
    return app


def routes() -> list[BaseRoute]:
    """Return every address of the portal."""
    pages: list[tuple[str, Handler, list[str]]] = [
        ("/", overview.show, ["GET"]),
        ("/definitions", definitions.index, ["GET"]),
        ("/definitions/new", editor.new, ["GET", "POST"]),
        ("/definitions/edit/{id:path}", editor.edit, ["GET", "POST"]),
        ("/definitions/delete/{id:path}", definitions.delete, ["GET", "POST"]),
        ("/definitions/{id:path}", definitions.show, ["GET"]),
        ("/assign", assign.wizard, ["GET", "POST"]),
        ("/assignments", assignments.index, ["GET"]),
        ("/assignments/edit/{id:path}", assign.edit, ["GET", "POST"]),
        ("/assignments/enforcement/{id:path}", assignments.enforcement, ["POST"]),
        ("/assignments/delete/{id:path}", assignments.delete, ["GET", "POST"]),
        ("/assignments/{id:path}", assignments.show, ["GET"]),
        ("/compliance", compliance.index, ["GET"]),
        ("/compliance/{id:path}", compliance.show, ["GET"]),
        ("/components", compliance.components, ["GET"]),
        ("/components/{id:path}", component.show, ["GET"]),
        ("/denials", denials.index, ["GET"]),
        ("/clusters", clusters.index, ["GET"]),
        ("/clusters/{name}", clusters.show, ["GET"]),
        ("/clusters/{name}/addon", clusters.addon, ["POST"]),
        ("/activity", activity.index, ["GET"]),
        ("/help", help.show, ["GET"]),
        ("/logout", signin.sign_out, ["POST"]),
        ("/live", live, ["GET"]),
    ]
    return [
        Route("/login", opened(signin.sign_in), methods=["GET", "POST"]),
        Route("/theme", opened(signin.theme), methods=["POST"]),
        Mount("/static", Static(directory=Path(__file__).parent / "static")),
        *(Route(path, guarded(handler), methods=methods) for path, handler, methods in pages),
    ]


def guarded(handler: Handler) -> Handler:
    """Return the handler for people who are signed in."""

    async def answer(request: Request) -> Response:
        bearer = session.token(request)
        if not bearer:
            return to_sign_in(request)
        request.state.api = request.app.state.client_factory(bearer)
        try:
            request.state.me = await request.state.api.me()
        except DeniedError:
            response = to_sign_in(request, expired=True)
            session.sign_out(request, response)
            return response
        except PratiqueError as error:
            return failure(request, error)
        return await attempt(handler, request)

    return answer


def opened(handler: Handler) -> Handler:
    """Return the handler for anyone: only the sign-in page and the choice of a theme."""

    async def answer(request: Request) -> Response:
        request.state.api = request.app.state.client_factory(None)
        return await attempt(handler, request)

    return answer


async def attempt(handler: Handler, request: Request) -> Response:
    """Answer, or say what is wrong and what to do about it."""
    try:
        if request.method == "POST":
            request.state.form = await session.read_form(request)
            session.check_write(request, request.state.form)
        return await handler(request)
    except PratiqueError as error:
        return failure(request, error)


def to_sign_in(request: Request, *, expired: bool = False) -> Response:
    """Send the person to the sign-in page, and back afterwards."""
    if request.url.path == "/live":
        return Response(status_code=204)  # ends the browser's EventSource for good
    wanted = render.address(request) if request.method == "GET" else "/"
    target = f"/login?next={quote(wanted, safe='')}" + ("&expired=1" if expired else "")
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def failure(request: Request, error: PratiqueError) -> Response:
    """Return the page for an error that we know."""
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    title = {
        403: "You may not do this",
        404: "This is not here",
        409: "This cannot be done now",
        400: "This cannot be read",
        503: "The service does not answer",
    }.get(status, "Something went wrong")
    return render.page(
        request, "error.html", {"status": status, "title": title, "problem": problem_of(error)}, status=status
    )


async def not_found(request: Request, error: Exception) -> Response:
    """Return the page for an address that is none of ours, or a method that it does not take."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        cause: PratiqueError = NotFoundError(
            f"there is no page at `{request.url.path}`", hint="start from the overview, or check the address"
        )
        return failure(request, cause)
    reason = HTTPStatus(status).phrase.lower()
    return failure(request, InputError(f"`{request.method}` does not work here: {reason}"))


async def crashed(request: Request, error: Exception) -> Response:
    """Return the page for a mistake of ours; the log has the traceback."""
    log.error("portal: %s %s failed", request.method, request.url.path, exc_info=error)
    message = sentence("the portal made a mistake; it is in the log of `pratique`, nothing was lost")
    return failure(request, PratiqueError(message, hint="reload the page; if it stays, report it"))


class SecurityHeaders:
    """Adds to every answer what tells browsers to run nothing but our own files."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


class Static(StaticFiles):
    """Static files; one that is asked for by its content's hash never changes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with how long it may be kept."""
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            dated = b"v=" in scope.get("query_string", b"")
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if dated else "no-cache"
        return response
