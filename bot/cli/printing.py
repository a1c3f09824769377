"""What every subcommand shares: printing without secrets, and the parts a command works with."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime

from bot import assembly
from bot.commands.context import Context
from bot.config import Config
from bot.exports import tally_json
from bot.model import Tally
from bot.redaction import redact

DONE, WRONG, MISUSED, LATER = 0, 1, 2, 75
"""Exit statuses; 75 is EX_TEMPFAIL of sysexits.h."""


def complain(text: str) -> None:
    print(redact(text), file=sys.stderr)  # noqa: T201


def say(text: str = "") -> None:
    print(redact(text))  # noqa: T201


def dump(value: object) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def tell(tally: Tally, as_json: bool) -> int:
    if as_json:
        dump(tally_json(tally))
    else:
        say(
            f"{tally.read:,} read: {tally.new:,} new, {tally.merged:,} merged, {tally.updated:,} updated, "
            f"{tally.unchanged:,} unchanged, {len(tally.refused):,} refused"
        )
        for rejected in tally.refused[:50]:
            complain(f"  refused {rejected.where}: {rejected.why}")
        if len(tally.refused) > 50:
            complain(f"  and {len(tally.refused) - 50:,} more; --json lists all")
    return WRONG if tally.refused else DONE


def open_context(config: Config, now: Callable[[], datetime] = assembly.utc_now) -> Context:
    store = assembly.open_store(config)
    return Context(store, assembly.open_index(config, store), config, now)


def close_context(context: Context) -> None:
    context.index.close()
    context.store.close()
