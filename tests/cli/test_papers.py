"""What brings papers in and what prints them: poll, import, search, digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model import Kind
from tests.cli.shell import ON, Shell, papers
from tests.documents import write_documents
from tests.feeds_text import paper, rss
from tests.program import refused_url
from tests.servers.feeds import Answer, FeedServer, in_thread

TALLY = ["read", "new", "merged", "updated", "unchanged", "refused"]


def test_poll_reads_files_and_tells_what_came_of_each_item(shell: Shell) -> None:
    found = shell("poll", shell.feed(*papers()), "--json")
    assert found.status == 0
    assert found.json == {"read": 3, "new": 3, "merged": 0, "updated": 0, "unchanged": 0, "refused": []}
    again = shell("poll", "feed.xml", "--json").json
    assert (again["read"], again["unchanged"]) == (3, 3)
    assert shell("poll", "feed.xml").out.startswith("3 read: 0 new")


def test_a_new_version_is_told_as_updated(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    newer = paper("2504.00001", "Kettle: LoRA for Tea", "Now with milk.", kind=Kind.REPLACE, version=2)
    found = shell("poll", shell.feed(newer), "--json").json
    assert (found["read"], found["updated"]) == (1, 1)


def test_a_name_that_is_mistyped_stores_nothing_of_the_others(shell: Shell) -> None:
    assert shell("poll", shell.feed(*papers()), "feeed.xml").status == 2
    assert shell("poll", "feed.xml", "--json").json["new"] == 3


def test_what_is_no_feed_is_refused_by_name_and_the_rest_is_kept(shell: Shell) -> None:
    (shell.folder / "page.html").write_text("<html><title>Busy</title></html>")
    (shell.folder / "cut.xml").write_bytes(rss(papers(), ON, closed=False))
    (shell.folder / "empty.xml").write_bytes(b"")
    found = shell("poll", "page.html", "cut.xml", "empty.xml", shell.feed(*papers()), "--json")
    assert found.status == 1
    assert list(found.json) == TALLY
    assert (found.json["read"], found.json["new"]) == (6, 3)
    assert [refused["where"] for refused in found.json["refused"]] == ["page.html", "cut.xml", "empty.xml"]
    assert all(refused["why"] for refused in found.json["refused"])


def troubles(server: FeedServer) -> dict[str, str]:
    """Addresses that give no feed, and a word of what is to be said of each."""
    server.put("/rss/500", Answer(b"oops", 500))
    server.put("/rss/html", Answer(b"<html><title>Robot check</title></html>", headers={"Content-Type": "text/html"}))
    server.put("/rss/cut", rss(papers(), ON, closed=False))
    server.put("/rss/loop", Answer(status=302, headers={"Location": "/rss/loop"}))
    return {"500": "500", "html": "", "cut": "", "loop": "redirects"}


def test_addresses_that_give_no_feed_are_to_be_tried_later_and_cost_the_others_nothing(shell: Shell) -> None:
    with in_thread() as server:
        server.put("/rss/good", rss(papers(), ON))
        expected = troubles(server)
        urls = [f"{server.url}/rss/{name}" for name in expected]
        found = shell("poll", *urls[:2], f"{server.url}/rss/good", *urls[2:], "--json")
    assert found.status == 75
    assert (found.json["read"], found.json["new"]) == (7, 3)
    refused = {Path(one["where"]).name: one["why"] for one in found.json["refused"]}
    assert refused.keys() == expected.keys()
    assert all(word in refused[name] for name, word in expected.items())


@pytest.mark.parametrize("trouble", ["500", "html", "cut", "loop"])
def test_the_configured_feed_in_trouble_is_one_line_and_status_75(shell: Shell, trouble: str) -> None:
    with in_thread() as server:
        troubles(server)
        shell.env(PAPERROUND_ARXIV__FEED_URL=f"{server.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL")
        server._answers["/rss/cs.CL"] = server._answers[f"/rss/{trouble}"]
        found = shell("poll")
    assert found.status == 75
    assert len(found.err.splitlines()) == 1
    assert "stays as it is" in found.err


def test_without_network_stored_papers_are_still_searched_and_read(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    assert shell("poll", f"{refused_url()}/cs.CL").status == 75
    assert "QLoRA on a Boat" in shell("search", "boat").out
    assert "QLoRA on a Boat" in shell("digest", "boat").out


def test_import_tells_what_it_read_refused_and_cleaned_and_a_second_time_changes_nothing(shell: Shell) -> None:
    paths = [str(path) for path in write_documents(shell.folder).values()]
    (shell.folder / "odd.md").write_text("# Nothing of ours\n")
    found = shell("import", *paths, "odd.md", "gone.jsonl", "--json")
    assert found.status == 1
    assert list(found.json) == TALLY
    assert (found.json["read"], found.json["new"], found.json["merged"]) == (12, 9, 1)
    assert [refused["where"].partition(":")[0] for refused in found.json["refused"]] == ["odd.md", "gone.jsonl"]
    assert "cleaned:" in found.err
    again = shell("import", *paths, "--json")
    assert again.status == 0
    assert (again.json["unchanged"], again.json["new"]) == (again.json["read"], 0)


def test_search_gives_scripts_keys_links_summaries_and_scores_best_first(shell: Shell) -> None:
    shell("import", *map(str, write_documents(shell.folder).values()))
    found = shell("search", "Kettle", "--json")
    assert found.status == 0
    (kettle,) = found.json
    assert {"id", "keys", "title", "links", "summaries", "score"} <= kettle.keys()
    assert {"arxiv:2402.10001", "acl:2024.teapot-1.7"} <= set(kettle["keys"])
    assert any("aclanthology.org/2024.teapot-1.7" in link for link in kettle["links"])
    assert kettle["summaries"].keys() >= {"en", "zh-Hans"}
    assert "泡茶" in kettle["summaries"]["zh-Hans"]["title"]
    everything = shell("search", "茶 OR tea OR sugar OR knots", "--json").json
    scores = [one["score"] for one in everything]
    assert len(everything) > 2 and scores == sorted(scores, reverse=True)
    assert len(shell("search", "茶 OR tea OR sugar OR knots", "--json", "--limit", "2").json) == 2


def test_finding_nothing_is_an_answer(shell: Shell) -> None:
    found = shell("search", "unicorn", "--json")
    assert (found.status, found.json) == (0, [])
    assert shell("search", "unicorn").status == 0


def test_a_digest_is_printed_as_text_markdown_and_json(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    text = shell("digest", "LoRA OR parrots")
    assert text.status == 0
    assert text.out.startswith("3 new papers for LoRA OR parrots, Tuesday 8 April\n")
    assert "\x1b" not in text.out
    written = shell("digest", "parrots", "--as", "markdown").out
    assert "[Parrots \\*Count\\* \\[Again\\]](<https://arxiv.org/abs/2504.00003>)" in written
    found = shell("digest", "kettle", "--as", "json", "--on", "2025-04-08").json
    assert (found["on"], found["query"], found["language"]) == ("2025-04-08", "kettle", "en")
    assert [one["keys"][0] for one in found["papers"]] == ["arxiv:2504.00001"]


def test_a_digest_of_a_topic_speaks_the_language_that_was_asked_for(shell: Shell) -> None:
    shell("poll", shell.feed(*papers()))
    said = shell("digest", "peft", "--language", "zh-TW")
    heading = said.out.splitlines()[0]
    assert all(part in heading for part in ("2 篇", "高效微調", "4月8日"))


def test_a_day_without_announcements_is_told_and_scripts_get_an_empty_list(shell: Shell) -> None:
    said = shell("digest", "LoRA")
    assert said.status == 1
    assert "nothing has been announced yet" in said.err
    shell("poll", shell.feed(*papers()))
    empty = shell("digest", "LoRA", "--on", "2025-04-05", "--as", "json")
    assert (empty.status, empty.json["papers"]) == (1, [])
    nothing = shell("digest", "unicorn")
    assert nothing.status == 0
    assert nothing.out.startswith("Nothing new for unicorn")


def test_a_title_from_outside_cannot_steer_the_terminal_nor_break_the_json(shell: Shell) -> None:
    nasty = paper("2504.00009", "Tea\u202e \u009b31m\u2028 and \U0001d4aa\U0001f375", "We brew \u200fit.")
    shell("poll", shell.feed(nasty))
    for call in (("search", "tea"), ("digest", "tea"), ("search", "tea", "--json"), ("digest", "tea", "--as", "json")):
        out = shell(*call).out
        assert "Tea" in out
        assert not set(out) & {"\u202e", "\u009b", "\u200f", "\u2066"}
    assert "\U0001f375" in shell("search", "tea", "--json").json[0]["title"]
