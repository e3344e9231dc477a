"""What holds around every page: sessions, proof of origin, headers, errors that speak."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.portal.browser import Session
from tests.portal.world import Background, World

from pratique.client.service import ServiceClient
from pratique.portal import session as sessions
from pratique.portal.app import create_app
from pratique.portal.settings import Settings
from pratique.service import Service

PAGES = (
    "/",
    "/definitions",
    "/assignments",
    "/compliance",
    "/components",
    "/denials",
    "/clusters",
    "/activity",
)


def test_without_a_session_a_page_asks_to_sign_in_and_comes_back(world: World) -> None:
    with Session(world.url) as person:
        page = person.get("/compliance?by=cluster")
        assert "Sign in" in page.text
        page = person.submit(page, page.form("/login"), username=world.username, password=world.password)
        assert page.url == "/compliance?by=cluster"
        assert "embedded" in page.text


def test_a_wrong_password_is_said_and_the_name_is_kept(world: World) -> None:
    with Session(world.url) as person:
        page = person.get("/login")
        page = person.submit(page, page.form("/login"), username="admin", password="not it")
        assert page.status == 403
        assert page.form("/login").get("username") == "admin"
        assert not person.cookies


def test_a_one_time_link_signs_in_once(world: World, background: Background) -> None:
    service: Service = world.service
    code = background.run(service.sign_in_link())
    with Session(world.url) as person:
        assert person.get(f"/login?code={code}").url == "/"
    with Session(world.url) as other:
        page = other.get(f"/login?code={code}")
        assert page.status == 403
        assert "What to do:" in page.text


def test_signing_out_ends_the_session_at_the_service_too(world: World) -> None:
    with Session(world.url) as person:
        page = person.sign_in(world.username, world.password)
        ((name, bearer),) = person.cookies.items()
        page = person.submit(page, page.form("/logout"))
        assert "Sign in" in page.text
        person.cookies[name] = bearer
        page = person.get("/denials")
        assert "Your session has ended." in page.text


def test_two_portals_on_one_host_have_a_session_each(world: World) -> None:
    with Session(world.url) as person:
        person.sign_in(world.username, world.password)
        port = urlsplit(world.url).port
        assert list(person.cookies) == [f"{sessions.COOKIE}_{port}"]


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(world: World) -> None:
    with Session(world.url) as person:
        page = person.get("/login")
        form = page.form("/login")
        body = f"_csrf={form.get('_csrf')}&username={world.username}&password={world.password}&next=/"
        answer = person.request("POST", "/login", body=body)
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil"])
def test_signing_in_leads_nowhere_else(target: str) -> None:
    assert sessions.local_path(target) == "/"


@pytest.mark.parametrize(
    "path", ["/logout", "/clusters/embedded/addon", "/definitions/new", "/assign", "/theme"]
)
def test_a_write_without_proof_is_refused(session: Session, path: str) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        page = session.request("POST", path, body="enabled=true&theme=dark&go=create", headers=headers)
        assert page.status == 403, (path, headers)
    assert session.get("/clusters/embedded").status == 200


def test_a_right_token_from_another_origin_is_refused(session: Session) -> None:
    page = session.get("/clusters/embedded")
    token = page.form("/addon").get("_csrf")
    refused = session.request(
        "POST",
        "/clusters/embedded/addon",
        body=f"_csrf={token}&enabled=false",
        headers={"Origin": "http://x"},
    )
    assert refused.status == 403


def test_a_token_of_another_session_is_refused(session: Session, world: World) -> None:
    with Session(world.url) as other:
        token = other.sign_in(world.username, world.password).form("/logout").get("_csrf")
    assert session.request("POST", "/logout", body=f"_csrf={token}").status == 403


def test_every_page_forbids_foreign_and_inline_scripts(session: Session) -> None:
    for path in PAGES:
        page = session.get(path)
        assert page.status == 200, path
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
        assert " style=" not in page.html
        assert " onclick=" not in page.html
        for script in page.html.split("<script")[1:]:
            assert script.split(">")[1].startswith("</script"), "a script in the page"


def test_every_link_of_every_page_leads_somewhere(session: Session) -> None:
    """Follow every link, from every page, once."""
    seen: set[str] = set()
    todo = [*list(PAGES), "/help"]
    while todo:
        path = todo.pop().partition("#")[0]
        if not path or path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        page = session.get(path)
        assert page.status == 200, path
        if len(seen) < 150:
            todo += page.links
    assert len(seen) > 25


def test_what_is_not_there_says_so(session: Session) -> None:
    for path in (
        "/nothing",
        "/clusters/none",
        "/components/999999",
        "/definitions/providers/Microsoft.Authorization/policyDefinitions/none",
    ):
        page = session.get(path)
        assert page.status == 404, path
        assert "This is not here" in page.text
        assert "Go to the overview" in page.text


def test_a_wrong_method_and_a_foreign_body_are_refused(session: Session) -> None:
    assert session.request("POST", "/denials", body="a=b").status == 400
    page = session.request("POST", "/logout", headers={"Content-Type": "application/json"})
    assert page.status == 400


def test_text_from_outside_is_escaped(session: Session) -> None:
    for path in (
        "/definitions?search=%3Cscript%3Ealert(1)%3C/script%3E",
        "/nothing%3Cb%3E",
        "/clusters/%3Cb%3E",
    ):
        page = session.get(path)
        assert "<script>alert" not in page.html
        assert "<b>" not in page.html.replace("<b>Deny</b>", "")


def test_an_unreachable_service_is_said_with_the_cure(background: Background) -> None:
    async def ask() -> tuple[int, str]:
        client = ServiceClient("http://127.0.0.1:9", timeout=1)
        client.http._attempts = 1
        app = create_app(Settings(), lambda _: client)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "raw_path": b"/",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"cookie", b"pratique_session=x"), (b"host", b"h")],
            "scheme": "http",
            "server": ("h", 80),
        }
        await app(scope, receive, send)
        await client.close()
        return sent[0]["status"], sent[1]["body"].decode()

    status, html = background.run(ask())
    assert status == 503
    assert "The service does not answer" in html
    assert "pratique up" in html
