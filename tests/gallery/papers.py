"""The papers of the gallery: some to look at, and some as nasty as real ones are. All are of our own making; where the
real ones lie beside the project, the worst of those are taken too, in memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from adapters.sources.arxiv import parse_feed
from bot.model import Arrival, FeedItem, Kind, SummaryText
from tests.feeds_text import paper
from tests.paths import SHARED

MONDAY = date(2025, 4, 7)
TUESDAY, WEDNESDAY, SATURDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 5))
REAL_FEED = SHARED / "data" / "arxiv-feeds" / "2025-04-08__cs.CL+cs.CV+cs.MM+cs.LG+cs.SI.xml"
REAL_WORDS = SHARED / "data" / "corpus" / "zh-summaries.jsonl.gz"

_FINE: Sequence[tuple[str, str, Sequence[str], str, Sequence[str], str]] = (
    # title, abstract, authors, English headline, (Simplified title, headline, abstract), category
    (
        "A Small Study of Low-Rank Adapters on Long Documents",
        "Low-rank adapters (LoRA) are usually measured on short prompts. We ask what they keep of a document of a "
        "hundred pages. Over 11 tasks and 4 models of 1 to 13 billion parameters, adapters of rank 16 keep 97% of the "
        "accuracy of full fine-tuning at a tenth of the memory; what they lose is lost in the last third of the "
        r"document, where attention to early pages decays as $\mathcal{O}(n^{-1/2})$. A second adapter on the key "
        "projections alone brings half of that back. Code: https://github.com/example-lab/long-lora",
        ("Ada Example", "Wei Beispiel", "Noor Ejemplo", "Jun Tatoe"),
        "Low-rank adapters keep 97% of full fine-tuning's accuracy on 100-page documents at a tenth of the memory.",
        (
            "长文档上的低秩适配器研究",
            "在百页长文档上，低秩适配器以十分之一的显存保留了全量微调 97% 的准确率。",
            "低秩适配器（LoRA）通常只在短提示上评测。我们考察它在百页长文档上能保留多少能力：在 11 个任务、4 个模型上，"
            "秩为 16 的适配器以十分之一的显存保留了全量微调 97% 的准确率；损失集中在文档的最后三分之一。"
            "仅在键投影上再加一个适配器，就能补回其中一半。",
        ),
        "cs.CL",
    ),
    (
        r"QLoRA in $\mathcal{O}(n \log n)$: Sorting Weights Before Quantization",
        r"We sort the weights of each row before 4-bit quantization, so that the error of a block falls by a factor of "
        r"two while $\|W - \hat{W}\|_2 \leq \epsilon$ holds for every layer. QLoRA adapters trained on the sorted "
        "weights need no new parameters.",
        ("Mina Muster", "Jan Novak"),
        "Sorting weights before 4-bit quantization halves the error of quantized adapters without new parameters.",
        (
            r"先排序再量化：$\mathcal{O}(n \log n)$ 的 QLoRA",
            "在 4 比特量化之前对权重排序，可在不增加参数的情况下将量化适配器的误差减半。",
            "我们在 4 比特量化前对每一行权重排序，使每个块的误差减半。",
        ),
        "cs.LG",
    ),
    (
        "When Does Retrieval Hurt? RAG Under Contradicting Sources",
        "Retrieval-augmented generation (RAG) is said to help. With sources that contradict each other it does not: "
        "accuracy falls below that of the bare model once more than a third of the passages disagree. A vote over "
        "passages, which costs one more call, repairs what was lost.",
        ("Lena Prova", "Tomás Exemplo", "Kim Yerang"),
        "Retrieval lowers accuracy once more than a third of the retrieved passages contradict each other; "
        "a vote repairs it.",
        (
            "检索何时有害？来源矛盾下的 RAG",
            "当超过三分之一的检索段落相互矛盾时，检索会降低准确率；简单投票即可修复。",
            "检索增强生成被认为总是有益。当来源相互矛盾时并非如此：一旦超过三分之一的段落不一致，准确率就低于不检索的模型。",
        ),
        "cs.CL",
    ),
    (
        "Counting Parrots: A Benchmark of Diffusion Models That Must Not Lose Anybody",
        "Asked for twelve parrots, a diffusion model draws nine. We give 4,000 prompts with numbers up to 40, and a "
        "detector that agrees with people in 98.1% of pictures.",
        ("Olga Primer",),
        "Asked for twelve parrots, diffusion models draw nine; 4,000 prompts measure by how much they miscount.",
        (
            "数鹦鹉：检验扩散模型计数能力的基准",
            "要求画十二只鹦鹉，扩散模型只画九只；4,000 条提示衡量其计数误差。",
            "要求画十二只鹦鹉，扩散模型只画了九只。我们给出 4,000 条带数字的提示和一个检测器。",
        ),
        "cs.CV",
    ),
    (
        "Tea Leaves and Token Budgets: Speculative Decoding for Small Kitchens",
        "Speculative decoding with LoRA drafts on a machine with 8 GB. Drafts of four tokens are accepted in 71% of "
        "cases.",
        ("Priya Udaharan", "Sam Example", "Ng Thi Du"),
        "Drafts of four tokens by a LoRA adapter are accepted in 71% of cases on a machine with 8 GB.",
        (
            "茶叶与词元预算：小厨房里的推测解码",
            "在 8 GB 的机器上，LoRA 草稿的四词元提议有 71% 被接受。",
            "在 8 GB 的机器上用 LoRA 草稿做推测解码。",
        ),
        "cs.CL",
    ),
)

_LONG_NAME = "A. Very-Long-Family-Name-Of-The-Northern-Branch (Department of Things, University of Places)"
_RTL = "\u202eهذا عنوان\u202c \u2067עברית\u2069"
_NASTY: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        "LoRA @everyone @here <@123456789012345678> <#1> <@&2> :tada: #general /start@paperround_bot t.me/joinchat",
        "Ping @everyone, @here and @durov_the_reader; mail lora@example.org; see /subscribe and #lora, $LORA.",
        ("@everyone", "O'Neil @here", "<@&42>"),
    ),
    (
        "LoRA <b>bold</b> <script>alert(1)</script> & AT&T &amp; &lt;think&gt; &copy; \"quoted\" 'single' <think>",
        "If $p<q$ & $r>s$ then <think> a &lt; b </think> \\& c. <a href='http://x.example'>x</a> &#x41; &nbsp; done.",
        ("A <b>Nother", "AT&T Research", 'Bo "The" Quote'),
    ),
    (
        "LoRA *stars* _under_score_ __double__ ~~struck~~ ||spoiler|| `code` ```block``` [link](http://x.example) > q",
        "# heading\n## two\n- list\n* star\n1. one\n> quote\n>>> all\n-# small\n`a` ``b`` ```c``` _d_ **e** \\*f\\* "
        "[g](h) ![i](j) <https://k.example> https://example.org/under_score_path_(round)?a=1&b=2#c",
        ("snake_case_name", "*Star* Author", "Under__Score"),
    ),
    (
        r"LoRA: $\alpha_{i}^{2} \to \sum_{k=1}^{\infty} \frac{x_k}{\sqrt{1-\beta}}$ and $\mathbb{E}[\|\theta\|_2^2]$ "
        r"for \textbf{Na\"ive} {\L}ukasz, \emph{\'Etienne} \& $50\%$ of $\mathcal{O}(n^{2^{n}})$",
        r"We prove $\forall \epsilon > 0\ \exists \delta$ with $\left| f(x) - \begin{cases} 1 & x<0 \\ 0 \end{cases} "
        r"\right| < \epsilon$, at \$5 a run, 50% off, and a lone $ sign. \url{https://example.org/a_b} \cite{x} "
        r"\unknowncommand{y} $$ \int_0^1 x\,dx $$ {unbalanced $a_{b$",
        (r"\'Etienne Fran\c{c}ois", r"Ji\v{r}\'{\i} Nov\'ak", r"{\O}ystein {\AA}s"),
    ),
    (
        f"LoRA {_RTL} 🦜👩‍👩‍👧‍👦🇹🇼 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 z̷̢͝a̵l̸g̶o\u200b\u200d\u2066 \u0000 tab\there\x1b[31m",
        "🦜" * 400 + " 👩‍👩‍👧‍👦" * 60 + " " + _RTL * 8,
        ("👩‍🔬 Emoji", "\u202eReversed\u202c", "名前 太郎", "Z̷a̵l̸g̶o"),
    ),
    (
        "LoRA " + "with an exceedingly, unreasonably and demonstrably long title that never ends " * 7,
        "An abstract of a great many words about LoRA. " * 190,
        tuple(f"{_LONG_NAME} {n}" for n in range(60)),
    ),
    (
        "LoRA-" + "Unbreakable" * 60,
        "Nospacesatall" * 400,
        ("X" * 400, "Y" * 400, "Z" * 400),
    ),
    (
        "LoRA 低秩适配：" + "一个非常长的中文标题，" * 30,
        "这是一篇没有空格的长摘要，" * 300,
        ("王小明", "歐陽詢", "李"),
    ),
    ("LoRA", "x", ()),
    ("LoRA {evil} {} {0} %s %(x)s {x.__class__} ${HOME} {{braces}}", "{evil} {0} more {1}", ("{nobody}", "%d")),
    ("lora, in lower case; and nothing\nelse\n\n\nbut lines", "One.\n\nTwo.\r\nThree.\u2028Four.\u2029Five.", ("One",)),
)


def fine(on: date = MONDAY) -> list[FeedItem]:
    """Papers to look at, with words in two languages."""
    made = []
    for number, (title, abstract, authors, headline, (own, told, whole), category) in enumerate(_FINE, 11):
        words = SummaryText("en", headline), SummaryText("zh-Hans", told, own, whole)
        one = paper(f"2504.{number:05d}", title, abstract, authors=authors, categories=(category, "stat.ML"))
        made.append(replace(one, announced_on=on, summaries=words))
    return made


def nasty(on: date = MONDAY, first: int = 101) -> list[FeedItem]:
    """Papers that try to break out of every format and every limit; each second one has words as nasty in Chinese."""
    made = []
    for number, (title, abstract, authors) in enumerate(_NASTY, first):
        one = paper(f"2504.{number:05d}", title, abstract, authors=authors, categories=("cs.CL",), version=3)
        words = SummaryText("zh-Hans", f"中文 {abstract[:700]}", f"标题 {title}", f"摘要 {abstract}")
        made.append(replace(one, announced_on=on, summaries=(words,) if number % 2 else ()))
    return made


def late() -> list[FeedItem]:
    """What of Monday was missed and is found on Tuesday."""
    return [
        replace(one, key=f"{one.key[:-2]}{n}", arrival=Arrival.LATE, title=f"{one.title} Found Later")
        for n, one in enumerate(fine(), 31)
    ][:3]


def news() -> list[FeedItem]:
    """Tuesday: a cross-list, a new version, a publication, and papers that are new."""
    first, second, third, *_ = fine(TUESDAY)
    new = [
        replace(one, key=f"{one.key[:-2]}{n}", title=f"{one.title}, Again") for n, one in enumerate(fine(TUESDAY), 41)
    ]
    crossed = replace(new[0], key="arxiv:2504.00051", kind=Kind.CROSS, title="LoRA Crossed Over", summaries=())
    again = replace(first, kind=Kind.REPLACE, version=2, summaries=())
    published = replace(third, key="acl:2025.acl-long.7", version=None, links=(), categories=(), summaries=())
    return [*new[:3], crossed, again, published, replace(second, kind=Kind.REPLACE, version=4, summaries=())]


def real(most: int = 12) -> list[FeedItem]:
    """The worst of one real day and of the real Chinese words; none where they are not beside the project."""
    return [*_of_the_feed(most), *_of_the_corpus(most)]


def _of_the_feed(most: int) -> Iterator[FeedItem]:
    if not REAL_FEED.exists():
        return
    items = [one for one in parse_feed(REAL_FEED.read_bytes(), "real").items if one.kind in (Kind.NEW, Kind.CROSS)]
    found: dict[str, FeedItem] = {}
    for measure in (
        lambda one: len(one.title), lambda one: len(one.abstract), lambda one: len(", ".join(one.authors)),
        lambda one: one.abstract.count("$"), lambda one: sum(map(one.abstract.count, "<&_*@#")),
        lambda one: one.title.count("$") * 9 + one.title.count("\\"),
    ):  # fmt: skip
        found |= {one.key: one for one in sorted(items, key=measure, reverse=True)[: most // 4]}
    for one in found.values():
        yield replace(one, announced_on=MONDAY)


def _of_the_corpus(most: int) -> Iterator[FeedItem]:
    if not REAL_WORDS.exists():
        return
    with gzip.open(REAL_WORDS, "rt", encoding="utf-8") as lines:
        told = [json.loads(line) for line, _ in zip(lines, range(4000), strict=False)]
    for name in ("translated_title", "translated_abstract", "tldr", "title"):
        for one in sorted(told, key=lambda one: len(one.get(name) or ""), reverse=True)[: most // 4]:
            words = SummaryText("zh-Hans", one["tldr"] or "", one["translated_title"] or "", one["translated_abstract"])
            item = paper(str(one["id"]), one["title"], one["abstract"], authors=())
            yield replace(item, announced_on=MONDAY, summaries=(words,))
