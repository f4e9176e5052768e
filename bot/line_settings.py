"""What an operator decides about the lines that calls come in on, each a section below
`calls.lines`.

A line is on where its section is there. What it needs must then be there as well: a line without
its secret does not start, it never believes whatever comes.
"""

from typing import Annotated, Literal

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


class TelnyxLine(Section):
    key: Secret
    """An API key (v2): `${TELNYX_KEY}`."""
    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    """The account's public key, from "Keys & Credentials", which proves Telnyx's webhooks."""
    connection: Annotated[str, Field(pattern=r"^[0-9]{0,40}$")] = ""
    """The id of the Voice API application, in quotes; needed to call customers back."""
    number: PhoneNumber = ""
    """The number that the desk calls customers from; empty where it calls nobody back by Telnyx."""
    api: Address = "https://api.telnyx.com"
    """Telnyx's API."""


class VonageLine(Section):
    application: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{36}$")]
    """The application's id."""
    private_key: Secret
    """The application's private key (PEM): `${VONAGE_PRIVATE_KEY}`."""
    signature_secret: Secret
    """What Vonage signs its webhooks with: `${VONAGE_SIGNATURE_SECRET}`, from the dashboard's *API
    settings*. Webhooks of the application must be signed."""
    number: Annotated[str, Field(pattern=r"^([0-9]{5,15})?$")] = ""
    """The number that the desk calls customers from, without `+`; empty where it calls nobody back
    by Vonage."""
    api: Address = "https://api.nexmo.com"
    """Vonage's API; `https://api-eu-1.nexmo.com` and others for one region."""


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


class AsteriskLine(Section):
    user: Annotated[str, Field(min_length=1)] = "asterisk"
    """How Asterisk logs in when it opens a WebSocket: `username` in `websocket_client.conf`."""
    password: Secret
    """Its password there: `${ASTERISK_PASSWORD}`."""
    codec: Literal["slin16", "slin", "ulaw", "alaw"] = "slin16"
    """The codec that the dialplan names in `Dial(WebSocket/…/c(slin16))`."""
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
    """Show a call button in the widget, and take its calls."""
    ice: tuple[IceServer, ...] = ()
    """Servers that the desk and the browsers ask for a way to each other."""


class WhatsAppLine(Section):
    enabled: bool = False
    """Take calls to the number of `channels.whatsapp`. Calling has to be switched on for it at
    Meta, and the app subscribed to the field `calls`."""
    ice: tuple[IceServer, ...] = ()
    """STUN servers that tell the desk its own address, where it stands behind a router."""


class LinesSection(Section):
    browser: BrowserLine = BrowserLine()
    """Calls from the chat widget."""
    twilio: TwilioLine | None = None
    """Telephone numbers of Twilio's, by Media Streams."""
    telnyx: TelnyxLine | None = None
    """Telephone numbers of Telnyx's, by media streaming."""
    vonage: VonageLine | None = None
    """Telephone numbers of Vonage's, by the Voice API's WebSockets."""
    audiosocket: AudioSocketLine | None = None
    """An Asterisk exchange, by AudioSocket (TCP)."""
    asterisk: AsteriskLine | None = None
    """An Asterisk exchange, by its WebSocket channel (Asterisk 20.16, 21.11, 22.6, 23 and on)."""
    whatsapp: WhatsAppLine = WhatsAppLine()
    """Calls in WhatsApp."""
