"""The page in a real browser: nothing fetched, nothing complained about, switches by keyboard, room on a phone."""

from __future__ import annotations

import shutil
from itertools import pairwise

import pytest

from condyle.report.html_page import export
from condyle.testing.readings import example_readings

pytestmark = pytest.mark.browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a reading's page; the test fails if the page complains or asks for anything but itself."""
    said, asked, pages = [], [], []

    def opened(reading):
        path = tmp_path / "report.html"
        path.write_bytes(export(reading)["report.html"])
        page = browser.new_page(viewport={"width": 1280, "height": 850})
        page.set_default_timeout(120_000)  # a busy machine is no failure
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []
    assert [url[:60] for url in asked if not url.startswith(("file://", "data:image/png;base64,"))] == []


@pytest.mark.parametrize("name", list(example_readings()))
def test_nothing_sticks_out_at_any_width(show, name):
    page = show(example_readings()[name])
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 850})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.querySelectorAll('.overview .scroll')].every(e => e.scrollWidth <= e.clientWidth)")


def test_the_first_block_fits_the_first_screen_of_a_desktop(show, lumbar):
    page = show(lumbar)
    bottom = page.evaluate("document.querySelector('.first').getBoundingClientRect().bottom")
    assert bottom < 850
    assert page.locator(".research").is_visible()


def test_outlines_and_names_are_switched_by_the_space_bar(show, lumbar):
    page = show(lumbar)
    for switch, drawn in (("#show-outlines", ".viewer .outline"), ("#show-names", ".names")):
        assert page.locator(drawn).first.is_visible()
        page.focus(switch)
        page.keyboard.press("Space")
        assert not page.locator(drawn).first.is_visible()
        page.keyboard.press("Space")
        assert page.locator(drawn).first.is_visible()


def test_the_tab_key_reaches_the_switches_and_arrows_choose_the_map(show, lumbar):
    page = show(lumbar)
    shown = "[...document.querySelectorAll('.map')].filter(e => getComputedStyle(e).display != 'none').length"
    assert page.evaluate(shown) == 0
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "map-none":
            break
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "map-0"
    assert page.evaluate(shown) == 2  # herniation: present at L4-L5, in doubt at L5-S1
    assert page.locator(".map-note.map-0").is_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(shown) == 1  # bulging: present at L4-L5 only
    page.keyboard.press("ArrowDown")
    assert page.evaluate(shown) == 0


def test_switches_reach_the_windows_of_the_levels(show, lumbar):
    page = show(lumbar)
    window = page.locator("#site-L4-L5 .window").first

    def seen():
        return window.screenshot()

    plain = seen()
    page.check("#map-0")
    mapped = seen()
    page.check("#map-none")
    assert seen() == plain != mapped
    page.uncheck("#show-outlines")
    assert seen() not in (plain, mapped)


def test_what_a_grade_means_is_one_click_away(show, lumbar):
    page = show(lumbar)
    assert not page.get_by_text("black and collapsed").is_visible()
    page.locator('.matrix a[href="#meaning-pfirrmann"]').click()
    page.get_by_text("black and collapsed").wait_for(state="visible")


@pytest.mark.parametrize("blindness", ["protanopia", "deuteranopia", "tritanopia", "achromatopsia"])
def test_abnormal_and_uncertain_outlines_are_told_apart_without_colour(show, lumbar, blindness):
    """In the browser's own simulation of the four deficiencies the two marks differ in more than hue: one is dashed."""
    page = show(lumbar)
    page.context.new_cdp_session(page).send("Emulation.setEmulatedVisionDeficiency", {"type": blindness})
    styles = page.evaluate(
        """['abnormal', 'uncertain', 'normal'].map(name => {
             const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
             path.setAttribute('class', 'outline ' + name);
             document.querySelector('.picture').append(path);
             const style = getComputedStyle(path);
             return [style.strokeDasharray, style.strokeWidth];
           })"""
    )
    assert len({tuple(style) for style in styles}) == 3
    cells = {name: page.locator(f".matrix td.{name}").first.screenshot() for name in ("abnormal", "uncertain", "normal", "not_assessed")}
    assert len(set(cells.values())) == 4


def test_the_tab_key_goes_through_the_page_from_top_to_bottom(show, lumbar):
    """Keyboard order follows reading order: no control is reached before one that stands a screen above it."""
    page = show(lumbar)
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate("[document.activeElement.tagName, document.activeElement.getBoundingClientRect().top + scrollY]")
        if place[0] == "BODY":
            break
        seen.append(place[1])
    assert len(seen) > 15
    assert all(later > earlier - 450 for earlier, later in pairwise(seen))  # two columns stand side by side


def test_pictures_are_decoded(show, lumbar):
    """Neither the policy nor a wrong encoding keeps a picture from being drawn."""
    page = show(lumbar)
    decoded = page.evaluate(
        """Promise.all([...document.querySelectorAll('image')].map(
             e => { const it = new Image(); it.src = e.getAttribute('href'); return it.decode().then(() => it.naturalWidth); }))"""
    )
    assert len(decoded) >= 5
    assert min(decoded) > 0


def test_text_has_contrast_enough_in_both_colour_schemes(show, lumbar):
    """WCAG 2 AA: 4.5 to 1, computed over every element that holds text of its own."""
    page = show(lumbar)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", list(example_readings()))
def test_axe_finds_no_barrier(browser, tmp_path, name):
    """The rules of WCAG 2.1 A and AA and of good practice, by the axe engine. It runs beside the page's policy, not under it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the Python package axe-playwright-python is not installed")
    (tmp_path / "report.html").write_bytes(export(example_readings()[name])["report.html"])
    page = browser.new_page(bypass_csp=True, viewport={"width": 1280, "height": 850})
    page.set_default_timeout(120_000)
    page.goto((tmp_path / "report.html").as_uri())
    found = axe.Axe().run(page).response
    page.close()
    assert len(found["passes"]) > 30
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []


def test_paper_shows_what_a_grade_means_and_no_switch(show, lumbar):
    page = show(lumbar)
    page.emulate_media(media="print")
    assert not page.locator(".switches").is_visible()
    assert page.pdf(prefer_css_page_size=True)[:5] == b"%PDF-"


CONTRAST = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
    return [255, 255, 255, 1];
  };
  const weak = [];
  for (const element of document.body.querySelectorAll(':not(svg):not(svg *)')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return weak;
}"""
