"""Whether a machine has sent a mail: what answers by itself must not be answered (RFC 3834).

Two machines that answer each other never stop. The desk's own answers say `Auto-Submitted`.
"""

import re
from email.message import EmailMessage

_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
_LIST = (
    *("List-Id", "List-Post", "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Owner"),
    "Mailing-List",
)
_REPLIES_BY_ITSELF = ("X-Autoreply", "X-Autorespond", "X-Autoresponse", "X-Mail-Autoreply")
_SUPPRESSED = frozenset({"all", "autoreply", "oof"})
_ROBOT = re.compile(
    r"(?:mailer-daemon|postmaster|listserv|majordomo|bounces?|owner-.*|.*-(?:request|owner|bounces?)"
    r"|(?:do[._-]?not|no)[._-]?reply.*|.*[._-](?:no|donot)[._-]?reply)(?:\+.*|=.*)?",
    re.IGNORECASE,
)


def why_automatic(mail: EmailMessage, sender: str, own: str) -> str:
    """What tells that no person wrote it; empty if nothing does. `sender`: the address in From.
    `own`: the desk's."""
    if sender.casefold() == own.casefold():
        return "from the desk itself"
    submitted = _words(mail, "Auto-Submitted").partition(";")[0].strip()
    if submitted and submitted != "no":
        return "Auto-Submitted"
    if _words(mail, "Precedence") in _BULK:
        return "Precedence"
    if any(name in mail for name in _LIST):
        return "a mailing list"
    suppressed = {each.strip() for each in _words(mail, "X-Auto-Response-Suppress").split(",")}
    if suppressed & _SUPPRESSED:
        return "X-Auto-Response-Suppress"
    if any(name in mail for name in _REPLIES_BY_ITSELF):
        return "an automatic reply"
    if _words(mail, "Return-Path") == "<>":
        return "an empty Return-Path"
    if _ROBOT.fullmatch(sender.partition("@")[0]):
        return "a machine's address"
    if mail.get_content_type() == "multipart/report":
        return "a report"
    return ""


def _words(mail: EmailMessage, name: str) -> str:
    return str(mail.get(name, "")).strip().casefold()
