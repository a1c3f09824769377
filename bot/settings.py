"""What can be configured: every key, its default and its check. ``bot.config`` reads the values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from bot import checks
from bot.checks import POSTGRES, Secret, Wrong
from bot.model import EVERY_ROLE, LANGUAGES, Address, Role

Key = tuple[str, ...]
"""``("admins",)`` or ``("telegram", "token")``."""

TELEGRAM_API = "https://api.telegram.org"
ARXIV_FEED = "https://rss.arxiv.org/rss"
ARXIV_ARCHIVES = {
    "listing": "https://arxiv.org/list",
    "oai": "https://oaipmh.arxiv.org/oai",
    "api": "https://export.arxiv.org/api/query",
}
"""Where missed days are found, in the order in which they are asked."""
ANTHOLOGY_DATA = "https://raw.githubusercontent.com/acl-org/acl-anthology/master/data/xml"
ARXIV_INTERVAL = 3.0
"""Seconds between requests that arXiv asks for (https://info.arxiv.org/help/api/tou.html)."""


class Section:
    """Values that are checked; each field's annotation carries its check."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))  # type: ignore[arg-type]
        # A Secret masks itself; any address may hold a password as well.
        return re.sub(r"://[^/\s'\"]*@", "://[secret]@", f"{type(self).__name__}({shown})")


@dataclass(frozen=True, slots=True, repr=False)
class Telegram(Section):
    """With a ``webhook_url`` Telegram calls there, else it is asked."""

    token: Annotated[Secret | None, checks.telegram_token] = None
    api_url: Annotated[str, checks.url("http", "https")] = TELEGRAM_API
    paid_broadcast: Annotated[bool, checks.flag] = False
    rich: Annotated[bool, checks.flag] = False
    webhook_url: Annotated[str, checks.url_if_at_all] = ""
    webhook_listen: Annotated[tuple[str, int], checks.listen] = ("127.0.0.1", 8443)
    webhook_secret: Annotated[Secret | None, checks.webhook_secret] = None


@dataclass(frozen=True, slots=True, repr=False)
class Discord(Section):
    """``shards`` is 0 for as many as Discord advises; without ``shard_ids`` a process takes all of them."""

    token: Annotated[Secret | None, checks.token] = None
    api_url: Annotated[str, checks.url("http", "https")] = "https://discord.com"
    gateway_url: Annotated[str, checks.url("ws", "wss")] = "wss://gateway.discord.gg"
    shards: Annotated[int, checks.shards] = 1
    shard_ids: Annotated[tuple[int, ...], checks.shard_ids] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Arxiv(Section):
    """``interval``: seconds between two requests. ``listing_url``, ``oai_url`` and ``api_url`` are arXiv's own unless
    given, where ``feed_url`` is; with feeds from elsewhere, missed days are asked for only where these say."""

    feed_url: Annotated[str, checks.url("http", "https")] = ARXIV_FEED
    listing_url: Annotated[str, checks.url("http", "https")] = ""
    oai_url: Annotated[str, checks.url("http", "https")] = ""
    api_url: Annotated[str, checks.url("http", "https")] = ""
    categories: Annotated[tuple[str, ...], checks.categories] = ("cs.CL", "cs.LG", "cs.AI")
    interval: Annotated[float, checks.seconds] = ARXIV_INTERVAL

    def archives(self) -> dict[str, str]:
        """Addresses of the archives that are asked for missed days, by name."""
        given = {"listing": self.listing_url, "oai": self.oai_url, "api": self.api_url}
        own = ARXIV_ARCHIVES if self.feed_url == ARXIV_FEED else {}
        return {name: url or own.get(name, "") for name, url in given.items() if url or name in own}


@dataclass(frozen=True, slots=True, repr=False)
class Anthology(Section):
    """The ACL Anthology as a second source. ``data_url``: where its collections are, for the abstracts."""

    enabled: Annotated[bool, checks.flag] = False
    feed_url: Annotated[str, checks.url("http", "https")] = "https://aclanthology.org/papers/index.xml"
    data_url: Annotated[str, checks.url("http", "https")] = ANTHOLOGY_DATA
    interval: Annotated[float, checks.seconds] = 3.0


@dataclass(frozen=True, slots=True, repr=False)
class Summaries(Section):
    """A server that speaks OpenAI's chat completions; without a ``url`` no model is asked. ``parallel`` requests at
    once, of ``batch`` papers each; ``thinking_tokens``: what the model may write before its answer. A day's budgets
    are 0 for none, the prices are for a million tokens; a digest waits ``wait_minutes`` for its papers' summaries."""

    url: Annotated[str, checks.url_if_at_all] = ""
    key: Annotated[Secret | None, checks.token] = None
    model: Annotated[str, checks.name] = ""
    parallel: Annotated[int, checks.number(1, 64)] = 4
    batch: Annotated[int, checks.number(1, 20)] = 4
    thinking_tokens: Annotated[int, checks.number(0, 100_000)] = 0
    tokens_a_day: Annotated[int, checks.number(0, 10**12)] = 2_000_000
    money_a_day: Annotated[float, checks.amount] = 0.0
    price_in: Annotated[float, checks.amount] = 0.0
    price_out: Annotated[float, checks.amount] = 0.0
    wait_minutes: Annotated[int, checks.number(0, 720)] = 20
    timeout: Annotated[float, checks.seconds] = 120.0


@dataclass(frozen=True, slots=True, repr=False)
class Export(Section):
    """A site of what the instance knows, in ``folder``; none where that is not given. ``base_url``: where the folder is
    on the web."""

    folder: Annotated[Path | None, checks.folder_if_at_all] = None
    formats: Annotated[tuple[str, ...], checks.export_formats] = ("rss", "atom", "jsonfeed")
    languages: Annotated[tuple[str, ...], checks.languages_if_at_all] = ()
    base_url: Annotated[str, checks.public_url] = ""
    title: Annotated[str, checks.title] = "Paperround"


@dataclass(frozen=True, slots=True, repr=False)
class Config(Section):
    """Everything configured, checked. ``time`` and ``wait_until`` are local to a chat's ``timezone``, which with
    ``language`` and ``digest_size`` is what a new chat starts with. ``languages`` are those that chats can choose and
    summaries are made in. ``access`` is open, invite or list;
    ``uncertain``, what becomes of a message that may or may not have arrived, is repeat or skip. ``roles`` is what
    ``run`` does; where it is everything, a platform without a token is left out.
    ``audit_days``, how long the audit log is kept, is 0 for ever. ``commands_a_minute``: what each person may ask for,
    0 for no limit."""

    data_dir: Annotated[Path, checks.folder] = Path("data")
    database_url: Annotated[Secret | None, checks.database_url] = None
    admins: Annotated[tuple[str, ...], checks.admins] = ()
    access: Annotated[str, checks.one_of("open", "invite", "list")] = "invite"
    chats: Annotated[tuple[Address, ...], checks.chats] = ()
    language: Annotated[str, checks.language] = "en"
    languages: Annotated[tuple[str, ...], checks.languages] = LANGUAGES
    timezone: Annotated[str, checks.timezone] = "UTC"
    time: Annotated[dt.time, checks.hour] = dt.time(8, 0)
    wait_until: Annotated[dt.time, checks.hour] = dt.time(14, 0)
    digest_size: Annotated[int, checks.size] = 20
    audit_days: Annotated[int, checks.days] = 365
    commands_a_minute: Annotated[int, checks.number(0, 10_000)] = 20
    log_level: Annotated[str, checks.one_of("debug", "info", "warning", "error")] = "info"
    log_format: Annotated[str, checks.one_of("text", "json")] = "text"
    http_listen: Annotated[tuple[str, int] | None, checks.listen_if_at_all] = None
    contact: Annotated[str, checks.contact] = ""
    roles: Annotated[tuple[Role, ...], checks.roles] = EVERY_ROLE
    uncertain: Annotated[str, checks.one_of("repeat", "skip")] = "repeat"
    telegram: Telegram = Telegram()
    discord: Discord = Discord()
    arxiv: Arxiv = Arxiv()
    anthology: Anthology = Anthology()
    summaries: Summaries = Summaries()
    export: Export = Export()

    @property
    def database(self) -> str:
        """The URL to open, for SQLAlchemy. It may hold a password: never print it."""
        if self.database_url is None:
            return f"sqlite:///{quote(str(self.data_dir / 'paperround.db'))}"
        url = self.database_url.get_secret_value()
        for start in POSTGRES:
            if url.startswith(start):
                return POSTGRES[-1] + url.removeprefix(start)
        return url

    def secrets(self) -> tuple[str, ...]:
        """All that must never be printed or logged: tokens, their secret halves, the bot's URL, passwords in addresses.

        The halves that are public stay: the bot's id is in every message it sends.
        """
        found: list[str] = []
        if self.telegram.token:
            token = self.telegram.token.get_secret_value()
            found += [f"{self.telegram.api_url}/bot{token}", token, token.partition(":")[2]]
        if self.discord.token:
            token = self.discord.token.get_secret_value()
            found += [token, token.rpartition(".")[2]]
        if self.summaries.key:
            found.append(self.summaries.key.get_secret_value())
        if self.telegram.webhook_secret:
            found.append(self.telegram.webhook_secret.get_secret_value())
        urls = [self.telegram.api_url, self.discord.api_url, self.discord.gateway_url, self.arxiv.feed_url]
        urls += [*self.arxiv.archives().values(), self.anthology.feed_url, self.anthology.data_url, self.summaries.url]
        if self.database_url:
            urls.append(self.database_url.get_secret_value())
        for url in urls:
            found += _passwords(url)
        return tuple(sorted({s for s in found if s}, key=lambda s: (-len(s), s)))


_SECTIONS: Mapping[str, type[Section]] = {
    "telegram": Telegram, "discord": Discord, "arxiv": Arxiv, "anthology": Anthology,
    "summaries": Summaries, "export": Export,
}  # fmt: skip


def keys() -> Iterator[Key]:
    """Every key there is."""
    yield from ((f.name,) for f in fields(Config) if f.name not in _SECTIONS)
    yield from ((name, f.name) for name, section in _SECTIONS.items() for f in fields(section))  # type: ignore[arg-type]


def build(values: Mapping[Key, object]) -> tuple[Config, list[tuple[Key, Wrong]]]:
    """The configuration of these values, and all that is wrong with them (defaults stand in its place then)."""
    faults: list[tuple[Key, Wrong]] = []
    top = _checked(Config, (), values, faults)
    offered = top.get("languages", LANGUAGES)
    if "language" not in top and "en" not in offered:
        top["language"] = offered[0]
    parts = {name: section(**_checked(section, (name,), values, faults)) for name, section in _SECTIONS.items()}
    config = Config(**top, **parts)  # type: ignore[arg-type]
    interval, asked = config.arxiv.interval, [config.arxiv.feed_url, *config.arxiv.archives().values()]
    if interval < ARXIV_INTERVAL and not all(map(checks.on_loopback, asked)):
        mend = "write 3 or more (seconds between two requests)"
        faults.append((("arxiv", "interval"), Wrong(f"{interval:g} is shorter than arXiv allows", mend)))
    if config.language not in config.languages:
        mend = f"write one of {', '.join(config.languages)}, or name it in languages as well"
        faults.append((("language",), Wrong(f"{config.language} is not among the languages", mend)))
    faults += [(("roles",), wrong) for wrong in _unable(config)]
    told = {key for key, _ in faults}
    more = (*_webhook_faults(config.telegram), *_shard_faults(config.discord), *_summary_faults(config.summaries))
    return config, faults + [(key, wrong) for key, wrong in more if key not in told]


def _webhook_faults(telegram: Telegram) -> Iterator[tuple[Key, Wrong]]:
    """https://core.telegram.org/bots/api#setwebhook; a Bot API server of one's own takes http as well."""
    if telegram.webhook_url and telegram.webhook_secret is None:
        mend = "write 32 or more random letters and digits; Telegram shows them with every call"
        yield ("telegram", "webhook_secret"), Wrong("is missing beside webhook_url", mend)
    if telegram.webhook_url.startswith("http://") and telegram.api_url == TELEGRAM_API:
        yield ("telegram", "webhook_url"), Wrong("Telegram calls https only", "write it as https://host.example/path")


def _shard_faults(discord: Discord) -> Iterator[tuple[Key, Wrong]]:
    if discord.shard_ids and not discord.shards > max(discord.shard_ids):
        wrong = "names shards that there are not" if discord.shards else "cannot be chosen while shards is auto"
        yield ("discord", "shard_ids"), Wrong(wrong, "write in shards how many there are; they count from 0")


def _summary_faults(summaries: Summaries) -> Iterator[tuple[Key, Wrong]]:
    if summaries.url and not summaries.model:
        yield ("summaries", "model"), Wrong("is missing beside url", "write the model's name as the server knows it")
    if summaries.money_a_day and not (summaries.price_in or summaries.price_out):
        mend = "write price_in and price_out, for a million tokens each, as the server's owner charges"
        yield ("summaries", "money_a_day"), Wrong("cannot be kept without prices", mend)
    if not 1 <= summaries.timeout <= 300:  # a job that is asked for is another's after ten minutes
        yield ("summaries", "timeout"), Wrong(f"{summaries.timeout:g} is not from 1 to 300", "write seconds, as 120")


def _unable(config: Config) -> Iterator[Wrong]:
    """Roles that somebody asked for and that this process cannot play."""
    tokens = {Role.TELEGRAM: config.telegram.token, Role.DISCORD: config.discord.token}
    if config.roles == EVERY_ROLE:
        return
    for role in config.roles:
        if role.listens and not tokens[role]:
            mend = f"set PAPERROUND_{role.upper()}__TOKEN, or leave {role} out"
            yield Wrong(f"{role} needs a token, and there is none", mend)
    if Role.DELIVER in config.roles and not any(tokens.values()):
        yield Wrong("deliver needs a token, and there is none", "set the token of the bot that sends, or leave it out")


def _checked(
    section: type[Section], at: Key, values: Mapping[Key, object], faults: list[tuple[Key, Wrong]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(section, include_extras=True).items():
        key = (*at, name)
        if key in values:
            try:
                found[name] = kind.__metadata__[0](values[key])
            except Wrong as fault:
                faults += [(key, wrong) for wrong in (fault, *fault.more)]
    return found


def _passwords(url: str) -> list[str]:
    """As written and as meant. libpq takes one after the question mark too
    (https://www.postgresql.org/docs/current/libpq-connect.html)."""
    parts = urlsplit(url)
    _, colon, written = parts.netloc.rpartition("@")[0].partition(":")
    query = [value for key, value in parse_qsl(parts.query) if "password" in key.lower()]
    raw = [pair.partition("=")[2] for pair in parts.query.split("&") if "password" in pair.partition("=")[0].lower()]
    return [written, unquote(written), *query, *raw] if colon else [*query, *raw]
