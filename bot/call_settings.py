"""What an operator decides about the lines that calls come in on, each a section below
`calls.lines`.

A line is on where its section is there. What it needs must then be there as well: a line without
its secret does not start, it never believes whatever comes.
"""

from typing import Annotated

from pydantic import Field

from bot.channel_settings import Address, Secret
from bot.config_section import Section

PhoneNumber = Annotated[str, Field(pattern=r"^(\+[0-9]{5,15})?$")]


class TwilioLine(Section):
    account: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    """The account's SID, which begins with `AC`."""
    token: Secret
    """The account's auth token: `${TWILIO_TOKEN}`. Twilio signs its webhooks with it."""
    number: PhoneNumber = ""
    """The number that the desk calls customers from, `+15550100000`; empty where it calls nobody
    back by Twilio."""
    api: Address = "https://api.twilio.com"
    """Twilio's API; other regions have one of their own (`https://api.dublin.ie1.twilio.com`)."""


class LinesSection(Section):
    twilio: TwilioLine | None = None
    """Telephone numbers of Twilio's, by Media Streams."""
