"""Replies in the formats of mail programs, in five languages: whole, and what is new in each.

Written by hand after what the programs add; none was captured from one.
"""

from typing import NamedTuple

SAID = {
    "en": "Is it the red one?\n\nAnd where is it now?",
    "de": "Ist es das rote?\n\nUnd wo ist es jetzt?",
    "es": "¿Es el rojo?\n\n¿Y dónde está ahora?",
    "zh": "是红色的那个吗？\n\n现在在哪里？",
    "ar": "هل هو الأحمر؟\n\nوأين هو الآن؟",
}
EARLIER = "Your order 1234 has been sent.\n\nIs there anything else?"
QUOTED = "\n".join(f"> {line}".rstrip() for line in EARLIER.split("\n"))


class Reply(NamedTuple):
    program: str
    language: str
    body: str
    earlier: bool = True
    """Whether an earlier mail stands below."""

    @property
    def new(self) -> str:
        return SAID[self.language]


def _marked(program: str, language: str, *lines: str) -> Reply:
    """A program that marks each earlier line."""
    attribution = "\n".join(lines)
    return Reply(program, language, f"{SAID[language]}\n\n{attribution}\n\n{QUOTED}\n")


def _plain(program: str, language: str, *lines: str) -> Reply:
    """A program that puts a header above the earlier mail, and leaves that as it was."""
    return Reply(program, language, "\n".join((SAID[language], "", *lines, "", EARLIER, "")))


def _signed(program: str, language: str, *lines: str) -> Reply:
    return Reply(program, language, "\n".join((SAID[language], "", *lines)), earlier=False)


SHOP = "Shop Help <help@shop.example>"

REPLIES = [
    _marked("Gmail", "en", f"On Tue, Mar 5, 2024 at 10:12 AM {SHOP}", "wrote:"),
    _marked(
        "Gmail", "de",
        "Am Di., 5. März 2024 um 10:12 Uhr schrieb Shop Help <", "help@shop.example>:",
    ),
    _marked(
        "Gmail", "es",
        "El mar, 5 mar 2024 a las 10:12, Shop Help (<help@shop.example>)", "escribió:",
    ),
    _marked("Gmail", "zh", f"{SHOP} 于2024年3月5日周二 10:12写道："),
    _marked(
        "Gmail", "ar",
        "‫في الثلاثاء، 5 مارس 2024 في 10:12 ص تمت كتابة ما يلي بواسطة ‪Shop Help‬‏ <‪",
        "help@shop.example‬‏>:‬",
    ),
    _marked("Apple Mail", "en", f"On 5 Mar 2024, at 10:12, {SHOP} wrote:"),
    _marked("Apple Mail", "de", f"Am 05.03.2024 um 10:12 schrieb {SHOP}:"),
    _marked("Apple Mail", "es", f"El 5 mar 2024, a las 10:12, {SHOP} escribió:"),
    _marked("Apple Mail", "zh", f"2024年3月5日 上午10:12，{SHOP} 写道："),
    _marked("Apple Mail", "ar", f"في 5 مارس 2024، الساعة 10:12 ص، كتب {SHOP}:"),
    _marked(
        "iPhone", "en",
        "Sent from my iPhone", "", f"> On 5 Mar 2024, at 10:12, {SHOP} wrote:", "> ",
    ),
    _marked(
        "iPhone", "de",
        "Von meinem iPhone gesendet", "", f"> Am 05.03.2024 um 10:12 schrieb {SHOP}:",
    ),
    _marked("Thunderbird", "en", "On 3/5/24 10:12, Shop Help wrote:"),
    _marked("Thunderbird", "de", "Am 05.03.24 um 10:12 schrieb Shop Help:"),
    _marked("Thunderbird", "es", "El 5/3/24 a las 10:12, Shop Help escribió:"),
    _marked("Thunderbird", "zh", "在 2024/3/5 10:12, Shop Help 写道:"),
    _marked("Thunderbird", "ar", "في 5/3/24 10:12, كتب Shop Help:"),
    _plain(
        "Outlook", "en",
        "From: Shop Help <help@shop.example> ", "Sent: Tuesday, March 5, 2024 10:12 AM",
        "To: Ann Lee <ann@mail.example>", "Subject: Your order",
    ),
    _plain(
        "Outlook", "de",
        "Mit freundlichen Grüßen", "Ann Lee", "Lee GmbH", "Tel. +49 30 123456", "",
        "Von: Shop Help <help@shop.example> ", "Gesendet: Dienstag, 5. März 2024 10:12",
        "An: Ann Lee <ann@mail.example>", "Betreff: Your order",
    ),
    _plain(
        "Outlook", "es",
        "De: Shop Help <help@shop.example> ", "Enviado el: martes, 5 de marzo de 2024 10:12",
        "Para: Ann Lee <ann@mail.example>", "Asunto: Your order",
    ),
    _plain(
        "Outlook", "zh",
        "发件人: Shop Help <help@shop.example> ", "发送时间: 2024年3月5日 10:12",
        "收件人: Ann Lee <ann@mail.example>", "主题: Your order",
    ),
    _plain(
        "Outlook", "ar",
        "من: Shop Help <help@shop.example> ", "تاريخ الإرسال: الثلاثاء, 5 مارس, 2024 10:12 ص",
        "إلى: Ann Lee <ann@mail.example>", "الموضوع: Your order",
    ),
    _plain(
        "Outlook on the web", "en",
        "Get Outlook for iOS<https://aka.ms/o0ukef>", "________________________________",
        "From: Shop Help <help@shop.example>", "Sent: Tuesday, March 5, 2024 10:12:00 AM",
        "To: Ann Lee <ann@mail.example>", "Subject: Your order",
    ),
    _plain(
        "Outlook in bold", "en",
        "*From:* Shop Help <help@shop.example>", "*Sent:* Tuesday, March 5, 2024 10:12 AM",
        "*To:* Ann Lee <ann@mail.example>", "*Subject:* Your order",
    ),
    _plain(
        "Outlook Express", "de",
        "-----Ursprüngliche Nachricht-----", "Von: Shop Help [mailto:help@shop.example]",
        "Gesendet: Dienstag, 5. März 2024 10:12", "An: Ann Lee", "Betreff: Your order",
    ),
    _plain(
        "Yahoo", "en",
        f"    On Tuesday, March 5, 2024 at 10:12:00 AM GMT+1, {SHOP} wrote:  ",
    ),
    _plain(
        "GMX", "de",
        "Gesendet: Dienstag, 05. März 2024 um 10:12 Uhr", 'Von: "Shop Help" <help@shop.example>',
        "An: ann@mail.example", "Betreff: Your order",
    ),
    _plain(
        "QQ", "zh",
        "------------------&nbsp;原始邮件&nbsp;------------------".replace("&nbsp;", "\u00a0"),
        '发件人: "Shop Help" <help@shop.example>;', "发送时间: 2024年3月5日(星期二) 上午10:12",
        '收件人: "Ann"<ann@mail.example>;', "主题: Your order",
    ),
    _plain("NetEase", "zh", 'At 2024-03-05 10:12:00, "Shop Help" <help@shop.example> wrote:'),
    _signed("signature", "es", "-- ", "Ann Lee", "Jefa de compras", "https://lee.example"),
]  # fmt: skip
