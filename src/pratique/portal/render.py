"""From a view model to HTML: the template environment, and the choice between a page and its live part.

A page's template has a block `live`: the part that follows the service's events. When htmx asks for it
(header `HX-Target: ...#live`), only that block is rendered, so a refresh costs what has changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import orjson
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pratique.portal import charts, highlight, links, session, words

HERE = Path(__file__).parent
FRAGMENTS = ("live", "results")

NAVIGATION = (
    # address, title, icon, key after `g`
    ("/", "Overview", "gauge", "o"),
    ("/compliance", "Compliance", "check", "c"),
    ("/definitions", "Definitions", "book", "d"),
    ("/assignments", "Assignments", "pin", "a"),
    ("/denials", "Denials", "stop", "n"),
    ("/clusters", "Clusters", "cluster", "k"),
    ("/activity", "Activity", "list", "y"),
)


@cache
def static_version(name: str) -> str:
    """Return a short content hash, so that a browser keeps a file until it changes."""
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


def static(name: str) -> str:
    """Return the address of a static file."""
    return f"/static/{name}?v={static_version(name)}"


def icon(name: str) -> Markup:
    """Return an icon of the sprite; it is decoration, so a word must stand beside it or label it."""
    return Markup('<svg class="icon icon-{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        name, static("icons.svg"), name
    )


def time(value: object) -> Markup:
    """Return a time element: how long ago, with the full stamp on hover; a script keeps it current."""
    at = words.moment(value)
    if at is None:
        return Markup('<span class="quiet">never</span>')
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        at.isoformat(), words.stamp(value), words.ago(value)
    )


def prose(text: str) -> Markup:
    """Return text in which `...` is shown as code."""
    pieces = re.split(r"`([^`]+)`", text)
    made = [
        Markup("<code>{}</code>").format(piece) if at % 2 else Markup.escape(piece)
        for at, piece in enumerate(pieces)
    ]
    return Markup("").join(made)


def bar(row: Mapping[str, Any]) -> Markup:
    """Return the bar of a compliance row: its components where they are counted, else its resources."""
    components = row.get("components") or {}
    evaluated, violating = components.get("evaluated", 0), components.get("nonCompliant", 0)
    parts = [
        charts.Part("Compliant", max(evaluated - violating, 0), "good"),
        charts.Part("Non-compliant", violating, "bad"),
    ]
    return charts.stacked(parts, title="Components")


@cache
def environment() -> jinja2.Environment:
    """Return the template environment: escaping always on, an unknown name is an error."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        static=static,
        activity=words.activity,
        icon=icon,
        bar=bar,
        time=time,
        state_sign=words.state,
        addon_sign=words.addon,
        effect_sign=words.effect,
        percent=words.percent,
        count=words.count,
        source=highlight.source,
        as_json=highlight.as_json,
        link=links.page,
        query=links.query,
        last=links.last,
        scope_label=links.scope_label,
        navigation=NAVIGATION,
    )
    # Blocks are rendered alone for live updates, and a block does not see its template's imports.
    env.filters["prose"] = prose
    env.globals["ui"] = env.get_template("ui.html").module
    return env


def compact_json(value: Any) -> str:
    """Return a value as JSON on one line."""
    return orjson.dumps(value).decode()


def address(request: Request) -> str:
    """Return the path and query that the person sees in the address bar."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def page(
    request: Request,
    template: str,
    model: Mapping[str, Any],
    *,
    status: int = 200,
) -> Response:
    """Return a page, or only the block of it that the request asks for."""
    context = {
        **model,
        "path": request.url.path,
        "url": address(request),
        "me": getattr(request.state, "me", None),
        "csrf": session.csrf(session.token(request)),
        "theme": session.theme(request),
        "notice": request.query_params.get("done", ""),
    }
    found = environment().get_template(template)
    wanted = request.headers.get("hx-target", "").rpartition("#")[2]
    if request.headers.get("hx-request") and wanted in FRAGMENTS and wanted in found.blocks:
        html = "".join(found.blocks[wanted](found.new_context(context)))
    else:
        html = found.render(context)
    return HTMLResponse(html, status_code=status, headers={"Vary": "HX-Request, HX-Target, Cookie"})
