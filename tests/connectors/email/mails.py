"""Mails as they lie in a mailbox, for the tests."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from connectors.email.outgoing import POLICY

OWN = "help@shop.example"
ANN = "Ann.Lee@Mail.example"
AUTHSERV = "mx.shop.example"
PROOF = f"{AUTHSERV}; dmarc=pass header.from=mail.example; spf=pass smtp.mailfrom=mail.example"


def mail(text: str = "Where is my order?", *, html: str = "", **headers: str) -> EmailMessage:
    """A mail of Ann's. `headers`: more of them, with `_` for `-`; empty ones are left out."""
    message = EmailMessage(policy=POLICY)
    first = {
        "Authentication-Results": PROOF,
        "Return-Path": f"<{ANN}>",
        "From": f"Ann Lee <{ANN}>",
        "To": OWN,
        "Subject": "Order 1234",
        "Date": format_datetime(datetime(2024, 3, 5, 10, 12, tzinfo=UTC)),
        "Message-ID": "<m1@mail.example>",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in (first | given).items():
        if value:
            message[name] = value
    language = message["Content-Language"]
    message.set_content(text)
    if language:
        # `set_content` takes away what describes the content before.
        message["Content-Language"] = language
    if html:
        message.add_alternative(html, subtype="html")
    return message


def raw(text: str = "Where is my order?", *, html: str = "", **headers: str) -> bytes:
    return mail(text, html=html, **headers).as_bytes()


def bounce(identifier: str, action: str = "failed", *, whole: bool = True) -> bytes:
    """A report about one of the desk's mails, as Postfix writes it."""
    original = (
        f"Content-Type: message/rfc822\r\n\r\nFrom: {OWN}\r\nMessage-ID: <{identifier}>\r\n"
        "Subject: Re: Order\r\n\r\nText\r\n"
        if whole
        else f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{identifier}>\r\nTo: x\r\n"
    )
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: help@shop.example\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b1@mx.example>\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; ann@mail.example\r\n"
        f"Action: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such\r\n user\r\n"
        f"\r\n--b\r\n{original}\r\n--b--\r\n"
    ).encode()
