"""What somebody newly wrote in a mail: without the earlier mails below it, without the signature.

Own code, line by line: of the 30 mails in `tests/connectors/email/clients.py`, in five languages
and written along with this file, mail-parser-reply 1.36 cuts 15 where they should be,
email-reply-parser 0.5.12 cuts 9, and this cuts all. Neither knows Arabic, and the first searches
with expressions that a hostile mail of 14 kB keeps busy for a minute. In doubt a line stays: what
is left too much is read once more, and what is cut too much is lost.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

LONGEST_QUOTE_CHARS = 2_000
_LONGEST_LINE = 400
"""What is longer is nobody's header or signature, and is not searched."""
_ATTRIBUTION_LINES = 3
"""Over so many lines mail programs break "On … wrote:"."""
_HEADER_LINES = 8


class Words(NamedTuple):
    text: str
    """What was newly written."""
    quote: str
    """What it answers, as far as it was cut off; at most `LONGEST_QUOTE_CHARS`."""


_WROTE = re.compile(
    r"^(?:on|at)\b.*\bwrote$"
    r"|^am\b.*\bschrieb\b"
    r"|^el\b.*\bescribió$"
    r"|^le\b.*\ba écrit$"
    r"|^il\b.*\bha scritto$"
    r"|^em\b.*\bescreveu$"
    r"|^op\b.*\bschreef\b"
    r"|^(?:den|på|tor|tir|man|ons|fre|lør|søn)\b.*\bskrev\b"
    r"|^(?:w dniu|dnia)\b.*\bnapisał"
    r"|[写寫]道$"
    r"|^في\b.*(?:كتب|كتابة)"
    r"|\d.*(?:пишет|написал)"
    r"|님이 작성|작성$",
    re.IGNORECASE,
)
"""How "On … wrote" reads, without the colon after it."""
_MOMENT = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}|\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")
_ADDRESS = re.compile(r"[^\s<>()]+@[^\s<>()]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FROM = _set(
    "from von de da van od fra från expéditeur remitente absender mittente afsender "
    "发件人 寄件者 寄件人 差出人 من от"
) | {"보낸 사람"}
_BESIDE_FROM = _set(
    "sent date to cc bcc subject reply-to importance attachments gesendet datum an kopie betreff "
    "anlagen wichtigkeit enviado fecha para asunto adjuntos enviada assunto data envoyé à objet "
    "inviato oggetto verzonden aan onderwerp skickat till ämne sendt til emne wysłano do temat "
    "发送时间 寄件日期 日期 时间 收件人 收件者 抄送 副本 主题 主旨 件名 宛先 "
    "إلى الموضوع التاريخ نسخة أرسلت кому тема дата"
) | {"enviado el", "تاريخ الإرسال", "تم الإرسال", "받는 사람", "보낸 날짜", "제목"}
_SUBJECT = _set("subject betreff asunto assunto objet oggetto onderwerp 主题 主旨 الموضوع")
_LABEL = re.compile(r"\W{0,3}([^\W\d_][\w '’-]{0,24}?)\W{0,3}[:：]\s?(.*)")
_ORIGINAL = re.compile(
    r"-{3,}\s*(?:original message|original appointment|ursprüngliche nachricht|"
    r"originalnachricht|mensaje original|message d'origine|messaggio originale|"
    r"mensagem original|oorspronkelijk bericht|原始邮件|邮件原件|原始郵件|原邮件|"
    r"الرسالة الأصلية|رسالة أصلية|исходное сообщение)\s*-{3,}",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_-]{20,}|-{5,}")
_DEVICE = re.compile(
    r"(?:sent|gesendet|enviado|envoyé|inviato|verzonden|skickat|sendt|wysłane)"
    r" (?:from|von|mit|desde|con|de|da|vanaf|från|fra|z)\b.{1,60}"
    r"|von meinem .{1,40} gesendet|diese nachricht wurde von .{1,60} gesendet\.?"
    r"|get outlook for .{1,60}|outlook für .{1,60}|holen sie sich outlook .{1,60}"
    r"|obtener outlook .{1,60}|télécharger outlook .{1,60}"
    r"|(?:发自|發自|从)我的.{1,40}|获取适用于.{1,60}|取得適用於.{1,60}"
    r"|(?:أُرسلت|أرسلت|مرسل|تم الإرسال) من .{1,60}|(?:الحصول|احصل) على outlook .{1,60}"
    r"|yahoo mail[: ].{1,80}",
    re.IGNORECASE,
)
_CLOSINGS = frozenset(
    each.casefold()
    for each in {
        *("best", "best regards", "kind regards", "regards", "warm regards", "best wishes"),
        *("sincerely", "yours sincerely", "yours faithfully", "cheers", "many thanks"),
        *("mit freundlichen grüßen", "mit freundlichem gruß", "freundliche grüße", "viele grüße"),
        *("beste grüße", "liebe grüße", "schöne grüße", "mfg", "lg", "vg", "gruß", "grüße"),
        *("saludos", "un saludo", "saludos cordiales", "cordialmente", "atentamente"),
        *("cordialement", "bien cordialement", "cordiali saluti", "met vriendelijke groet"),
        *("此致", "祝好", "顺祝商祺", "敬上", "谢谢", "مع التحية", "مع أطيب التحيات", "تحياتي"),
        *("مع خالص التحية", "وتفضلوا بقبول فائق الاحترام"),
    }
)
_INVISIBLE = dict.fromkeys(
    [0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
) | {0xA0: " "}
"""Marks of direction and width, which stand around names in right-to-left mails."""


def new_words(body: str, *, forwarded: bool = False) -> Words:
    """What was newly written in a mail's text.

    `forwarded`: the mail passes another on, which is then what it is about: nothing is cut off but
    the signature.
    """
    lines = [line.rstrip() for line in body.translate(_INVISIBLE).splitlines()]
    if forwarded:
        return Words(_joined(lines), "")
    new, old = _divided(lines)
    return Words(_joined(_without_signature(new)), _joined(old)[:LONGEST_QUOTE_CHARS].strip())


def _divided(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The new lines and the earlier ones."""
    new: list[str] = []
    old: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(">"):
            old.append(line.lstrip("> "))
            at += 1
            continue
        if length := _attribution(lines, at):
            at += length
            if _is_quoted(_next(lines, at)):
                # What stands below the marked lines may be the answer to them.
                continue
            return new, old + list(lines[at:])
        if _is_header(lines, at) or _ORIGINAL.search(line[:_LONGEST_LINE]):
            while new and (_RULE.fullmatch(new[-1].strip()) or not new[-1].strip()):
                new.pop()
            return new, old + list(lines[at:])
        new.append(line)
        at += 1
    return new, old


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from here on say who wrote what follows; 0: this is no such line."""
    joined = ""
    for length, line in enumerate(lines[at : at + _ATTRIBUTION_LINES], 1):
        if not line.strip() or line.startswith(">"):
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > _LONGEST_LINE:
            return 0
        if joined[-1] not in ":：" or not _MOMENT.search(joined):
            continue
        words = joined[:-1].strip()
        if _WROTE.search(words):
            return length
        after = _next(lines, at + length)
        if length == 1 and _ADDRESS.search(words) and _is_quoted(after):
            return length
    return 0


def _is_header(lines: Sequence[str], at: int) -> bool:
    """Whether an earlier mail's From, Sent, To and Subject begin here. A traveller's own "From:
    Oslo, To: Bergen" is none: nobody's address is in it, and no subject."""
    if not _label(lines[at]):
        return False
    found: list[str] = []
    addressed = False
    for line in lines[at : at + _HEADER_LINES]:
        label = _label(line)
        if label:
            found.append(label)
            addressed = addressed or bool(_ADDRESS.search(line))
        elif line.strip() and len(found) < 2:
            return False
        elif line.strip():
            break
    known = set(found)
    return (
        len(known) >= 3
        and bool(known & _FROM)
        and bool(known & _BESIDE_FROM)
        and (addressed or bool(known & _SUBJECT))
    )


def _label(line: str) -> str:
    """The name of a mail header that a line begins with, in lower case."""
    if len(line) > _LONGEST_LINE:
        return ""
    match = _LABEL.match(line.lstrip("> "))
    name = unicodedata.normalize("NFC", match[1].strip().casefold()) if match else ""
    return name if name in _FROM or name in _BESIDE_FROM else ""


def _next(lines: Sequence[str], at: int) -> str:
    return next((line for line in lines[at : at + 5] if line.strip()), "")


def _is_quoted(line: str) -> bool:
    return line.startswith(">")


def _without_signature(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for at, line in enumerate(lines):
        bare = line.strip()
        if bare in ("--", "—", "–") and kept:
            break
        if len(bare) < 120 and _DEVICE.fullmatch(bare):
            continue
        if _is_closing(bare) and any(each.strip() for each in kept) and _ends(lines[at + 1 :]):
            break
        kept.append(line)
    return kept


def _is_closing(line: str) -> bool:
    return len(line) < 60 and line.rstrip(" ,.!，。،").casefold() in _CLOSINGS


def _ends(rest: Sequence[str]) -> bool:
    """Whether nothing but a name and the like follows: no question, no postscript."""
    return not any(
        line.rstrip().endswith(("?", "？", "؟")) or re.match(r"p\.?\s?s\b", line.strip(), re.I)
        for line in rest
    )


def _joined(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
