"""The one query language: parse, print, explain.

    query   = either                       NOT binds before AND, AND (written or implied) before OR
    either  = both { OR both }
    both    = negated { [ AND | ANDNOT ] negated }
    negated = { NOT | - } one
    one     = word | "phrase" | field: one | ( either )

Operators are upper case. A field binds one word, phrase or group: ``abs:James Webb`` is ``abs:James AND Webb``.
Full-width punctuation and curly quotes count as the ASCII ones. arXiv's own field names and ANDNOT are known
(https://info.arxiv.org/help/api/user-manual.html#query_details).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from bot.errors import QueryError
from bot.text import phrases

MOST_CHARACTERS = 500
MOST_TERMS = 50
MOST_WORDS = 12
MOST_DEPTH = 30


class Field(StrEnum):
    ANY = "any"
    TITLE = "title"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word or a phrase asked of one field.

    ``phrases`` are its analyzed readings (``fine-tuning``: ``("fine", "tune")`` or ``("finetun",)``): the leaf
    holds where any of them stands as consecutive terms inside one value of the field. For CATEGORY it is one
    casefolded pattern (``cs.cl``, ``cs.*``). ``text`` is as typed and does not count for equality.
    """

    field: Field
    phrases: tuple[tuple[str, ...], ...]
    text: str = field(compare=False)
    quoted: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Not:
    part: Query

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return to_text(self)


Query = Leaf | Not | And | Or


EMPTY = "The query is empty: write a word, a “phrase in quotes” or a field such as author:Hinton."
TOO_LONG = "The query has {n} characters; at most {limit} are possible."
TOO_MANY = "The query has more than {limit} words and phrases."
TOO_DEEP = "The query is nested more than {limit} levels deep."
OPEN_QUOTE = 'This quote is never closed: add a " at its end.'
OPEN_PARENTHESIS = "This parenthesis is never closed: add a ) where it should end."
STRAY_PARENTHESIS = "This ) closes nothing: remove it, or add the ( where it should begin."
NOTHING_AFTER = "Something to search for must follow {operator}."
NOTHING_BEFORE = "Something to search for must stand before {operator}; in “quotes” it is an ordinary word."
EMPTY_GROUP = "There is nothing between these parentheses."
EMPTY_FIELD = "Something to search for must follow {field} directly."
UNKNOWN_FIELD = "There is no field {field}: use title:, abstract:, author:, category: or put the text in “quotes”."
NOT_SEARCHABLE = "There is nothing to search for in {word}: it has neither letters nor digits."
BAD_CATEGORY = "{word} is not a category: write one like cat:cs.CL, or cat:cs.* for a whole archive."
LINK = "This is a link, not a query: send it alone, or search for words."
STAR = "A star works in cat: only; write the word without it, its endings are found anyway."
ONLY_NEGATIVE = "The query says only what to leave out: add what to look for."
SENTENCE = "This looks like a sentence; every one of its words would have to occur. Try: {proposal}"

MESSAGES = (
    EMPTY, TOO_LONG, TOO_MANY, TOO_DEEP, OPEN_QUOTE, OPEN_PARENTHESIS, STRAY_PARENTHESIS, NOTHING_AFTER, NOTHING_BEFORE,
    EMPTY_GROUP, EMPTY_FIELD, UNKNOWN_FIELD, NOT_SEARCHABLE, BAD_CATEGORY, LINK, STAR, ONLY_NEGATIVE, SENTENCE,
)  # fmt: skip
"""Every message a QueryError of `parse` can have, before its placeholders are filled."""

SOMETHING = "a word, a “phrase” or ("
"""``QueryError.expected`` is this, or literal characters such as ``)``."""


class Said(str):
    """A message as text, with what it takes to say it in another language: ``words.say(m.template, **m.values)``."""

    template: str
    values: dict[str, str | int]

    def __new__(cls, template: str, **values: str | int) -> Said:
        said = super().__new__(cls, template.format(**values))
        said.template, said.values = template, values
        return said


_FIELDS = {
    "title": Field.TITLE, "ti": Field.TITLE, "abstract": Field.ABSTRACT, "abs": Field.ABSTRACT,
    "author": Field.AUTHOR, "au": Field.AUTHOR, "category": Field.CATEGORY, "cat": Field.CATEGORY, "all": Field.ANY,
}  # fmt: skip
_PREFIX = {Field.TITLE: "ti:", Field.ABSTRACT: "abs:", Field.AUTHOR: "au:", Field.CATEGORY: "cat:", Field.ANY: "all:"}
_OPERATORS = ("AND", "OR", "NOT", "ANDNOT")
_ASCII = str.maketrans("（）：－−–＊＋\u3000", "():---*+ ") | dict.fromkeys(map(ord, "“”„‟＂«»「」『』"), '"')
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|"(?P<phrase>[^"]*)(?P<end>"?)
    |(?P<field>[A-Za-z_]+):(?![\s:/)]|$)|(?P<known>(?:title|ti|abstract|abs|author|au|category|cat|all):)
    |(?P<minus>-(?=[^\s)]))|(?P<plus>\+(?=[\w"(]))|(?P<word>[^\s()"]+))""",
    re.VERBOSE | re.IGNORECASE,
)
_CATEGORY = re.compile(r"[a-z][a-z-]*(?:\.[a-z][a-z-]*)?")
_ARCHIVES = frozenset(["astro-ph", "cond-mat", "cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin", "stat"])
"""Archives that have categories of their own (https://arxiv.org/category_taxonomy): ``cat:cs`` means ``cs.*``."""


@dataclass(frozen=True, slots=True)
class _Token:
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
    if for_subscription and _holds_of_nothing(query):
        raise QueryError(Said(ONLY_NEGATIVE), text, len(text), SOMETHING)
    return query


@lru_cache(1024)
def _parsed(text: str) -> Query:
    return _Parser(text).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(self._lex(source.translate(_ASCII)))
        self.next = 0
        self.depth = 0
        self.terms = 0

    def fail(self, template: str, place: int, expected: str = "", /, **values: str | int) -> QueryError:
        return QueryError(Said(template, **values), self.source, place, expected)

    def _lex(self, text: str) -> Iterator[_Token]:
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:  # white space at the end
                return
            kind = match.lastgroup or ""
            if kind == "end":
                kind = "phrase"
                if not match["end"]:
                    raise self.fail(OPEN_QUOTE, match.start("phrase") - 1, '"')
                yield _Token(kind, " ".join(match[kind].split()), match.start(kind) - 1)
            else:
                word, start = match[kind], match.start(kind)
                if kind == "word" and word in _OPERATORS:
                    kind = word
                elif kind == "known":
                    kind, word = "field", word[:-1]
                yield _Token(kind, word, start)
            place = match.end()

    @property
    def token(self) -> _Token:
        return self.tokens[self.next] if self.next < len(self.tokens) else _Token("end", "", len(self.source))

    def take(self) -> _Token:
        token = self.token
        self.next += 1
        return token

    def parse(self) -> Query:
        if not self.tokens:
            raise self.fail(EMPTY, 0, SOMETHING)
        query = self.either(Field.ANY)
        if self.token.kind == "close":
            raise self.fail(STRAY_PARENTHESIS, self.token.place)
        if not any(True for _ in positive_leaves(query)):
            raise self.fail(ONLY_NEGATIVE, len(self.source), SOMETHING)
        return query

    def either(self, where: Field) -> Query:
        self._beginning()
        parts = [self.both(where)]
        while self.token.kind == "OR":
            self._after(self.take())
            parts.append(self.both(where))
        return _joined(Or, parts)

    def both(self, where: Field) -> Query:
        parts: list[Query] = []
        words: list[_Token] = []
        while True:
            first = self.token
            parts.append(self.negated(where))
            words = [*words, first] if first.kind == "word" else []
            if len(words) > MOST_WORDS:
                raise self._sentence(words)
            kind = self.token.kind
            if kind in ("end", "close", "OR"):
                return _joined(And, parts)
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
            token = self.take()
        if token.kind == "open":
            return self._group(token, where, MOST_DEPTH + in_field)
        return self._leaf(token, where)

    def _field(self, token: _Token) -> Field:
        where = _FIELDS.get(token.text.casefold())
        if where is None:
            raise self.fail(UNKNOWN_FIELD, token.place, "title: abstract: author: category:", field=token.text)
        if self.token.kind not in ("word", "phrase", "open", "field", "plus"):
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
        if where is Field.CATEGORY:
            pattern = self._category(token)
            return Leaf(where, ((pattern,),), word, quoted)
        if not quoted:
            if re.match(r"[A-Za-z]+://", word):
                raise self.fail(LINK, token.place, SOMETHING)
            if re.search(r"[^\W\d_]{3}\*$", word):
                raise self.fail(STAR, token.place + len(word) - 1)
            word = word.rstrip(":") or word
        readings = _readings(word, where is Field.AUTHOR)
        if not readings:
            raise self.fail(NOT_SEARCHABLE, token.place, SOMETHING, word=_quote(token))
        return Leaf(where, readings, word, quoted)

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


def _joined(kind: type[And] | type[Or], parts: list[Query]) -> Query:
    """Nested ands are one and, nested ors one or, so that equal queries are equal values."""
    flat: list[Query] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


@lru_cache(16384)
def _readings(text: str, names: bool) -> tuple[tuple[str, ...], ...]:
    return phrases(text, names)


def _quote(token: _Token) -> str:
    shown = token.text if len(token.text) <= 40 else token.text[:39] + "…"
    return f"“{shown}”"


_COMMON = frozenset(
    ["a", "about", "above", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "between", "both", "but", "by", "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "i'm", "i'd", "i've", "in", "into", "interested", "interest", "interests", "is", "it", "its", "just", "keep", "know", "learn", "like", "love", "me", "more", "most", "my", "new", "news", "not", "of", "on", "or", "other", "our", "papers", "paper", "please", "recent", "relate", "related", "research", "should", "show", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "topic", "topics", "track", "us", "use", "used", "uses", "using", "via", "very", "want", "was", "we", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with", "within", "work", "works", "would", "you", "your", "development", "developments", "insights", "find", "look", "looking", "read", "see", "studies", "study", "latest", "especially", "mainly", "mostly", "called", "field", "area", "areas"]
)


def propose(words: Iterable[str]) -> str:
    """A query instead of a sentence: its two most telling runs of words, quoted; empty if none tells."""
    runs: list[list[str]] = [[]]
    for word in words:
        bare = re.sub(r"^[^\w]+|[^\w+#]+$", "", word.replace('"', ""))
        if not bare or bare.replace("’", "'").casefold() in _COMMON or not phrases(bare):
            runs.append([])
            continue
        runs[-1].append(bare)
        if len(runs[-1]) == 3 or not word.endswith(bare):  # punctuation ends a run
            runs.append([])
    told = list(dict.fromkeys(tuple(run) for run in runs if run))
    best = sorted(told, key=lambda run: (-min(len(run), 2), -sum(map(len, run))))[:2]
    shown = [f'"{" ".join(run)}"' if len(run) > 1 or run[0] in _OPERATORS else run[0] for run in told if run in best]
    return " ".join(shown)


def show(query: Query) -> str:
    """The same as `to_text`."""
    return to_text(query)


def to_text(query: Query) -> str:
    """The query as text, short: ``parse(to_text(q)) == q`` for every q that `parse` gave."""
    text = _print(query, Field.ANY)
    if len(text) <= MOST_CHARACTERS:
        return text
    # Typed inside one field's group, it fitted.
    return min((text, *(f"{_PREFIX[one]}({_print(query, one)})" for one in _fields(query))), key=len)


def _print(query: Query, where: Field, inner: str = "") -> str:
    """``inner`` says what stands around: an or in an ``and``, either in a ``not``, needs parentheses."""
    match query:
        case Leaf():
            text = f'"{query.text}"' if query.quoted else query.text
            return text if query.field is where else _PREFIX[query.field] + text
        case Not(part):
            return "-" + _print(part, where, "not")
        case And(parts) | Or(parts):
            own = _fields(query)
            if len(own) == 1 and where not in own:
                (one,) = own
                return f"{_PREFIX[one]}({_print(query, one)})"
            kind = type(query)
            text = _and(parts, where) if kind is And else " OR ".join(_print(p, where) for p in _runs(parts, Or, where))
            return f"({text})" if inner == "not" or (inner == "and" and kind is Or) else text


def _and(parts: tuple[Query, ...], where: Field) -> str:
    """Joined by spaces, and by AND where so many plain words would look like a sentence."""
    text = ""
    words = 0
    for part in _runs(parts, And, where):
        words = words + 1 if isinstance(part, Leaf) and part.field is where and not part.quoted else 0
        if words > MOST_WORDS:
            text, words = f"{text} AND", 1
        text += (" " if text else "") + _print(part, where, "and")
    return text


def _runs(parts: tuple[Query, ...], kind: type[And] | type[Or], where: Field) -> Iterator[Query]:
    """The parts, with neighbours that ask the same other field put into one group."""
    for own, run in groupby(parts, _fields):
        together = tuple(run)
        if len(own) == 1 and where not in own and len(together) > 1:
            yield kind(together)
        else:
            yield from together


def _fields(query: Query) -> frozenset[Field]:
    return frozenset(leaf.field for leaf in leaves(query))


def leaves(query: Query) -> Iterator[Leaf]:
    """Every leaf, as they are written."""
    match query:
        case Leaf():
            yield query
        case Not(part):
            yield from leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)


def positive_leaves(query: Query) -> Iterator[Leaf]:
    """The leaves that a match can be due to: those not under a NOT."""
    match query:
        case Leaf():
            yield query
        case Not(part):
            yield from _denied(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from positive_leaves(part)


def _denied(query: Query) -> Iterator[Leaf]:
    """Leaves under a NOT that another NOT makes positive again."""
    match query:
        case Leaf():
            return
        case Not(part):
            yield from positive_leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _denied(part)


def _holds_of_nothing(query: Query) -> bool:
    """Whether a paper without any of its words satisfies it."""
    match query:
        case Leaf():
            return False
        case Not(part):
            return not _holds_of_nothing(part)
        case And(parts):
            return all(map(_holds_of_nothing, parts))
        case Or(parts):
            return any(map(_holds_of_nothing, parts))


def has_cjk_leaf(query: Query) -> bool:
    """Whether any of it is written in Chinese characters, kana or hangul."""
    return any(unicodedata.east_asian_width(c) == "W" and c.isalpha() for leaf in leaves(query) for c in leaf.text)


def categories(query: Query) -> set[str]:
    """The category patterns asked for (``cs.cl``, ``cs.*``), those under a NOT left out."""
    return {leaf.phrases[0][0] for leaf in positive_leaves(query) if leaf.field is Field.CATEGORY}


def caret(error: QueryError, width: int = 60) -> str:
    """Two lines for a fixed-width font: the query (about ``width`` columns of it) and a ^ under the place."""
    query = error.query
    place = max(0, min(error.place, len(query)))
    start = max(0, place - width * 2 // 3) if len(query) > width else 0
    end = start + width
    shown = "".join(c if c.isprintable() else " " for c in query[start:end])
    before = ("…" if start else "") + shown[: place - start]
    return f"{'…' if start else ''}{shown}{'…' if end < len(query) else ''}\n{' ' * sum(map(_columns, before))}^"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
