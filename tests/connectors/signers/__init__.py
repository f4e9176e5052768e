"""How each channel's provider signs and what it sends, for what tests and measures all channels.

A channel joins with one entry in `SIGNERS`; what is not here still gets what nobody signed. Not
here: `email`, to which nothing is delivered, and `teams`, whose signatures are believed by keys
that are fetched from Microsoft (its own tests have them).
"""

from tests.connectors.signers import (
    discord,
    line,
    meta,
    slack,
    telegram,
    twilio,
    viber,
    vonage,
    webhook,
    wechat,
)
from tests.connectors.signers.signer import PUBLIC_URL, Signer, to_json

__all__ = ["PUBLIC_URL", "SIGNERS", "Signer", "to_json"]

SIGNERS: dict[str, Signer] = {
    "telegram": telegram.SIGNER,
    "whatsapp": meta.WHATSAPP,
    "messenger": meta.MESSENGER,
    "instagram": meta.INSTAGRAM,
    "slack": slack.SIGNER,
    "discord": discord.SIGNER,
    "line": line.SIGNER,
    "viber": viber.SIGNER,
    "wechat": wechat.SIGNER,
    "twilio": twilio.SIGNER,
    "vonage": vonage.SIGNER,
    "webhook": webhook.SIGNER,
}
