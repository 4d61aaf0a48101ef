"""What a browser shows of the local page: on which screen, by keyboard, and of foreign text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.end_to_end.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser, Page

SCREENS: Mapping[str, tuple[int, int]] = {"desk": (1280, 800), "telephone": (390, 844)}
"""Width and height."""
COLOURS = ("light", "dark")
SECRET = "4111-1111-1111-1111"
HOSTILE = (
    "<img src=x onerror=document.title=1>$(id)`id`;&\u202e\u2066\"'"
    "</td></table><script>document.title=2</script>"
)
_TABS = 20

_FIRST_SCREEN = r"""() => {
    const seen = (element) => {
        const { top, bottom, left, right } = element.getBoundingClientRect();
        const inside = top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth;
        return inside && element.checkVisibility();
    };
    const all = (selector) => [...document.querySelectorAll(selector)];
    const text = (selector) => all(selector).filter(seen).map((element) => element.innerText);
    const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (colour) => colour.match(/\d+/g).slice(0, 3)
        .reduce((sum, c, i) => sum + linear(c / 255) * [0.2126, 0.7152, 0.0722][i], 0);
    const box = document.querySelector("#waiting");
    const [bright, dim] = [
        luminance(getComputedStyle(box.querySelector("td")).color),
        luminance(getComputedStyle(box).backgroundColor),
    ].sort((a, b) => b - a);
    const lines = (title) =>
        Math.round(title.getBoundingClientRect().height / parseFloat(getComputedStyle(title).lineHeight));
    return {
        health: text("#health"),
        cells: text("#waiting tbody tr:first-child td"),
        commands: text("#waiting code"),
        alarms: text('#alarm-list [data-state="ALARM"] strong'),
        contrast: (bright + 0.05) / (dim + 0.05),
        wide: document.documentElement.scrollWidth,
        lines: Math.max(...all("h1, h2, h3, #alarm-list strong").map(lines)),
        broken: all(".state").filter((state) => state.getClientRects().length > 1).length,
    };
}"""

_WHAT_WAITS = """() => {
    const inside = [...document.querySelectorAll("#waiting *")];
    return {
        tags: [...new Set(inside.map((element) => element.localName))],
        attributes: [...new Set(inside.flatMap((element) => element.getAttributeNames()))],
        commands: [...document.querySelectorAll("#waiting code")].map((code) => code.innerText),
        title: document.title,
        text: document.body.innerText,
    };
}"""


def first_screen(browser: Browser, url: str, screen: str, colours: Any) -> dict[str, Any]:
    """What is seen at once of an incident, and whether the keyboard gets to it."""
    width, height = SCREENS[screen]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=colours, locale="en-GB"
    )
    page.goto(url)
    page.locator("#waiting tbody tr").first.wait_for()
    page.locator('#health[data-state="ALARM"]').wait_for()
    found: dict[str, Any] = page.evaluate(_FIRST_SCREEN)
    reached = []
    for _ in range(_TABS):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.id"))
    page.close()
    return {**found, "by keyboard": "waiting" in reached}


def follow_the_runbook(browser: Browser, url: str) -> dict[str, Any]:
    """Open the runbook of the first alarm that has one: the address, and the section that has the focus."""
    page = browser.new_page(locale="en-GB")
    page.goto(url)
    page.locator("#alarm-list a").first.click()
    page.locator("#document h1").wait_for()
    section = eventually(
        lambda: page.evaluate("() => document.activeElement.id"), lambda id: bool(id)
    )
    address = page.url
    page.close()
    return {"address": address, "section": section}


def what_waits(page: Page, cause: str) -> dict[str, Any]:
    """What is in the box with what waits, once there is a row with this cause."""
    row = page.locator("#waiting tbody tr", has_text=cause).first
    row.wait_for()
    return {**page.evaluate(_WHAT_WAITS), "row": row.inner_text()}
