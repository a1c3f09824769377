"""A paper as BibTeX and RIS, for reference managers. Pure; text in UTF-8.

BibTeX: arXiv's fields as https://info.arxiv.org/help/hypertex/bibstyles.html has them, the Anthology's entries as its
own. RIS: tags as https://en.wikipedia.org/wiki/RIS_(file_format) lists them; its lines end in CR LF.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from bot.keys import link_from_key, source_of, venue_of
from bot.model import Paper
from bot.text import readable

_OLD_ARXIV = re.compile(r"[a-z-]+/(\d{2})(\d{2})\d{3}")
_MATH = re.compile(r"(?<!\\)(?:\\\\)*\$[^$]*(?<!\\)\$")
_SPECIAL = re.compile(r"(?<!\\)((?:\\\\)*)([&%#_^~])")
_LETTERS = {"^": "\\^{}", "~": "\\~{}"}
_PARTICLES = frozenset({
    "van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "el", "al", "bin", "ibn",
    "ten", "ter", "zu", "zur", "af",
})  # fmt: skip


def bibtex(paper: Paper) -> str:
    """One entry, ended by a newline: ``@inproceedings`` for what stands in the Anthology, ``@misc`` for others."""
    names = _names(paper)
    fields = {
        "title": f"{{{tex(paper.title)}}}",
        "author": " and ".join(map(_author, paper.authors)),
        "booktitle": tex(venue_of(f"acl:{names['acl']}")) if "acl" in names else "",
        "journal": "" if "acl" in names else tex(paper.journal),
        "year": year_of(paper),
        "eprint": names.get("arxiv", ""),
        "archivePrefix": "arXiv" if "arxiv" in names else "",
        "primaryClass": paper.primary_category if "arxiv" in names else "",
        "doi": _doi(paper),
        "url": _address(paper),
    }
    kind = "inproceedings" if fields["booktitle"] else "article" if fields["journal"] else "misc"
    width = max(map(len, fields))
    lines = "".join(f"  {name:<{width}} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{citation_key(paper)},\n{lines}}}\n"


def ris(paper: Paper) -> str:
    """One record, from ``TY`` to ``ER``; CPAPER for what stands in the Anthology, JOUR with a journal, else UNPB."""
    names = _names(paper)
    venue = venue_of(f"acl:{names['acl']}") if "acl" in names else ""
    kind = "CPAPER" if "acl" in names else "JOUR" if paper.journal else "UNPB"
    on = paper.first_announced_on or paper.dated_on
    tags = [
        ("TY", kind),
        ("TI", readable(paper.title)),
        *(("AU", _inverted(name)) for name in paper.authors),
        ("T2", venue or paper.journal),
        ("PY", year_of(paper)),
        # The day of an announcement is that of the preprint, not of the proceedings.
        ("DA", f"{on:%Y/%m/%d}" if on and str(on.year) == year_of(paper) else ""),
        ("AB", readable(paper.abstract)),
        *(("KW", subject) for subject in (*paper.categories, *paper.subjects)),
        ("DO", _doi(paper)),
        ("AN", f"arXiv:{names['arxiv']}" if "arxiv" in names else ""),
        ("UR", _address(paper)),
    ]
    lines = (f"{tag}  - {_line(value)}\r\n" for tag, value in tags if value.strip())
    return "".join(lines) + "ER  - \r\n"


def citations(papers: Iterable[Paper], form: str) -> str:
    """Many papers, ``form`` is ``bibtex`` or ``ris``, one record after the other."""
    return ("\n" if form == "bibtex" else "\r\n").join(map(bibtex if form == "bibtex" else ris, papers))


def citation_key(paper: Paper) -> str:
    """``gerstgrasser2024-2404.01413``: the first author, the year, the id. The same paper has the same key wherever it
    is cited, and no other has it."""
    name = _names(paper)
    id_ = name.get("acl") or name.get("arxiv") or paper.key.partition(":")[2]
    surname = _inverted(paper.authors[0]).partition(",")[0] if paper.authors else ""
    plain = unicodedata.normalize("NFKD", readable(surname)).lower()
    first = "".join(c for c in plain if c.isascii() and c.isalpha())[:40] or source_of(paper.key)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-./:_+") else f"-{ord(c):x}-" for c in id_)
    return f"{first}{year_of(paper)}-{safe}"


def year_of(paper: Paper) -> str:
    """The year of publication, which the ids hold (https://info.arxiv.org/help/arxiv_identifier.html,
    https://aclanthology.org/info/ids/); of others the year of the first date known, empty without one."""
    names = _names(paper)
    if acl := names.get("acl"):
        return acl[:4] if acl[:4].isdecimal() else _century(int(acl[1:3]), 50)
    if arxiv := names.get("arxiv"):
        old = _OLD_ARXIV.fullmatch(arxiv)
        return _century(int(old[1]), 90) if old else f"20{arxiv[:2]}"
    dates = [on for on in (paper.first_announced_on, paper.dated_on) if on]
    return str(min(dates).year) if dates else ""


def tex(text: str) -> str:
    """A text, raw as arXiv gives it, as TeX takes it: formulas and commands stay, ``& % # _ ^ ~`` outside of formulas
    are escaped, and what would end a field or never end is written out."""
    text = _line(text)
    if not _balanced(text) or not all(map(_balanced, _MATH.findall(text))):
        text = _line(text.replace("{", "").replace("}", ""))
    parts, end = [], 0
    for formula in _MATH.finditer(text):
        parts += [_escaped(text[end : formula.start()]), formula[0]]
        end = formula.end()
    found = "".join([*parts, _escaped(text[end:])])
    # An odd backslash at the end would take the brace that closes the field.
    trailing = len(found) - len(found.rstrip("\\"))
    return f"{found[:-1]}\\textbackslash{{}}" if trailing % 2 else found


def _escaped(text: str) -> str:
    text = re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1\\$", text)  # a dollar sign that opens nothing
    return _SPECIAL.sub(lambda found: found[1] + _LETTERS.get(found[2], f"\\{found[2]}"), text)


def _balanced(text: str) -> bool:
    """Whether every brace has its partner. BibTeX counts escaped ones too
    (http://tug.ctan.org/info/bibtex/tamethebeast/ttb_en.pdf)."""
    depth = 0
    for c in text:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0


def _author(name: str) -> str:
    name = tex(name)
    # "and" parts people, and more than two commas are an error.
    return f"{{{name}}}" if re.search(r"\band\b", name, re.IGNORECASE) or name.count(",") > 2 else name


def _inverted(name: str) -> str:
    """``Jane van der Berg``: ``van der Berg, Jane``; a name with a comma, or of one word, as it is."""
    words = readable(name).split()
    if len(words) < 2 or any("," in word for word in words):
        return " ".join(words)
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    return f"{' '.join(words[start:])}, {' '.join(words[:start])}"


def _names(paper: Paper) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in paper.keys:
        found.setdefault(source_of(key), key.partition(":")[2])
    return found


def _doi(paper: Paper) -> str:
    return _names(paper).get("doi", "")


def _address(paper: Paper) -> str:
    """Of the proceedings before the preprint."""
    order = sorted(paper.keys, key=lambda key: source_of(key) != "acl")
    found: Iterator[str] = filter(None, map(link_from_key, order))
    return next(found, "").replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")


def _century(year: int, first: int) -> str:
    return str((1900 if year >= first else 2000) + year)


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in text).split())
