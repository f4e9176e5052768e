"""Microsoft Teams: what the Bot Framework posts, what it is sent, and who may speak for it."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from starlette.responses import JSONResponse, Response

from bot.channel_settings import TeamsSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind
from connectors.messaging.api import Api
from connectors.messaging.events import Chat, Progressed, Reacted, Said, State, Withdrawn, Writes
from connectors.messaging.hook import Malformed
from connectors.messaging.provider import Services
from connectors.messaging.render import Text, Voice
from connectors.teams import Teams
from connectors.teams_activities import FILE, parse
from connectors.teams_tokens import KEYS_S, LEEWAY_S, UNKNOWN_KEY_S, OwnToken, ServiceKeys
from tests.connectors.messaging.mutations import is_understood_or_malformed
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn, never_ending

APP, PASSWORD, TENANT = "11111111-2222-3333-4444-555555555555", "the-client-secret", "a-tenant"
ISSUER = "https://api.botframework.com"
SERVICE = "https://smba.trafficmanager.net/amer/a1b2c3d4"
BOT = {"id": f"28:{APP}", "name": "Shop"}
ANN = {"id": "29:1xAnn", "name": "Ann", "aadObjectId": "00000000-1111-2222-3333-444444444444"}
PERSONAL = {"conversationType": "personal", "tenantId": TENANT, "id": "a:17Ann"}
CHANNEL = {
    "isGroup": True, "conversationType": "channel", "tenantId": TENANT,
    "id": "19:d441@thread.tacv2;messageid=1766459963017",
}  # fmt: skip
GROUP = {"isGroup": True, "conversationType": "groupChat", "tenantId": TENANT, "id": "19:g@unq"}
KEY, OTHER_KEY = "key-1", "key-2"


def activity(kind: str, number: int = 1, **content: Any) -> dict[str, Any]:
    return {
        "type": kind, "id": f"176645996301{number}", "channelId": "msteams",
        "timestamp": "2025-12-23T03:19:23.0597717Z", "serviceUrl": f"{SERVICE}/",
        "from": ANN, "conversation": PERSONAL, "recipient": BOT, "locale": "en-US",
        "entities": [{"locale": "en-US", "country": "US", "type": "clientInfo"}],
        "channelData": {"tenant": {"id": TENANT}},
    } | content  # fmt: skip


def message(text: str = "", number: int = 1, **content: Any) -> dict[str, Any]:
    page = {"contentType": "text/html", "content": f"<p>{text}</p>"}
    return activity("message", number, **{"text": text, "textFormat": "plain"} | {
        "attachments": [page], **content,
    })  # fmt: skip


def chat(service: str = SERVICE, number: int = 1) -> Chat:
    address = {
        "service": service,
        "conversation": "a:17Ann",
        "message": f"176645996301{number}",
        "private": "yes",
    }
    return Chat(ANN["id"], address, locale="en-US", name=ANN["name"])


def said(told: Mapping[str, Any]) -> Said:
    [event] = parse(told)
    assert isinstance(event, Said)
    return event


@cache
def private_key(name: str) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def token(service: str, *, key: str = KEY, name: str = KEY, **changed: Any) -> str:
    """As the Bot Framework signs; `changed`: claims that are otherwise than they should be, or,
    as None, missing."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": APP, "serviceurl": f"{service}/", "nbf": now, "exp": now + 3600,
    } | changed  # fmt: skip
    held = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(held, private_key(key), algorithm="RS256", headers={"kid": name})


def by_public_key(good: str) -> str:
    """The same claims, signed with what everybody knows as if it were a secret."""
    header = urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": KEY, "typ": "JWT"}).encode())
    signed = header.rstrip(b"=") + b"." + good.split(".")[1].encode()
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = private_key(KEY).public_key().public_bytes(*form)
    made = urlsafe_b64encode(hmac.digest(public, signed, "sha256")).rstrip(b"=")
    return (signed + b"." + made).decode()


class BotFramework(StandIn):
    """Microsoft's side, as far as a conversation needs it: keys, tokens, and the Connector."""

    def __init__(self) -> None:
        super().__init__()
        self.endorsements = ["msteams", "skype"]
        self.listed = [KEY]
        self._sent = 500
        self.answer("GET", "/openid", self._metadata)
        self.answer("GET", "/keys", self._keys)
        self.answer("POST", self.tokens, self._token)
        self.answer("POST", self.activities, self._send)

    tokens = f"/{TENANT}/oauth2/v2.0/token"
    activities = "/amer/v3/conversations/a:17Ann/activities"

    @property
    def service(self) -> str:
        return f"{self.url}/amer"

    def _metadata(self, call: Call) -> Response:
        return JSONResponse({"issuer": ISSUER, "jwks_uri": f"{self.url}/keys"})

    def _keys(self, call: Call) -> Response:
        keys = [
            RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True)
            | {"kid": name, "use": "sig", "x5t": name, "endorsements": self.endorsements}
            for name in self.listed
        ]
        return JSONResponse({"keys": [{"kty": "EC", "kid": "no"}, {"kty": "RSA"}, 5, *keys]})

    def _token(self, call: Call) -> Response:
        if call.form["client_secret"] != PASSWORD:
            told = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"
            return JSONResponse({"error": "invalid_client", "error_description": told}, 401)
        number = len(self.made(self.tokens))
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{number}"}
        return JSONResponse(answer)

    def _send(self, call: Call) -> Response:
        self._sent += 1
        self.answer("PUT", f"{self.activities}/{self._sent}", {"id": str(self._sent)})
        return JSONResponse({"id": str(self._sent)}, 201)

    def messages(self) -> list[Any]:
        sent = [call.json() for call in self.made(self.activities)]
        return [each for each in sent if each["type"] == "message"]


def refusal(status: int, code: str = "ServiceError", **headers: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": "No"}}, status, headers=headers)


def settings(url: str = "", password: str = PASSWORD) -> TeamsSection:
    places = {"openid": f"{url}/openid", "login": url, "api": url} if url else {}
    return TeamsSection(app_id=APP, password=password, tenant=TENANT, **places)


@pytest.fixture
async def api() -> AsyncIterator[BotFramework]:
    api = BotFramework()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: BotFramework, *, password: str = PASSWORD, **options: Any
) -> AsyncIterator[ChannelSite]:
    configured = {"teams": ("connectors.teams", settings(api.url, password))}
    async with channels.open(configured, **options):
        yield channels


async def post(site: ChannelSite, told: Any, authorization: str) -> int:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    return (await site.post("teams", body, headers)).status_code


async def deliver(site: ChannelSite, api: BotFramework, told: Mapping[str, Any]) -> int:
    here = {**told, "serviceUrl": f"{api.service}/"}
    return await post(site, here, f"Bearer {token(api.service)}")


class TestParsing:
    def test_words(self) -> None:
        assert said(message("Where is it?")) == Said(chat(), "1766459963011", "Where is it?")

    def test_the_bots_name_is_no_word_of_the_question_and_others_names_are(self) -> None:
        entities = [
            {"type": "mention", "text": "<at>Shop</at>", "mentioned": BOT},
            {"type": "mention", "text": "<at>Bo</at>", "mentioned": {"id": "29:2", "name": "Bo"}},
            {"type": "mention", "text": None, "mentioned": None},
        ]
        told = message("<at>Shop</at>&nbsp;does <at>Bo</at> know?", entities=entities)
        assert said(told | {"conversation": CHANNEL}).text == "does Bo know?"

    def test_in_a_channel_each_thread_and_person_is_a_conversation(self) -> None:
        found = said(message("hi", conversation=CHANNEL)).chat
        assert found.place == CHANNEL["id"]
        assert found.address["private"] == ""
        assert found.place != said(message("hi", conversation=GROUP)).chat.place

    def test_the_language_is_the_apps(self) -> None:
        told = message("hei", locale=None, entities=[{"type": "clientInfo", "locale": "nb-NO"}])
        assert said(told).chat.locale == "nb-NO"
        assert said(message("hei", locale=None, entities=None)).chat.locale == ""

    def test_a_picture_lies_at_the_service(self) -> None:
        url = f"{SERVICE}/v3/attachments/0-eus-d1/views/original"
        told = message(attachments=[
            {"contentType": "text/html", "content": '<div><img src="x"></div>'},
            {"contentType": "image/*", "contentUrl": url},
        ])  # fmt: skip
        [medium] = said(told).media
        assert (medium.kind, medium.source, medium.media_type) == (AttachmentKind.IMAGE, url, "")

    @pytest.mark.parametrize(
        ("extension", "kind"),
        [("pdf", AttachmentKind.FILE), ("png", AttachmentKind.IMAGE), ("m4a", AttachmentKind.AUDIO),
         ("mp4", AttachmentKind.VIDEO), ("strange", AttachmentKind.FILE),
         ("", AttachmentKind.FILE)],
    )  # fmt: skip
    def test_a_file_lies_in_the_customers_onedrive(
        self, extension: str, kind: AttachmentKind
    ) -> None:
        opened = "https://contoso-my.sharepoint.com/download.aspx?tempauth=x"
        content = {"downloadUrl": opened, "uniqueId": "1150D938", "fileType": extension}
        file = {"contentType": FILE, "contentUrl": "https://contoso", "name": "it",
                "content": content}  # fmt: skip
        [medium] = said(message(attachments=[file])).media
        assert (medium.kind, medium.source, medium.name) == (kind, opened, "it")

    @pytest.mark.parametrize(
        "attachment",
        [
            {"contentType": "application/vnd.microsoft.card.audio", "content": "{}"},
            {"contentType": "text/html", "content": '<div><span itemid="1" '
             'itemtype="http://schema.skype.com/InputExtension"></span></div>'},
        ],
    )  # fmt: skip
    def test_a_voice_note_that_bots_are_not_given_is_told(self, attachment: Any) -> None:
        assert said(message(attachments=[attachment])).unsupported == ("voice_note",)

    @pytest.mark.parametrize(
        ("media_type", "named"),
        [("application/vnd.microsoft.card.adaptive", "card.adaptive"),
         ("application/vnd.microsoft.teams.card.o365connector", "teams.card.o365connector"),
         ("reference", "reference"), ("audio/ogg", "audio/ogg")],
    )  # fmt: skip
    def test_what_is_not_understood_is_named(self, media_type: str, named: str) -> None:
        told = message(attachments=[{"contentType": media_type, "content": {}}])
        assert said(told).unsupported == (named,)

    def test_a_reply_brings_the_words_it_answers_and_not_as_its_own(self) -> None:
        page = (
            '<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="1">'
            '<strong itemprop="mri" itemid="28:x">Shop</strong><span itemprop="time"></span>'
            '<p itemprop="preview">A or B?</p></blockquote>'
            '<p><span itemtype="http://schema.skype.com/Mention" itemid="0">Shop</span>&nbsp;B, '
            "<b>pl</b>ease</p><p>today</p>"
        )
        told = message("ShopA or B?\r\nB, please\r\ntoday", attachments=[
            {"contentType": "text/html", "content": page},
        ])  # fmt: skip
        assert (said(told).quote, said(told).text) == ("A or B?", "B, please\ntoday")

    @pytest.mark.parametrize(
        "pressed",
        [{"text": "Yes", "value": {"id": 1}}, {"value": {"text": "Yes"}}, {"value": "Yes"},
         {"value": {"choice": "Yes", "x": 1}}],
    )  # fmt: skip
    def test_a_pressed_button_says_its_words(self, pressed: dict[str, Any]) -> None:
        assert said(activity("message", attachments=None, **pressed)).text == "Yes"

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        told = message("B, sorry") | {"type": "messageUpdate"}
        found = said(told | {"channelData": {"eventType": "editMessage"}})
        assert (found.text, found.replaces) == ("B, sorry", "1766459963011")
        assert found.id == "1766459963011:2025-12-23T03:19:23.0597717Z"
        back = said(told | {"channelData": {"eventType": "undeleteMessage"}})
        assert (back.text, back.replaces, back.id) == ("B, sorry", "", found.id)

    def test_a_deleted_message_is_withdrawn(self) -> None:
        [event] = parse(activity("messageDelete", channelData={"eventType": "softDeleteMessage"}))
        assert isinstance(event, Withdrawn)
        assert event.id == "1766459963011"
        assert event.chat.user == ANN["id"]

    def test_a_reaction_wants_no_answer(self) -> None:
        told = activity("messageReaction", replyToId="17", reactionsAdded=[{"type": "like"}])
        [event] = parse(told)
        assert isinstance(event, Reacted)
        assert (event.to, event.emoji) == ("a:17Ann 17", "👍")
        told |= {"reactionsRemoved": [{"type": "heart"}], "reactionsAdded": [{"type": "1f44b"}]}
        assert [each.emoji for each in parse(told) if isinstance(each, Reacted)] == ["", "1f44b"]

    def test_what_was_read_is_a_receipt(self) -> None:
        name = "application/vnd.microsoft.readReceipt"
        told = activity("event", name=name, value={"lastReadMessageId": "501"})
        assert parse(told) == (Progressed("a:17Ann 501", State.READ),)

    def test_typing(self) -> None:
        [event] = parse(activity("typing"))
        assert isinstance(event, Writes)

    def test_who_adds_the_bot_is_greeted_once(self) -> None:
        added = said(activity("installationUpdate", action="add"))
        told = said(activity("conversationUpdate", 2, membersAdded=[BOT, ANN]))
        assert added.joined
        assert told.joined
        assert added.id == told.id

    @pytest.mark.parametrize(
        "told",
        [
            activity("conversationUpdate", membersAdded=[BOT]),
            activity("conversationUpdate", membersAdded=[ANN], conversation=CHANNEL),
            activity("conversationUpdate", membersRemoved=[ANN]),
            activity("conversationUpdate", channelData={"eventType": "channelCreated"}),
            activity("installationUpdate", action="add", conversation=CHANNEL),
            activity("installationUpdate", action="remove"),
            activity("event", name="application/vnd.microsoft.meetingStart"),
            activity("endOfConversation"),
            message("hi", **{"from": BOT}),
        ],
    )  # fmt: skip
    def test_what_nobody_said_is_no_message(self, told: dict[str, Any]) -> None:
        assert parse(told) == ()

    @pytest.mark.parametrize(
        "broken",
        [{}, {"type": "message"}, {"type": "message", "from": 5}, message("hi", conversation=None),
         message("hi", attachments=[5]), message("hi", attachments=[{"content": "x"}]),
         message("hi", attachments=[{"contentType": FILE, "content": "x"}]),
         activity("messageReaction"), activity("conversationUpdate", membersAdded=["x"]),
         message("hi", entities=5),
         activity("event", name="application/vnd.microsoft.readReceipt")],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            parse(broken)

    def test_what_is_changed_anywhere_is_understood_or_malformed(self) -> None:
        reply = '<blockquote itemtype="http://schema.skype.com/Reply"><p itemprop="preview">A</p>'
        file = {"contentType": FILE, "name": "it", "content": {"downloadUrl": "x", "fileType": "x"}}
        image = {"contentType": "image/png", "contentUrl": "https://x", "name": "it"}
        mention = {"type": "mention", "text": "<at>Shop</at>", "mentioned": BOT}
        page = {"contentType": "text/html", "content": reply}
        payloads = [
            message("<at>Shop</at> hi", attachments=[file, image, page], entities=[mention]),
            activity("message", value={"text": "Yes"}),
            message("hi") | {"type": "messageUpdate", "channelData": {"eventType": "editMessage"}},
            activity("messageDelete"),
            activity("messageReaction", replyToId="1", reactionsAdded=[{"type": "like"}]),
            activity("conversationUpdate", membersAdded=[BOT, ANN]),
            activity("installationUpdate", action="add"),
        ]
        assert is_understood_or_malformed(parse, payloads) > 100


class TestWebhook:
    async def test_only_what_the_bot_framework_signed_is_taken(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        told = message("hi", serviceUrl=f"{api.service}/")
        none = jwt.encode({"iss": ISSUER}, "", algorithm="none", headers={"kid": KEY})
        good = token(api.service)
        async with open_site(channels, api, answers=False) as site:
            for forged in (
                token(api.service, key=OTHER_KEY),
                token(api.service, key=OTHER_KEY, name=OTHER_KEY),
                good[:-6] + "AAAAAA",
                by_public_key(good),
                f"{urlsafe_b64encode(b'[' * 20_000).decode()}.e30.e30",
                none,
                "x",
            ):
                assert await post(site, told, f"Bearer {forged}") == 401
            assert await post(site, told, good) == 401
            assert await post(site, told, f"Basic {good}") == 401
            assert (await site.post("teams", json.dumps(told).encode())).status_code == 401
            assert await site.nothing_was_taken()
            assert await post(site, told, f"Bearer {good}") == 200
        assert len(api.made("/keys")) == 1

    @pytest.mark.parametrize(
        "changed",
        [
            {"iss": "https://sts.windows.net/d6d49420/"},
            {"iss": None},
            {"aud": "another-app"},
            {"aud": None},
            {"exp": 1_000_000},
            {"exp": None},
            {"nbf": 4_000_000_000},
            {"serviceurl": "https://smba.trafficmanager.net/emea/"},
            {"serviceurl": None},
        ],
    )
    async def test_each_claim_must_be_right(
        self, channels: ChannelSite, api: BotFramework, changed: dict[str, Any]
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            told = message("hi", serviceUrl=f"{api.service}/")
            signed = token(api.service, **changed)
            assert await post(site, told, f"Bearer {signed}") == 401
            assert await site.nothing_was_taken()

    async def test_clocks_may_be_five_minutes_apart_and_no_more(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        told, now = message("hi", serviceUrl=f"{api.service}/"), int(time.time())
        async with open_site(channels, api, answers=False) as site:
            for late_s, status in ((LEEWAY_S + 30, 401), (LEEWAY_S - 60, 200)):
                signed = token(api.service, exp=now - int(late_s))
                assert await post(site, told, f"Bearer {signed}") == status

    async def test_a_key_must_be_endorsed_for_teams(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        for endorsements in (["webchat"], []):
            api.endorsements = endorsements
            async with open_site(channels, api, answers=False) as site:
                assert await deliver(site, api, message("hi")) == 401
                assert await site.nothing_was_taken()

    async def test_another_channel_of_the_bot_is_not_teams(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, api, message("hi", channelId="webchat")) == 401

    @pytest.mark.parametrize(
        "service",
        ["https://evil.example", "http://smba.trafficmanager.net", "https://x.trafficmanager.net",
         "https://smba.trafficmanager.net.evil.example", "https://a@smba.trafficmanager.net",
         "https://evil.example\\.botframework.com", "https://evil.example/.botframework.com", "x"],
    )  # fmt: skip
    async def test_a_service_that_is_not_microsofts_is_neither_believed_nor_shown_the_token(
        self, channels: ChannelSite, api: BotFramework, service: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            told = message("hi", serviceUrl=f"{service}/")
            assert await post(site, told, f"Bearer {token(service)}") == 401
            assert await site.nothing_was_taken()
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(chat(service).address, Text("hi"), "key")
        assert failed.value.permanent
        assert api.made(api.tokens) == []

    @pytest.mark.parametrize(
        "service",
        ["https://smba.trafficmanager.net/teams", "https://europe.botframework.com/x",
         "https://smba.infra.gcc.teams.microsoft.com/teams",
         "https://smba.infra.gov.teams.microsoft.us/teams"],
    )  # fmt: skip
    async def test_each_of_microsofts_services_is_believed(
        self, channels: ChannelSite, api: BotFramework, service: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            told = message("hi", serviceUrl=f"{service}/")
            assert await post(site, told, f"Bearer {token(service)}") == 200

    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        good = f"Bearer {token(api.service)}"
        async with open_site(channels, api, answers=False) as site:
            for body in (b"", b"{", b"[]", b"\xff\xfe", json.dumps(message("hi")).encode()[:-9]):
                assert await post(site, body, good) == 400
            assert await post(site, {"type": "message"}, good) == 400
            assert await deliver(site, api, {"channelId": "msteams", "type": "message"}) == 400
            assert await site.nothing_was_taken()

    async def test_what_asks_for_something_at_once_is_told_what_the_desk_has(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            known = activity("invoke", name="message/submitAction", value={})
            assert await deliver(site, api, known) == 200
            other = activity("invoke", name="composeExtension/query", value={})
            assert await deliver(site, api, other) == 501
            assert await site.nothing_was_taken()

    async def test_without_keys_teams_is_asked_to_come_again(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        api.fail("/openid", Response(status_code=500))
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, api, message("hi")) == 503
            assert await site.nothing_was_taken()

    async def test_a_message_that_is_played_again_is_taken_once(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            once = await asyncio.gather(*(deliver(site, api, message("hi")) for _ in range(3)))
            assert once == [200, 200, 200]
            assert len(await site.messages("teams", chat())) == 1


class TestKeys:
    async def test_they_are_kept_a_day_and_an_unknown_one_is_looked_for_once_an_hour(
        self, api: BotFramework
    ) -> None:
        now = 1_000_000.0
        async with Api() as calls:
            keys = ServiceKeys(calls, f"{api.url}/openid", clock=lambda: now)
            assert await keys.find(OTHER_KEY) is None
            api.listed = [KEY, OTHER_KEY]
            now += UNKNOWN_KEY_S - 1
            assert await keys.find(OTHER_KEY) is None
            assert len(api.made("/keys")) == 1
            now += 2
            assert await keys.find(OTHER_KEY) is not None
            assert len(api.made("/keys")) == 2
            api.listed = [OTHER_KEY]
            now += KEYS_S - 1
            assert await keys.find(KEY) is not None
            now += 2
            assert await keys.find(KEY) is None
            assert len(api.made("/keys")) == 3

    async def test_keys_that_cannot_be_had_are_not_asked_for_by_each_request(
        self, api: BotFramework
    ) -> None:
        now = 1_000_000.0
        api.fail("/openid", Response(status_code=404))
        async with Api() as calls:
            keys = ServiceKeys(calls, f"{api.url}/openid", clock=lambda: now)
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await keys.find(KEY)
            assert len(api.made("/openid")) == 1
            now += 11
            assert await keys.find(KEY) is not None

    async def test_the_desks_own_token_is_renewed_before_it_expires(
        self, api: BotFramework
    ) -> None:
        now = 1_000_000.0
        form = {"client_id": APP, "client_secret": PASSWORD, "scope": f"{ISSUER}/.default"}
        async with Api() as calls:
            own = OwnToken(calls, f"{api.url}{api.tokens}", form, clock=lambda: now)
            shown = await asyncio.gather(*(own.header() for _ in range(3)))
            assert shown == [{"Authorization": "Bearer token-1"}] * 3
            now += 3599 - 301
            assert await own.header() == shown[0]
            now += 2
            assert await own.header() == {"Authorization": "Bearer token-2"}
        assert api.made(api.tokens)[0].form == form | {"grant_type": "client_credentials"}


class TestConversation:
    async def test_words_a_recording_and_a_screenshot(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        picture, recording = "/amer/v3/attachments/0-eus/views/original", "/onedrive/voice.ogg"
        api.answer("GET", picture, shown())
        api.answer("GET", recording, voice_note())
        async with open_site(channels, api) as site:
            await deliver(site, api, message("Hello *there*"))
            [first, *_] = await api.wait(api.activities)
            bearer = first.headers["authorization"]
            assert bearer.startswith("Bearer token-")
            await until(lambda: len(api.messages()) == 1, api)
            assert api.messages()[0] == {
                "type": "message", "text": "You said: Hello *there*", "textFormat": "markdown",
                "replyToId": "1766459963011",
            }  # fmt: skip

            content = {"downloadUrl": f"{api.url}{recording}", "fileType": "ogg"}
            file = {"contentType": FILE, "content": content, "name": "voice.ogg"}
            await deliver(site, api, message("", 2, attachments=[file]))
            await until(lambda: SPOKEN.casefold() in told(api, 1).casefold(), api)

            image = {"contentType": "image/*", "contentUrl": f"{api.url}{picture}"}
            await deliver(site, api, message("what is this?", 3, attachments=[image]))
            await until(lambda: SHOWN in told(api, 2), api)
        assert api.made(picture)[0].headers["authorization"] == bearer
        assert "authorization" not in api.made(recording)[0].headers

    async def test_a_message_that_is_deleted_before_it_was_answered_is_not(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, api, message("my secret"))
            await deliver(site, api, message("where is order 1?", 2))
            edited = message("where is order 2?", 2) | {"type": "messageUpdate"}
            await deliver(site, api, edited)
            await deliver(site, api, activity("messageDelete"))
        async with open_site(channels, api):
            await until(lambda: bool(api.messages()), api)
        assert api.messages()[0]["text"] == "You said: where is order 2?"

    @pytest.mark.parametrize("status", [412, 429, 502, 504])
    async def test_what_passes_is_tried_again(
        self, channels: ChannelSite, api: BotFramework, status: int
    ) -> None:
        api.fail(api.activities, refusal(status, **{"Retry-After": "1"}))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(chat(api.service).address, Text("hi"), "key")
            assert not failed.value.permanent
            assert failed.value.retry_after_s == (None if status == 412 else 1)
            sent = await provider.send(chat(api.service).address, Text("hi"), "key")
        assert sent == "a:17Ann 501"

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "MessageWritesBlocked"), (403, "BotNotInConversationRoster"),
         (404, "ConversationNotFound"), (413, "MessageSizeTooBig"), (400, "BadArgument")],
    )  # fmt: skip
    async def test_what_does_not_pass_is_told_with_its_reason(
        self, channels: ChannelSite, api: BotFramework, status: int, code: str
    ) -> None:
        api.fail(api.activities, refusal(status, code))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed, match=f"{code}: No") as failed:
                await provider.send(chat(api.service).address, Text("hi"), "key")
        assert failed.value.permanent

    async def test_a_token_that_is_not_taken_any_more_is_renewed(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        api.fail(api.activities, refusal(401, "Unauthorized"))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(chat(api.service).address, Text("hi"), "key")
            assert not failed.value.permanent
            await provider.send(chat(api.service).address, Text("hi"), "key")
        last = api.made(api.activities)[-1]
        assert last.headers["authorization"] == "Bearer token-2"

    async def test_suggestions_are_buttons_in_every_kind_of_chat(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        group = "/amer/v3/conversations/19:g@unq/activities"
        api.answer("POST", group, {"id": "1"})
        in_group = {**chat(api.service).address, "conversation": "19:g@unq", "private": ""}
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            sent = await provider.send(chat(api.service).address, Text("?", ("A", "B")), "key")
            await provider.send(in_group, Text("?", ("A", "B")), "key")
            await provider.edit(chat(api.service).address, sent, Text("!"))
            await provider.type(chat(api.service).address)
        buttons = [{"type": "imBack", "title": each, "value": each} for each in "AB"]
        private, typing = (call.json() for call in api.made(api.activities))
        assert private["suggestedActions"]["actions"] == buttons
        [card] = api.made(group)[0].json()["attachments"]
        assert card["content"]["buttons"] == buttons
        [edited] = api.made(f"{api.activities}/501")
        assert (edited.method, edited.json()["text"]) == ("PUT", "!")
        assert typing["type"] == "typing"

    async def test_a_recording_is_not_sent(self, channels: ChannelSite, api: BotFramework) -> None:
        recording = Attachment(AttachmentId("att_1"), AttachmentKind.AUDIO, "audio/ogg", 1)
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert provider.can.voice == ""
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(chat(api.service).address, Voice(recording), "key")
        assert failed.value.permanent


async def until(condition: Any, api: BotFramework) -> None:
    """Wait for a condition, looking whenever Microsoft is called."""
    while not condition():
        calls = len(api.made(api.activities))
        if not condition():
            await api.wait(api.activities, calls + 1)


def told(api: BotFramework, number: int) -> str:
    """The words of an answer, as they were sent at last."""
    sent = api.messages()
    if len(sent) <= number:
        return ""
    edits = [call for call in api.calls if call.method == "PUT"]
    return " ".join([sent[number]["text"], *(edit.json()["text"] for edit in edits)])


class TestFiles:
    async def fetched(self, site: ChannelSite, source: str) -> bytes:
        [provider] = site.messaging.providers
        return b"".join([piece async for piece in provider.fetch(source)])

    async def test_the_token_goes_to_the_service_alone(self, api: BotFramework) -> None:
        class Asked:
            def __init__(self) -> None:
                self.headers: list[Mapping[str, str]] = []

            async def pieces(self, address: str, **options: Any) -> AsyncIterator[bytes]:
                self.headers.append(options["headers"])
                yield b""

        nothing: Any = None
        asked: Any = Asked()
        async with Api() as calls:
            section = settings(api.url).model_copy(
                update={"api": "https://smba.trafficmanager.net"}
            )
            provider = Teams(section, Services(calls, asked, nothing, nothing, nothing))
            for source in (
                f"{SERVICE}/v3/attachments/0-eus/views/original",
                "https://contoso-my.sharepoint.com/download.aspx?tempauth=x",
                "https://contoso-my.sharepoint.com/v3/attachments/0-eus/views/original",
                "https://smba.trafficmanager.net.evil.example/v3/attachments/1",
                f"{api.url}/v3/attachments/1",
            ):
                assert [piece async for piece in provider.fetch(source)] == [b""]
        assert [bool(headers) for headers in asked.headers] == [True] + [False] * 4

    async def test_other_hosts_are_not_asked(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            for source in (
                "https://evil.example/x",
                "http://contoso.sharepoint.com/x",
                "https://sharepoint.com.evil.example/x",
                "https://10.0.0.1/x",
                "",
            ):
                with pytest.raises(CustomerError, match="media_gone"):
                    await self.fetched(site, source)

    async def test_what_has_expired_or_is_too_large_is_told(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        more = asyncio.Event()
        endless = never_ending(b"x" * (6 * 1024**2), more)
        api.answer("GET", "/onedrive/old", lambda _: Response(status_code=401))
        api.answer("GET", "/onedrive/endless", lambda _: endless)
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await self.fetched(site, f"{api.url}/onedrive/old")
            with pytest.raises(CustomerError, match="upload_too_large"):
                await self.fetched(site, f"{api.url}/onedrive/endless")
            more.set()


class TestOperator:
    async def test_the_credentials_are_tried(
        self, channels: ChannelSite, api: BotFramework
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == APP
            assert "messaging endpoint" in await provider.register("https://desk.example/x")
        async with open_site(channels, api, password="another", answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(OperatorError, match="AADSTS7000215") as failed:
                await provider.check()
        assert "another" not in str(failed.value)
