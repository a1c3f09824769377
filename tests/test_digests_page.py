"""docs/digests.md shows what the program prints."""

from __future__ import annotations

from tests.digests_page import LANGUAGES, PAGE, TOPICS, printed


async def test_the_page_of_digests_shows_what_the_program_prints() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for part in page.split("## Without one"):
        assert part.count("$ paperround digest") == len(TOPICS) * len(LANGUAGES)
    (block,) = await printed(True, ("peft",), ("zh-Hant",))
    assert block in page, "python -m tests.digests_page writes it anew"
