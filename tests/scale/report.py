"""Rows about the report in a browser: headless Chromium, spoken to as tests/scripts/report.sh does."""
import os
import pathlib
import statistics
import subprocess
import sys

from generate import config
from process import has

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../scripts/lib")
TASKS = 3_000
TIMES = 7

# When the first pixel and the first text came, in milliseconds since the address was opened.
PAINTS = "return performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime])"

# A click on a heading, what the browser has to lay out for it, the frame that shows it, and the last row that comes into its place out of
# view: milliseconds after each.
SORT = """
const [key, done] = [arguments[0], arguments[arguments.length - 1]];
const button = document.querySelector(`th[data-key=${key}] button`);
button.scrollIntoView();
requestAnimationFrame(() => setTimeout(() => {
  const begun = performance.now();
  button.click();
  document.body.getBoundingClientRect();
  const laidOut = performance.now() - begun;
  requestAnimationFrame(() => setTimeout(() => {
    const shown = performance.now() - begun;
    const look = () => {
      if (document.querySelector('#table').ariaBusy === 'true') setTimeout(look);
      else done([laidOut, shown, performance.now() - begun]);
    };
    look();
  }));
}));
"""


def showing(table, magudi, work):
    paint = f"report of {TASKS:,} tasks in Chromium: first paint"
    sort = "the same: sorting a column, laid out"
    if not (has("chromedriver") and has("chromium")):
        table.row(paint, "300 ms", "-", "chromium and chromedriver are not there", None)
        table.row(sort, "50 ms", "-", "chromium and chromedriver are not there", None)
        return
    from browser import Browser

    target = f"{work}/shown"
    os.makedirs(target)
    subprocess.check_call([magudi, "run", "--quiet", "--test", "--simulate", "--config", config(work, 20, TASKS // 20),
                           "--target-dir", target])
    page = next(pathlib.Path(target).glob("*/logs/global/report.html"))
    with Browser() as browser:
        browser.screen(1400, 900, "light")
        firsts, contents = [], []
        for _ in range(TIMES + 1):
            browser.open("about:blank")
            browser.open(page.as_uri())
            paints = dict(browser.run(PAINTS))
            firsts.append(paints["first-paint"])
            contents.append(paints["first-contentful-paint"])
        rows = browser.run("return document.querySelectorAll('#table tbody tr').length")
        sorts = {}
        for key in ["image", "size", "variant", "time", "task"]:
            sorts[key] = [browser.run_async(SORT, key) for _ in range(2)]
    # The first of them opens a browser whose caches are empty.
    first, content = statistics.median(firsts[1:]), statistics.median(contents[1:])
    table.row(paint, "300 ms", f"{first:.0f} ms, with text {content:.0f} ms",
              f"{page.stat().st_size / 1e6:.1f} MB, {rows:,} rows", first <= 300)
    laid_out = {key: max(times[0] for times in both) for key, both in sorts.items()}
    shown, placed = (max(times[step] for both in sorts.values() for times in both) for step in (1, 2))
    table.row(sort, "50 ms", ", ".join(f"{key} {ms:.0f} ms" for key, ms in laid_out.items()) +
              f"; in a frame after {shown:.0f} ms, all rows in their places after {placed:.0f} ms",
              f"{rows:,} rows", max(laid_out.values()) <= 50)
