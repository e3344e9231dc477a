"""Source text to HTML with token classes, on the server; the style sheet gives the classes their colours."""

from __future__ import annotations

from typing import Any

import orjson
from markupsafe import Markup
from pygments import highlight as render
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

LANGUAGES = ("rego", "yaml", "json", "bash")
LARGEST = 400_000


def source(text: str, language: str) -> Markup:
    """Return numbered lines of highlighted source; a text too large to colour is shown plain."""
    chosen = language if language in LANGUAGES and len(text) < LARGEST else "text"
    formatter = HtmlFormatter(cssclass="code", linenos="inline", wrapcode=True, anchorlinenos=False)
    html: str = render(text.rstrip("\n") + "\n", get_lexer_by_name(chosen, stripnl=False), formatter)
    # A long line scrolls inside its box, and a box that scrolls must be reachable by keyboard.
    opening = f'<pre tabindex="0" role="region" aria-label="{chosen} source">'
    return Markup(html.replace("<pre>", opening, 1))  # noqa: S704 - Pygments has escaped the text


def as_json(value: Any) -> str:
    """Return a value as indented JSON text."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
