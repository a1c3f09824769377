# ruff: noqa: E501 - a Chinese sentence has no place to be broken
"""docs/digests.md, written by the program itself: ``python -m tests.digests_page``.

A feed of six papers of our own making over loopback, then `paperround digest` for three topics in three languages,
after a model's server has made summaries and where there is none.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from bot.model import Address, Chat, FeedItem, Subscription
from storage.store import open_store
from tests.databases import sqlite_url
from tests.feeds_text import paper, rss
from tests.paths import ROOT
from tests.program import Program, environment
from tests.servers.feeds import Answer, FeedServer
from tests.servers.models import KEY, MODEL, ModelServer

PAGE = ROOT / "docs" / "digests.md"
ON = date(2025, 4, 8)
TOPICS = ("peft", "rag", "alignment")
LANGUAGES = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}

PAPERS: tuple[FeedItem, ...] = (
    paper(
        "2504.04101", "TeaLoRA: Low-Rank Adaptation on a Kettle's Budget",
        "Fine-tuning large models needs more memory than most kitchens have. In this paper, we propose TeaLoRA, a "
        r"low-rank adaptation that keeps $r \leq 4$ directions a layer and swaps the rest to disk. On 5 tasks it "
        "needs 38% less memory than LoRA at the same accuracy. Code is available at https://example.org/tealora.",
        categories=("cs.CL", "cs.LG"),
    ),
    paper(
        "2504.04102", "Which Layers Deserve an Adapter?",
        "Adapters are placed by habit. We study where PEFT pays, on 12 models and 9 tasks, and find that the last "
        "third of the layers gives nearly all of the gain. A rule that follows from it halves the parameters.",
        categories=("cs.LG",),
    ),
    paper(
        "2504.04103", "Librarian: Retrieval-Augmented Generation That Says Where It Looked",
        "Answers of language models seldom name their source. We introduce Librarian, a framework for "
        "retrieval-augmented generation that cites the passage behind each sentence and stays silent where there is "
        "none. Readers checked its citations in half the time.",
        categories=("cs.CL",),
    ),
    paper(
        "2504.04104", "Long Contexts Do Not Replace an Index",
        "It is often said that long contexts make RAG superfluous. This paper compares both on 3 collections of "
        "letters and shows that an index is cheaper from 200 pages on, and never less exact.",
        categories=("cs.CL",),
    ),
    paper(
        "2504.04105", "Polite Refusals: Preference Optimization for a Model That Explains Itself",
        "Models that refuse rarely say why. We present a variant of DPO that rewards a reason beside each refusal, "
        "trained on 4,000 pairs written by teachers. It refuses less often and is understood better.",
        categories=("cs.CL", "cs.AI"),
    ),
    paper(
        "2504.04106", "How Many Voices Make a Preference?",
        "RLHF averages over people who disagree. We prove a bound of $\\mathcal{O}(\\sqrt{n})$ on what averaging loses, "
        "and show on two surveys that three groups are enough to keep most of it.",
        categories=("cs.LG",),
    ),
)  # fmt: skip

_CHINESE = {
    "2504.04101": ("TeaLoRA：水壶预算下的低秩适应", "TeaLoRA 每层只保留少量低秩方向，在精度相同的情况下比 LoRA 节省 38% 的内存。"),
    "2504.04102": ("哪些层值得加适配器？", "在 12 个模型上的研究发现，适配器放在最后三分之一的层就能得到几乎全部收益。"),
    "2504.04103": ("Librarian：说明出处的检索增强生成", "Librarian 为每句回答注明所依据的段落，没有依据时保持沉默。"),
    "2504.04104": ("长上下文不能代替索引", "对 3 个书信集的比较表明，超过 200 页时索引更便宜，而且同样准确。"),
    "2504.04105": ("礼貌地拒绝：会解释自己的模型的偏好优化", "一种 DPO 变体奖励附带理由的拒绝，模型更少拒绝，也更容易被理解。"),
    "2504.04106": ("多少种声音才算偏好？", "本文证明了对意见求平均所造成损失的上界，并表明分成三组就能保留大部分信息。"),
}  # fmt: skip
_ENGLISH = {
    "2504.04101": "TeaLoRA keeps a few low-rank directions a layer and needs 38% less memory than LoRA.",
    "2504.04102": "Adapters in the last third of the layers give nearly all of the gain, on 12 models.",
    "2504.04103": "Librarian cites the passage behind each sentence, and stays silent where there is none.",
    "2504.04104": "On 3 collections of letters an index is cheaper than a long context from 200 pages on.",
    "2504.04105": "A variant of DPO rewards a reason beside each refusal; the model refuses less often.",
    "2504.04106": "Averaging over people who disagree loses little once they are kept in three groups.",
}


def book() -> dict[tuple[str, str], dict[str, object]]:
    """What the model says of each title, by language; the Traditional words are the program's own to make."""
    said: dict[tuple[str, str], dict[str, object]] = {}
    for item in PAPERS:
        name = item.key.partition(":")[2]
        title, headline = _CHINESE[name]
        said[item.title, "zh-Hans"] = {"headline": headline, "title": title, "abstract": headline, "subjects": []}
        said[item.title, "en"] = {"headline": _ENGLISH[name], "title": item.title, "abstract": "", "subjects": []}
    return said


async def written() -> str:
    """The page, from runs of the program in folders that are gone afterwards."""
    parts = [
        "# Digests as they come out\n",
        "Six papers of our own making, three topics, three languages: what `paperround digest` prints. "
        "`python -m tests.digests_page` writes this page anew by running the program.\n",
        "## With a model\n",
        "A server that speaks OpenAI's chat completions wrote a sentence a paper in English and in Simplified Chinese; "
        "the Traditional ones are converted from those, with Taiwan's words.\n",
        *await printed(with_model=True),
        "## Without one\n",
        "No server at all: each paper shows the sentence of its abstract that says what is new.\n",
        *await printed(with_model=False),
    ]
    return "\n".join(parts)


async def printed(
    with_model: bool, topics: Sequence[str] = TOPICS, languages: Sequence[str] = tuple(LANGUAGES)
) -> list[str]:
    """A block a topic and language: the call, and what it printed."""
    found = []
    with tempfile.TemporaryDirectory(prefix="paperround-digests-") as name:
        folder = Path(name)
        async with ModelServer() as model, FeedServer() as feeds:
            model.book = book()
            feeds.put("/rss/cs.CL+cs.LG", Answer(rss(PAPERS, ON, ("cs.CL", "cs.LG"))))
            env = environment(folder, f"{feeds.url}/rss", PAPERROUND_ARXIV__CATEGORIES="cs.CL,cs.LG")
            if with_model:
                env |= {"PAPERROUND_SUMMARIES__URL": model.url, "PAPERROUND_SUMMARIES__MODEL": MODEL}
                env["PAPERROUND_SUMMARIES__KEY"] = KEY
            _follow(folder / "data", ("en", "zh-Hans") if with_model else ())
            await _run(folder, env, "round", "--at", f"{ON}T08:30")
            for topic in topics:
                for language in languages:
                    call = ("digest", topic, "--on", ON.isoformat(), "--language", language)
                    out = await _run(folder, env, *call)
                    lines = "\n".join(line.rstrip() for line in out.strip("\n").split("\n"))
                    found.append(f"{LANGUAGES[language]}:\n\n```\n$ paperround {' '.join(call)}\n{lines}\n```\n")
    return found


def _follow(data: Path, languages: tuple[str, ...]) -> None:
    """Chats that follow the topics: a model is asked for what somebody will read."""
    data.mkdir(parents=True)
    store = open_store(sqlite_url(data))
    with store.transaction() as tx:
        for number, language in enumerate(languages, 1):
            at = datetime(ON.year, ON.month, ON.day, 6, tzinfo=UTC)
            chat = tx.open_chat(Chat(0, Address("telegram", str(number)), language=language, due_at=at))
            for topic in TOPICS:
                tx.subscribe(Subscription(0, chat.id, f"topic:{topic}"))
    store.close()


async def _run(folder: Path, env: dict[str, str], *arguments: str) -> str:
    async with Program(folder, env, *arguments) as program:
        if await program.ended():
            raise RuntimeError(f"paperround {' '.join(arguments)} failed: {program.log}")
    return program.out


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(written()), encoding="utf-8")
