"""A browser without a screen and without scripts: cookies, redirects, forms. Pages must work in it."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit


@dataclass
class Form:
    """A form as a browser would send it; `fields` in order, buttons left out."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def set(self, name: str, value: str) -> None:
        self.fields = [pair for pair in self.fields if pair[0] != name] + [(name, value)]

    def get(self, name: str) -> str:
        return dict(self.fields)[name]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._area: list[str] | None = None
        self._area_name = ""
        self._select = ""
        self._chosen: list[str] = []
        self._options: list[str] = []
        self._option: list[str] | None = None
        self._option_value: str | None = None
        self._option_on = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in at:
            self.links.append(at["href"])
        if tag == "form":
            self._form = Form(at.get("action", ""), at.get("method", "get").lower())
            self.forms.append(self._form)
        if self._form is None:
            return
        if tag == "input" and at.get("name"):
            kind = at.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in at:
                self._form.fields.append((at["name"], at.get("value", "on" if kind == "checkbox" else "")))
        elif tag == "textarea":
            self._area, self._area_name = [], at["name"]
        elif tag == "select":
            self._select, self._chosen, self._options = at["name"], [], []
        elif tag == "option":
            self._option, self._option_value, self._option_on = [], at.get("value"), "selected" in at

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if self._form is None:
            return
        if tag == "textarea" and self._area is not None:
            text = "".join(self._area)
            self._form.fields.append((self._area_name, text.removeprefix("\n")))
            self._area = None
        elif tag == "option" and self._option is not None:
            value = self._option_value if self._option_value is not None else "".join(self._option).strip()
            self._options.append(value)
            if self._option_on:
                self._chosen.append(value)
            self._option = None
        elif tag == "select":
            self._form.fields.append((self._select, (self._chosen or self._options or [""])[0]))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)
        elif self._option is not None:
            self._option.append(data)
        self.text.append(data)


@dataclass
class Page:
    """What came back."""

    status: int
    url: str
    headers: http.client.HTTPMessage
    html: str

    def __post_init__(self) -> None:
        reader = _Reader()
        reader.feed(self.html)
        self.forms = reader.forms
        self.links = reader.links
        self.text = " ".join(" ".join(reader.text).split())

    def form(self, action: str) -> Form:
        """Return the form whose action ends so."""
        return next(form for form in self.forms if form.action.endswith(action))


class Session:
    """A person with a browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.cookies.clear()

    def request(
        self, method: str, path: str, *, body: str = "", headers: dict[str, str] | None = None
    ) -> Page:
        """Send one request; follow no redirect."""
        target = urlsplit(urljoin(self.url, path))
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        address = target.path + (f"?{target.query}" if target.query else "")
        connection.request(method, address, body=body or None, headers={**sent, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            if value.strip('"'):
                self.cookies[name] = value.strip('"')
            else:
                self.cookies.pop(name, None)
        connection.close()
        return Page(answer.status, address, answer.headers, text)

    def get(self, path: str, **headers: str) -> Page:
        """Open a page, following redirects."""
        page = self.request(
            "GET", path, headers={key.replace("_", "-"): item for key, item in headers.items()}
        )
        return self._follow(page)

    def submit(self, page: Page, form: Form, **fields: str) -> Page:
        """Send a form with some fields changed, following redirects."""
        pairs = [pair for pair in form.fields if pair[0] not in fields] + list(fields.items())
        action = form.action or page.url
        if form.method == "get":
            return self.get(f"{action}?{urlencode(pairs)}")
        return self._follow(self.request("POST", action, body=urlencode(pairs)))

    def sign_in(self, username: str, password: str) -> Page:
        """Sign in by the form."""
        page = self.get("/login")
        return self.submit(page, page.form("/login"), username=username, password=password)

    def _follow(self, page: Page) -> Page:
        for _ in range(5):
            if page.status not in (301, 302, 303, 307):
                return page
            page = self.request("GET", page.headers["Location"])
        raise AssertionError("redirected in circles")


def query_of(url: str) -> dict[str, str]:
    """Return the query string of an address."""
    return dict(parse_qsl(urlsplit(url).query))
