"""Reads a CSV file of a knowledge folder: questions with answers, or with the article to find.

Which of the two it is, its first line says: with a column `answer` its rows are articles; with a
column `article` instead, they are customers' ways to ask for articles that other files hold.
"""

import csv
import io
from pathlib import PurePosixPath

from bot.knowledge.article import Article, Asked, Document, Section, Unreadable, article_id
from bot.messages import ArticleId

QUESTION_COLUMNS = ("question", "title", "q")
ANSWER_COLUMNS = ("answer", "text", "body", "a")
ARTICLE_COLUMN = "article"
TOPIC_COLUMNS = ("topic", ARTICLE_COLUMN, "subject", "category")
QUESTION_CHARACTERS = 500
"""A longer question is cut: nobody asks so, and the encoder would not read it."""

Row = dict[str, str]


def read_questions(path: PurePosixPath, text: str) -> Document:
    """The rows of a CSV file. Raises `Unreadable` if its first line does not name the columns."""
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4096], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    table = csv.DictReader(io.StringIO(text), dialect=dialect)
    columns = {name.strip().lower() for name in table.fieldnames or () if name}
    question = next((name for name in QUESTION_COLUMNS if name in columns), None)
    answer = next((name for name in ANSWER_COLUMNS if name in columns), None)
    if question is None or (answer is None and ARTICLE_COLUMN not in columns):
        raise Unreadable(
            "its first line must name the columns `question` and `answer`, or `question` and "
            "`article`"
        )
    rows = [
        {name.strip().lower(): value.strip() for name, value in row.items() if name and value}
        for row in table
    ]
    if answer is None:
        return Document(asked=_asked(rows, question))
    topic = next((name for name in TOPIC_COLUMNS if name in columns), "")
    return Document(_articles(path, rows, question, answer, topic))


def _asked(rows: list[Row], question: str) -> tuple[Asked, ...]:
    return tuple(
        Asked(row[ARTICLE_COLUMN], row[question][:QUESTION_CHARACTERS])
        for row in rows
        if row.get(ARTICLE_COLUMN) and row.get(question)
    )


def _articles(
    path: PurePosixPath, rows: list[Row], question: str, answer: str, topic: str
) -> tuple[Article, ...]:
    """A row is a question with its answer. With a column `topic`, the rows of one topic are one
    article; without, every row is its own."""
    articles: dict[ArticleId, Article] = {}
    for row in rows:
        asked, told, subject = row.get(question), row.get(answer), row.get(topic, "")
        if not asked or not told:
            continue
        key = article_id(str(path.with_suffix("")), subject or asked)
        before = articles.get(key)
        section = Section((asked,) if subject else (), (told,))
        articles[key] = Article(
            id=key,
            title=subject or asked,
            sections=(*(before.sections if before else ()), section),
            url=row.get("url", ""),
            language=row.get("language", "")[:2].lower(),
        )
    return tuple(articles.values())
