"""Knowledge: articles are ingested into an index, and consulted for an answer."""

from bot.knowledge.article import Article, Passage
from bot.knowledge.backing import Backing, Support
from bot.knowledge.finding import Answered, Competing, Finding, Nothing, Option
from bot.knowledge.folder import Skipped
from bot.knowledge.ingest import IngestReport, ingest
from bot.knowledge.knowledge import ArticlePage, Knowledge
from bot.knowledge.query import Query, Said
from bot.knowledge.search import Hit

__all__ = [
    "Answered",
    "Article",
    "ArticlePage",
    "Backing",
    "Competing",
    "Finding",
    "Hit",
    "IngestReport",
    "Knowledge",
    "Nothing",
    "Option",
    "Passage",
    "Query",
    "Said",
    "Skipped",
    "Support",
    "ingest",
]
