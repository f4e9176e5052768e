"""When the messages of a burst are complete enough to be answered.

A pure function of what has come and when. A complete question is answered at once; only an
attachment without words, or words that announce an attachment, waits a moment for the rest. Who
has said something in a call waits for nothing.
"""

import re
from collections.abc import Sequence
from datetime import timedelta

from bot.messages import AttachmentKind, Message

WORDS_TO_COME = timedelta(seconds=1.5)
"""How long an attachment without words waits for its caption."""
ATTACHMENT_TO_COME = timedelta(seconds=2.5)
"""How long words that announce an attachment wait for it."""
LONGEST = timedelta(seconds=8)
"""From the first message of a burst on, however much is still being typed."""

_SHOWN = (AttachmentKind.IMAGE, AttachmentKind.VIDEO, AttachmentKind.FILE)

_ANNOUNCES = re.compile(
    r"""
      \b(?:here(?:'s|\ is|\ are)|see|look\ at|i(?:'ll|\ will)\ send|sending|attach(?:ed|ing)?)\b
          [^.?!]{0,40}\b(?:screenshot|screen|picture|photo|image|pic|video|recording|file|pdf)s?\b
    | \bthis\ is\ what\ (?:i\ see|it\ says|it\ shows)\b
    | \b(?:hier\ ist|hier\ sind|siehe|anbei|ich\ schicke|im\ anhang)\b
          [^.?!]{0,40}(?:screenshot|bildschirmfoto|bild|foto|video|datei|anhang|aufnahme)
    | \b(?:aqu[ií]\ (?:est[aá]|va|tienes?)|mira|adjunt[oa]|te\ env[ií]o)\b
          [^.?!]{0,40}(?:captura|pantallazo|foto|imagen|v[ií]deo|archivo)
    | (?:这是|看(?:一下)?|附上|发(?:给)?你).{0,10}(?:截图|图片|照片|视频|文件)
    | (?:هذه|إليك|انظر|أرسل|مرفق).{0,30}(?:صورة|لقطة|فيديو|ملف)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def announces_attachment(text: str) -> bool:
    """`Here is a screenshot:` and its like. A question mark ends the announcement's benefit: a
    question can be answered without the picture."""
    text = text.strip()
    if text.endswith(("?", "？", "؟")):
        return False
    return bool(_ANNOUNCES.search(text))


def patience_s(messages: Sequence[Message], *, waited_s: float, since_last_s: float) -> float:
    """How much longer to wait before answering, in seconds; 0 for not at all.

    `waited_s` counts from the first message of the burst, `since_last_s` from the last message or
    the last sign of the customer typing.
    """
    if any(message.utterance for message in messages):
        return 0.0
    shows = any(a.kind in _SHOWN for message in messages for a in message.attachments)
    speaks = any(
        a.kind is AttachmentKind.AUDIO for message in messages for a in message.attachments
    )
    words = [message.text for message in messages if message.text.strip()]
    if shows and not words and not speaks:
        wanted = WORDS_TO_COME
    elif not shows and not speaks and any(map(announces_attachment, words)):
        wanted = ATTACHMENT_TO_COME
    else:
        return 0.0
    return max(0.0, min(wanted.total_seconds() - since_last_s, LONGEST.total_seconds() - waited_s))
