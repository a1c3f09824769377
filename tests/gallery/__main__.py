"""``python -m tests.gallery``: play everything in every language, judge it, write pages of it and photograph them."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from bot.model import LANGUAGES
from tests.gallery.camera import MISSING, browser, camera
from tests.gallery.pages import COLUMNS, WIDE, html_of, index_html
from tests.gallery.performance import played
from tests.gallery.portraits import portraits
from tests.gallery.scenes import Plan
from tests.paths import ROOT

PROCESSES = 2


async def photograph(folder: Path, names: Sequence[str]) -> None:
    async with camera() as taken:
        for name in names:
            await taken.take(folder / f"{name}.html", folder / f"{name}.png", COLUMNS * (WIDE + 12) + 12)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=f"of {', '.join(LANGUAGES)} (all)")
    parser.add_argument("--out", type=Path, default=ROOT / "gallery", help="the folder to write (gallery/)")
    parser.add_argument("--short", action="store_true", help="a part of everything, in a minute")
    parser.add_argument("--no-pictures", action="store_true", help="pages alone")
    parser.add_argument("--portraits", type=Path, metavar="FOLDER", help="only the README's pictures, into that folder")
    options = parser.parse_args(arguments)
    if unknown := [one for one in options.languages if one not in LANGUAGES]:
        parser.error(f"no language {', '.join(unknown)}; there are {', '.join(LANGUAGES)}")
    if options.portraits:
        if not browser():
            parser.error(MISSING)
        print("\n".join(str(path) for path in asyncio.run(portraits(options.portraits))))
        return 0
    began = perf_counter()
    plan = Plan(lines=25, presses=25, every=2) if options.short else Plan()
    wanted = [(one, rich) for rich in (False, True) for one in options.languages or LANGUAGES]
    options.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        done = [pool.submit(played, one, rich, replace(plan, discord=not rich)) for one, rich in wanted]
        found = []
        for one in as_completed(done):
            found.append(one.result())
            print(found[-1].told, flush=True)
    found.sort(key=lambda one: one.name)
    wrong = [f"{one.name}: {fault}" for one in found for fault in one.wrong]
    pages = [page for one in found for page in one.pages]
    pictures = bool(browser()) and not options.no_pictures
    for page in pages:
        (options.out / f"{page.name}.html").write_text(html_of(page), encoding="utf-8")
    (options.out / "index.html").write_text(index_html(pages, wrong, pictures), encoding="utf-8")
    if pictures:
        asyncio.run(photograph(options.out, [page.name for page in pages]))
    elif not options.no_pictures:
        print(MISSING)
    print(f"{len(pages)} pages in {options.out}, {perf_counter() - began:.0f} s")
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
