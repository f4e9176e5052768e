"""E-mail: a mailbox that is read over IMAP and answered over SMTP.

imap.py ─▶ incoming.py (parts, html_text, reply_text) ─▶ channel.py ─▶ the desk
            authenticity, automatic, bounce
the desk ─▶ channel.py ─▶ outgoing.py ─▶ SMTP
"""

from connectors.email.channel import EmailChannel, provider

__all__ = ["EmailChannel", "provider"]
