"""What a mail server reports about a mail of the desk's: delivery status (RFC 3464)."""

import re
from email.message import EmailMessage, Message

from connectors.messaging.events import Progressed, State

_STATES = {"failed": State.FAILED, "delivered": State.DELIVERED}
_ID = re.compile(r"<([^<>\s]{1,250})>")


def read_bounce(mail: EmailMessage) -> Progressed | None:
    """What became of which mail; None if this is no report, or the mail is still on its way. Whose
    mail it was only the desk knows: it leaves alone what it did not send."""
    if mail.get_content_type() != "multipart/report":
        return None
    identifier = action = reason = ""
    for part in mail.iter_parts():
        if part.get_content_type() == "message/delivery-status":
            for fields in part.get_payload() if part.is_multipart() else ():
                if isinstance(fields, Message) and "Action" in fields:
                    action = str(fields["Action"]).strip().casefold()
                    reason = str(fields.get("Diagnostic-Code") or fields.get("Status", ""))
        elif part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            identifier = identifier or _original(part)
    if action not in _STATES or not identifier:
        return None
    return Progressed(identifier, _STATES[action], " ".join(reason.split())[:300])


def _original(part: Message) -> str:
    """The Message-ID of the mail that a report is about."""
    if part.is_multipart():
        inside = part.get_payload()
        original = inside[0] if isinstance(inside, list) and inside else None
        header = str(original.get("Message-ID", "")) if isinstance(original, Message) else ""
    else:
        payload = part.get_payload(decode=True)
        text = payload.decode("latin-1") if isinstance(payload, bytes) else ""
        found = re.search(r"^message-id:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)
        header = found[1] if found else ""
    match = _ID.search(header)
    return match[1] if match else ""
