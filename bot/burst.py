"""When the messages of a burst are complete enough to be answered.

A pure function of what has come and when. A complete question is answered at once; only an
attachment without words, or words that announce an attachment, waits a moment for the rest. Who
has said something in a call waits for a file that is on its way, or that they have just sent.
"""

import re
from collections.abc import Sequence
from datetime import timedelta

from bot.messages import AttachmentKind, Message

WORDS_TO_COME = timedelta(seconds=1.5)
"""How long an attachment without words waits for its caption."""
ATTACHMENT_TO_COME = timedelta(seconds=2.5)
"""How long words that announce an attachment wait for it."""
JUST_SENT = timedelta(seconds=1.5)
"""How long who says in a call that they have sent something waits for it to begin to come."""
FILE_IN_CALL = timedelta(seconds=5)
"""How long who has said something in a call waits for files that are on their way."""
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
_SENT = re.compile(
    r"""
      \bi(?:'ve|\ have)?\ (?:just\ |now\ |already\ )?(?:sent|uploaded|attached|shared)\b
          [^.?!]{0,40}\b(?:screenshot|picture|photo|image|pic|video|recording|file|pdf)s?\b
    | \b(?:screenshot|picture|photo|image|pic|video|file)s?\b[^.?!]{0,10}
          \bi(?:'ve|\ have)?\ just\ (?:sent|uploaded|shared)\b
    | \bich\ habe?\b
          [^.?!]{0,40}(?:screenshot|bildschirmfoto|bild|foto|video|datei|aufnahme)
          [^.?!]{0,20}\b(?:ge(?:schickt|sendet|sandt)|hochgeladen)\b
    | \b(?:acabo\ de\ (?:enviar|mandar|subir)|he\ (?:enviado|mandado|subido)|envié|mandé|subí)
          [^.?!]{0,40}(?:captura|pantallazo|foto|imagen|v[ií]deo|archivo)
    | (?:发|传)(?:给)?(?:你|您)?(?:了|过).{0,10}(?:截图|图片|照片|视频|文件)
    | (?:أرسلت|ارسلت|بعثت|رفعت).{0,30}(?:صورة|لقطة|فيديو|ملف)
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


def says_sent(text: str) -> bool:
    """`I have just sent you the picture`, and its like."""
    return bool(_SENT.search(text.replace("’", "'")))


def patience_s(
    messages: Sequence[Message], *, waited_s: float, since_last_s: float, sending: bool = False
) -> float:
    """How much longer to wait before answering, in seconds; 0 for not at all.

    `waited_s` counts from the first message of the burst, `since_last_s` from the last message or
    the last sign of the customer typing. `sending`: whether a file of theirs is on its way.
    """
    shows = any(a.kind in _SHOWN for message in messages for a in message.attachments)
    speaks = any(
        a.kind is AttachmentKind.AUDIO for message in messages for a in message.attachments
    )
    words = [message.text for message in messages if message.text.strip()]
    if any(message.utterance for message in messages):
        if sending:
            return max(0.0, FILE_IN_CALL.total_seconds() - waited_s)
        if shows or not any(map(says_sent, words)):
            return 0.0
        wanted = JUST_SENT
    elif shows and not words and not speaks:
        wanted = WORDS_TO_COME
    elif not shows and not speaks and any(map(announces_attachment, words)):
        wanted = ATTACHMENT_TO_COME
    else:
        return 0.0
    return max(0.0, min(wanted.total_seconds() - since_last_s, LONGEST.total_seconds() - waited_s))
