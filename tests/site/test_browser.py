"""The pages in a real browser: nothing hostile runs, everybody can use them, the search finds."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from site_browser import Browser
from small_checkout import Checkout

from lakebook.errors import UserError
from lakebook.runtime.error_card import card_of
from lakebook.settings import load_settings
from lakebook.site.build import build_site
from lakebook.site.export import export_run

from .conftest import Archive, check, code_cell, output, shown

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
AXE = "4.10.3"


class Trap:
    """A server that everything hostile calls; it should never hear anything."""

    def __init__(self) -> None:
        heard: list[str] = []
        self.heard = heard

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """The list is enough."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


RUN = "window.hacked = 1; console.log('hacked'); alert('hacked')"
HOSTILE = [
    "<script>{run}</script>",
    "<script src='{url}/script.js'></script>",
    '<img src=x onerror="{run}">',
    "<img src='{url}/pixel.png'>",
    "<img srcset='{url}/set.png 2x'>",
    "<iframe src='{url}/frame'></iframe>",
    "<iframe srcdoc='<script>parent.{run}</script>'></iframe>",
    "<object data='{url}/object'></object>",
    "<embed src='{url}/embed'>",
    "<video autoplay src='{url}/video'></video><audio autoplay src='{url}/audio'></audio>",
    "<a href='javascript:{run}' id=trap>click</a>",
    "<a href='data:text/html,<script>{run}</script>'>click</a>",
    "<a href='{url}/ping' ping='{url}/pinged'>a plain link</a>",
    "<svg onload=\"{run}\"><script>{run}</script><image href='{url}/svg.png'/></svg>",
    "<svg><a xlink:href='javascript:{run}'><text>x</text></a></svg>",
    '<svg><animate onbegin="{run}" attributeName=x dur=1s></svg>',
    "<style>@import '{url}/style.css'; body {{ background: url({url}/bg) }}</style>",
    "<link rel=stylesheet href='{url}/link.css'><link rel=prefetch href='{url}/fetch'>",
    "<p style='background: url({url}/inline)'>x</p>",
    "<meta http-equiv=refresh content='0; url={url}/refresh'>",
    "<base href='{url}/base/'>",
    "<form action='{url}/form' id=f><input name=a autofocus onfocus=\"{run}\"></form>",
    "<button form=f formaction='{url}/button'>x</button>",
    '<details open ontoggle="{run}"><summary>x</summary></details>',
    '<math><mtext><table><mglyph><style><img src=x onerror="{run}"></style></table></math>',
    "<noscript><p title='</noscript><img src=x onerror={run}>'></noscript>",
    "<template><script>{run}</script></template><div><template shadowrootmode=open>"
    "<img src='{url}/shadow.png'></template></div>",
    "</div></article></section></main><script>{run}</script>",
    "<div id=list class='badge ok'>✓ ok</div><input id=q name=lakebook>",
    '<marquee onstart="{run}">x</marquee><body onload="{run}">',
]
HOSTILE_SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink' width='9' "
    "height='9' onload='{run}'><script>{run}</script><image x:href='{url}/picture.png'/>"
    "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='{url}/f'/></foreignObject>"
    "<style>@import '{url}/s.css'; @font-face {{ font-family: x; src: url({url}/font) }}</style>"
    "<rect width='9' height='9'/></svg>"
)


def hostile(url: str) -> list[dict[str, Any]]:
    """Cells that try everything, in every kind of output."""
    texts = [text.format(run=RUN, url=url) for text in HOSTILE]
    outputs = [shown(html=text) for text in texts]
    outputs += [shown(**{"text/markdown": text}) for text in texts]
    outputs += [shown(**{"text/latex": text}) for text in texts]
    outputs += [shown(svg=text) for text in texts]
    outputs += [shown(svg=HOSTILE_SVG.format(run=RUN, url=url))]
    outputs += [shown(**{"application/javascript": RUN}), shown(png=f'"><script>{RUN}</script>')]
    outputs += [{"output_type": "stream", "name": "stdout", "text": "\n".join(texts)}]
    trace = {"output_type": "error", "ename": texts[0], "evalue": texts[2], "traceback": texts}
    markdown = [
        {"cell_type": "markdown", "id": f"m{n}", "metadata": {}, "source": text}
        for n, text in enumerate(texts)
    ]
    parts = [outputs[n : n + 90] for n in range(0, len(outputs), 90)]
    code = [code_cell("\n".join(texts), *part, number=n) for n, part in enumerate(parts, start=1)]
    return [*markdown, *code, code_cell("raise", trace, number=9, status="failed")]


def hostile_archive(archive: Archive, url: str) -> None:
    evil = HOSTILE[0].format(run=RUN, url=url) + HOSTILE[2].format(run=RUN, url=url)
    archive.run("good", code_cell("x = 1"), day=1)
    archive.run(
        "evil",
        *hostile(url),
        status="failed",
        error=evil,
        error_cell=9,
        parameters={"name": evil},
        checks=(check(evil, success=False, reason=evil, sample=[{evil: evil}]),),
        outputs=(output(audited=5),),
        inputs=({"source": f"javascript:{RUN}", "digest": evil},),
    )
    archive.build()


def quiet(browser: Browser, trap: Trap, allowed: str) -> None:
    time.sleep(0.5)
    assert browser.evaluate("window.hacked === undefined && location.href.includes('evil') || 0")
    foreign = [url for url in browser.requests() if not url.startswith(allowed)]
    assert (foreign, browser.happened(), trap.heard) == ([], [], [])


def test_nothing_hostile_runs_or_loads_in_a_run_page(
    archive: Archive, browser: Browser, trap: Trap
) -> None:
    hostile_archive(archive, trap.url)
    page = archive.settings.site / "runs/evil.html"
    browser.open(page.as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    browser.evaluate(
        "document.querySelectorAll('main img, figure, summary').forEach(e => e.click())"
    )
    quiet(browser, trap, archive.settings.site.as_uri())
    hooks = browser.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes])"
        ".filter(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value)).length"
    )
    assert hooks == 0
    assert browser.evaluate("document.querySelectorAll('iframe, object, embed, form').length") == 0
    own = "[...document.querySelectorAll('script')].map(s => s.getAttribute('src'))"
    site, catalog = browser.evaluate(own)
    assert site.startswith("../assets/site-") and catalog == "../data/catalog.js"


def test_an_errors_card_is_shown_and_its_traceback_opens(
    archive: Archive, browser: Browser, trap: Trap
) -> None:
    raised = UserError("<b>no</b> <script>x</script>", where="here", fix="do that")
    trace = ["UserError  Traceback", f"Cell In[2], line 1\n{hostile(trap.url)}"]
    data, metadata = card_of(raised, raised, place=None, trace=trace)._repr_mimebundle_()
    card = {"output_type": "display_data", "data": data, "metadata": metadata}
    ended = {"output_type": "error", "ename": "UserError", "evalue": "no", "traceback": ["no"]}
    cell = code_cell("1 / 0", card, ended, status="failed")
    archive.run("evil", cell, status="failed", error="no", error_cell=1)
    archive.build()
    browser.open((archive.settings.site / "runs/evil.html").as_uri())
    assert "What to do: do that" in browser.evaluate("document.querySelector('.cell').innerText")
    folded = "document.querySelector('.cell details')"
    assert browser.evaluate(f"{folded}.querySelector('pre').checkVisibility()") is False
    browser.evaluate(f"{folded}.querySelector('summary').click()")
    assert browser.evaluate(f"{folded}.querySelector('pre').checkVisibility()") is True
    assert browser.evaluate("document.querySelectorAll('.cell details').length") == 1
    quiet(browser, trap, archive.settings.site.as_uri())


def test_nothing_hostile_runs_or_loads_in_an_exported_run(
    archive: Archive, browser: Browser, trap: Trap, tmp_path: Path
) -> None:
    hostile_archive(archive, trap.url)
    place = export_run(archive.settings, "evil", tmp_path / "evil-alone.html")
    browser.open(place.as_uri())
    quiet(browser, trap, place.as_uri())
    assert browser.evaluate("getComputedStyle(document.body).margin") == "0px"  # its style applies


def test_nothing_hostile_runs_or_loads_in_the_index(
    archive: Archive, browser: Browser, trap: Trap
) -> None:
    hostile_archive(archive, trap.url)
    browser.open(f"{(archive.settings.site / 'index.html').as_uri()}?evil")
    search(browser, "hacked")
    quiet(browser, trap, archive.settings.site.as_uri())
    assert browser.evaluate("document.querySelectorAll('#list tr').length") == 1


def test_the_policy_alone_stops_a_script_that_got_through(
    archive: Archive, browser: Browser, trap: Trap
) -> None:
    archive.run("evil", code_cell("MARK"))
    archive.build()
    page = archive.settings.site / "runs/evil.html"
    attack = "".join(text.format(run=RUN, url=trap.url) for text in HOSTILE if "<base" not in text)
    for left_out in ("<meta", "<a href='{url}/ping'"):
        assert any(text.startswith(left_out) for text in HOSTILE)
    attack = attack.replace("http-equiv=refresh", "name=none")  # a policy cannot forbid it
    page.write_text(page.read_text().replace("MARK", attack))
    browser.open(page.as_uri())
    time.sleep(0.5)
    assert browser.evaluate("window.hacked === undefined")
    assert (browser.happened(), trap.heard) == ([], [])


def test_an_output_of_100_mb_makes_a_page_that_opens(archive: Archive, browser: Browser) -> None:
    big = "x" * 79 + "\n"
    huge = {
        "output_type": "stream",
        "name": "stdout",
        "text": big * (100_000_000 // 80) + "the end",
    }
    table = shown(html="<table>" + "<tr><td>1</td></tr>" * 5_000_000 + "</table>")
    began = time.monotonic()
    archive.run("huge", code_cell("print()", huge), code_cell("frame", table, number=2))
    archive.build()
    assert time.monotonic() - began < 60
    page = archive.settings.site / "runs/huge.html"
    assert page.stat().st_size < 500_000
    browser.open(page.as_uri())
    text = browser.evaluate("document.querySelector('#notebook').innerText")
    assert "characters left out" in text and "the end" in text and "notebook.ipynb" in text


def search(browser: Browser, text: str) -> None:
    browser.press("/")
    browser.wait("document.activeElement.id === 'q'")
    browser.call("Input.insertText", text=text)
    browser.wait("document.body.dataset.words === 'ready'")
    time.sleep(0.15)


def test_the_search_finds_names_errors_and_outputs(archive: Archive, browser: Browser) -> None:
    archive.run("r1", code_cell("x", shown(text="the marmot sleeps")), day=1)
    archive.run("r2", code_cell("x"), day=2, status="failed", error="no badger here")
    archive.run("r3", code_cell("x"), day=3, step="gold.otters")
    archive.build()

    def found(text: str) -> list[str]:
        browser.open((archive.settings.site / "index.html").as_uri())
        search(browser, text)
        rows = "[...document.querySelectorAll('#list a')].map(a => a.getAttribute('href'))"
        return browser.evaluate(rows)

    assert found("Marmot") == ["runs/r1.html"]
    assert browser.evaluate("document.querySelector('mark').textContent") == "marmot"
    assert found("badger") == ["runs/r2.html"]
    assert found("otters") == ["runs/r3.html"]
    assert found("marmot badger") == []
    assert browser.happened() == []


def test_filters_narrow_grid_and_list_and_stay_in_the_address(
    archive: Archive, browser: Browser
) -> None:
    archive.run("r1", code_cell("x"), day=1, step="silver.a")
    archive.run("r2", code_cell("x"), day=2, step="gold.b", status="failed", error="no")
    archive.build()
    index = (archive.settings.site / "index.html").as_uri()
    browser.open(f"{index}#layer=silver")
    assert browser.evaluate("document.querySelectorAll('#list tr').length") == 1
    assert browser.evaluate("document.querySelectorAll('#grid a.sq').length") == 1
    browser.evaluate(
        "for (const [id, value] of [['layer', ''], ['status', 'failed']]) {"
        " const box = document.getElementById(id); box.value = value;"
        " box.dispatchEvent(new Event('change')); }"
    )
    assert browser.evaluate("document.querySelector('#list a').textContent") == "gold.b"
    assert browser.evaluate("location.hash") == "#status=failed"


def test_the_keyboard_reaches_runs_and_their_neighbours(archive: Archive, browser: Browser) -> None:
    for day in (1, 2, 3):
        archive.run(f"r{day}", code_cell("x"), day=day)
    archive.build()
    browser.open((archive.settings.site / "runs/r2.html").as_uri())
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    browser.press("n")
    browser.wait("location.href.endsWith('r3.html') && document.readyState === 'complete'")
    browser.press("p")
    browser.wait("location.href.endsWith('r2.html')")


def test_a_page_says_that_its_run_is_not_in_the_catalog_yet(
    archive: Archive, browser: Browser
) -> None:
    for day in (1, 2):
        archive.run(f"r{day}", code_cell("x"), day=day)
    archive.build()
    site = archive.settings.site
    note = "document.getElementById('uncatalogued')"
    browser.open((site / "runs/r2.html").as_uri())
    assert browser.evaluate(f"{note}.hidden") and browser.happened() == []
    told = {"waiting": ["r2"], "problem": "<b>no space</b>"}
    (site / "data/catalog.js").write_text(f"lakebook.catalog({json.dumps(told)});\n")
    browser.open((site / "runs/r2.html").as_uri())
    said = "This run is not in the catalog yet: <b>no space</b> lakebook datahub emit catches up."
    assert browser.evaluate(f"{note}.innerText") == said
    browser.open((site / "runs/r1.html").as_uri())
    assert browser.evaluate(f"{note}.hidden")
    browser.open((site / "index.html").as_uri())
    assert browser.evaluate(f"{note}.innerText").startswith("One run is not in the catalog yet")


# --- a site with everything on it: real runs of the small checkout -----------------------------


@pytest.fixture(scope="module")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site") / "site"


@pytest.fixture
def real_site(checkout: Checkout, made_site: Path) -> Path:
    """Made by the first test that asks: a good run, one that differs, one that fails."""
    if made_site.exists():
        return made_site
    checkout.run()
    path = checkout.root / "notebooks/silver/events.ipynb"
    text = path.read_text()
    path.write_text(text.replace("events.select(", "events.head(3).select("))
    checkout.run()
    path.write_text(text.replace("events.select(", "events.filter(1 / 0).select("))
    checkout.run("--force")
    path.write_text(text)
    settings = load_settings(checkout.root, environ={})
    build_site(settings, compile_lineage=True)
    shutil.copytree(settings.site, made_site)
    return made_site


def pages(site: Path) -> list[Path]:
    runs = sorted((site / "runs").glob("*silver.events*.html"))
    return [
        *(site / "index.html", site / "graph.html", site / "datasets/index.html"),
        *(site / "datasets/silver.events.html", *runs),
    ]


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm, kept in .cache."""
    place = ROOT / ".cache" / "axe" / AXE / "axe.min.js"
    if not place.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm on this machine, and axe-core is not in .cache/axe")
        place.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "pack", f"axe-core@{AXE}", "--silent"],
            cwd=place.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"npm does not give axe-core: {done.stderr.strip()[-200:]}")
        with tarfile.open(place.parent / f"axe-core-{AXE}.tgz") as package:
            member = package.extractfile("package/axe.min.js")
            assert member is not None
            place.write_bytes(member.read())
    return place.read_text(encoding="utf-8")


@pytest.mark.slow
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_a_phone(
    real_site: Path, browser: Browser, axe: str
) -> None:
    problems: list[str] = []
    for page in pages(real_site):
        for look in ({"dark": False}, {"dark": True}, {"width": 390, "height": 844}):
            browser.open(page.as_uri(), **look)  # type: ignore[arg-type]
            wide = browser.evaluate("document.documentElement.scrollWidth")
            if wide > look.get("width", 1280):
                problems.append(f"{page.name}: {wide} pixels wide at {look}")
            assert browser.happened() == []
            browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
            browser.evaluate(axe)
            found = json.loads(
                browser.evaluate(
                    "axe.run({preload: false}).then(r => JSON.stringify(r.violations))"
                )
            )
            problems += [
                f"{page.name} {look}: {one['id']}: {one['nodes'][0]['html'][:150]} "
                f"{one['nodes'][0].get('failureSummary', '')[:200]}"
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
    assert problems == []


@pytest.mark.slow
def test_every_link_of_the_site_leads_to_a_page(real_site: Path, browser: Browser) -> None:
    missing = []
    for page in real_site.rglob("*.html"):
        browser.open(page.as_uri())
        links = browser.evaluate(
            "[...document.querySelectorAll('a[href]')].map(a => "
            "new URL(a.getAttribute('href'), location.href).href)"
        )
        for link in links:
            path, _, anchor = link.removeprefix("file://").partition("#")
            there = Path(path).is_file()
            if not there or (anchor and f'id="{anchor}"' not in Path(path).read_text()):
                missing.append((page.name, link))
    assert missing == []


@pytest.mark.slow
def test_a_column_can_be_followed_to_where_it_comes_from(real_site: Path, browser: Browser) -> None:
    browser.open((real_site / "datasets/silver.events.html").as_uri())
    edges = browser.evaluate(
        "[...document.querySelectorAll('.lineage .edge')].map(e => e.dataset.from + ' ' + "
        "e.dataset.to)"
    )
    assert "bronze.events#amount silver.events#amount" in edges
    browser.evaluate("document.querySelector('[data-key=\"bronze.events#amount\"]').focus()")
    assert browser.evaluate("document.querySelectorAll('.edge.lit').length") == 1
    browser.press("Enter")
    browser.wait("location.href.endsWith('bronze.events.html#column-amount')")


@pytest.mark.slow
def test_the_index_shows_the_state_of_the_lake(real_site: Path, browser: Browser) -> None:
    browser.open((real_site / "index.html").as_uri())
    assert browser.evaluate("document.querySelector('.alarm h2 a').textContent") == "silver.events"
    assert "division by zero" in browser.evaluate("document.querySelector('.alarm .why').innerText")
    assert browser.evaluate("document.querySelectorAll('#timeline a').length") >= 4
    browser.evaluate("document.querySelector('.alarm h2 a').click()")
    browser.wait("location.hash === '#failed' && document.readyState === 'complete'")
    head = browser.evaluate("document.querySelector('.cause').innerText")
    assert "Failed in cell" in head and "division by zero" in head
