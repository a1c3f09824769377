"""The subcommands: configure, run one, turn what goes wrong into words and an exit status."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bot.cli.printing import LATER, MISUSED, complain, dump_findings
from bot.config import Config, load
from bot.errors import BadInput, ConfigError, FetchFailed, NotAllowed, QueryError, TryLater
from bot.logbook import ROUTINE, JsonFormatter
from bot.ports import Finding
from bot.query import caret
from bot.redaction import set_up_logging


def run(options: argparse.Namespace) -> int:
    """Configure, run the subcommand, turn what goes wrong into words and an exit status."""
    try:
        given = {"roles": options.roles} if getattr(options, "roles", None) is not None else {}
        config = load(file=Path(options.config) if options.config else None, options=given)
        quiet = options.command not in ("run", "round")
        level = "warning" if quiet and config.log_level == "info" else config.log_level
        set_up_logging(level, config.secrets(), formatter=JsonFormatter() if config.log_format == "json" else None)
        ROUTINE.setLevel(logging.NOTSET if "json" in config.log_format or level == "debug" else logging.WARNING)
        return _command(options.command)(options, config)
    except ConfigError as error:
        if options.command == "doctor" and options.json:
            dump_findings([Finding(p.key, False, p.wrong, p.mend) for p in error.problems])
            return MISUSED
        complain(f"{len(error.problems)} problem(s) with the configuration:")
        for problem in error.problems:
            complain(f"  {problem.key}: {problem.wrong}\n    -> {problem.mend}")
        return MISUSED
    except QueryError as error:
        complain(str(error))
        if error.query.strip():
            complain(caret(error))
        return MISUSED
    except (BadInput, NotAllowed) as error:
        complain(str(error))
        return MISUSED
    except (FetchFailed, TryLater) as error:
        complain(f"{error}; try again later")
        return LATER


_COMMANDS = {
    "run": "feeding.run_bot", "round": "feeding.run_round", "poll": "feeding.poll",
    "import": "feeding.import_documents", "digest": "reading.digest", "search": "reading.search",
    "topics": "keeping.topics", "unmerge": "keeping.unmerge", "invite": "keeping.invite",
    "doctor": "keeping.doctor", "backup": "moving.backup", "restore": "moving.restore",
    "migrate-store": "moving.migrate_store", "audit": "people.audit", "mydata": "people.mydata",
    "forget": "people.forget", "health": "keeping.health", "export": "exporting.export",
}  # fmt: skip
"""Where each subcommand stands: the others are not imported for it."""


def _command(name: str) -> Callable[[argparse.Namespace, Config], int]:
    module, _, function = _COMMANDS[name].partition(".")
    found: Callable[[argparse.Namespace, Config], int] = getattr(import_module(f"bot.cli.{module}"), function)
    return found
