"""Whether a machine has taken a call that the desk makes. Pure."""

import re

LONG_S = 4.5
"""People who take a call say less than this before they listen."""
_MACHINE = re.compile(
    r"""\b(?:leave\ (?:me\ |us\ )?(?:a|your)\ message|after\ the\ (?:tone|beep)|voice\ ?mail|mailbox
      |(?:is|are|am)\ (?:not\ available|unavailable)|can(?:'t|not)\ (?:take|come\ to)
      |nicht\ erreichbar|nach\ dem\ (?:ton|piep|signalton)|hinterlassen\ sie|anrufbeantworter
      |deje?\ (?:su|un)\ mensaje|después\ de\ la\ señal|buzón\ de\ voz|no\ está\ disponible)
    | 请留言|语音信箱|无法接听|滴声后
    | اترك\ رسالة|بعد\ الصافرة|البريد\ الصوتي""",
    re.IGNORECASE | re.VERBOSE,
)


def is_voicemail(text: str, spoken_s: float) -> bool:
    """`text`: the first thing that is heard, `spoken_s` seconds long."""
    return bool(_MACHINE.search(text)) or spoken_s >= LONG_S
