"""A report in a real browser: nothing it complains of, nothing cut off, and all of it without a mouse."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import planted_report
from tests.fixtures import factories
from tests.fixtures.processes import wait_until

from promptlab.adapters.storage.local import LocalStorage
from promptlab.cli import main

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, Debian's package of that name")

# Asked again and again from here: what the browser itself is to ask again, the page's own policy forbids.
IS_LARGE_THERE = "() => document.getElementById('large').naturalWidth > 100"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> dict[str, Path]:
    """An open and a blind report of the same versions."""
    folder = tmp_path_factory.mktemp("reports")
    url, images = f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'lab.db')}", folder / "images"
    with factories.opening(url) as database:
        planted_report.plant(database, LocalStorage(images), versions=3, cases=8)
    flags = ("--database-url", url, "--storage-url", images.as_uri())
    made = {"open": folder / "open.html", "blind": folder / "blind.html"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMPTLAB_HOME", str(folder / "home"))
        assert main([*flags, "report", "-o", str(made["open"])]) == 0
        assert main([*flags, "report", "--blind", "-o", str(made["blind"])]) == 0
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def look(browser: Any, reports: dict[str, Path]) -> Iterator[Open]:
    """Opens a report; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    fetched: list[str] = []
    pages: list[Any] = []

    def open_page(name: str = "open", **how: Any) -> Any:
        page = browser.new_page(**how)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(reports[name].as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []
    assert [url for url in fetched if not url.startswith(("data:", "file:"))] == []


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_sticks_out_at_any_width_in_light_and_dark(look: Open, width: int) -> None:
    for scheme in ("light", "dark"):
        page = look(viewport={"width": width, "height": 900}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        sticking = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
        assert page.evaluate(f"{sticking}.length") == 0
        assert page.screenshot()[:4] == b"\x89PNG"


def test_cases_are_found_by_words_and_by_how_they_fare(look: Open) -> None:
    page = look()
    page.get_by_label("Find").fill("fox")
    assert page.get_by_role("status").inner_text() == "1 of 8 cases"
    assert page.locator(".case:visible h3").all_inner_texts() == ["fox-1"]
    page.get_by_label("Find").fill("")
    page.get_by_label("Only").select_option("refused")
    assert page.locator(".case:visible h3").all_inner_texts() == ["violin-6"]
    assert page.locator(".case:visible").get_by_text("refused").count() >= 1


def test_the_lightbox_is_used_without_a_mouse(look: Open) -> None:
    """Enter opens it, arrows go through the cases that are shown, Escape closes it and gives the focus back."""
    page = look()
    page.get_by_label("Find").fill("tram")
    first = page.locator(".case:visible .shot button").first
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    seen = []
    for _ in range(5):
        wait_until(lambda: page.evaluate(IS_LARGE_THERE), "the large picture")
        seen.append(dialog.locator("#caption").inner_text().partition(" (")[0])
        page.keyboard.press("ArrowRight")
    assert seen == ["Input: tram-3", "banner@1: tram-3", "banner@2: tram-3", "banner@3: tram-3", "Input: tram-3"]
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("#caption").inner_text() == "Input: tram-3"
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    button = first.element_handle()
    wait_until(lambda: page.evaluate("it => document.activeElement === it", button), "the focus")


def test_all_is_there_without_script(look: Open, browser: Any) -> None:
    """The filter, which would do nothing, is not shown, and no picture pretends to be a button."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(look().url)
    assert not page.get_by_label("Find").is_visible()
    assert page.locator(".case:visible").count() == 8
    assert page.get_by_role("button").count() == 0
    context.close()


@pytest.mark.parametrize("name", ["open", "blind"])
def test_axe_finds_no_serious_fault(look: Open, name: str) -> None:
    """In light, in dark and on a telephone; also with the lightbox open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme, width in (("light", 1280), ("dark", 390)):
        page = look(name, color_scheme=scheme, viewport={"width": width, "height": 900})
        assert serious(axe.run(page)) == []
        page.locator(".shot button").first.click()
        assert serious(axe.run(page)) == []


def serious(found: Any) -> list[str]:
    assert len(found.response["passes"]) > 10
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
        for fault in found.response["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
