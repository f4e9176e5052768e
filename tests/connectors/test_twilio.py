"""Twilio: what it posts of SMS and WhatsApp, what it is sent, and who may speak for it."""

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from twilio.request_validator import RequestValidator

from bot import keys
from bot.channel_settings import TwilioSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName, ReplyId
from connectors.messaging.capabilities import Unit
from connectors.messaging.events import Chat, Progressed, Said, State
from connectors.messaging.hook import Malformed
from connectors.messaging.intake import conversation_id
from connectors.messaging.provider import Services
from connectors.messaging.render import Text
from connectors.twilio import Twilio, parse, signature
from tests.builders import EchoPolicy
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import PUBLIC_URL, ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn, never_ending

TWILIO = ChannelName("twilio")
ACCOUNT = "AC" + "0" * 31 + "1"
PHONE = "PN" + "0" * 31 + "2"
TOKEN = "the-auth-token"
URL = f"{PUBLIC_URL}/channels/twilio"
CUSTOMER, DESK = "+15550100001", "+15550100002"
SMS_CHAT = Chat(
    CUSTOMER, {"to": CUSTOMER, "from": DESK, "message": "SM1"}, place=DESK, private=True
)
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
MEDIA = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media"


def sms(number: int = 1, **fields: str) -> dict[str, str]:
    """An SMS, with all that Twilio posts of one."""
    return {
        "ToCountry": "US", "ToState": "CA", "SmsMessageSid": f"SM{number}", "NumMedia": "0",
        "ToCity": "", "FromZip": "", "SmsSid": f"SM{number}", "FromState": "", "FromCity": "",
        "SmsStatus": "received", "Body": "", "FromCountry": "US", "To": DESK, "ToZip": "",
        "NumSegments": "1", "MessageSid": f"SM{number}", "AccountSid": ACCOUNT, "From": CUSTOMER,
        "ApiVersion": "2010-04-01",
    } | fields  # fmt: skip


def whatsapp(number: int = 1, **fields: str) -> dict[str, str]:
    return sms(
        number, From=f"whatsapp:{CUSTOMER}", To=f"whatsapp:{DESK}", ProfileName="Ann",
        WaId=CUSTOMER[1:], MessageType="text", ChannelMetadata="{}",
    ) | fields  # fmt: skip


def media(*files: tuple[str, str], **fields: str) -> dict[str, str]:
    found = {"NumMedia": str(len(files))}
    for number, (url, media_type) in enumerate(files):
        found |= {f"MediaUrl{number}": url, f"MediaContentType{number}": media_type}
    return found | fields


def status(state: str, **fields: str) -> dict[str, str]:
    return {
        "SmsSid": "SM9", "SmsStatus": state, "MessageStatus": state, "To": CUSTOMER,
        "MessageSid": "SM9", "AccountSid": ACCOUNT, "From": DESK, "ApiVersion": "2010-04-01",
    } | fields  # fmt: skip


def said(fields: Mapping[str, str]) -> Said:
    [event] = parse(fields)
    assert isinstance(event, Said)
    return event


class TwilioApi(StandIn):
    """Twilio's side, as far as a conversation needs it."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 500
        self.answer("POST", MESSAGES, self._send)
        self.answer("POST", "/v2/Indicators/Typing.json", {"success": True})
        account = {"sid": ACCOUNT, "friendly_name": "Shop", "status": "active"}
        self.answer("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json", account)

    def media_url(self, name: str) -> str:
        return f"{self.url}{MEDIA}/{name}"

    def keep(self, name: str, data: bytes) -> None:
        self.answer("GET", f"{MEDIA}/{name}", data)

    def _send(self, call: Call) -> Response:
        self._sent += 1
        return JSONResponse({"sid": f"SM{self._sent}", "status": "queued"}, 201)


def refusal(status: int, code: int, message: str = "") -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return JSONResponse(body, status)


@pytest.fixture
async def api() -> AsyncIterator[TwilioApi]:
    api = TwilioApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: TwilioApi, *, settings: Any = None, **options: Any
) -> AsyncIterator[ChannelSite]:
    section = TwilioSection(
        account=ACCOUNT, token=TOKEN, api=api.url, messaging=api.url, **settings or {}
    )
    async with channels.open({"twilio": ("connectors.twilio", section)}, **options):
        yield channels


async def deliver(site: ChannelSite, fields: Mapping[str, str], **options: Any) -> int:
    return (await post(site, fields, **options)).status_code


async def post(
    site: ChannelSite, fields: Mapping[str, str], *, token: str = TOKEN, url: str = URL
) -> Any:
    """Signed by Twilio's own library."""
    signed = RequestValidator(token).compute_signature(url, fields)
    headers = {
        "X-Twilio-Signature": signed,
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    query = url.partition("?")[2]
    return await site.post("twilio", urlencode(fields).encode(), headers, query)


class TestSignature:
    @pytest.mark.parametrize(
        "fields",
        [{}, sms(Body="Where is it?"), whatsapp(Body="ünïcode 😀 & = + %"), {"b": "", "a": "ä"},
         status("failed", ErrorCode="30003")],
    )  # fmt: skip
    @pytest.mark.parametrize("url", [URL, f"{URL}?a=b%20c&d=", "https://desk.example:8443/x"])
    def test_it_is_what_twilios_library_makes(self, fields: Any, url: str) -> None:
        wanted = RequestValidator(TOKEN).compute_signature(url, fields)
        assert signature(TOKEN, url, list(fields.items())) == wanted

    def test_fields_that_come_twice_count_once_for_each_value(self) -> None:
        class Fields(dict[str, list[str]]):
            def getlist(self, name: str) -> list[str]:
                return self[name]

        given = Fields(a=["2", "1", "2"], B=["x"])
        pairs = [(name, value) for name, values in given.items() for value in values]
        wanted = RequestValidator(TOKEN).compute_signature(URL, given)
        assert signature(TOKEN, URL, pairs) == wanted

    def test_it_is_the_documentations_own_example(self) -> None:
        fields = {
            "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
            "From": "+14158675309", "To": "+18005551212",
        }  # fmt: skip
        url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        assert signature("12345", url, list(fields.items())) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


class TestParsing:
    def test_words(self) -> None:
        found = said(sms(Body="Where is my order?"))
        assert found == Said(SMS_CHAT, "SM1", "Where is my order?")

    def test_the_same_person_by_sms_and_on_whatsapp_has_two_conversations(self) -> None:
        first, second = said(sms(Body="hi")).chat, said(whatsapp(Body="hi")).chat
        assert second.address["to"] == f"whatsapp:{CUSTOMER}"
        assert (first.user, first.place) != (second.user, second.place)

    def test_each_of_the_desks_numbers_has_its_conversation(self) -> None:
        assert said(sms(Body="a")).chat.place != said(sms(Body="a", To="+15550100003")).chat.place

    @pytest.mark.parametrize(
        ("media_type", "kind"),
        [
            ("image/jpeg", AttachmentKind.IMAGE),
            ("image/webp", AttachmentKind.IMAGE),
            ("audio/ogg", AttachmentKind.AUDIO),
            ("audio/amr", AttachmentKind.AUDIO),
            ("video/3gpp", AttachmentKind.VIDEO),
            ("application/pdf", AttachmentKind.FILE),
            ("", AttachmentKind.FILE),
        ],
    )
    def test_each_kind_of_file(self, media_type: str, kind: AttachmentKind) -> None:
        [medium] = said(whatsapp() | media(("https://api.twilio.com/x", media_type))).media
        assert (medium.kind, medium.source) == (kind, "https://api.twilio.com/x")

    def test_an_album_is_one_message_with_its_words(self) -> None:
        files = [("https://api.twilio.com/1", "image/png"), ("https://api.twilio.com/2", "")]
        found = said(sms(Body="these two") | media(*files))
        assert (found.text, len(found.media)) == ("these two", 2)

    def test_a_contact_is_told_to_be_left_out(self) -> None:
        found = said(whatsapp() | media(("https://api.twilio.com/x", "text/x-vcard")))
        assert (found.media, found.unsupported) == ((), ("contact",))

    def test_a_place_becomes_words(self) -> None:
        place = {"Latitude": "59.91", "Longitude": "10.75", "MessageType": "location"}
        assert said(whatsapp(**place)).text == "59.91000, 10.75000"
        named = said(whatsapp(**place, Label="Shop", Address="High St 1"))
        assert named.text == "Shop, High St 1 (59.91000, 10.75000)"

    @pytest.mark.parametrize(
        "pressed",
        [
            {"MessageType": "button", "Body": "Yes", "ButtonText": "Yes", "ButtonPayload": "y-1"},
            {"MessageType": "button", "ButtonText": "Yes", "ButtonPayload": "y-1"},
            {"MessageType": "interactive", "ListId": "y-1", "ListTitle": "Yes"},
            {"MessageType": "button", "ButtonPayload": "Yes"},
        ],
    )
    def test_what_is_pressed_says_its_words(self, pressed: dict[str, str]) -> None:
        assert said(whatsapp(**pressed)).text == "Yes"

    def test_an_advertisement_that_is_answered_is_quoted(self) -> None:
        referral = {"ReferralHeadline": "Sale", "ReferralBody": "All shoes", "ReferralNumMedia": ""}
        assert said(whatsapp(Body="how much?", **referral)).quote == "Sale\nAll shoes"

    @pytest.mark.parametrize("kind", ["reaction", "order", "something_of_next_year"])
    def test_what_is_not_understood_is_named(self, kind: str) -> None:
        assert said(whatsapp(MessageType=kind)).unsupported == (kind,)

    def test_an_empty_sms_is_no_silence(self) -> None:
        assert said(sms()).unsupported == ("nothing",)

    @pytest.mark.parametrize("word", ["STOP", "START", "HELP"])
    def test_what_twilio_answers_itself_is_no_message(self, word: str) -> None:
        assert parse(sms(Body=word, OptOutType=word)) == ()

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("sent", State.SENT),
            ("delivered", State.DELIVERED),
            ("read", State.READ),
        ],
    )
    def test_how_far_a_message_has_come(self, state: str, expected: State) -> None:
        assert parse(status(state)) == (Progressed("SM9", expected),)

    @pytest.mark.parametrize("state", ["accepted", "queued", "sending", "scheduled", "next-year"])
    def test_what_has_not_left_yet_is_no_progress(self, state: str) -> None:
        assert parse(status(state)) == ()

    @pytest.mark.parametrize(
        ("code", "words"), [("63016", "24 hours"), ("21610", "STOP"), ("30006", "landline")]
    )
    def test_why_a_message_failed_is_told_in_words(self, code: str, words: str) -> None:
        [event] = parse(status("undelivered", ErrorCode=code))
        assert isinstance(event, Progressed)
        assert event.state is State.FAILED
        assert event.reason.startswith(f"{code}: ")
        assert words in event.reason

    def test_a_failure_of_a_new_kind_is_told_in_twilios_words_without_the_number(self) -> None:
        told = f"Cannot route to {CUSTOMER}"
        [event] = parse(status("failed", ErrorCode="39999", ErrorMessage=told))
        assert event == Progressed("SM9", State.FAILED, "39999: Cannot route to …")

    @pytest.mark.parametrize(
        "broken",
        [{}, {"CallSid": "CA1", "From": CUSTOMER, "To": DESK}, {"MessageSid": "SM1"},
         sms(NumMedia="many"), sms(NumMedia="1"), whatsapp(Latitude="north", Longitude="1"),
         whatsapp(Latitude="1"), status("failed", ErrorCode="x")],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, str]) -> None:
        with pytest.raises(Malformed):
            parse(broken)


class TestWebhook:
    async def test_only_what_twilio_signed_is_taken(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        fields = sms(Body="hi")
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, fields, token="another") == 401
            elsewhere = "https://desk.example.evil/channels/twilio"
            assert await deliver(site, fields, url=elsewhere) == 401
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            assert (await site.post("twilio", urlencode(fields).encode(), form)).status_code == 401
            forged = {"X-Twilio-Signature": signature(TOKEN, URL, list(fields.items()))} | form
            changed = urlencode(fields | {"Body": "bye"}).encode()
            assert (await site.post("twilio", changed, forged)).status_code == 401
            cut = urlencode(fields).encode()[:-9]
            assert (await site.post("twilio", cut, forged)).status_code == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize(
        "url", [URL, "https://desk.example:443/channels/twilio", f"{URL}?a=b%20c&d="]
    )
    async def test_it_is_answered_with_nothing_to_do(
        self, channels: ChannelSite, api: TwilioApi, url: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            answer = await post(site, sms(Body="hi"), url=url)
            [message] = await site.messages("twilio", SMS_CHAT)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/xml")
        assert answer.text.endswith("<Response/>")
        assert message.text == "hi"

    async def test_json_is_believed_with_its_digest_in_the_signed_address(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        async def sent(body: bytes, digest: str) -> int:
            query = f"bodySHA256={digest}" if digest else ""
            url = f"{URL}?{query}" if query else URL
            signed = RequestValidator(TOKEN).compute_signature(url, {})
            headers = {"X-Twilio-Signature": signed, "Content-Type": "application/json"}
            return (await site.post("twilio", body, headers, query)).status_code

        body = json.dumps(sms(Body="hi")).encode()
        digest = hashlib.sha256(body).hexdigest()
        assert RequestValidator(TOKEN).validate(
            f"{URL}?bodySHA256={digest}",
            body.decode(),
            RequestValidator(TOKEN).compute_signature(f"{URL}?bodySHA256={digest}", {}),
        )
        async with open_site(channels, api, answers=False) as site:
            assert await sent(body, "") == 401
            assert await sent(body.replace(b"hi", b"ho"), digest) == 401
            assert await sent(b"[]", hashlib.sha256(b"[]").hexdigest()) == 400
            assert await site.nothing_was_taken()
            assert await sent(body, digest) == 200
            [message] = await site.messages("twilio", SMS_CHAT)
        assert message.text == "hi"

    async def test_without_the_desks_address_nothing_is_believed(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        async with open_site(channels, api, public_url="", answers=False) as site:
            assert await deliver(site, sms(Body="hi"), url="/channels/twilio") == 401
            assert await site.nothing_was_taken()
            [provider] = site.messaging.providers
            with pytest.raises(OperatorError, match=r"server: \{url"):
                await provider.check()

    async def test_a_senseless_body_is_refused(self, channels: ChannelSite, api: TwilioApi) -> None:
        headers = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(URL, {})}
        async with open_site(channels, api, answers=False) as site:
            for body in (b"", b"\xff\xfe", b"a=1&" * 600):
                assert (await site.post("twilio", body, headers)).status_code == 400
            assert await deliver(site, {"CallSid": "CA1"}) == 400

    async def test_a_message_that_is_played_again_is_taken_once(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            once = await asyncio.gather(*(deliver(site, sms(Body="hi")) for _ in range(3)))
            assert once == [200, 200, 200]
            assert len(await site.messages("twilio", SMS_CHAT)) == 1

    async def test_a_receipt_that_comes_late_takes_nothing_back(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        conversation, reply = conversation_id(TWILIO, ACCOUNT, SMS_CHAT), ReplyId("rep_1")
        async with open_site(channels, api, answers=False) as site:
            await site.desk.note_part(TWILIO, conversation, reply, "0", "SM9")
            for state in ("queued", "delivered", "sent"):
                assert await deliver(site, status(state)) == 200
            noted = await site.store.run("HGET", keys.sent(conversation, reply), "state:0")
        assert noted == b"delivered"


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot_on_whatsapp(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        api.keep("ME1", voice_note())
        moved = {"location": f"{api.url}/cdn/picture"}
        api.answer("GET", f"{MEDIA}/ME2", lambda _: Response(status_code=307, headers=moved))
        api.answer("GET", "/cdn/picture", shown())
        async with open_site(channels, api) as site:
            await deliver(site, whatsapp(Body="Hello *there*"))
            [first] = await api.wait(MESSAGES)
            assert first.form == {
                "To": f"whatsapp:{CUSTOMER}", "From": f"whatsapp:{DESK}", "StatusCallback": URL,
                "Body": "You said: Hello _there_",
            }  # fmt: skip
            basic = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
            assert first.headers["authorization"] == f"Basic {basic}"
            await deliver(site, whatsapp(2) | media((api.media_url("ME1"), "audio/ogg")))
            written, spoken = (await api.wait(MESSAGES, 3))[1:]
            assert SPOKEN.casefold() in written.form["Body"].casefold()
            assert "Body" not in spoken.form
            path = spoken.form["MediaUrl"].removeprefix(PUBLIC_URL)
            assert path.startswith("/channels/media/")
            async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
                played = await client.get(path)
            assert played.headers["content-type"].startswith("audio/ogg")
            assert played.content.startswith(b"OggS")

            picture = media((api.media_url("ME2"), "image/jpeg"), Body="what is this?")
            await deliver(site, whatsapp(3) | picture)
            last = (await api.wait(MESSAGES, 4))[-1]
            assert SHOWN in last.form["Body"]
        [asked] = api.made(f"{MEDIA}/ME2")
        assert asked.headers["authorization"] == f"Basic {basic}"

    async def test_typing_is_shown_on_whatsapp_while_the_desk_thinks(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        thinks = asyncio.Event()
        async with open_site(channels, api, policy=EchoPolicy(thinks)) as site:
            await deliver(site, whatsapp(Body="Hello"))
            [typing, *_] = await api.wait("/v2/Indicators/Typing.json")
            thinks.set()
            assert typing.form == {"channel": "whatsapp", "messageId": "SM1"}
            await api.wait(MESSAGES)

    async def test_an_sms_is_answered_in_plain_words_from_the_number_it_went_to(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        service = "MG" + "0" * 32
        async with open_site(channels, api, settings={"messaging_service": service}) as site:
            await deliver(site, sms(Body="**Where** is “it”?"))
            [call] = await api.wait(MESSAGES)
        assert call.form["Body"] == 'You said: Where is "it"?'
        assert (call.form["To"], call.form["From"]) == (CUSTOMER, DESK)
        assert call.form["MessagingServiceSid"] == service
        assert api.made("/v2/Indicators/Typing.json") == []

    async def test_too_many_requests_are_waited_for(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        api.fail(MESSAGES, refusal(429, 20429, "Too Many Requests"))
        async with open_site(channels, api) as site:
            await deliver(site, sms(Body="hi there"))
            calls = await api.wait(MESSAGES, 2)
        assert [call.form["Body"] for call in calls] == ["You said: hi there"] * 2

    async def test_after_a_stop_it_does_not_try_again(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        api.fail(MESSAGES, refusal(400, 21610, "Attempt to send to unsubscribed recipient"))
        async with open_site(channels, api) as site:
            await deliver(site, sms(Body="hi there"))
            await api.wait(MESSAGES)
            await deliver(site, sms(2, Body="and again"))
            calls = await api.wait(MESSAGES, 2)
        assert calls[-1].form["Body"] == "You said: and again"


class TestSending:
    def test_whatsapp_has_a_window_and_voice_and_an_sms_neither(self) -> None:
        nothing: Any = None
        services = Services(nothing, nothing, nothing, nothing, nothing)
        provider = Twilio(TwilioSection(account=ACCOUNT, token=TOKEN), services)
        on_whatsapp = provider.can_at({"to": f"whatsapp:{CUSTOMER}"})
        assert (on_whatsapp.window, on_whatsapp.voice) == (timedelta(hours=24), "audio/ogg")
        by_sms = provider.can_at({"to": CUSTOMER})
        assert (by_sms.window, by_sms.voice, by_sms.unit) == (None, "", Unit.SMS)

    @pytest.mark.parametrize(
        ("status", "code", "permanent"),
        [
            (400, 21610, True),
            (400, 63016, True),
            (400, 21211, True),
            (400, 21614, True),
            (400, 21611, False),
            (429, 20429, False),
            (401, 20003, False),
            (503, 20503, False),
            (400, 99999, True),
        ],
    )
    async def test_what_passes_is_told_from_what_does_not(
        self, channels: ChannelSite, api: TwilioApi, status: int, code: int, permanent: bool
    ) -> None:
        message = f"The number {CUSTOMER} is not all right"
        api.fail(MESSAGES, refusal(status, code, message))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(SMS_CHAT.address, Text("hi"), "key")
        assert failed.value.permanent is permanent
        assert CUSTOMER not in str(failed.value)
        assert TOKEN not in str(failed.value)


class TestFiles:
    async def fetched(self, site: ChannelSite, source: str) -> bytes:
        [provider] = site.messaging.providers
        return b"".join([piece async for piece in provider.fetch(source)])

    @pytest.mark.parametrize(
        "source",
        [
            "https://evil.example/file",
            "http://api.twilio.com/file",
            "https://mms.twiliocdn.com.evil.example/file",
            "https://169.254.169.254/latest",
            "file:///etc/passwd",
            "",
        ],
    )
    async def test_other_hosts_are_not_asked(
        self, channels: ChannelSite, api: TwilioApi, source: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await self.fetched(site, source)

    async def test_a_redirect_leads_to_twilios_hosts_alone(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        away = {"location": "https://evil.example/file"}
        api.answer("GET", f"{MEDIA}/ME1", lambda _: Response(status_code=307, headers=away))
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await self.fetched(site, api.media_url("ME1"))

    async def test_the_token_goes_to_the_api_alone(self, api: TwilioApi) -> None:
        class Asked:
            def __init__(self) -> None:
                self.headers: list[Mapping[str, str]] = []

            async def pieces(self, address: str, **options: Any) -> AsyncIterator[bytes]:
                self.headers.append(options["headers"])
                yield b""

        section = TwilioSection(account=ACCOUNT, token=TOKEN)
        nothing: Any = None
        asked: Any = Asked()
        provider = Twilio(section, Services(nothing, asked, nothing, nothing, nothing))
        for source in ("https://api.twilio.com/file", "https://mms.twiliocdn.com/file",
                       "https://api.twilio.com.evil.example/file"):  # fmt: skip
            assert [piece async for piece in provider.fetch(source)] == [b""]
        assert [bool(headers) for headers in asked.headers] == [True, False, False]

    async def test_what_was_deleted_is_gone_and_what_is_too_large_refused(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        api.keep("ME2", b"x" * (5 * 1024**2 + 1))
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await self.fetched(site, api.media_url("ME1"))
            with pytest.raises(CustomerError, match="upload_too_large"):
                await self.fetched(site, api.media_url("ME2"))

    async def test_a_body_without_an_end_is_no_longer_than_the_limit(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        more = asyncio.Event()
        endless = never_ending(b"x" * (6 * 1024**2), more)
        api.answer("GET", f"{MEDIA}/ME1", lambda _: endless)
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="upload_too_large"):
                await self.fetched(site, api.media_url("ME1"))
            more.set()


class TestOperator:
    async def test_the_account_is_named(self, channels: ChannelSite, api: TwilioApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "Shop"
            account = f"/2010-04-01/Accounts/{ACCOUNT}.json"
            api.fail(account, refusal(401, 20003, "Authenticate"))
            with pytest.raises(OperatorError, match="refuses the credentials"):
                await provider.check()
            api.fail(account, JSONResponse({"sid": ACCOUNT, "status": "suspended"}))
            with pytest.raises(OperatorError, match="suspended"):
                await provider.check()

    async def test_numbers_of_the_account_are_pointed_at_the_desk(
        self, channels: ChannelSite, api: TwilioApi
    ) -> None:
        numbers = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers"

        def owned(call: Call) -> Response:
            mine = call.query["PhoneNumber"] == DESK
            return JSONResponse({"incoming_phone_numbers": [{"sid": PHONE}] if mine else []})

        api.answer("GET", f"{numbers}.json", owned)
        api.answer("POST", f"{numbers}/{PHONE}.json", {"sid": PHONE})
        settings = {"numbers": [DESK, "+15550100003", f"whatsapp:{DESK}"]}
        async with open_site(channels, api, settings=settings, answers=False) as site:
            [provider] = site.messaging.providers
            told = await provider.register(URL)
        [call] = api.made(f"{numbers}/{PHONE}.json")
        assert call.form == {"SmsUrl": URL, "SmsMethod": "POST"}
        assert f"written to {DESK} to {URL}" in told
        assert f"for +15550100003, whatsapp:{DESK}, by POST" in told
