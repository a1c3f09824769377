"""Checks of configured values: each takes what was written and returns what is meant, or raises Wrong."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.checks.basics import Wrong, amount, each, flag, listed, name, number, one_of, seconds, text_of
from bot.model import EVERY_ROLE, Address, Role

__all__ = [
    "FORMS",
    "MOST_LANGUAGES",
    "POSTGRES",
    "Secret",
    "Wrong",
    "admins",
    "amount",
    "categories",
    "chats",
    "contact",
    "database_url",
    "days",
    "export_formats",
    "flag",
    "folder",
    "folder_if_at_all",
    "hour",
    "language",
    "languages",
    "languages_if_at_all",
    "listen",
    "listen_if_at_all",
    "name",
    "number",
    "on_loopback",
    "one_of",
    "public_url",
    "roles",
    "seconds",
    "shard_ids",
    "shards",
    "size",
    "telegram_token",
    "timezone",
    "title",
    "token",
    "url",
    "url_if_at_all",
    "webhook_secret",
]

_NOT_PEOPLE = {
    "telegram:1087968824": "stands for every anonymous admin of every group",
    "telegram:136817688": "stands for every channel that posts in a group",
    "telegram:777000": "is Telegram itself",
}
"""Users that the Bot API shows in the place of a sender (https://core.telegram.org/bots/api#message)."""

_FIND_ID = (
    "write the number: on Telegram, /start shows yours; on Discord, switch on Developer Mode and choose Copy User ID"
)
_LANGUAGES = {
    "en": "en",
    "zh": "zh-Hans", "zh-hans": "zh-Hans", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans",
    "zh-hant": "zh-Hant", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant",
}  # fmt: skip
MOST_LANGUAGES = 24
_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Z]{2})?|(physics|cond-mat)\.[a-z]+(-[a-z]+)?")
_SQLITE = ("sqlite:///",)
POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")
"""How an address of PostgreSQL may begin; the last is what SQLAlchemy is given."""


def hour(value: object) -> dt.time:
    if isinstance(value, dt.time):
        return value
    text = text_of(value, "write hours and minutes, as 08:00")
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text, re.ASCII):
        raise Wrong(f"{text!r} is not a time of day", "write hours and minutes, as 08:00")
    hours, minutes = text.split(":")
    return dt.time(int(hours), int(minutes))


def timezone(value: object) -> str:
    mend = "write an IANA name, as Europe/Berlin or Asia/Taipei, or UTC"
    text = text_of(value, mend)
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise Wrong(f"{text!r} is not a time zone", mend) from None
    return text


def _language(text: str) -> str:
    """The tag as BCP 47 writes it: ``ZH_tw`` is zh-Hant, ``PT-br`` pt-BR."""
    tag = text.replace("_", "-")
    found = _LANGUAGES.get(tag.lower()) or ("en" if tag.lower().startswith("en-") else "")
    if found:
        return found
    # Imported late: few write another language, and everybody waits for a start.
    from babel import Locale, UnknownLocaleError

    mend = "write BCP 47 tags, as en, zh-Hans, zh-Hant, ja, pt-BR"
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?", tag):
        raise Wrong(f"{text!r} is not a language's tag", mend)
    try:
        parsed = Locale.parse(tag, sep="-", resolve_likely_subtags=False)
    except (UnknownLocaleError, ValueError):
        raise Wrong(f"{text!r} is not a language that is known", mend) from None
    return str(parsed).replace("_", "-")


def language(value: object) -> str:
    return _language(text_of(value, "write a language's tag, as en, zh-Hans or ja"))


def languages(value: object) -> tuple[str, ...]:
    found = each(listed(value, "en,zh-Hans,ja"), _language)
    if not found:
        raise Wrong("names no language", "write at least one, as en")
    if len(found) > MOST_LANGUAGES:
        raise Wrong(f"names more than {MOST_LANGUAGES} languages", "leave some out: each may cost a summary a paper")
    return found


size = number(1, 100)


def days(value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,5}", text, re.ASCII):
        raise Wrong(f"{value!r} is not a number of days", "write a number of days, as 365, or 0 for no end")
    return int(text)


def contact(value: object) -> str:
    text = text_of(value, "write an address or a page, as you@example.org")
    if len(text) > 200 or not text.isascii() or not text.isprintable():
        raise Wrong("cannot stand in a request's header", "write at most 200 plain ASCII characters")
    return text


def _admin(text: str) -> str:
    platform, colon, user = (part.strip() for part in text.partition(":"))
    if not colon or platform.lower() not in ("telegram", "discord"):
        raise Wrong(f"{text!r} does not say which platform", "write telegram:123 or discord:456")
    if user.startswith("-"):
        raise Wrong(f"{text!r} is a group or channel, not a person", _FIND_ID)
    if not re.fullmatch(r"[1-9][0-9]{0,19}", user):
        raise Wrong(f"{text!r} is not a user's id", _FIND_ID)
    admin = f"{platform.lower()}:{user}"
    if admin in _NOT_PEOPLE:
        raise Wrong(f"{admin} {_NOT_PEOPLE[admin]}: no person has this id", _FIND_ID)
    return admin


def admins(value: object) -> tuple[str, ...]:
    return each(listed(value, "telegram:123,discord:456"), _admin)


def _chat(text: str) -> Address:
    if not re.fullmatch(r"telegram:-?[1-9]\d{0,19}(/[1-9]\d{0,19})?|discord:[1-9]\d{0,19}", text, re.ASCII):
        raise Wrong(
            f"{text!r} is not a chat's address",
            "write telegram:123 (a person), telegram:-100123 (a group or channel), telegram:-100123/45 (a topic) "
            "or discord:456 (a channel or thread)",
        )
    return Address.parse(text)


def chats(value: object) -> tuple[Address, ...]:
    return each(listed(value, "telegram:-100123,discord:456"), _chat)


def _category(text: str) -> str:
    if not _CATEGORY.fullmatch(text):
        archive, dot, subject = text.partition(".")
        better = f"{archive.lower()}.{subject.upper()}" if dot else archive.lower()
        mend = f"write {better}" if _CATEGORY.fullmatch(better) else "write it as cs.CL, hep-th or cs"
        raise Wrong(f"{text!r} is not an arXiv category", f"{mend}; see https://arxiv.org/category_taxonomy")
    return text


def categories(value: object) -> tuple[str, ...]:
    found = each(listed(value, "cs.CL,cs.LG"), _category)
    if not found:
        raise Wrong("names no category", "write at least one, as cs.CL")
    return found


def _role(text: str) -> Role:
    try:
        return Role(text.lower())
    except ValueError:
        raise Wrong(f"{text!r} is not a role", "write some of " + ", ".join(EVERY_ROLE)) from None


def roles(value: object) -> tuple[Role, ...]:
    found = each(listed(value, "ingest,plan"), _role)
    if not found:
        raise Wrong("names no role", "write some of " + ", ".join(EVERY_ROLE) + ", or leave the key out for all")
    return tuple(role for role in Role if role in found)


def url(*schemes: str) -> Callable[[object], str]:
    example = f"{schemes[-1]}://host.example"

    def checked(value: object) -> str:
        text = text_of(value, f"write an address, as {example}")
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018  (raises where it is no number)
        except ValueError:
            raise Wrong("is not an address", f"write an address, as {example}") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise Wrong(f"is not an address with {' or '.join(schemes)} and a host", f"write it as {example}")
        if any(c.isspace() or not c.isprintable() for c in text) or parts.query or parts.fragment:
            raise Wrong("is more than an address", f"leave out spaces, ? and #: {example}")
        return text.rstrip("/")

    return checked


def listen(value: object) -> tuple[str, int]:
    mend = "write host and port, as 127.0.0.1:8443, or 0.0.0.0:8443 for every address of this machine"
    if isinstance(value, tuple):
        return value
    host, colon, port = text_of(value, mend).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host) or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 0 < int(port) < 65536:
        raise Wrong(f"{value!r} is not a host and a port", mend)
    return host, int(port)


def _count(value: object, most: int, mend: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}", text, re.ASCII) or int(text) > most:
        raise Wrong(f"{value!r} is not a number from 0 to {most}", mend)
    return int(text)


def shards(value: object) -> int:
    """0 for ``auto``."""
    mend = 'write how many, as 4, or "auto"'
    if str(value).strip().lower() == "auto":
        return 0
    if not (found := _count(value, 10_000, mend)):
        raise Wrong("there is at least one", mend)
    return found


def shard_ids(value: object) -> tuple[int, ...]:
    mend = "write numbers from 0, as 0,1"
    parts = [str(part) for part in value] if isinstance(value, list | tuple) else listed(str(value), "0,1")
    return each(parts, lambda part: _count(part, 9_999, mend))


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that neither ``str`` nor ``repr`` gives away."""

    _value: str

    def get_secret_value(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    __str__ = __repr__


def token(value: object) -> Secret:
    if not isinstance(value, str):
        raise Wrong("is not a text", "write it in quotes")
    text = value.strip()
    if not text:
        raise Wrong("is empty", "give the value, or take the key out")
    if any(c.isspace() or not c.isprintable() for c in text):
        raise Wrong("has white space in it", "copy it again, in one piece")
    return Secret(text)


def telegram_token(value: object) -> Secret:
    secret = token(value)
    if not all(secret.get_secret_value().partition(":")):
        raise Wrong("is not a Telegram token", "copy it from @BotFather: a number, a colon and letters")
    return secret


def webhook_secret(value: object) -> Secret:
    """As https://core.telegram.org/bots/api#setwebhook takes it."""
    text = text_of(value) if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", text):
        raise Wrong("is not a secret that can be used", "write 16 to 256 random letters, digits, _ and -")
    return Secret(text)


def database_url(value: object) -> Secret:
    mend = "write postgresql://user:password@host/name or sqlite:///path, or take the key out"
    secret = token(value)
    text = secret.get_secret_value()
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  (raises where it is no number)
    except ValueError:
        raise Wrong("is not an address", "in a password write / ? # @ [ as %2F %3F %23 %40 %5B") from None
    if not text.startswith(_SQLITE + POSTGRES):
        raise Wrong("names no database that is supported", mend)
    if text in _SQLITE or (text.startswith(POSTGRES) and not parts.path.strip("/")):
        raise Wrong("does not say which database", mend)
    return secret


def folder(value: object) -> Path:
    text = text_of(value, "write a folder, as data or /var/lib/paperround")
    if not text or "\0" in text:
        raise Wrong("is not a folder", "write a folder, as data or /var/lib/paperround")
    folder = Path(text).expanduser()
    if folder.exists() and not folder.is_dir():
        raise Wrong(f"{text!r} is a file", "write a folder; it is made where it is missing")
    return folder


def folder_if_at_all(value: object) -> Path | None:
    """None for an empty text."""
    return folder(value) if value else None


def url_if_at_all(value: object) -> str:
    """Empty, or an address."""
    return url("http", "https")(value) if value else ""


def public_url(value: object) -> str:
    """Empty, or an address that everybody may read."""
    found = url_if_at_all(value)
    if "@" in urlsplit(found).netloc:
        raise Wrong("holds a name or a password", "leave them out: everybody may read it")
    return found


FORMS = ("reference", "list", "monthly", "markdown", "rss", "atom", "jsonfeed", "bibtex", "ris", "jsonl")
"""What may stand beside a site's pages."""


def export_formats(value: object) -> tuple[str, ...]:
    return each(listed(value, "rss,atom"), one_of(*FORMS)) if value else ()


def languages_if_at_all(value: object) -> tuple[str, ...]:
    return languages(value) if value else ()


def title(value: object) -> str:
    text = text_of(value, "write a title, as Paperround")
    if not 0 < len(text) <= 100 or not text.isprintable():
        raise Wrong("is not a title", "write at most 100 characters on one line")
    return text


def listen_if_at_all(value: object) -> tuple[str, int] | None:
    """None for an empty text."""
    return listen(value) if value else None


def on_loopback(address: str) -> bool:
    """Whether the address's host is this machine itself."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
