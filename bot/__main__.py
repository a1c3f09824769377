"""The command line: what can be asked of the program.

Only what a subcommand needs is imported, so that ``--help`` is there at once.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

EPILOG = """exit status: 0 done, 1 something was refused or is wrong, 2 the call or the configuration is wrong,
75 the network, a source or the database did not answer: try again later, 130 stopped by Ctrl-C.

Configuration: paperround.toml, .env, and variables PAPERROUND_...; see deploy/paperround.example.toml."""

FORMS = (
    "reference", "list", "monthly", "markdown", "html", "rss", "atom", "jsonfeed", "bibtex", "ris", "jsonl",
)  # fmt: skip
"""What ``export`` writes; named here, so that ``--help`` need not load what writes it."""


def parser() -> argparse.ArgumentParser:
    """Every subcommand with its options."""
    top = argparse.ArgumentParser(
        prog="paperround",
        description="Daily digests of new research papers for Telegram, Discord and this terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"paperround {version('paperround')}")
    top.add_argument("--config", metavar="FILE", help="another configuration file than paperround.toml")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, text: str, *, json: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        if json:
            command.add_argument("--json", action="store_true", help="print JSON for scripts")
        return command

    command = add("run", "run the bot: poll, plan, deliver, chat; without a token, chat in this terminal")
    command.add_argument(
        "--roles", metavar="ROLES", help="some of ingest,plan,deliver,telegram,discord; other processes do the rest"
    )
    command = add("round", "one round for who is due: poll, plan, deliver, say what happened, end", json=True)
    command.add_argument("--at", metavar="TIME", help="as if it were this time (2026-11-21T08:00, UTC unless it says)")
    command.add_argument("--dry-run", action="store_true", help="say what would happen; store and send nothing")
    command = add("poll", "read the feeds, or the given addresses or files, and store what is new", json=True)
    command.add_argument("feeds", nargs="*", metavar="URL-or-FILE", help="a feed's address or file")
    command = add("digest", "print the digest of a day for a query or topic")
    command.add_argument("query", metavar="QUERY", help="as in /subscribe, or a topic's name")
    command.add_argument("--on", metavar="DATE", help="the day of announcement, 2026-11-20 (the latest)")
    command.add_argument("--language", metavar="L", help="en, zh-Hans or zh-Hant")
    command.add_argument(
        "--as", dest="form", choices=("text", "markdown", "json"), default="text", help="the form (text)"
    )
    command = add("search", "search all that is stored", json=True)
    command.add_argument("query", metavar="QUERY")
    command.add_argument("--limit", type=int, default=10, metavar="N", help="at most so many papers (10)")
    command = add(
        "import", "read documents of stored summaries: digests, lists, tables, JSON Lines, folders", json=True
    )
    command.add_argument("files", nargs="+", metavar="FILE")
    command = add("export", "hand out papers: documents, feeds, citations, pages, or a whole site")
    command.add_argument("--topic", metavar="TOPIC", help="the history of a topic, by its name")
    command.add_argument("--query", metavar="QUERY", help="what a query finds; with neither, everything")
    command.add_argument("--on", metavar="DATE", help="what was announced on that day")
    command.add_argument("--since", metavar="DATE", help="from that day on")
    command.add_argument("--until", metavar="DATE", help="up to that day")
    command.add_argument("--format", choices=FORMS, default="markdown", metavar="FORM", help=f"{', '.join(FORMS)}")
    command.add_argument("--language", metavar="L", help="en, zh-Hans or zh-Hant; documents keep theirs unless given")
    command.add_argument("-o", dest="out", metavar="FILE", help="a file, or a folder (/ at its end)")
    command.add_argument("--site", metavar="FOLDER", help="a whole site into a folder, as [export] says")
    command = add("topics", "keep the catalogue of topics")
    verbs = command.add_subparsers(dest="verb", metavar="list|add|edit|remove", required=True)
    verbs.add_parser("list", help="every topic").add_argument("--json", action="store_true", help="print JSON")
    for verb, text in (("add", "a new topic"), ("edit", "another query or other names")):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("slug", metavar="SLUG", help="its short name")
        one.add_argument("query", metavar="QUERY", nargs="?" if verb == "edit" else None)
        one.add_argument(
            "--name", action="append", default=[], metavar="LANGUAGE=NAME", help="zh-Hans=高效微调; repeatable"
        )
    verbs.add_parser("remove", help="drop a topic; chats keep following its query").add_argument("slug", metavar="SLUG")
    command = add("unmerge", "undo the merge that brought a key into another source's paper")
    command.add_argument("key", metavar="KEY", help="arxiv:2403.17919 or acl:2024.bionlp-1.75")
    add("invite", "make a code that admits one chat: /start CODE")
    command = add("backup", "copy the whole store into one file, while the bot goes on", json=True)
    command.add_argument("file", nargs="?", metavar="FILE", help="a new file, or a folder (backups in the data folder)")
    command = add("restore", "put a backup in the store's place; the bot must be stopped", json=True)
    command.add_argument("file", metavar="FILE", help="what paperround backup wrote")
    command.add_argument(
        "--force", action="store_true", help="also where the store holds something, which is kept aside"
    )
    command = add("migrate-store", "move everything to another database; the bot must be stopped", json=True)
    command.add_argument(
        "--to", required=True, metavar="URL", help="an empty database: postgresql://user@host/name; password: ~/.pgpass"
    )
    command.add_argument("--from", dest="source", metavar="URL", help="another store than the configured one")
    command.add_argument("--keep", action="store_true", help="a trial: do not mark the old store as moved")
    command = add("audit", "who changed what, and when: topics, invitations, chats", json=True)
    command.add_argument("--limit", type=int, default=100, metavar="N", help="the last N changes (100)")
    command.add_argument("--about", default="", metavar="WHO", help="a user or a chat only: telegram:123")
    command = add("mydata", "print all that is kept about a chat, and of a person's private chat about them, as JSON")
    command.add_argument("address", metavar="CHAT", help="telegram:123, telegram:-100123/45 or discord:456")
    command.add_argument("--user", default="", metavar="USER", help="the person whose private chat it is: discord:789")
    command = add("forget", "erase all that is kept about a chat; the audit log keeps a pseudonym")
    command.add_argument("address", metavar="CHAT", help="as for mydata")
    command.add_argument("--user", default="", metavar="USER", help="as for mydata")
    command.add_argument("--yes", action="store_true", help="do it; else only say what would go")
    command = add("health", "ask the running bot whether it is well; status 0 where it is")
    command.add_argument("--ready", action="store_true", help="also: database and platforms can be reached")
    add("doctor", "look at configuration, database, feeds and tokens; say what is wrong and what to do", json=True)
    return top


def _have_streams() -> None:
    """A stream that the caller closed reads and writes nothing; one that is not UTF-8 shows escapes where it must."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  (until the end)
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    _have_streams()
    options = parser().parse_args(arguments)
    try:
        if options.command == "run":
            # The first line, before the imports that take their time.
            print(f"Paperround {version('paperround')}", flush=True)  # noqa: T201
        from bot import cli

        status = cli.run(options)
        sys.stdout.flush()
        return status
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
            raise
        # What is buffered goes nowhere, or Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            return 0  # whoever read had enough
        print(f"paperround: {error.strerror}", error.filename or "", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
