"""What is kept about people, and the audit log."""

from __future__ import annotations

import argparse
import re

from bot import assembly
from bot.cli.keeping import HERE
from bot.cli.printing import DONE, WRONG, complain, dump, say
from bot.commands.people import document
from bot.config import Config
from bot.errors import BadInput
from bot.model import Address, Change, Deed

MOST = 100_000
"""Lines of the audit log that are shown at once."""


def audit(options: argparse.Namespace, config: Config) -> int:
    """``paperround audit``. Raises BadInput."""
    if not 1 <= options.limit <= MOST:
        raise BadInput(f"--limit: a number from 1 to {MOST}")
    store = assembly.open_store(config)
    try:
        with store.reading() as tx:
            lines = tx.audit(options.limit, options.about)
    finally:
        store.close()
    if options.json:
        dump(
            [
                {"at": one.at.isoformat(), "who": one.who, "chat": one.chat, "what": one.what,
                 "before": one.before, "after": one.after}
                for one in lines
            ]
        )  # fmt: skip
    for one in () if options.json else lines:
        say(_line(one))
    return DONE


def _line(one: Change) -> str:
    """``2026-11-21 14:02:03 UTC  telegram:3 in telegram:-100  time: 08:00 UTC -> 09:30 UTC``."""
    where = f" in {one.chat}" if one.chat else ""
    changed = " -> ".join((one.before or "-", one.after or "-")) if one.before or one.after else ""
    return f"{one.at:%Y-%m-%d %H:%M:%S} UTC  {one.who or 'nobody named'}{where}  {one.what}: {changed}".rstrip(": ")


def _whom(options: argparse.Namespace) -> tuple[Address, str]:
    """The chat, and the person whose private chat it is: on Telegram both have one number."""
    try:
        address = Address.parse(options.address)
    except ValueError as error:
        raise BadInput(str(error)) from error
    user = options.user
    if user and not re.fullmatch(r"[a-z]+:\w+", user):
        raise BadInput(f"--user {user}: write platform:number, as discord:789")
    alone = address.platform == "telegram" and address.chat.isdecimal() and not address.thread
    return address, user or (str(address) if alone else "")


def mydata(options: argparse.Namespace, config: Config) -> int:
    """``paperround mydata``; WRONG where nothing is kept. Raises BadInput."""
    address, user = _whom(options)
    store = assembly.open_store(config)
    try:
        with store.reading() as tx:
            found = document(tx, address, user, assembly.utc_now())
    finally:
        store.close()
    if found is None:
        complain(f"nothing is kept about {address}")
        return WRONG
    say(found.decode().rstrip())
    return DONE


def forget(options: argparse.Namespace, config: Config) -> int:
    """``paperround forget``; WRONG where nothing is kept. Raises BadInput."""
    address, user = _whom(options)
    store = assembly.open_store(config)
    try:
        with store.reading() as tx:
            kept = tx.kept_about(address, user)
        if not kept:
            complain(f"nothing is kept about {address}")
            return WRONG
        rows = ", ".join(f"{name}: {len(found)}" for name, found in kept.items())
        if not options.yes:
            say(f"{address} would be erased ({rows}); with --yes it is")
            return DONE
        with store.transaction() as tx:
            tx.note(Change(assembly.utc_now(), HERE, str(address), Deed.FORGET))
            tx.erase(address, user, assembly.utc_now())
        say(f"{address} is erased ({rows})")
        return DONE
    finally:
        store.close()
