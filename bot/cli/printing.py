"""What every subcommand shares: printing without secrets, and the parts a command works with."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from bot import assembly
from bot.commands.context import Context
from bot.config import Config
from bot.exports import printable, tally_json
from bot.model import Tally
from bot.ports import Finding
from bot.redaction import redact

DONE, WRONG, MISUSED, LATER = 0, 1, 2, 75
"""Exit statuses; 75 is EX_TEMPFAIL of sysexits.h."""


def complain(text: str) -> None:
    """A line or more on standard error, without secrets and without what could steer a terminal."""
    print(redact(printable(text)), file=sys.stderr)  # noqa: T201


def say(text: str = "") -> None:
    """A line or more on standard output, without secrets and without what could steer a terminal."""
    print(redact(printable(text)))  # noqa: T201


def dump(value: object) -> None:
    """``value`` as JSON. Secrets are taken out of its texts, not out of the JSON: it stays valid."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(_clean(value), ensure_ascii=not utf8, indent=2, default=str)
    print(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201


_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is, and a terminal would obey or cannot show."""


def _clean(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def dump_findings(findings: Iterable[Finding]) -> None:
    """What ``doctor --json`` prints."""
    dump([{"subject": f.subject, "ok": f.ok, "what": f.what, "mend": f.mend} for f in findings])


def tell(tally: Tally, as_json: bool) -> int:
    """Say what came of a poll or an import; returns the exit status."""
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
    """The store and the index, ready. Raises ConfigError."""
    store = assembly.open_store(config)
    return Context(store, assembly.open_index(config, store), config, now)


def close_context(context: Context) -> None:
    """The counterpart of ``open_context``."""
    context.index.close()
    context.store.close()
