"""Signing in with a password or a one-time link, signing out, and the choice of a theme."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique.errors import DeniedError, InputError
from pratique.portal import render, session, words
from pratique.portal.api import Json
from pratique.portal.problems import Problem, problem_of

A_YEAR = 365 * 86400
SHORTEST, LONGEST = 60, 30 * 86400


async def sign_in(request: Request) -> Response:
    """Show the sign-in page, or sign in by `?code=...` or by the form."""
    if request.method == "POST":
        return await _with_password(request)
    target = session.local_path(request.query_params.get("next", "/"))
    if code := request.query_params.get("code", ""):
        try:
            return _begin(request, await request.state.api.login(code=code), target)
        except (DeniedError, InputError) as error:
            return _form(request, target, problem_of(error), status=403)
    problem = None
    if request.query_params.get("expired"):
        problem = Problem("Your session has ended.", hint="Sign in again; you will be back where you were.")
    return _form(request, target, problem)


async def _with_password(request: Request) -> Response:
    form = request.state.form
    target = session.local_path(form.get("next", "/"))
    username, password = form.get("username", "").strip(), form.get("password", "")
    if not username or not password:
        missing = Problem("Both the user name and the password are needed.", field="password")
        return _form(request, target, missing, username=username, status=400)
    try:
        answer = await request.state.api.login(username=username, password=password)
    except (DeniedError, InputError) as error:
        return _form(request, target, problem_of(error, field="password"), username=username, status=403)
    return _begin(request, answer, target)


def _begin(request: Request, answer: Json, target: str) -> Response:
    ends = words.moment(answer.get("expires"))
    seconds = int((ends - datetime.now(UTC)).total_seconds()) if ends else 12 * 3600
    response = RedirectResponse(target, status_code=303)
    session.sign_in(
        request,
        response,
        str(answer["token"]),
        max_age=min(max(seconds, SHORTEST), LONGEST),
        secure=request.app.state.settings.secure_cookie,
    )
    return response


def _form(
    request: Request, target: str, problem: Problem | None, *, username: str = "", status: int = 200
) -> Response:
    model = {"next": target, "problem": problem, "username": username}
    return render.page(request, "signin.html", model, status=status)


async def sign_out(request: Request) -> Response:
    """End the session, here and at the service."""
    with contextlib.suppress(DeniedError):  # it had ended already
        await request.state.api.logout()
    response = RedirectResponse("/login", status_code=303)
    session.sign_out(request, response)
    return response


async def theme(request: Request) -> Response:
    """Keep the chosen theme in a cookie, so that a page comes in the right colours at once."""
    chosen = request.state.form.get("theme", "")
    response = RedirectResponse(session.local_path(request.state.form.get("next", "/")), status_code=303)
    if chosen in session.THEMES:
        response.set_cookie(session.THEME_COOKIE, chosen, max_age=A_YEAR, samesite="lax", path="/")
    else:
        response.delete_cookie(session.THEME_COOKIE, path="/")
    return response
