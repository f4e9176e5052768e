"""What customers say to the desk itself, in each of its languages: courtesies, and how and by whom
they want to be answered. Pure.
"""

import re
from enum import StrEnum

from bot import arabic


class Social(StrEnum):
    """Words that want no knowledge."""

    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"


_GREETING = r"""(?:hi|hey|hello|hiya|good\ (?:morning|afternoon|evening|day)|hallo|moin|servus
    |guten\ (?:morgen|tag|abend)|grüß\ gott|hola|buenas(?:\ (?:tardes|noches))?|buenos\ d[ií]as
    |你好|您好|嗨|早上好|下午好|晚上好|مرحبا|أهلا|السلام\ عليكم|صباح\ الخير|مساء\ الخير)"""
_THANKS = r"""(?:thanks?(?:\ you)?(?:\ (?:so|very)\ much|\ a\ lot)?|thx|ty|cheers|much\ appreciated
    |that(?:'s|\ was)\ (?:very\ )?helpful|danke(?:\ (?:schön|sehr))?|vielen\ dank|besten\ dank
    |(?:muchas\ |mil\ )?gracias|谢谢(?:你|您)?|多谢|感谢|شكرا(?:\ (?:لك|جزيلا))?)"""
_GOODBYE = r"""(?:bye(?:\ bye)?|goodbye|good\ night|see\ (?:you|ya)(?:\ later)?|ciao|tschüss?
    |auf\ wiedersehen|bis\ (?:bald|dann)|adi[oó]s
    |hasta\ (?:luego|pronto)|再见|拜拜|مع\ السلامة|وداعا)"""
_FILLER = r"""(?:there|all|everyone|team|again|ok(?:ay)?|great|perfect|super|genau|and|und|y
    |zusammen|ihnen|dir|euch|(?:für\ (?:die|ihre|deine)\ hilfe)|(?:por\ (?:la|su|tu)\ ayuda)
    |好的|بكم|لكم|يا)"""


def _only(words: str) -> re.Pattern[str]:
    """Matches texts that consist of these words, fillers and punctuation alone."""
    gap = r"[\s,.!?:;()~¡¿，。！？、،؟🙂😊👋🙏👍-]*"
    return _pattern(rf"{gap}(?:{_FILLER}{gap})*(?:{words}{gap}(?:{_FILLER}{gap})*)+")


def _pattern(expression: str) -> re.Pattern[str]:
    """Spaces stand for nothing, and letters that Arabic writes in several ways for one another."""
    return re.compile(arabic.normalise(expression), re.IGNORECASE | re.VERBOSE)


_SOCIAL = {
    Social.GOODBYE: _only(rf"(?:{_THANKS}[\s,.!，。！،]*)?{_GOODBYE}"),
    Social.THANKS: _only(_THANKS),
    Social.GREETING: _only(_GREETING),
}


def social(text: str) -> Social | None:
    """What kind of courtesy a text is, if it is nothing else."""
    if not text or len(text) > 80:
        return None
    plain = arabic.normalise(text)
    return next((kind for kind, words in _SOCIAL.items() if words.fullmatch(plain)), None)


_WANTS_VOICE = _pattern(
    r"""\b(?:(?:answer|reply|respond|tell\ me|say\ it)\ (?:me\ )?(?:by|with|in|as|via)\ (?:a\ )?
        (?:voice|audio|speech)|read\ it\ (?:out|aloud)|voice\ (?:answer|reply|message)\ please)
    | \b(?:antworte?n?\ (?:sie\ )?(?:bitte\ )?(?:per|mit|als)\ (?:sprachnachricht|sprache
        |stimme|audio)|lies\ (?:es\ )?vor)
    | \b(?:resp[oó]nd[ea]\w*\ (?:por|con)\ (?:voz|audio)|en\ audio\ por\ favor)
    | (?:用语音(?:回答|回复)|语音回复)
    | (?:أجب|رد)\ (?:علي\ )?(?:بالصوت|صوتيا)"""
)
_WANTS_TEXT = _pattern(
    r"""\b(?:(?:answer|reply|respond)\ (?:me\ )?(?:by|with|in|as|via)\ (?:text|writing)|text\ only
        |no\ (?:voice|audio)|can'?t\ listen|in\ writing\ please)
    | \b(?:schriftlich|(?:nur|als|per)\ text|kein(?:e)?\ (?:audio|sprachnachricht))\b
    | \b(?:por\ escrito|solo\ texto|sin\ audio)\b
    | (?:用文字|文字回复|不要语音)
    | (?:كتابة|نص\ فقط|بدون\ صوت)"""
)


_WANTS_PERSON = _pattern(
    r"""\b(?:(?:speak|talk|chat|connect\ me|put\ me\ through|transfer\ me)\ (?:to|with)
        \ (?:an?\ |the\ |some)?(?:real\ |actual\ |live\ )?
        (?:person|human|agent|someone|somebody|one|body|representative|advisor|operator)
        |(?:real|live)\ (?:person|human|agent)|human\ (?:please|agent))\b
    | \b(?:mit\ (?:einem?|einer)\ (?:echten\ |richtigen\ )?
        (?:menschen|mitarbeiter(?:in)?|person|berater(?:in)?|kollegen)\ (?:sprechen|reden|verbinden)
        |mit\ jemandem\ (?:sprechen|reden)|(?:echten|richtigen)\ menschen
        |verbinden\ sie\ mich)\b
    | \b(?:hablar\ con\ (?:una?\ |alg[uú]n\ )?
        (?:persona|agente|humano|operador|empleado|alguien)|p[aá]s[ae]me\ con
        |persona\ real|atenci[oó]n\ humana|agente\ humano)
    | (?:人工客服|转人工|真人|人工服务|找人工|跟人说|和人说)
    | (?:(?:التحدث|أتحدث|أتكلم|التكلم|الحديث|تحويلي|حولني)\ (?:مع|إلى)\ (?:أحد\ )?(?:ال)?
        (?:موظف|شخص|إنسان|ممثل|بشر|أحد)|موظف\ حقيقي|شخص\ حقيقي)"""
)


def wants_voice(text: str) -> bool:
    """Whether somebody asks in words to be answered by voice."""
    return bool(_WANTS_VOICE.search(arabic.normalise(text)))


def wants_text(text: str) -> bool:
    """The same in writing."""
    return bool(_WANTS_TEXT.search(arabic.normalise(text)))


def wants_person(text: str) -> bool:
    """The same by a person."""
    return bool(_WANTS_PERSON.search(arabic.normalise(text)))
