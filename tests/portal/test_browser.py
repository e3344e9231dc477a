"""The pages in a real browser: live, by keyboard alone, narrow, in both colours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from tests.portal.world import Background, World

from pratique.listener import Listener

WAIT = 15_000
LABELS = "Kubernetes cluster pods should use specified labels"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found, "chromium is needed for these tests: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, world: World) -> Iterator[Page]:
    context = chromium.new_context(base_url=world.url, viewport={"width": 1280, "height": 900})
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("console", lambda line: problems.append(line.text) if "Security Policy" in line.text else None)
    made.goto("/login")
    made.fill("#username", world.username)
    made.fill("#password", world.password)
    made.keyboard.press("Enter")
    made.wait_for_url(world.url + "/")
    yield made
    context.close()
    assert problems == []


def test_an_open_page_follows_without_a_reload_and_keeps_the_focus(
    page: Page, world: World, background: Background
) -> None:
    agent = world.agent
    assert agent is not None
    page.goto("/compliance" + world.labels)
    expect(page.locator("#pulse")).to_have_attribute("data-state", "live", timeout=WAIT)
    page.evaluate("window.before = 1")
    page.locator("[data-search]").focus()
    row = page.get_by_role("link", name="frond-end/fresh-1")
    expect(row).to_have_count(0)
    desired = background.run(agent.applied())
    background.run(agent.violate(desired, world.labels, ("frond-end", "fresh-1", "you must provide labels")))
    background.run(agent.report())
    expect(row).to_be_visible(timeout=WAIT)
    expect(page.locator("#announcer")).to_contain_text("3 non-compliant components", timeout=WAIT)
    assert page.evaluate("document.activeElement.matches('[data-search]')"), "the focus was taken away"
    agent.open = {key: item for key, item in agent.open.items() if item["name"] != "fresh-1"}
    background.run(agent.report())
    expect(row).to_have_count(0, timeout=WAIT)
    assert page.evaluate("window.before") == 1, "the page was loaded again"
    expect(page.locator("#pulse")).to_contain_text("updated")


def test_a_filter_that_is_being_typed_is_what_a_live_update_shows(
    page: Page, world: World, background: Background
) -> None:
    assert world.agent is not None
    page.goto("/components")
    page.locator("[data-search]").fill("api-")
    expect(page.get_by_role("link", name="frond-end/api-7c9c58b8d4-9qv2n")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("link", name="frond-end/nginx-5869d7778c-x2x7k")).to_have_count(0, timeout=WAIT)
    page.wait_for_url("**search=api-**", timeout=WAIT)
    with page.expect_response(
        lambda answer: "search=api-" in answer.url and answer.status == 200, timeout=WAIT
    ):
        background.run(world.agent.report())
        background.run(world.admin.put_cluster("embedded", {"location": "local"}))
        page.evaluate("document.querySelector('[data-live]').dispatchEvent(new Event('refresh'))")
    expect(page.get_by_role("link", name="frond-end/nginx-5869d7778c-x2x7k")).to_have_count(0)
    expect(page.locator("[data-search]")).to_have_value("api-")


def test_the_wizard_by_keyboard_alone(page: Page, world: World, background: Background) -> None:
    page.goto("/definitions")
    page.keyboard.press("/")
    page.keyboard.type("specified labels")
    expect(page.get_by_role("heading", name="1 definition", exact=True)).to_be_visible(timeout=WAIT)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=LABELS)).to_be_visible(timeout=WAIT)
    page.get_by_role("link", name="Assign", exact=True).focus()
    page.keyboard.press("Enter")
    title = page.get_by_label("Assignment name")
    expect(title).to_be_visible(timeout=WAIT)
    title.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    labels = page.get_by_label("Labels", exact=False).first
    expect(labels).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("Only show parameters that need input (1 of 7)")).to_be_visible()
    labels.focus()
    page.keyboard.type("owner")
    page.keyboard.press("Enter")
    page.keyboard.type("team")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("button", name="Remove owner")).to_be_visible()
    expect(page.get_by_role("button", name="Remove team")).to_have_count(0)
    page.get_by_role("button", name="Next: Review + create").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Create", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Assigned; the clusters get it now.")).to_be_visible(timeout=WAIT)
    made = background.run(world.admin.list_assignments())
    document = next(item for item in made if item["properties"]["displayName"] == "By keyboard")
    assert document["properties"]["parameters"] == {"labelsList": {"value": ["owner"]}}
    background.run(world.admin.delete_assignment(document["id"]))


def test_who_types_before_the_page_is_ready_loses_nothing(page: Page, world: World) -> None:
    page.goto(f"/definitions?search={LABELS}")
    page.get_by_role("link", name=f"Assign {LABELS}").click()
    page.get_by_label("Scope").select_option(label="Cluster: embedded")
    held: list[Route] = []
    page.route("**/forms.js*", lambda route: held.append(route))
    page.get_by_role("button", name="Next: Parameters").click(no_wait_after=True)
    plain = page.locator("textarea[id='p.labelsList']")
    plain.click()
    page.keyboard.type("team\nown")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(plain).to_have_count(0, timeout=WAIT)
    page.keyboard.type("er")
    page.keyboard.press("Enter")
    expect(page.locator(".tagbox").first).to_contain_text("team")
    expect(page.locator(".tagbox").first).to_contain_text("owner")


def test_keys_go_everywhere_and_are_listed(page: Page) -> None:
    for key, path in (
        ("c", "/compliance"),
        ("d", "/definitions"),
        ("n", "/denials"),
        ("k", "/clusters"),
        ("o", "/"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**{path}", timeout=WAIT)
        expect(page.locator(f'nav a[data-key="{key}"]')).to_have_attribute("aria-current", "page")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).not_to_be_visible()


def test_a_key_pressed_in_a_field_is_text(page: Page) -> None:
    page.goto("/definitions")
    page.locator("[data-search]").fill("")
    page.locator("[data-search]").press("?")
    expect(page.locator("[data-search]")).to_have_value("?")
    expect(page.get_by_role("dialog", name="Keyboard")).not_to_be_visible()


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/clusters")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_system_decides_the_colours_until_a_person_does(chromium: Browser, world: World) -> None:
    context = chromium.new_context(base_url=world.url, color_scheme="dark")
    page = context.new_page()
    page.goto("/login")
    page.fill("#username", world.username)
    page.fill("#password", world.password)
    page.keyboard.press("Enter")
    page.wait_for_url(world.url + "/")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="colours").click()
    page.get_by_role("button", name="Switch to light colours").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light", timeout=WAIT)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    context.close()


@pytest.mark.parametrize(
    "path", ["/", "/definitions", "/compliance", "/denials", "/clusters/embedded", "/activity"]
)
def test_nothing_is_cut_off_at_400_pixels(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    # A table's row is a block there, so that nothing has to be scrolled to; its cells say what they are.
    tables = page.locator(".table-wrap")
    assert all(tables.evaluate_all("found => found.map(each => each.scrollWidth <= each.clientWidth)"))
    unnamed = "td:not(:first-child):not([data-label]):not(:has(.button))"
    assert page.locator(f".table-wrap {unnamed}").count() == 0


def test_a_refused_switch_says_why_and_what_to_do(
    chromium: Browser, background: Background, tmp_path: Path
) -> None:
    with background.world(tmp_path, populated=False) as made:
        context = chromium.new_context(base_url=made.url)
        page = context.new_page()
        page.goto("/login?code=" + background.run(made.service.sign_in_link()))
        page.goto("/clusters/embedded")
        page.get_by_role("button", name="Enable the add-on").click()
        expect(page.get_by_role("alert")).to_contain_text("no kubeconfig", timeout=WAIT)
        expect(page.get_by_role("alert")).to_contain_text("pratique addon enable")
        expect(page.get_by_role("button", name="Enable the add-on")).to_be_visible()
        context.close()


def test_an_error_in_a_template_is_marked_in_the_editor(page: Page) -> None:
    page.goto("/definitions/new")
    page.fill("#title", "Broken")
    text = page.locator("#template").input_value()
    page.fill("#template", text.replace("count(missing) > 0", "count(mising) > 0"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("template.yaml:28:", timeout=WAIT)
    expect(page.locator(".gutter .bad")).to_have_text("28")
    expect(page.locator("#template")).to_be_focused()


def test_a_lost_service_is_shown_and_found_again(
    chromium: Browser, background: Background, tmp_path: Path
) -> None:
    with background.world(tmp_path, populated=False) as made:
        context = chromium.new_context(base_url=made.url)
        page = context.new_page()
        page.goto("/login")
        page.fill("#username", made.username)
        page.fill("#password", made.password)
        page.keyboard.press("Enter")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live", timeout=WAIT)
        background.run(made.listener.stop())
        expect(page.locator("#pulse")).to_have_attribute("data-state", "lost", timeout=WAIT)
        expect(page.locator("#announcer")).to_contain_text("reconnecting")
        again = Listener(made.service.app, host="127.0.0.1", port=made.listener.port)
        background.run(again.start())
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live", timeout=2 * WAIT)
        context.close()
        background.run(again.stop())
