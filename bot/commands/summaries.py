"""What is stored about a paper in each language, where it is from, and how admins correct it by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from bot.commands.context import Context, language_named, note, require_admin
from bot.errors import BadInput
from bot.keys import parse_reference
from bot.model import CURATED, Deed, Paper, Summary
from bot.pages import address_of, shorten
from bot.ports import Caller, Transaction
from bot.replies import Block, BlockKind, Reply, Span, Style, bold, code, italic, link, paragraph, plain, say
from bot.summaries import best_summary
from bot.text import readable
from bot.words import Words, language_name

LONGEST = {"headline": 420, "title": 300, "abstract": 3_000}
"""Characters of each field: what a card shows of it."""
_NAMES = {
    "headline": "headline", "提要": "headline", "title": "title", "标题": "title", "標題": "title",
    "abstract": "abstract", "摘要": "abstract",
}  # fmt: skip
_LABEL = "|".join(_NAMES)
_ON_LINES = re.compile(rf"^\s*({_LABEL})\s*[:：]", re.IGNORECASE | re.MULTILINE)
_IN_A_ROW = re.compile(rf"(?:^|\s)({_LABEL})\s*[:：]", re.IGNORECASE)
_SHOWN = 300
"""Characters of an abstract where several languages are shown."""


def summary(context: Context, caller: Caller, argument: str) -> Reply:
    """``ID``: the words in each language and where they are from. ``ID LANGUAGE headline: …``, with ``title:`` and
    ``abstract:`` on lines of their own or in a row, corrects them, ``ID LANGUAGE remove`` takes that back: for the
    instance's admins."""
    words = context.words(caller)
    first, rest = _cut(argument)
    if first.casefold() == "edit":
        first, rest = _cut(rest)
    if not first:
        return _usage(words)
    key = parse_reference(first)
    if key is None:
        raise BadInput(
            words.say("{name} names no paper: write an id like 2403.17919, or a link to it.", name=shorten(first, 60))
        )
    with context.store.reading() as tx:
        paper = tx.paper_by_key(key)
        stored = tx.summaries([paper.id]).get(paper.id, ()) if paper else ()
    if paper is None:
        name = key.partition(":")[2]
        raise BadInput(
            words.say("{name} is not stored here: this bot knows what its feeds and imports brought.", name=name)
        )
    if not rest:
        return _page(words, paper, stored)
    require_admin(words, caller)
    tag, told = _cut(rest)
    offered = tuple(dict.fromkeys((*context.config.languages, "en", *(one.language for one in stored))))
    language = language_named(tag, offered)
    if language is None:
        raise BadInput(
            words.say("I do not speak {language}; I speak {languages}.", language=tag[:40],
                      languages=words.listing(list(offered)))
        )  # fmt: skip
    if told.casefold() == "remove":
        return _remove(context, caller, words, key, language)
    return _edit(context, caller, words, key, language, _fields(words, told))


def _cut(text: str) -> tuple[str, str]:
    """The first word, and the rest with its lines."""
    first, *rest = re.split(r"\s", text.strip(), maxsplit=1)
    return first, rest[0].strip() if rest else ""


def _usage(words: Words) -> Reply:
    return Reply(
        (
            paragraph(words.say("Name a paper to see what is stored about it, and from where:"), " ",
                      code("/summary 2403.17919")),
            paragraph(words.say("Admins correct it, one field or several, each on a line of its own or in a row:")),
            paragraph(code("/summary 2403.17919 zh-Hans headline: … title: … abstract: …")),
            paragraph(words.say("To take that back:"), " ", code("/summary 2403.17919 zh-Hans remove")),
        )
    )  # fmt: skip


def _fields(words: Words, told: str) -> dict[str, str]:
    """The fields by their labels, which begin lines where there are several. Raises BadInput."""
    label = _ON_LINES if "\n" in told else _IN_A_ROW
    _, *parts = label.split(told)
    before = label.split(told)[0].strip()
    found: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        field, text = _NAMES[name.casefold()], " ".join(text.split())
        if field in found or not text:
            raise BadInput(words.say("Each of headline:, title: and abstract: stands once, with words behind it."))
        if len(text) > LONGEST[field]:
            raise BadInput(
                words.say("{field} has {n} characters; at most {limit} are shown.", field=f"{field}:", n=len(text),
                          limit=LONGEST[field])
            )  # fmt: skip
        found[field] = text
    if before or not found:
        raise BadInput(words.say("Say which words these are: headline:, title: or abstract: in front of them."))
    return found


def _edit(context: Context, caller: Caller, words: Words, key: str, language: str, fields: Mapping[str, str]) -> Reply:
    with context.store.transaction() as tx:
        paper, stored = _held(tx, key, language)
        old = stored or Summary(paper.id, language)
        changed = [name for name in fields if getattr(old, name) != fields[name]]
        if not changed:
            return say(words.say("These words stand there already."), private=True)
        after = _with(old, fields, CURATED, context.now())
        name, kept = _former(tx, paper, language)
        made_at = old.made_at.isoformat() if old.made_at else ""
        kept = {**{field: getattr(old, field) for field in changed}, "origin": old.origin, "made_at": made_at, **kept}
        tx.put_setting(name, json.dumps(kept, ensure_ascii=False))
        tx.put_summary(after)
        note(context, tx, caller, Deed.SUMMARY, *(_line(key, one, changed) for one in (old, after)))
    done = words.say("Corrected. Neither a model nor a document takes these words away; what was there is kept:")
    return _told(words, done, old, after, changed, f"/summary {key.partition(':')[2]} {language} remove")


def _remove(context: Context, caller: Caller, words: Words, key: str, language: str) -> Reply:
    with context.store.transaction() as tx:
        paper, old = _held(tx, key, language)
        name, kept = _former(tx, paper, language)
        if not kept or old is None:
            raise BadInput(words.say("Nothing of it was corrected by hand in {language}.", language=language))
        made_at = datetime.fromisoformat(kept["made_at"]) if kept["made_at"] else None
        # What came since into fields that nobody corrected stays.
        changed = [field for field in LONGEST if field in kept]
        after = _with(old, {field: kept[field] for field in changed}, kept["origin"], made_at)
        if after.headline or after.title or after.abstract:
            tx.put_summary(after)
        else:
            tx.drop_summary(paper.id, language)
        tx.put_setting(name, "")
        note(context, tx, caller, Deed.SUMMARY, *(_line(key, one, changed) for one in (old, after)))
    return _told(words, words.say("Taken back. It is again what it was:"), old, after, changed, "")


def _with(old: Summary, fields: Mapping[str, str], origin: str, made_at: datetime | None) -> Summary:
    headline, title, abstract = (fields.get(name, getattr(old, name)) for name in LONGEST)
    return replace(old, headline=headline, title=title, abstract=abstract, origin=origin, made_at=made_at)


def _held(tx: Transaction, key: str, language: str) -> tuple[Paper, Summary | None]:
    paper = tx.paper_by_key(key)
    if paper is None:
        raise BadInput(f"{key} is gone")
    stored = tx.summaries([paper.id]).get(paper.id, ())
    return paper, next((one for one in stored if one.language == language), None)


def _former(tx: Transaction, paper: Paper, language: str) -> tuple[str, dict[str, str]]:
    """The setting that keeps what corrections took the place of, and what it says: fields, origin and time. It goes by
    a key, for a paper may become one with another."""
    names = [f"former.{key}.{language}" for key in paper.keys]
    name = next((one for one in names if tx.setting(one)), names[0])
    kept: dict[str, str] = json.loads(tx.setting(name) or "{}")
    return name, kept


def _line(key: str, one: Summary, changed: list[str]) -> str:
    """How the audit log writes it."""
    told = " · ".join(f"{name}: {getattr(one, name) or '-'}" for name in changed)
    return f"{key.partition(':')[2]} {one.language} {told}".rstrip()


def _told(words: Words, done: str, old: Summary, after: Summary, changed: list[str], undo: str) -> Reply:
    """What was there and what is there now, field by field."""
    blocks = [paragraph(bold(done), *([plain(" "), code(undo)] if undo else []))]
    for name in changed:
        was, now = (shorten(readable(getattr(one, name)), 600) or "-" for one in (old, after))
        blocks.append(paragraph(code(f"{name}:"), italic(f"\n{was}"), plain(f"\n→ {now}")))
    return Reply(tuple(blocks))


def _page(words: Words, paper: Paper, stored: tuple[Summary, ...]) -> Reply:
    """The words in each language, and whose they are."""
    title = Span(readable(paper.title), Style.BOLD, link("", address_of(paper)).link)
    blocks = [Block((title,), BlockKind.ENTRY, paper.id)]
    for one in stored:
        lines = [readable(one.title), readable(one.headline), shorten(readable(one.abstract), _SHOWN)]
        told = "".join(f"\n{line}" for line in lines if line)
        head = bold(f"{language_name(one.language)} ({one.language})")
        blocks.append(paragraph(head, italic(" · " + " · ".join(_source(words, one))), plain(told)))
    made = best_summary([one for one in stored if one.language == "en"], "en", paper)
    if made.made_here and made.headline_language == "en":
        head = bold(f"{language_name('en')} (en)")
        blocks.append(paragraph(head, italic(" · " + words.say("a sentence of the abstract")),
                                plain("\n" + made.headline)))  # fmt: skip
    if len(blocks) == 1:
        blocks.append(paragraph(words.say("Nothing but its title is known of it.")))
    return Reply(tuple(blocks))


def _source(words: Words, one: Summary) -> Iterator[str]:
    kind, _, model = one.origin.partition(":")
    if one.origin == CURATED:
        yield words.say("corrected by hand")
    elif one.origin == "document":
        yield words.say("from a document")
    else:
        yield words.say("made by {model}", model=model or kind)
    if one.made_at:
        yield f"{one.made_at:%Y-%m-%d}"
