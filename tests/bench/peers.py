"""The same filters in the languages of the peers, over title and abstract."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tantivy

from bot.query import And, Field, Leaf, Not, Or, Query
from tests.bench.library import Text

Ask = Callable[[Query], int]
"""Answers a filter: how many papers it finds."""


def fts5(texts: Sequence[Text], path: Path | None = None) -> tuple[sqlite3.Connection, Ask]:
    """SQLite's full-text search with its English stemmer; one MATCH a filter."""
    table = sqlite3.connect(path or ":memory:")
    table.execute("CREATE VIRTUAL TABLE papers USING fts5(title, abstract, category, tokenize = 'porter unicode61')")
    rows = ((text.title, text.abstract, _categories(text)) for text in texts)
    table.executemany("INSERT INTO papers VALUES (?, ?, ?)", rows)
    table.execute("INSERT INTO papers(papers) VALUES ('optimize')")
    table.commit()

    def ask(query: Query) -> int:
        return sum(1 for _ in table.execute("SELECT rowid FROM papers WHERE papers MATCH ?", (in_fts5(query),)))

    return table, ask


def in_fts5(query: Query) -> str:
    match query:
        case Leaf(field=Field.CATEGORY):
            return f'category : "{query.value.replace(".", "_").replace("_*", "")}"'
        case Leaf():
            text = '"' + query.text.replace('"', " ") + '"'
            columns = {Field.TITLE: "title", Field.ABSTRACT: "abstract"}.get(query.field, "{title abstract}")
            return f"{columns} : {text}"
        case Or(parts):
            return "(" + " OR ".join(map(in_fts5, parts)) + ")"
        case Not():
            return f'({{title abstract}} : "the" OR "a") NOT {in_fts5(query.part)}'
        case And(parts):
            positive = [in_fts5(part) for part in parts if not isinstance(part, Not)]
            negative = [in_fts5(part.part) for part in parts if isinstance(part, Not)]
            return "(" + " NOT ".join([" AND ".join(positive) or '"the"', *negative]) + ")"


def _categories(text: Text) -> str:
    return " ".join(c.casefold().replace(".", "_") for c in text.categories)


def engine(texts: Sequence[Text]) -> Ask:
    """tantivy with its own English analyzer; one query a filter."""
    builder = tantivy.SchemaBuilder()
    for name in ("title", "abstract"):
        builder.add_text_field(name, tokenizer_name="en_stem", index_option="position")
    builder.add_text_field("category", tokenizer_name="raw", index_option="basic")
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(50_000_000, 1)
    for text in texts:
        entry = tantivy.Document()
        entry.add_text("title", text.title)
        entry.add_text("abstract", text.abstract)
        for category in text.categories:
            entry.add_text("category", category.casefold())
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: Query) -> int:
        found: Any = searcher.search(in_tantivy(index, schema, query), limit=1)
        return int(found.count)

    return ask


def in_tantivy(index: Any, schema: Any, query: Query) -> Any:
    make, occur = tantivy.Query, tantivy.Occur
    match query:
        case Leaf(field=Field.CATEGORY):
            return make.term_query(schema, "category", query.value)
        case Leaf():
            fields = {Field.TITLE: ["title"], Field.ABSTRACT: ["abstract"]}.get(query.field, ["title", "abstract"])
            text = query.text.replace('"', " ").replace("\\", " ")
            return index.parse_query_lenient(f'"{text}"', fields)[0]
        case Or(parts):
            return make.boolean_query([(occur.Should, in_tantivy(index, schema, part)) for part in parts])
        case Not(part):
            inner = in_tantivy(index, schema, part)
            return make.boolean_query([(occur.Must, make.all_query()), (occur.MustNot, inner)])
        case And(parts):
            return make.boolean_query([
                (occur.MustNot, in_tantivy(index, schema, part.part))
                if isinstance(part, Not) else (occur.Must, in_tantivy(index, schema, part))
                for part in parts
            ])  # fmt: skip


def loop(texts: Sequence[Text]) -> Ask:
    """What feed bots do: look for the words in each text."""
    folded = [(text.title.casefold(), text.abstract.casefold(), _categories(text)) for text in texts]

    def holds(query: Query, title: str, abstract: str, categories: str) -> bool:
        match query:
            case Leaf(field=Field.CATEGORY):
                return query.value.replace(".", "_").replace("_*", "") in categories
            case Leaf():
                word = query.text.casefold()
                if query.field is Field.TITLE:
                    return word in title
                return word in abstract or (query.field is Field.ANY and word in title)
            case Not(part):
                return not holds(part, title, abstract, categories)
            case And(parts):
                return all(holds(part, title, abstract, categories) for part in parts)
            case Or(parts):
                return any(holds(part, title, abstract, categories) for part in parts)

    return lambda query: sum(holds(query, *one) for one in folded)


def in_tsquery(query: Query) -> str | None:
    """For PostgreSQL's ``to_tsvector('english', …)`` of title and abstract; None for what it has no field for."""
    match query:
        case Leaf(field=Field.ANY):
            words = [word for word in query.text.replace("'", " ").replace("\\", " ").split() if word.isalnum()]
            return f"({' <-> '.join(words)})" if words else None
        case Leaf():
            return None
        case Not(part):
            inner = in_tsquery(part)
            return inner and f"!{inner}"
        case And(parts) | Or(parts):
            some = [in_tsquery(part) for part in parts]
            sign = " & " if isinstance(query, And) else " | "
            return None if None in some else f"({sign.join(one for one in some if one)})"
