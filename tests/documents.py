# ruff: noqa: E501 - the row of a table cannot be broken
"""Small digest documents of the tests' own, one in each layout that is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

TWIN_TITLE = "Kettle: Low-Rank Tea for Language Models"
"""The paper that stands in REFERENCES as arxiv:2402.10001 and in PAPER_LIST as acl:2024.teapot-1.7."""

REFERENCES = """\
# 摘要

| Ref | Title | Summary |
| --- | --- | --- |
| [^1] | [Kettle: Low-Rank Tea for Language Models](https://rss.arxiv.org/abs/2402.10001) | 本文提出了Kettle，一种为语言模型泡茶的低秩方法。 |
| [^2] | [Do Parrots Count | A Benchmark](https://arxiv.org/abs/2402.10002) | 本文介绍了一个测试鹦鹉计数能力的基准。 |
| [^3] | [Knots in $\\mathcal{O}(n^2)$ Time.](http://arxiv.org/abs/hep-th/9901001) | 证明了绳结可以在平方时间内解开。 |

# 详细

[^1]: Kettle：语言模型的低秩泡茶法

    Kettle: Low-Rank Tea for Language Models

    [https://rss.arxiv.org/abs/2402.10001](https://rss.arxiv.org/abs/2402.10001)

    本文提出了Kettle，一种为语言模型泡茶的低秩方法。

    This paper proposes Kettle, a low-rank way of making tea for language models.

    泡茶需要时间。本文提出了Kettle，一种低秩方法，把水温分解为两个小矩阵。

    arXiv:2402.10001v2 Announce Type: replace  Abstract: Making tea takes time. In this paper, we propose Kettle, a \
low-rank method that factors the temperature of water into two small matrices. It is three times as fast as a pot.

[^2]: 鹦鹉会数数吗？一个基准

    Do Parrots Count | A Benchmark

    [https://arxiv.org/abs/2402.10002](https://arxiv.org/abs/2402.10002)

    本文介绍了一个测试鹦鹉计数能力的基准。

    \n
    公告类型并不重要。我们介绍了一个包含一千只鹦鹉的基准。

    We introduce a benchmark of one thousand parrots that count to ten.

[^3]: 平方时间内的绳结

    Knots in $\\mathcal{O}(n^2)$ Time. (arXiv:hep-th/9901001v3 [hep-th] UPDATED)

    [http://arxiv.org/abs/hep-th/9901001](http://arxiv.org/abs/hep-th/9901001)

    证明了绳结可以在平方时间内解开。

    \n
    我们证明了绳结可以在平方时间内解开。

    We prove that knots are undone in quadratic time.

"""

PAPER_LIST = """\
# PaperSummary
___
## Kettle: Low-Rank Tea for Language Models
原文：https://aclanthology.org/2024.teapot-1.7/
### abstract
泡茶需要时间。在本文中，我们提出了 Kettle，一种低秩泡茶方法。代码已公开。
___
## Whispering to Teapots
原文：https://aclanthology.org/2024.teapot-long.12/
### abstract
茶壶很难听懂人的话。我们介绍了一种与茶壶低声交谈的新方法，它不需要任何训练数据。
"""

MONTHLY = """\
| 日期 | 名稱 | 摘要 | 主題 |
| --- | --- | --- | --- |
| 2024年5月31日 | [Cups That Remember](https://arxiv.org/pdf/2405.20001) | 記憶是困難的。本文介紹了一種會記住茶味的杯子。 | 茶具，長期記憶 |
| 2024年5月2日 | [Steam as Attention](https://arxiv.org/pdf/2405.20002v2.pdf) | 我們提出了一種新穎的蒸氣機制，並證明它能集中注意力。 | 注意力, 蒸氣、熱 |
"""

SUMMARY_LINES: tuple[dict[str, object], ...] = (
    {
        "id": "2305.30001",
        "title": "Sugar and Gradients. (arXiv:2305.30001v1 [cs.LG])",
        "abstract": "Sugar dissolves. We show that gradients dissolve in the same way.",
        "link": "http://arxiv.org/abs/2305.30001",
        "translated_title": "论文标题：糖与梯度。（arXiv：2305.30001v1 [cs.LG]）",
        "translated_abstract": "arXiv:2305.30001v1 公告类型：替换-交叉 摘要：糖会溶解。我们证明梯度也会以同样的方式溶解。",
        "tldr": "证明了梯度像糖一样溶解。",
        "en_tdlr": "Gradients are shown to dissolve like sugar.",
    },
    {
        "id": "2305.30002",
        "title": "Milk First? (arXiv:2305.30002v2 [econ.GN] UPDATED)",
        "abstract": "Whether milk goes first is an old question. This study asks ten thousand",
        "link": "http://arxiv.org/abs/2305.30002",
        "translated_title": "Milk First?",
        "translated_abstract": "很抱歉，我无法翻译这段文字。",
        "tldr": "对一万人的研究表明...",
        "en_tldr": "",
    },
)

METADATA_LINE: dict[str, object] = {
    "id": "1812.40001",
    "title": "Spoons,\n  Sparsely",
    "abstract": "We bend spoons\nsparsely.",
    "authors": ["Ada Löffel", "Bo Spoon"],
    "categories": ["cs.CV", "hep-th", "68T45, 62H30", "I.5.3; I.2.10", "physics.ao-ph"],
    "comment": None,
    "days": ["2025-10-14", "2025-10-13"],
}


def json_lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write_documents(folder: Path) -> dict[str, Path]:
    """All of them in ``folder``, by name: 3 + 2 + 2 + 2 + 1 entries, which are 9 papers."""
    paths = {
        "references": folder / "references.md",
        "paper-list": folder / "paper-list.txt",
        "monthly": folder / "monthly.md",
        "summaries": folder / "summaries.jsonl",
        "metadata": folder / "metadata.jsonl.gz",
    }
    paths["references"].write_text(REFERENCES, encoding="utf-8")
    paths["paper-list"].write_text(PAPER_LIST, encoding="utf-8")
    paths["monthly"].write_text(MONTHLY, encoding="utf-8")
    paths["summaries"].write_text(json_lines(*SUMMARY_LINES), encoding="utf-8")
    paths["metadata"].write_bytes(gzip.compress(json_lines(METADATA_LINE).encode()))
    return paths
