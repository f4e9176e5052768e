"""Twilio: SMS, MMS and WhatsApp, by webhook; which of them is written in the address.

Twilio's library brings `requests` and all of its other products for what is, here, three calls and
a signature of ten lines; it proves this signature in the tests instead. Twilio signs no time, so
that a request can be played again: the desk takes a `MessageSid` once, and a delivery's state goes
forward only. The API has no idempotency key: a crash between a call and its note sends twice.
Sources: https://www.twilio.com/docs/usage/webhooks/webhooks-security,
https://www.twilio.com/docs/messaging/guides/webhook-request,
https://www.twilio.com/docs/messaging/api/message-resource.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.channel_settings import TwilioSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import SMS, WHATSAPP
from connectors.messaging.events import Chat, Event, Progressed, Remote, Said, State, kind_of
from connectors.messaging.gsm import SEGMENT
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Voice

_MOST_FIELDS = 500
_NOTHING = Answer(b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")
"""TwiML that has Twilio do nothing: the answer comes later, by a call."""
_MEDIA_HOSTS = (".twiliocdn.com", "s3-external-1.amazonaws.com")
"""Where api.twilio.com redirects for a file, to an address that is good for some hours and needs
no credentials."""
_STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
_REASONS = {
    20003: "the account's SID or token is wrong",
    21211: "the number cannot be written to",
    21408: "the account may not write to this country: Messaging → Settings → Geo permissions",
    21606: "the sender cannot send SMS",
    21610: "the customer has written STOP",
    21614: "the number is not a mobile phone's",
    30003: "the phone cannot be reached",
    30004: "the customer's network blocks the message",
    30005: "the number does not exist any more",
    30006: "the number is a landline",
    30007: "the network took the message for spam",
    30034: "the sender is not registered for messages to the USA (A2P 10DLC)",
    63003: "the number has no WhatsApp",
    63016: "the customer last wrote on WhatsApp more than 24 hours ago: only an approved template "
    "may be sent",
    63024: "the number has no WhatsApp",
}
"""https://www.twilio.com/docs/api/errors; other codes are told in Twilio's words."""
_PASSING = frozenset({14107, 20003, 20429, 20500, 20503, 21611, 30001, 63018, 63038})
"""Rates, queues, outages; and credentials, which the operator mends."""
_NUMBER = re.compile(r"\+?\d[\d ()-]{5,}\d")


def provider(settings: TwilioSection, services: Services) -> "Twilio":
    return Twilio(settings, services)


class Twilio(Provider):
    channel = ChannelName("twilio")
    can = Capabilities(
        text_limit=1600,
        unit=Unit.UTF16,
        dialect=WHATSAPP,
        voice="audio/ogg",
        typing=True,
        # https://www.twilio.com/docs/whatsapp/key-concepts#the-24-hour-window
        window=timedelta(hours=24),
        # Twilio queues what a sender may not yet send, so that only its API's own limit is left:
        # https://help.twilio.com/articles/115002943027
        pace=Rate(per_minute=60 * 20, burst=20),
    )
    sms = Capabilities(
        # Twilio takes 1600, but phones and networks seldom join more than six segments.
        text_limit=6 * SEGMENT,
        unit=Unit.SMS,
        dialect=SMS,
        pace=can.pace,
    )

    def __init__(self, settings: TwilioSection, services: Services) -> None:
        self.account = settings.account
        self._token = settings.token.get_secret_value()
        self._credentials = {"Authorization": aiohttp.encode_basic_auth(self.account, self._token)}
        self._service = settings.messaging_service
        self._numbers = settings.numbers
        self._api = settings.api
        self._calls = f"{settings.api}/2010-04-01/Accounts/{settings.account}"
        self._typing = f"{settings.messaging}/v2/Indicators/Typing.json"
        self._services = services

    def can_at(self, address: Address) -> Capabilities:
        return self.can if _is_whatsapp(address["to"]) else self.sms

    async def receive(self, hook: Hook) -> Taken:
        if not self._services.public_url:
            raise Forged("Twilio signs the desk's address, and `server.url` is not set")
        fields = self._signed_fields(hook)
        return Taken(parse(fields), _NOTHING)

    async def send(self, address: Address, part: Part, key: str) -> str:
        message = {"To": address["to"], "From": address["from"]}
        if self._service:
            message["MessagingServiceSid"] = self._service
        if self._services.public_url:
            message["StatusCallback"] = f"{self._services.public_url}/channels/{self.channel}"
        if isinstance(part, Voice):
            # WhatsApp shows no words beside a recording.
            message["MediaUrl"] = self._services.media_url(part.attachment)
        else:
            message["Body"] = part.text
        sent = await self._call("POST", f"{self._calls}/Messages.json", message)
        return str(sent.get("sid", ""))

    def text_address(self, sender: str, number: str) -> Address:
        return {"to": number, "from": sender}

    async def type(self, address: Address) -> None:
        asked = {"channel": "whatsapp", "messageId": address["message"]}
        await self._call("POST", self._typing, asked)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        headers = self._credentials if source.startswith(f"{self._api}/") else {}
        hosts = (urlsplit(self._api).hostname or "", *_MEDIA_HOSTS)
        async for piece in self._services.download.pieces(source, hosts=hosts, headers=headers):
            yield piece

    async def check(self) -> str:
        if not self._services.public_url:
            raise OperatorError(
                "Twilio signs the address that it sends to, and the desk does not know its own",
                remedy="server: {url: https://desk.example}",
            )
        found = await self._asked("GET", f"{self._calls}.json")
        if found.get("status") != "active":
            raise OperatorError(
                f"Twilio says that the account is {found.get('status')}",
                remedy="look at https://console.twilio.com",
            )
        return str(found.get("friendly_name", self.account))

    async def register(self, url: str) -> str:
        phones = [number for number in self._numbers if not _is_whatsapp(number)]
        done = [number for number in phones if await self._point(number, url)]
        rest = [number for number in self._numbers if number not in done]
        told = [f"Twilio sends what is written to {number} to {url}" for number in done]
        if rest or not self._numbers:
            names = ", ".join(rest) or "each number"
            told.append(f"enter {url} in Twilio's console for {names}, by POST")
        return "; ".join(told)

    async def _point(self, number: str, url: str) -> bool:
        """Have a number's messages sent to an address; False where the account has no such
        number."""
        numbers = f"{self._calls}/IncomingPhoneNumbers"
        found = await self._asked("GET", f"{numbers}.json", params={"PhoneNumber": number})
        owned = found.get("incoming_phone_numbers") or [{}]
        sid = str(owned[0].get("sid", ""))
        if not re.fullmatch(r"PN[0-9a-fA-F]{32}", sid):
            return False
        pointed = {"SmsUrl": url, "SmsMethod": "POST"}
        await self._asked("POST", f"{numbers}/{sid}.json", pointed)
        return True

    def _signed_fields(self, hook: Hook) -> dict[str, str]:
        """What a request says, once its signature fits. Raises `Forged` and `Malformed`."""
        pairs: list[tuple[str, str]] = []
        is_json = hook.headers.get("content-type", "").partition(";")[0] == "application/json"
        if is_json:
            # Not in the signature itself, but as a digest in the address, which is signed.
            digest = hook.query.get("bodySHA256", "")
            if not same(digest.lower(), hashlib.sha256(hook.body).hexdigest()):
                raise Forged("the body's digest is missing or wrong")
        else:
            pairs = hook.form(_MOST_FIELDS)
        given = hook.headers.get("x-twilio-signature", "")
        # Which of the two Twilio signs depends on the product.
        fits = [same(given, signature(self._token, url, pairs)) for url in _spellings(hook.url)]
        if not any(fits):
            raise Forged("the signature is missing or wrong")
        return _texts(hook.json()) if is_json else dict(pairs)

    async def _asked(
        self, method: str, url: str, form: Mapping[str, str] | None = None, **request: Any
    ) -> dict[str, Any]:
        """A call for the operator. Raises `OperatorError` and `Unavailable`."""
        try:
            return await self._call(method, url, form, **request)
        except _Refused as error:
            if error.code == 20003 or error.status in (401, 403):
                remedy = "copy the account's SID and token from https://console.twilio.com"
                raise wrong_credentials("Twilio", str(error), remedy) from error
            raise OperatorError(f"Twilio refuses: {error}") from error

    async def _call(
        self, method: str, url: str, form: Mapping[str, str] | None = None, **request: Any
    ) -> dict[str, Any]:
        """One call of the API. Raises `DeliveryFailed`."""
        what = f"{method} {url.rpartition('/')[2]}"
        reply = await self._services.api.call(
            method, url, what=what, data=form, headers=self._credentials, **request
        )
        if not reply.ok:
            raise _Refused(what, reply)
        return reply.json()


class _Refused(DeliveryFailed):
    """What Twilio answered, with the code of its error."""

    def __init__(self, what: str, reply: Reply) -> None:
        answer = reply.json()
        code = answer.get("code")
        self.code = code if isinstance(code, int) else 0
        self.status = reply.status
        told = refused(what, reply, _reason(self.code, str(answer.get("message", ""))))
        passing = self.code in _PASSING or reply.status == 401
        super().__init__(str(told), permanent=not passing)


def signature(token: str, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """`X-Twilio-Signature` of a request: its address and, sorted, the fields of its form."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    made = hmac.new(token.encode(), signed.encode("utf-8", "surrogateescape"), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()


def parse(fields: Mapping[str, str]) -> tuple[Event, ...]:
    """What the fields of a webhook tell. Raises `Malformed` where what must be there is not."""
    try:
        return tuple(_events(fields))
    except (KeyError, ValueError) as error:
        raise Malformed(f"not a message: {type(error).__name__}") from error


def _events(fields: Mapping[str, str]) -> list[Event]:
    number = fields["MessageSid"]
    status = fields.get("MessageStatus", "")
    if status:
        state = _STATES.get(status)
        return [Progressed(number, state, _failure(fields, state))] if state else []
    if fields.get("OptOutType"):
        return []  # STOP, START and HELP are answered by Twilio itself.
    text, media = _words(fields), _media(fields)
    kept = tuple(each for each in media if "vcard" not in each.media_type)
    unsupported = ["contact"] * (len(kept) < len(media))
    if not (text or media):
        unsupported.append(fields.get("MessageType") or "nothing")
    customer, desk = fields["From"], fields["To"]
    chat = Chat(
        customer,
        {"to": customer, "from": desk, "message": number},
        place=desk,
        # The sender of an SMS can be forged; WhatsApp's is proved.
        verified=f"tel:{customer.partition(':')[2]}" if _is_whatsapp(customer) else "",
        private=True,
    )
    advertisement = [fields.get("ReferralHeadline", ""), fields.get("ReferralBody", "")]
    return [
        Said(
            chat,
            number,
            text,
            kept,
            quote="\n".join(filter(None, advertisement)),
            unsupported=tuple(unsupported),
        )
    ]


def _words(fields: Mapping[str, str]) -> str:
    names = ("Body", "ButtonText", "ListTitle", "ButtonPayload", "ListId")
    said = next((fields[name] for name in names if fields.get(name)), "")
    return "\n".join(filter(None, [said, _place(fields)]))


def _place(fields: Mapping[str, str]) -> str:
    if not fields.get("Latitude"):
        return ""
    place = f"{float(fields['Latitude']):.5f}, {float(fields['Longitude']):.5f}"
    named = ", ".join(filter(None, [fields.get("Label", ""), fields.get("Address", "")]))
    return f"{named} ({place})" if named else place


def _media(fields: Mapping[str, str]) -> list[Remote]:
    count = min(int(fields.get("NumMedia") or 0), _MOST_FIELDS)
    found = []
    for number in range(count):
        media_type = fields.get(f"MediaContentType{number}", "").lower()
        found.append(Remote(kind_of(media_type), fields[f"MediaUrl{number}"], media_type))
    return found


def _failure(fields: Mapping[str, str], state: State) -> str:
    if state is not State.FAILED:
        return ""
    return _reason(int(fields.get("ErrorCode") or 0), fields.get("ErrorMessage", ""))


def _reason(code: int, words: str) -> str:
    """An error in words that name nobody's number."""
    told = _REASONS.get(code) or _NUMBER.sub("…", words)
    return ": ".join(filter(None, [str(code or ""), told])) or "no reason given"


def _is_whatsapp(number: str) -> bool:
    return number.startswith("whatsapp:")


def _spellings(url: str) -> tuple[str, str]:
    """An address with and without its port."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    bare, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return url, f"{scheme}://{bare}{slash}{path}"
    return url, f"{scheme}://{host}:{443 if scheme == 'https' else 80}{slash}{path}"


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}
