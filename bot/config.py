"""The configuration: ``paperround.toml``, ``.env`` and the environment, read once, every problem listed at once.

``PAPERROUND_TELEGRAM__TOKEN`` in the environment or ``.env`` is ``token`` under ``[telegram]`` in the file. The
environment wins over ``.env``, ``.env`` over the file. A secret may be in a file of its own, which
``PAPERROUND_TELEGRAM__TOKEN_FILE`` (in the file ``token_file``) names. Relative paths start at ``root``.
"""

from __future__ import annotations

import difflib
import io
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from bot.errors import ConfigError, Problem
from bot.settings import Config, Key, build, keys

__all__ = ["FILE_NAME", "PREFIX", "Config", "load"]

PREFIX = "PAPERROUND_"
FILE_NAME = "paperround.toml"
_LARGEST = 1024 * 1024
"""Bytes of a file that is read as configuration or secret: more is a mistake."""

_SECRETS: frozenset[Key] = frozenset({
    ("database_url",), ("telegram", "token"), ("telegram", "webhook_secret"), ("discord", "token"),
    ("summaries", "key"),
})  # fmt: skip
_KNOWN: frozenset[Key] = frozenset(keys())
_DATA_DIR: Key = ("data_dir",)
_EXPORT: Key = ("export", "folder")
_SECTIONS = frozenset(key[0] for key in _KNOWN if len(key) > 1)
_FILES: Mapping[Key, Key] = {(*key[:-1], key[-1] + "_file"): key for key in _SECRETS}


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as somebody gave it, and the key as they wrote it; ``in_file``: the value is a path to the value."""

    value: object
    written: str
    in_file: bool = False


@dataclass(slots=True)
class _Reading:
    """What the sources gave so far, later ones over earlier ones, and what is wrong with them."""

    given: dict[Key, _Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, layer: Mapping[Key, _Given], spell: dict[str, Key]) -> None:
        """Take one source in. ``spell`` is how its keys are written, for "did you mean"."""
        here: dict[Key, _Given] = {}
        for key, given in layer.items():
            target = _FILES.get(key, key)
            if target not in _KNOWN:
                self._unknown(given.written, spell)
            elif target in here:
                both = f"is given together with {here[target].written}"
                self.problems.append(Problem(given.written, both, "keep one of the two"))
            else:
                here[target] = _Given(given.value, given.written, in_file=key in _FILES)
        self.given.update(here)

    def written(self, key: Key) -> str:
        return self.given[key].written if key in self.given else ".".join(key)

    def _unknown(self, written: str, spell: dict[str, Key]) -> None:
        name, place, where = written.partition(" in ")
        fitted = name.upper() if name.startswith(PREFIX) else name
        near = difflib.get_close_matches(fitted, sorted(spell), n=1, cutoff=0.6)
        mend = f"did you mean {near[0]}{place}{where}?" if near else "take it out; the README lists every key"
        self.problems.append(Problem(written, "is not a key of Paperround", mend))

    def resolve(self, root: Path) -> dict[Key, object]:
        """The values, secrets read from their files."""
        values: dict[Key, object] = {}
        for key, given in self.given.items():
            value = self._secret(given, root) if given.in_file else given.value
            if value is not None:
                values[key] = value
        return values

    def _secret(self, given: _Given, root: Path) -> str | None:
        if not isinstance(given.value, str) or not given.value.strip() or "\0" in given.value:
            self.problems.append(Problem(given.written, "does not name a file", "write the path of the secret's file"))
            return None
        try:
            text = _read(root / Path(given.value.strip()).expanduser()).strip()
        except (OSError, ValueError) as error:
            # The value is not shown: it may be the secret itself, put into the wrong key.
            why = f"names a file that cannot be read: {_why(error)}"
            self.problems.append(Problem(given.written, why, "name a file that the bot's user may read"))
            return None
        if not text:
            self.problems.append(Problem(given.written, "names an empty file", "put the secret into the file"))
            return None
        return text


def load(
    root: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    file: Path | None = None,
    options: Mapping[str, object] | None = None,
) -> Config:
    """Read ``root``/paperround.toml (or ``file``, or what PAPERROUND_CONFIG names), ``root``/.env, ``environ``, and
    over them all the keys that the command line gave as ``options``.

    ``root`` is the working directory unless given. Raises ConfigError with every problem there is.
    """
    root = Path.cwd() if root is None else root.absolute()
    reading = _Reading()
    env_file = _read_env_file(root / ".env", reading.problems)
    named = environ.get(PREFIX + "CONFIG") or env_file.get(PREFIX + "CONFIG")
    path = root / (file or Path(named or FILE_NAME).expanduser())
    _add_file(reading, path, must=bool(file or named))
    _add_variables(reading, env_file, " in .env")
    _add_variables(reading, environ, "")
    reading.add({(name,): _Given(value, f"--{name}") for name, value in (options or {}).items()}, {})
    values = reading.resolve(root)
    folder = values.setdefault(_DATA_DIR, "data")
    if isinstance(folder, str) and folder.strip():
        values[_DATA_DIR] = str(root / Path(folder.strip()).expanduser())
    site = values.get(_EXPORT)
    if isinstance(site, str) and site.strip():
        values[_EXPORT] = str(root / Path(site.strip()).expanduser())
    config, faults = build(values)
    problems = [Problem(reading.written(key), fault.wrong, fault.mend) for key, fault in faults]
    if reading.problems or problems:
        raise ConfigError((*reading.problems, *problems))
    return config


def _add_file(reading: _Reading, path: Path, must: bool) -> None:
    try:
        parsed = tomllib.loads(_read(path))
    except FileNotFoundError:
        if must:
            reading.problems.append(Problem(str(path), "is not there", f"write it, or unset {PREFIX}CONFIG"))
        return
    except (OSError, ValueError) as error:
        reading.problems.append(Problem(path.name, f"cannot be read: {_why(error)}", "mend that place in the file"))
        return
    suffix = f" in {path.name}"
    layer: dict[Key, _Given] = {}
    for name, value in parsed.items():
        if name in _SECTIONS and not isinstance(value, dict):
            mend = f"write [{name}] on a line of its own, and its keys below"
            reading.problems.append(Problem(name + suffix, "is a section, not a value", mend))
        elif isinstance(value, dict) and (name,) not in _KNOWN:
            if name not in _SECTIONS:
                layer[(name,)] = _Given(None, name + suffix)
            else:
                layer |= {(name, inner): _Given(v, f"{name}.{inner}{suffix}") for inner, v in value.items()}
        else:
            layer[(name,)] = _Given(value, name + suffix)
    spell = {".".join(key): key for key in (*_KNOWN, *_FILES)} | {name: (name,) for name in _SECTIONS}
    reading.add(layer, spell)


def _add_variables(reading: _Reading, variables: Mapping[str, str], suffix: str) -> None:
    spell = {PREFIX + "__".join(key).upper(): key for key in (*_KNOWN, *_FILES)}
    layer = {
        spell.get(name, (name,)): _Given(value, name + suffix)
        for name, value in sorted(variables.items())
        if name.startswith(PREFIX) and name != PREFIX + "CONFIG"
    }
    reading.add(layer, spell)


def _read_env_file(path: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        bindings = list(parse_stream(io.StringIO(_read(path))))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        problems.append(Problem(path.name, f"cannot be read: {_why(error)}", "mend the file, or move it away"))
        return {}
    found: dict[str, str] = {}
    for binding in bindings:
        if binding.error:
            where = f"line {binding.original.line} cannot be read"
            problems.append(Problem(path.name, where, "write NAME=value, or a # in front of the line"))
        elif binding.key is not None and binding.key.startswith(PREFIX):
            found[binding.key] = binding.value or ""
    return found


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("larger than 1 MB")
    return content.decode("utf-8-sig")


def _why(error: Exception) -> str:
    """Without the content, which may be secret."""
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(error)
