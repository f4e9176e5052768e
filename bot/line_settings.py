"""What an operator decides about the lines that calls come in on, each a section below
`calls.lines`.

A line is on where its section is there. What it needs must then be there as well: a line without
its secret does not start, it never believes whatever comes.
"""

from typing import Annotated

from pydantic import Field, SecretStr

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


class Ari(Section):
    """How the desk has an Asterisk exchange call customers."""

    url: Address
    """The REST interface (ARI): `http://pbx.example:8088/ari`."""
    user: Annotated[str, Field(min_length=1)]
    """A user of `ari.conf`."""
    password: Secret
    """That user's password: `${ARI_PASSWORD}`."""
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z]+/.*\{number\}")] = "PJSIP/{number}@trunk"
    """The channel that reaches a number; `{number}` is filled in."""
    context: Annotated[str, Field(min_length=1)] = "frontdesk-out"
    """Where the dialplan goes on once the customer has answered."""
    caller: str = ""
    """The number that customers see."""


class AudioSocketLine(Section):
    secret: Secret
    """What the dialplan shows when it announces a call: `${AUDIOSOCKET_SECRET}`, a word of your own
    making without `&` and `,`. A connection of no announced call is refused."""
    host: str = "127.0.0.1"
    """Where the desk listens for Asterisk's connections: an address of a network that only the
    exchange reaches, for the sound is not encrypted."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 9092
    ari: Ari | None = None
    """With it, the desk can call customers back."""


class IceServer(Section):
    """A server that helps two sides to find a way to each other."""

    urls: Annotated[str, Field(pattern=r"^(stuns?|turns?):")]
    """`stun:stun.example:3478`, or `turn:turn.example:3478`, which passes the sound on where there
    is no direct way."""
    username: str = ""
    credential: SecretStr = SecretStr("")
    """For TURN. Every visitor of the widget gets to know it."""


class BrowserLine(Section):
    """Calls from the chat widget. They need no account; behind a router, the desk needs a STUN
    server to know its own address, and where UDP is blocked, sound travels over a WebSocket."""

    enabled: bool = True
    ice: tuple[IceServer, ...] = ()
    """Servers that the desk and the browsers ask for a way to each other."""


class LinesSection(Section):
    browser: BrowserLine = BrowserLine()
    """Calls from the chat widget."""
    twilio: TwilioLine | None = None
    """Telephone numbers of Twilio's, by Media Streams."""
    audiosocket: AudioSocketLine | None = None
    """An Asterisk exchange, by AudioSocket (TCP)."""
