"""Brings an index up to date with a knowledge folder; only what changed is read and encoded."""

from pathlib import Path

import msgspec

from bot.errors import OperatorError
from bot.knowledge.article import Article, Asked, Passage, Unreadable
from bot.knowledge.documents import read_document
from bot.knowledge.encoding import Progress, encoded
from bot.knowledge.folder import Skipped, SourceFile, files_of
from bot.knowledge.index import FORMAT, FileRecord, Index, Manifest
from bot.knowledge.passages import passages_of
from models.text_encoder import TextEncoder


class IngestReport(msgspec.Struct):
    """What an ingest did."""

    added: list[str] = []
    changed: list[str] = []
    removed: list[str] = []
    unchanged: int = 0
    skipped: list[Skipped] = []
    articles: int = 0
    passages: int = 0
    asked: int = 0
    """Customers' ways to ask for them."""
    encoded: int = 0
    """Texts (passages and parts of them) whose vectors had to be made."""


def ingest(
    folder: Path, index_folder: Path, encoder: TextEncoder, progress: Progress | None = None
) -> IngestReport:
    """Read what changed below `folder` and write the index.

    Blocks; call it in a thread. Raises `OperatorError` if the folder is unusable. Files that cannot
    be read are skipped and named in the report; a file that became unreadable loses its articles.
    """
    tell = progress or (lambda step, done, of: None)
    former = _former(index_folder, encoder)
    before = former.manifest.files if former else {}
    report = IngestReport()
    passages, records = _gather(folder, former, report, tell)
    asked = _asked(records, report)
    report.asked = len(asked)
    report.removed = sorted(before.keys() - records.keys())
    if former and not (report.added or report.changed or report.removed):
        report.articles, report.passages = len(former.articles), len(former.passages)
        if records == before:
            return report
    manifest = Manifest(FORMAT, encoder.name, records)
    index, report.encoded = encoded(passages, asked, manifest, encoder, former, tell)
    index.save(index_folder)
    report.articles, report.passages = len(index.articles), len(passages)
    return report


def _former(index_folder: Path, encoder: TextEncoder) -> Index | None:
    """The index as it is, if it can be built upon."""
    try:
        index = Index.load(index_folder)
    except OperatorError:
        return None
    return index if index.manifest.encoder == encoder.name else None


def _gather(
    folder: Path, former: Index | None, report: IngestReport, tell: Progress
) -> tuple[list[Passage], dict[str, FileRecord]]:
    """The passages of every file, from the former index where the file is the same."""
    before = former.manifest.files if former else {}
    kept: dict[str, list[Passage]] = {}
    for passage in former.passages if former else ():
        kept.setdefault(passage.article, []).append(passage)
    found = list(files_of(folder))
    passages: list[Passage] = []
    records: dict[str, FileRecord] = {}
    owner: dict[str, str] = {}
    for done, file in enumerate(found, 1):
        tell("read", done, len(found))
        if isinstance(file, Skipped):
            report.skipped.append(file)
            continue
        name, known = str(file.path), before.get(str(file.path))
        if _is_same(known, file, owner):
            assert known is not None
            record, new = known, [p for a in known.articles for p in kept.get(a, ())]
            report.unchanged += 1
        else:
            record, new = _read(file, owner)
            (report.changed if known else report.added).append(name)
        if record.reason:
            report.skipped.append(Skipped(name, record.reason))
        owner |= dict.fromkeys(record.articles, name)
        records[name] = record
        passages += new
    return passages, records


def _read(file: SourceFile, owner: dict[str, str]) -> tuple[FileRecord, list[Passage]]:
    try:
        document = read_document(file.path, file.data)
        articles = document.articles
        _refuse_taken_ids(articles, owner)
    except Unreadable as error:
        return FileRecord(file.digest, reason=str(error)), []
    ids = tuple(str(article.id) for article in articles)
    record = FileRecord(file.digest, ids, asked=document.asked)
    return record, [p for a in articles for p in passages_of(a)]


def _asked(records: dict[str, FileRecord], report: IngestReport) -> list[Asked]:
    """The questions that name an article that there is; the others are reported."""
    ids = {article for record in records.values() for article in record.articles}
    found: list[Asked] = []
    for name, record in records.items():
        lost: list[str] = []
        for asked in record.asked:
            file = records.get(asked.article)
            article = file.articles[0] if file and len(file.articles) == 1 else asked.article
            if article in ids:
                found.append(Asked(article, asked.question))
            else:
                lost.append(asked.article)
        if lost:
            some = ", ".join(f"`{article}`" for article in dict.fromkeys(lost))
            reason = f"{len(lost)} of its questions ask for no article there is: {some[:200]}"
            report.skipped.append(Skipped(name, reason))
    return sorted(found, key=lambda asked: asked.article)


def _refuse_taken_ids(articles: tuple[Article, ...], owner: dict[str, str]) -> None:
    for article in articles:
        if article.id in owner:
            raise Unreadable(
                f"{owner[article.id]} already is the article `{article.id}`; rename one of them"
            )


def _is_same(known: FileRecord | None, file: SourceFile, owner: dict[str, str]) -> bool:
    """The file need not be read again. One that was refused is: the reason may be gone."""
    return (
        known is not None
        and known.digest == file.digest
        and not known.reason
        and not owner.keys() & set(known.articles)
    )
