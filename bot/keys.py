"""What papers are called: keys, the links that name one, and what people paste.

A key is ``arxiv:2403.17919``, ``arxiv:hep-th/9901001`` (https://info.arxiv.org/help/arxiv_identifier.html),
``acl:2024.bionlp-1.75``, ``acl:P17-1001`` (https://aclanthology.org/info/ids/) or ``doi:10.1000/182``, never with a
version. Nothing here is ever fetched; texts longer than 1,000 characters name nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 1000
"""Characters of the longest text that is looked at."""

_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga"
    "|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics"
    "|plasm-ph|q-alg|q-bio|q-fin|quant-ph|solv-int|stat|supr-con"
)
_ARXIV_ID = (
    rf"(?:(?P<new>[0-9]{{2}}(?:0[1-9]|1[0-2])\.[0-9]{{4,5}})"
    rf"|(?P<archive>{_ARCHIVES})(?:\.[a-z]{{2}})?/(?P<number>[0-9]{{7}}))(?:v[0-9]{{1,3}})?"
)
_ACL_NEW = r"[0-9]{4}\.[a-z0-9_]{1,40}-[a-z0-9_]{1,20}\.[0-9]{1,5}"
_ACL_VENUE = re.compile(r"acl:(?P<year>[0-9]{4})\.(?P<venue>[a-z0-9_]+)-(?P<volume>[a-z0-9_]+)\.[0-9]+", re.A)
_ACL_ID = rf"(?P<acl>{_ACL_NEW}|[a-z][0-9]{{2}}-[0-9]{{4,5}})"
_URL = r"(?:https?://)?"
_TAIL = r"/?(?:[?#]\S*)?"

_ASCII = re.compile(r"[!-~]+")

_ARXIV_TEXT = re.compile(rf"(?:arxiv:\s?)?{_ARXIV_ID}(?:\s\[[a-z.-]{{1,20}}\])?", re.I | re.A)
_ARXIV_LINK = re.compile(
    rf"{_URL}(?:(?:[a-z0-9-]{{1,20}}\.){{0,2}}(?:arxiv|alphaxiv|ar5iv)\.org"
    rf"/(?:abs|pdf|html|format|ps|src|e-print|overview|forum)|(?:www\.)?huggingface\.co/papers)"
    rf"/{_ARXIV_ID}(?:\.pdf)?{_TAIL}",
    re.I | re.A,
)
_ACL_TEXT = re.compile(rf"acl:{_ACL_ID}|(?P<bare>{_ACL_NEW})", re.I | re.A)
_ACL_LINK = re.compile(
    rf"{_URL}(?:www\.)?(?:aclanthology\.(?:org|info)|aclweb\.org)/(?:anthology/|papers/)?"
    rf"{_ACL_ID}(?:\.pdf|\.bib|v[0-9]\.pdf)?{_TAIL}",
    re.I | re.A,
)
_DOI = r"(?P<doi>10\.[0-9]{4,9}/\S{1,190})"
_DOI_TEXT = re.compile(rf"(?:{_URL}(?:dx\.|www\.)?doi\.org/|doi:\s?)?{_DOI}", re.I | re.A)
_DOI_LINK = re.compile(rf"{_URL}(?:dx\.|www\.)?doi\.org/{_DOI}", re.I | re.A)
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ARXIV_ID}", re.I | re.A)
_ACL_DOI = re.compile(rf"10\.18653/v1/{_ACL_ID}", re.I | re.A)


def parse_reference(text: str) -> str | None:
    """The key that ``text`` as a whole names: an arXiv id (``2403.17919``, ``arXiv:2403.17919v2``,
    ``hep-th/9901001``), an Anthology id, a DOI or a link to one of them; None for anything else."""
    text = _bare(text)
    if not text:
        return None
    if match := _ARXIV_TEXT.fullmatch(text):
        return _arxiv(match)
    if match := _ACL_TEXT.fullmatch(text):
        return _acl(match["acl"] or match["bare"])
    if match := _DOI_TEXT.fullmatch(text):
        return keys_from_doi(match["doi"])[-1]
    return key_from_link(text) or None


def references_in(text: str) -> list[str]:
    """The keys of all papers that a text names among other words, each once, in their order; of its first 4,000
    characters. A mere number is an arXiv id only where it stands by itself.

    >>> references_in("Look at https://arxiv.org/abs/2106.09685v2, and at (arXiv:2305.14314)!")
    ['arxiv:2106.09685', 'arxiv:2305.14314']
    """
    words = (word.strip("()[]{}<>\"'`*_,;:!?.") for word in _ASCII.findall(text[:4000]))
    return list(dict.fromkeys(key for word in words if (key := parse_reference(word))))


@lru_cache(8192)
def key_from_link(url: str) -> str:
    """The key of the paper whose page or PDF ``url`` is; empty for any other address."""
    url = _bare(url)
    if match := _ARXIV_LINK.fullmatch(url):
        return _arxiv(match)
    if match := _ACL_LINK.fullmatch(url):
        return _acl(match["acl"])
    if match := _DOI_LINK.fullmatch(url):
        return keys_from_doi(match["doi"])[-1]
    return ""


def link_from_key(key: str) -> str:
    """The page that tells of the paper (never its PDF); empty for a key of no known source."""
    source, _, name = key.partition(":")
    match source:
        case "arxiv":
            return f"https://arxiv.org/abs/{name}"
        case "acl":
            return f"https://aclanthology.org/{name}/"
        case "doi":
            return f"https://doi.org/{name}"
    return ""


def keys_from_doi(doi: str) -> tuple[str, ...]:
    """Every key that a DOI is; empty where it is none.

    arXiv's own DOIs (``10.48550``, https://info.arxiv.org/help/doi.html) are its ids written otherwise; those of the
    Anthology (``10.18653/v1``) hold its ids, the source's id last.
    """
    match = _DOI_TEXT.fullmatch(_bare(doi))
    if match is None:
        return ()
    name = match["doi"].casefold()
    if arxiv := _ARXIV_DOI.fullmatch(name):
        return (_arxiv(arxiv),)
    if acl := _ACL_DOI.fullmatch(name):
        return (f"doi:{name}", _acl(acl["acl"]))
    return (f"doi:{name}",)


def venue_of(key: str) -> str:
    """Where an Anthology id of today's form was published (https://aclanthology.org/info/ids/); empty for all others.

    >>> venue_of("acl:2024.emnlp-main.7"), venue_of("acl:2024.findings-acl.7")
    ('EMNLP 2024', 'Findings of ACL 2024')
    """
    match = _ACL_VENUE.fullmatch(key)
    if match is None:
        return ""
    findings = match["venue"] == "findings"
    name = (match["volume"] if findings else match["venue"]).upper()
    return f"Findings of {name} {match['year']}" if findings else f"{name} {match['year']}"


def source_of(key: str) -> str:
    """``arxiv``, ``acl`` or ``doi``: the part before the colon."""
    return key.partition(":")[0]


def _bare(text: str) -> str:
    return text.strip().strip("<>,;").rstrip(".") if len(text) <= LONGEST else ""


def _arxiv(match: re.Match[str]) -> str:
    # math.GT/0309136 and math/0309136 are one paper: the subject class is no part of the id.
    return f"arxiv:{match['new']}" if match["new"] else f"arxiv:{match['archive'].lower()}/{match['number']}"


def _acl(name: str) -> str:
    return f"acl:{name.upper() if name[0].isalpha() else name.lower()}"
