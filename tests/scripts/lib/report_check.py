"""Looks at reports with a browser. usage: report_check.py PICTURES NAME=COMPOSE_OR_PAGE...

Says at the end how many checks it made."""

import os
import pathlib
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
from browser import Browser

CHECKS = 0
SCREENS = [("phone", 390, 844), ("desk", 1400, 900)]
ROWS = "Array.from(document.querySelectorAll('#table tbody tr')).filter((tr) => !tr.hidden)"

# Of each kind of text that can be seen: the contrast with what lies behind it, as WCAG counts it, if that is not enough.
FAINT = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const light = (c) => [0, 1, 2].map((n) => c[n] / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
const mixed = (colours) => {
  canvas.fillStyle = '#fff';
  canvas.fillRect(0, 0, 1, 1);
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return light(canvas.getImageData(0, 0, 1, 1).data);
};
const seen = new Set();
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest('script') || !element.checkVisibility()) continue;
  const chain = [];
  for (let e = element; e; e = e.parentElement) chain.unshift(e);
  const colour = getComputedStyle(element).color;
  const behind = chain.map((e) => getComputedStyle(e).backgroundColor);
  const key = [colour, ...behind].join();
  if (seen.has(key)) continue;
  seen.add(key);
  const [a, b] = [mixed(behind), mixed([...behind, colour])];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faint.push(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
}
return [seen.size, faint];
"""


# Calls its last argument when all rows are in their places.
PLACED = """
const done = arguments[arguments.length - 1];
const look = () => document.querySelector('#table').ariaBusy === 'true' ? setTimeout(look, 5) : done();
look();
"""

# Sorts by size with the second page in view. What is in view before the browser has done anything else, and how many rows there are in the end.
SORT_IN_VIEW = """
const done = arguments[arguments.length - 1];
const rows = () => Array.from(document.querySelectorAll('#table tbody tr'));
const inView = () => rows().filter((tr) => { const box = tr.getBoundingClientRect(); return box.height && box.bottom > 0 && box.top < innerHeight; });
const sizes = (trs) => trs.map((tr) => Number(tr.cells[6].dataset.v));
window.scrollTo(0, 3 * innerHeight);
requestAnimationFrame(() => setTimeout(() => {
  document.querySelector('th[data-key=size] button').click();
  const seen = sizes(inView());
  const [busy, tbody] = [document.querySelector('#table').ariaBusy, inView()[0].parentElement];
  const group = Array.from(document.querySelectorAll('#table tbody')).indexOf(tbody);
  const place = group * 20 + Array.from(tbody.rows).indexOf(inView()[0]);
  const look = () => {
    if (document.querySelector('#table').ariaBusy === 'true') return setTimeout(look, 5);
    const all = sizes(rows());
    done({ busy, seen, wanted: all.slice(place, place + seen.length), count: new Set(rows()).size });
  };
  look();
}));
"""


def check(what, fact):
    global CHECKS
    if not fact:
        print(f"not so: {what}")
        sys.exit(1)
    CHECKS += 1


def equal(what, found, wanted):
    check(f"{what}: {found!r} instead of {wanted!r}", found == wanted)


def cells(browser, column):
    """What the rows that are not filtered out have in a column. (What is off the screen has no `innerText`.)"""
    browser.run_async(PLACED)
    return browser.run(f"return {ROWS}.map((tr) => tr.cells[{column}].textContent.trim())")


def sorted_by(browser, column):
    """The values of a column that is sorted by: its texts, or the numbers behind them."""
    texts = cells(browser, column)
    return browser.run(f"return {ROWS}.map((tr) => Number(tr.cells[{column}].dataset.v))") if column > 1 else texts


def settles(browser, most=200):
    """Whether few rows are laid out, and not none, once the browser has drawn what changed."""
    end = time.monotonic() + 10
    while not 0 < laid_out(browser) < most:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def laid_out(browser, css="#table tbody td:first-child"):
    """How many of these the browser bothers to draw."""
    seen = "(e) => e.checkVisibility({ contentVisibilityAuto: true })"
    return browser.run(f"return Array.from(document.querySelectorAll('{css}')).filter({seen}).length")


def looks_right(browser, name, page, pictures):
    """On every screen: nothing to complain of, nothing wider than the screen, readable."""
    for screen, width, height in SCREENS:
        for scheme in ["light", "dark"]:
            browser.screen(width, height, scheme)
            browser.open(page)
            equal(f"complaints about {name}, {screen}, {scheme}", browser.complaints(), [])
            wide = browser.run("return document.documentElement.scrollWidth")
            check(f"{name} fits the {screen}: {wide} of {width}", wide <= width)
            colours = browser.run(
                "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
                ".map((c) => c.match(/\\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0))"
            )
            check(f"{name} is {scheme}", (colours[0] > colours[1]) == (scheme == "dark"))
            kinds, faint = browser.run(FAINT)
            equal(f"faint texts of {name}, {screen}, {scheme}", faint, [])
            check(f"{name} has texts", kinds > 5)
            if pictures:
                browser.picture(f"{pictures}/{name}-{screen}-{scheme}.png")
                browser.run("document.querySelector('#timeline')?.scrollIntoView()")
                browser.picture(f"{pictures}/{name}-{screen}-{scheme}-timeline.png")


def thousand(browser, page):
    browser.screen(1280, 900, "light")
    browser.open(page)
    equal("rows", len(cells(browser, 0)), 1000)
    equal("state", browser.run("return document.querySelector('.verdict .pill').textContent"), "DOOMED")

    # Failures: what must not fail first, the innermost reason largest.
    titles = browser.run("return Array.from(document.querySelectorAll('.failure h3'), (e) => e.firstChild.textContent)")
    equal("failures", titles, ["14 tasks", "Server-Image-004", "Server-Image-007", "Server-Image-009"])
    equal("those of one reason are together", browser.run("return document.querySelectorAll('.members li').length"), 14)
    sentence = browser.run("return document.querySelector('.verdict span + span').textContent")
    equal("what happened", sentence, "15 tasks failed, and 2 failable ones.")
    reason = browser.run("return document.querySelector('.failure .reason').textContent")
    equal("the innermost reason", reason, "Cannot download repomd.xml: all mirrors were tried")

    # Filtering.
    browser.type("#filter", "cloud x86_64 image-01")
    found = cells(browser, 1)
    check("words are looked for in every column", len(found) == 10 and all("Cloud-Image-01" in text for text in found))
    equal("the timeline follows", browser.run("return document.querySelectorAll('.line:not([hidden])').length"), 10)
    equal("the count", browser.run("return document.querySelector('#shown').textContent"), "10 of 1000")
    browser.type("#filter", "no such image")
    check("nothing is found", browser.run("return !document.querySelector('#none').hidden"))
    browser.type("#filter", "")
    choose = "const s = document.querySelector(`[data-filter=${arguments[0]}]`); s.value = arguments[1]; s.dispatchEvent(new Event('change'))"
    browser.run(choose, "stage", "failed")
    equal("failed images", len(cells(browser, 0)), 68)
    browser.run(choose, "arch", "s390x")
    equal("failed images of an arch", sorted(set(cells(browser, 3))), ["s390x"])
    browser.run(choose, "stage", "")
    browser.run(choose, "arch", "")

    # Sorting, by clicks as people do.
    for column, key in [(1, "image"), (6, "size"), (7, "time")]:
        browser.click(f"th[data-key={key}] button")
        equal("the heading says so", browser.run(f"return document.querySelector('[data-key={key}]').ariaSort"), "ascending")
        values = sorted_by(browser, column)
        check(f"sorted by {key}", values == sorted(values) and len(set(values)) > 1)
        browser.click(f"th[data-key={key}] button")
        values = sorted_by(browser, column)
        first, last = values[0], values[-1]
        check(f"sorted by {key} downwards", first > last)
        browser.click(f"th[data-key={key}] button")
        check("as at first", browser.run(f"return !document.querySelector('[data-key={key}]').ariaSort"))
    browser.click("th[data-key=stage] button")
    equal("failures first", cells(browser, 0)[:69], ["failed"] * 68 + ["done"])

    # From a failed image to the reason, which is folded away with the others that failed for it.
    browser.click("a.pill[href='#f0']")
    equal("the reason can be seen", browser.run("return document.querySelector('#f0').checkVisibility()"), True)

    # 1,000 rows stay smooth, because those far off the screen are not laid out, however the table is filtered and sorted.
    for screen, width, height in SCREENS:
        browser.screen(width, height, "light")
        browser.open(page)
        check(f"rows at first, {screen}", settles(browser))
        browser.type("#filter", "cloud")
        browser.type("#filter", "")
        check(f"rows after filtering, {screen}", settles(browser))
        browser.run("const s = document.querySelector('#sortby'); s.value = 'size'; s.dispatchEvent(new Event('change'))")
        check(f"rows after sorting, {screen}", settles(browser))
        browser.run("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
        check(f"rows in the middle, {screen}", settles(browser))
        lines = browser.run("return document.querySelectorAll('.line').length")
        check(f"all lines of the timeline, {screen}", lines == 250 and laid_out(browser, ".line > .track") < 100)

        # Whoever has scrolled sees sorted rows at once, not when thousands of others have been moved.
        browser.open(page)
        sort = browser.run_async(SORT_IN_VIEW)
        check(f"rows in view are sorted at once, {screen}: {sort}", len(sort["seen"]) > 2 and sort["seen"] == sort["wanted"])
        equal(f"the others come after them, {screen}", (sort["busy"], sort["count"]), ("true", 1000))

    # Links lead somewhere.
    browser.open(page)
    file = browser.run("return document.querySelector('a.file').href")
    path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(file).path))
    check(f"{path} is there", path.is_file())
    task = browser.run("return document.querySelector('a.task').href")
    check(f"{task} is a task", "/koji/taskinfo?taskID=" in task)
    for href in browser.run("return Array.from(document.querySelectorAll('.files a'), (a) => a.href)"):
        path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(href).path))
        check(f"{path} is there", path.exists())
    browser.click("#f129 .more a[href$='watch-task.log']")
    check("the log of a failed task", browser.url().endswith("-watch-task.log"))
    check("says why", "No space left on device" in browser.run("return document.body.innerText"))
    equal("complaints", browser.complaints(), [])


def hostile(browser, page):
    browser.open(page)
    check("nothing ran", "hacked" not in browser.run("return document.title"))
    equal("elements", browser.run("return document.querySelectorAll('img, svg, b b, iframe, main script').length"), 0)
    equal("one script", browser.run("return document.scripts.length"), 1)
    text = browser.run("return document.body.textContent")
    turned = "\\u{202e}right-to-left\\u{202c} \u05e9\u05dc\u05d5\u05dd"
    for name in ["<script>document.title='hacked'</script>", '"><img src=x', "<b>bold</b>", "{{ 7*7 }}", "x" * 300, turned]:
        check(f"{name[:20]} is shown as it is", name in text)
    # Writing from right to left stays in its cell.
    texts = browser.run("return Array.from(document.querySelectorAll('#table td:nth-child(4)'), (td) => td.textContent)")
    check("arches are not turned round", set(texts) == {"aarch64", "ppc64le", "s390x", "x86_64"})


def uploads(browser, page):
    browser.screen(1280, 900, "light")
    browser.open(page)
    providers = browser.run("return Array.from(document.querySelectorAll('.place b'), (e) => e.textContent)")
    equal("providers", sorted(providers), ["aws", "aws.s3", "azure", "container", "container", "gcp"])
    lines = "return Array.from(document.querySelectorAll('.line:not([hidden])'), (e) => e.querySelector('.name').textContent)"
    check("a container has its place in the timeline", any("container" in name for name in browser.run(lines)))
    equal("one card for an image", browser.run("return document.querySelectorAll('.upload').length"), 6)
    first = browser.run("return document.querySelector('.upload').innerText")
    check(f"what failed comes first: {first}", "failure" in first and "quota" in first)
    browser.click(".upload .copy")
    time.sleep(0.2)
    equal("copied", browser.run("return document.querySelector('.upload .copy').textContent"), "copied")


def running(browser, page):
    browser.open(page)
    equal("state", browser.run("return document.querySelector('.verdict .pill').textContent"), "RUNNING")
    stale = browser.run("return document.querySelector('.stale').innerText")
    check(f"it says how old it is: {stale}", " ago)" in stale)


def dead(browser, page):
    browser.open(page)
    equal("state", browser.run("return document.querySelector('.verdict .pill').textContent"), "STOPPED")


def main():
    pictures = sys.argv[1]
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        for argument in sys.argv[2:]:
            name, path = argument.split("=", 1)
            page = pathlib.Path(path)
            if page.is_dir():
                page = page / "logs/global/report.html"
            page = page.resolve().as_uri()
            looks_right(browser, name, page, pictures)
            closer = {"thousand": thousand, "hostile": hostile, "uploads": uploads, "running": running, "dead": dead}.get(name)
            if closer:
                closer(browser, page)
    print(CHECKS)


main()
