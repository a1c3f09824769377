"""From text to a query: a hand-written recursive descent that knows the place of every fault."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from bot.errors import QueryError
from bot.keys import parse_reference
from bot.query.messages import (
    BAD_CATEGORY,
    BAD_DATE,
    BAD_ID,
    BAD_NEWS,
    DATES_SWAPPED,
    EMPTY,
    EMPTY_FIELD,
    EMPTY_GROUP,
    LINK,
    NOT_SEARCHABLE,
    NOTHING_AFTER,
    NOTHING_BEFORE,
    ONLY_NEGATIVE,
    OPEN_PARENTHESIS,
    OPEN_QUOTE,
    SENTENCE,
    SOMETHING,
    STAR,
    STRAY_PARENTHESIS,
    TOO_DEEP,
    TOO_LONG,
    TOO_MANY,
    UNKNOWN_FIELD,
    Said,
)
from bot.query.sentences import propose
from bot.query.tree import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_TERMS,
    MOST_WORDS,
    And,
    Field,
    Leaf,
    Not,
    Or,
    Query,
    holds_of_nothing,
    joined,
    positive_leaves,
)
from bot.query.values import days, news
from bot.text import beginning, phrases

_FIELDS = {
    "title": Field.TITLE, "ti": Field.TITLE, "abstract": Field.ABSTRACT, "abs": Field.ABSTRACT,
    "author": Field.AUTHOR, "au": Field.AUTHOR, "subject": Field.SUBJECT,
    "category": Field.CATEGORY, "cat": Field.CATEGORY, "all": Field.ANY,
    "id": Field.ID, "date": Field.DATE, "is": Field.NEWS, "topic": Field.TOPIC,
}  # fmt: skip
_OPERATORS = ("AND", "OR", "NOT", "ANDNOT")
_ASCII = str.maketrans("（）：－−–＊＋\u3000", "():---*+ ") | dict.fromkeys(map(ord, "“”„‟＂«»「」『』"), '"')
_TOKEN = re.compile(
    r"""\s*(?:(?P<plain>[^\W_]+)(?=[\s()"]|$)|(?P<open>\()|(?P<close>\))|"(?P<phrase>[^"]*)(?P<end>"?)
    |id:(?P<key>[^\s()"]+)|(?P<field>[A-Za-z_]+):(?![\s:/)]|$)
    |(?P<known>(?:title|ti|abstract|abs|author|au|subject|category|cat|all|id|date|is|topic):)
    |(?P<minus>-(?=[^\s)]))|(?P<plus>\+(?=[\w"(]))|(?P<word>[^\s()"]+))""",
    re.VERBOSE | re.IGNORECASE,
)
_LINK = re.compile(r"[A-Za-z]+://")
_STARRED = re.compile(r".*[^\W_].*[^\W_]-?\*+|.*[^\W_]{2}\*+[^\W_].*")
"""``quant*`` and ``qu*nt``; in ``A*`` and ``C*-algebra`` the star is a sign like others."""
_VALUES = frozenset({Field.CATEGORY, Field.ID, Field.DATE, Field.NEWS, Field.TOPIC})
_BEGINNINGS = ("word", "phrase", "open", "field", "plus")
_CATEGORY = re.compile(r"[a-z][a-z-]*(?:\.[a-z][a-z-]*)?")
_ARCHIVES = frozenset(
    ["astro-ph", "cond-mat", "cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin", "stat"]
)
"""Archives that have categories of their own (https://arxiv.org/category_taxonomy): ``cat:cs`` means ``cs.*``."""


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def parse(text: str, *, for_subscription: bool = False) -> Query:
    """The query that ``text`` writes.

    Raises QueryError (place and what was expected) for anything that is none: see MESSAGES. A query of negatives
    alone is refused, in a search too: it would find nearly everything. ``for_subscription`` refuses also what
    would take a paper that has none of its words, such as ``a OR -b``.
    """
    if len(text) > MOST_CHARACTERS:
        said = Said(TOO_LONG, n=len(text), limit=MOST_CHARACTERS)
        raise QueryError(said, text, MOST_CHARACTERS)
    query = _parsed(text)
    if for_subscription and holds_of_nothing(query):
        raise QueryError(Said(ONLY_NEGATIVE), text, len(text), SOMETHING)
    return query


@lru_cache(1024)
def _parsed(text: str) -> Query:
    return _Parser(text).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = self._lex(source if source.isascii() else source.translate(_ASCII))
        self.tokens.append(_Token("end", "", len(source)))
        self.next = 0
        self.depth = 0
        self.terms = 0

    def fail(self, template: str, place: int, expected: str = "", /, **values: str | int) -> QueryError:
        return QueryError(Said(template, **values), self.source, place, expected)

    def _lex(self, text: str) -> list[_Token]:
        found = []
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or ""
            if kind == "end":
                kind = "phrase"
                if not match["end"]:
                    raise self.fail(OPEN_QUOTE, match.start("phrase") - 1, '"')
                found.append(_Token(kind, " ".join(match[kind].split()), match.start(kind) - 1))
                continue
            word, start = match[kind], match.start(kind)
            if kind == "plain":  # most of what is typed
                kind = word if word in _OPERATORS else "word"
            elif kind == "word" and word in _OPERATORS:
                kind = word
            elif kind == "key":  # an id may hold colons of its own
                found.append(_Token("field", "id", start - 3))
                kind = "word"
            elif kind == "known":
                kind, word = "field", word[:-1]
            found.append(_Token(kind, word, start))
        return found

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self) -> _Token:
        """The next token; the end is never passed."""
        token = self.tokens[self.next]
        self.next += token.kind != "end"
        return token

    def parse(self) -> Query:
        if len(self.tokens) == 1:
            raise self.fail(EMPTY, 0, SOMETHING)
        query = self.either(Field.ANY)
        if self.token.kind == "close":
            raise self.fail(STRAY_PARENTHESIS, self.token.place)
        if not isinstance(query, Leaf) and next(positive_leaves(query), None) is None:
            raise self.fail(ONLY_NEGATIVE, len(self.source), SOMETHING)
        return query

    def either(self, where: Field) -> Query:
        self._beginning()
        parts = [self.both(where)]
        if self.token.kind != "OR":
            return parts[0]
        while self.token.kind == "OR":
            self._after(self.take())
            parts.append(self.both(where))
        return joined(Or, parts)

    def both(self, where: Field) -> Query:
        parts: list[Query] = []
        words: list[_Token] = []
        while True:
            first = self.tokens[self.next]
            if first.kind == "word":
                self.next += 1
                parts.append(self._leaf(first, where))
                words.append(first)
                if len(words) > MOST_WORDS:
                    raise self._sentence(words)
            else:
                parts.append(self.negated(where))
                words = []
            kind = self.tokens[self.next].kind
            if kind in ("end", "close", "OR"):
                return parts[0] if len(parts) == 1 else joined(And, parts)
            if kind == "AND":
                words = []
                self._after(self.take())

    def negated(self, where: Field) -> Query:
        odd = False
        while self.token.kind in ("NOT", "minus", "ANDNOT"):
            self._after(self.take())
            odd = not odd
        one = self.one(where)
        if not odd:
            return one
        return one.part if isinstance(one, Not) else Not(one)

    def one(self, where: Field) -> Query:
        token = self.take()
        in_field = token.kind == "field"
        while token.kind in ("field", "plus"):
            if token.kind == "field":
                where = self._field(token)
            elif self.token.kind not in _BEGINNINGS:
                raise self.fail(NOTHING_AFTER, self.token.place, SOMETHING, operator=token.text)
            token = self.take()
        if token.kind == "open":
            return self._group(token, where, MOST_DEPTH + in_field)
        return self._leaf(token, where)

    def _field(self, token: _Token) -> Field:
        where = _FIELDS.get(token.text.casefold())
        if where is None:
            raise self.fail(UNKNOWN_FIELD, token.place, "title: abstract: author: category:", field=token.text)
        if self.token.kind not in _BEGINNINGS:
            raise self.fail(EMPTY_FIELD, self.token.place, SOMETHING, field=f"{token.text}:")
        return where

    def _group(self, opening: _Token, where: Field, limit: int) -> Query:
        self.depth += 1
        if self.depth > limit:
            raise self.fail(TOO_DEEP, opening.place, limit=MOST_DEPTH)
        if self.token.kind == "close":
            raise self.fail(EMPTY_GROUP, opening.place, SOMETHING)
        if self.token.kind == "end":
            raise self.fail(OPEN_PARENTHESIS, opening.place, ")")
        inside = self.either(where)
        if self.token.kind != "close":
            raise self.fail(OPEN_PARENTHESIS, opening.place, ")")
        self.take()
        self.depth -= 1
        return inside

    def _leaf(self, token: _Token, where: Field) -> Leaf:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise self.fail(TOO_MANY, token.place, limit=MOST_TERMS)
        quoted, word = token.kind == "phrase", token.text
        if where in _VALUES:
            return Leaf(where, (self._value(token, where),), word, quoted)
        if not quoted:
            if "://" in word and _LINK.match(word):
                raise self.fail(LINK, token.place, SOMETHING)
            if "*" in word and _STARRED.fullmatch(word.rstrip(":")):
                return self._beginning_of(word.rstrip(":"), token.place, where)
        leaf = _words(where, word, quoted)
        if leaf is None:
            raise self.fail(NOT_SEARCHABLE, token.place, SOMETHING, word=_quote(token))
        return leaf

    def _value(self, token: _Token, where: Field) -> tuple[str, ...]:
        """What a field of one value asks for."""
        word, said = token.text.strip(), {"word": _quote(token)}
        if where is Field.DATE:
            given = days(word)
            if given is None:
                raise self.fail(BAD_DATE, token.place, "2025-04", **said)
            if given[1] and given[0] > given[1]:
                raise self.fail(DATES_SWAPPED, token.place, **said)
            return given
        if where is Field.NEWS:
            kind = news(word)
            if kind is None:
                raise self.fail(BAD_NEWS, token.place, "new, cross, update, published", **said)
            return (kind,)
        if where is Field.ID:
            key = parse_reference(word)
            if key is None:
                raise self.fail(BAD_ID, token.place, "2403.17919", **said)
            return (key,)
        if where is Field.TOPIC:
            return (" ".join(word.split()).casefold(),)
        return (self._category(token),)

    def _beginning_of(self, starred: str, place: int, where: Field) -> Leaf:
        """``quant*``. Chinese has no spaces between words, so there a star says nothing new."""
        word = starred.rstrip("*")
        start = beginning(word)
        if start is None:
            return Leaf(where, phrases(word, where is Field.AUTHOR), word)
        if "*" in word:
            raise self.fail(STAR, place + starred.index("*"), "quant*")
        return Leaf(where, ((start,),), f"{word}*", prefix=True)

    def _category(self, token: _Token) -> str:
        pattern = token.text.strip().casefold()
        base = pattern.removesuffix("*").removesuffix(".")
        if not _CATEGORY.fullmatch(base) or (pattern != base and (not pattern.endswith("*") or "." in base)):
            raise self.fail(BAD_CATEGORY, token.place, "cs.CL", word=_quote(token))
        return f"{base}.*" if pattern != base or base in _ARCHIVES else base

    def _beginning(self) -> None:
        token = self.token
        if token.kind in ("AND", "OR", "ANDNOT"):
            raise self.fail(NOTHING_BEFORE, token.place, SOMETHING, operator=token.text)
        if token.kind == "close":
            raise self.fail(STRAY_PARENTHESIS, token.place, SOMETHING)

    def _after(self, operator: _Token) -> None:
        if self.token.kind in ("end", "close", "AND", "OR", "ANDNOT"):
            raise self.fail(NOTHING_AFTER, self.token.place, SOMETHING, operator=operator.text)

    def _sentence(self, words: list[_Token]) -> QueryError:
        while self.token.kind == "word":
            words.append(self.take())
        proposal = propose(word.text for word in words) or f'"{" ".join(word.text for word in words[:3])}"'
        return self.fail(SENTENCE, words[0].place, proposal, proposal=proposal)


@lru_cache(262144)
def _words(where: Field, text: str, quoted: bool) -> Leaf | None:
    """Filters are alike in their words: a leaf is made once."""
    if not quoted:
        text = text.rstrip(":") or text
    readings = phrases(text, where is Field.AUTHOR)
    return Leaf(where, readings, text, quoted) if readings else None


def _quote(token: _Token) -> str:
    shown = token.text if len(token.text) <= 40 else token.text[:39] + "…"
    return f"“{shown}”"
