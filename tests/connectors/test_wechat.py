"""WeChat: plain and safe mode, what messages and events tell, and what the account may send."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from bot.channel_settings import WeChatSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind
from connectors.messaging.api import Api
from connectors.messaging.events import Chat, Event, Said
from connectors.messaging.flat_xml import read_xml
from connectors.messaging.hook import Forged, Malformed
from connectors.messaging.render import Text, Voice
from connectors.wechat import WeChat, parse
from connectors.wechat_crypto import SafeMode, signature
from connectors.wechat_token import EARLY_S, AccessToken
from models.media_type import sniff
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn

APPID = "wx0123456789abcdef"
TOKEN = "a-token-of-our-own"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
ANN = "oANN-open_id0123456789abcdef"
CHAT = Chat(ANN, {"user": ANN})
SEND, TYPING = "/cgi-bin/message/custom/send", "/cgi-bin/message/custom/typing"
UPLOAD, MEDIA, STABLE = "/cgi-bin/media/upload", "/cgi-bin/media/get", "/cgi-bin/stable_token"


def xml(**fields: Any) -> str:
    """As WeChat writes it: texts in CDATA, numbers bare."""

    def one(name: str, value: Any) -> str:
        if isinstance(value, dict):
            return f"<{name}>{''.join(one(*pair) for pair in value.items())}</{name}>"
        shown = value if isinstance(value, int) else f"<![CDATA[{value}]]>"
        return f"<{name}>{shown}</{name}>"

    about = {"ToUserName": "gh_1", "FromUserName": ANN, "CreateTime": 1348831860}
    return f"<xml>{''.join(one(*pair) for pair in (about | fields).items())}</xml>"


def message(number: int, kind: str = "text", **content: Any) -> str:
    return xml(MsgType=kind, **content, MsgId=number)


def event(name: str, **content: Any) -> str:
    return xml(MsgType="event", Event=name, **content)


def parsed(document: str) -> tuple[Event, ...]:
    return parse(read_xml(document.encode()))


def said(document: str) -> Said:
    [found] = parsed(document)
    assert isinstance(found, Said)
    return found


def signed(*more: str, at: float | None = None, token: str = TOKEN) -> str:
    """The official way to sign the query of a request; `more`: what else is signed."""
    timestamp = str(int(time.time() if at is None else at))

    def sign(*parts: str) -> str:
        signer = WeChatSigner()
        signer.add_data(token, timestamp, "n0nce", *parts)
        return str(signer.signature)

    query = f"signature={sign()}&timestamp={timestamp}&nonce=n0nce&openid={ANN}"
    return f"{query}&encrypt_type=aes&msg_signature={sign(*more)}" if more else query


def encrypted(document: str, key: str = AES_KEY, appid: str = APPID) -> tuple[str, str]:
    """A request of the safe mode, by wechatpy: its body and its query."""
    made = WeChatCrypto(TOKEN, key, appid).encrypt_message(document, "n0nce", "1")
    cipher = read_xml(made.encode())["Encrypt"]
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{cipher}]]></Encrypt></xml>"
    return body, signed(cipher)


class Platform(StandIn):
    """WeChat's side, as far as a conversation needs it: only its latest access token is good."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0
        self.answer("POST", STABLE, self._token)
        self.answer("POST", SEND, self._with_token({"errcode": 0, "errmsg": "ok"}))
        self.answer("POST", TYPING, self._with_token({"errcode": 0, "errmsg": "ok"}))
        self.answer("POST", UPLOAD, self._with_token({"type": "voice", "media_id": "MP3-1"}))
        self.answer("GET", MEDIA, self._media)
        self._kept: dict[str, bytes] = {}

    @property
    def good(self) -> str:
        return f"access-token-{self.given}"

    def keep(self, media: str, data: bytes) -> None:
        self._kept[media] = data

    def texts(self) -> list[str]:
        """What was said to customers so far."""
        sent = [call.json() for call in self.made(SEND)]
        return [each["text"]["content"] for each in sent if each["msgtype"] == "text"]

    def _token(self, call: Call) -> Response:
        asked = call.json()
        assert asked["grant_type"] == "client_credential"
        assert asked["appid"] == APPID
        if asked["force_refresh"] or not self.given:
            self.given += 1
        return JSONResponse({"access_token": self.good, "expires_in": 7200})

    def _with_token(self, answer: dict[str, Any]) -> Any:
        def made(call: Call) -> Response:
            return JSONResponse(answer if self._knows(call) else told(40001, "invalid credential"))

        return made

    def _media(self, call: Call) -> Response:
        found = self._kept.get(call.query["media_id"])
        if not self._knows(call):
            return JSONResponse(told(42001, "access_token expired"))
        if found is None:
            return JSONResponse(told(40007, "invalid media_id"))
        return Response(found, media_type="image/jpeg")

    def _knows(self, call: Call) -> bool:
        return call.query.get("access_token") == self.good


def told(code: int, words: str) -> dict[str, Any]:
    return {"errcode": code, "errmsg": words}


@pytest.fixture
async def api() -> AsyncIterator[Platform]:
    api = Platform()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: Platform, *, safe: bool = False, **options: Any
) -> AsyncIterator[ChannelSite]:
    settings = WeChatSection.model_validate(
        {"appid": APPID, "secret": "s", "token": TOKEN, "api": api.url}
        | ({"aes_key": AES_KEY} if safe else {})
    )
    async with channels.open({"wechat": ("connectors.wechat", settings)}, **options):
        yield channels


async def deliver(site: ChannelSite, document: str, query: str = "") -> httpx.Response:
    headers = {"Content-Type": "text/xml"}
    return await site.post("wechat", document.encode(), headers, query or signed())


class TestXml:
    def test_texts_have_their_path_and_mixed_content_has_none(self) -> None:
        found = read_xml(b"<xml><A>1 &amp; 2</A><B> <C><![CDATA[<x>]]></C> </B><D/></xml>")
        assert found == {"A": "1 & 2", "B/C": "<x>", "D": ""}

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"{}",
            b"<xml><A>1</A>",
            b"<xml>\xff</xml>",
            b"<?xml version='1.0' encoding='none-such'?><xml/>",
            b"<xml>&unknown;</xml>",
            b"<!DOCTYPE xml><xml><A>1</A></xml>",
            b"<!DOCTYPE xml [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><xml>&b;</xml>",
            b"<!DOCTYPE xml [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><xml><A>&e;</A></xml>",
            b"<!DOCTYPE xml SYSTEM 'http://127.0.0.1/x.dtd'><xml/>",
            b"<a>" * 9 + b"</a>" * 9,
        ],
    )
    def test_what_is_broken_or_could_do_harm_is_malformed(self, document: bytes) -> None:
        with pytest.raises(Malformed):
            read_xml(document)


class TestSafeMode:
    @pytest.mark.parametrize("words", ["", "hi", "x" * 31, "你好 👋" * 500])
    def test_what_the_official_scheme_encrypts_is_decrypted(self, words: str) -> None:
        body, _ = encrypted(f"<xml><A>{words}</A></xml>")
        plain = SafeMode(AES_KEY, APPID).decrypt(read_xml(body.encode())["Encrypt"])
        assert read_xml(plain) == {"A": words}

    def test_a_signature_is_that_of_the_official_scheme(self) -> None:
        signer = WeChatSigner()
        signer.add_data("token", "1409659813", "1372623149", "cipher")
        assert signature("token", "1409659813", "1372623149", "cipher") == signer.signature

    def test_what_is_for_another_account_or_key_is_forged(self) -> None:
        for key, appid in ((AES_KEY, "wxffffffffffffffff"), (AES_KEY[::-1], APPID)):
            body, _ = encrypted("<xml/>", key, appid)
            with pytest.raises(Forged):
                SafeMode(AES_KEY, APPID).decrypt(read_xml(body.encode())["Encrypt"])

    @pytest.mark.parametrize("key", ["x", AES_KEY[1:], AES_KEY + "=", AES_KEY[1:] + "_"])
    def test_a_key_that_cannot_be_right_is_refused_at_the_start(self, key: str) -> None:
        with pytest.raises(OperatorError, match="aes_key"):
            SafeMode(key, APPID)

    @pytest.mark.parametrize("cipher", ["", "x", "é", "AAAA", "A" * 44 + "=="])
    def test_what_is_not_encrypted_is_forged(self, cipher: str) -> None:
        with pytest.raises(Forged):
            SafeMode(AES_KEY, APPID).decrypt(cipher)


class TestParsing:
    def test_words(self) -> None:
        found = said(message(23456, Content="我的订单在哪里?"))
        assert (found.text, found.id, found.chat) == ("我的订单在哪里?", "23456", CHAT)

    @pytest.mark.parametrize(
        ("kind", "wanted"),
        [
            ("image", AttachmentKind.IMAGE),
            ("voice", AttachmentKind.AUDIO),
            ("video", AttachmentKind.VIDEO),
            ("shortvideo", AttachmentKind.VIDEO),
        ],
    )
    def test_each_kind_of_file(self, kind: str, wanted: AttachmentKind) -> None:
        more = {"PicUrl": "http://p", "ThumbMediaId": "t", "Format": "amr"}
        [medium] = said(message(1, kind, MediaId="M-1_x", **more)).media
        assert (medium.kind, medium.source) == (wanted, "M-1_x")

    def test_a_voice_message_brings_what_wechat_heard(self) -> None:
        found = said(message(1, "voice", MediaId="M", Format="amr", Recognition="你好"))
        assert (found.text, len(found.media)) == ("你好", 1)

    def test_a_place_is_its_name_and_coordinates(self) -> None:
        at = {"Location_X": "23.134521", "Location_Y": "113.358803", "Scale": 20}
        assert said(message(1, "location", **at, Label="广州")).text == "广州 (23.13452, 113.35880)"
        assert said(message(1, "location", **at)).text == "23.13452, 113.35880"

    def test_a_link_is_its_title_and_address(self) -> None:
        link = {"Title": "Order", "Description": "", "Url": "https://shop.example/7"}
        assert said(message(1, "link", **link)).text == "Order\nhttps://shop.example/7"

    @pytest.mark.parametrize("kind", ["miniprogrampage", "file", "something_of_next_year"])
    def test_what_is_not_known_is_told(self, kind: str) -> None:
        assert said(message(1, kind, Title="x")).unsupported == (kind,)

    def test_what_wechat_itself_does_not_show_is_told(self) -> None:
        words = "【收到不支持的消息类型，暂无法显示】"
        assert said(message(1, Content=words)).unsupported == ("unknown",)

    @pytest.mark.parametrize(
        "document",
        [
            event("subscribe"),
            event("subscribe", EventKey="qrscene_123123", Ticket="T"),
            event("SCAN", EventKey="123123", Ticket="T"),
        ],
    )
    def test_following_and_scanning_greet(self, document: str) -> None:
        assert said(document).joined

    def test_a_button_of_the_menu_says_its_key(self) -> None:
        found = said(event("CLICK", EventKey="Where is my order?"))
        assert (found.text, found.id) == ("Where is my order?", "1348831860:CLICK")

    def test_a_scanned_code_says_what_is_in_it(self) -> None:
        info = {"ScanType": "qrcode", "ScanResult": "A-10293"}
        assert said(event("scancode_waitmsg", EventKey="k", ScanCodeInfo=info)).text == "A-10293"

    @pytest.mark.parametrize(
        "name",
        [
            *("unsubscribe", "VIEW", "view_miniprogram", "LOCATION", "TEMPLATESENDJOBFINISH"),
            *("MASSSENDJOBFINISH", "scancode_push", "pic_sysphoto", "location_select"),
            *("kf_create_session", "something_of_next_year"),
        ],
    )
    def test_what_nobody_said_is_no_message(self, name: str) -> None:
        assert parsed(event(name, EventKey="https://shop.example", Status="success")) == ()

    @pytest.mark.parametrize(
        "broken",
        [
            "<xml/>",
            "<xml><MsgType>text</MsgType></xml>",
            xml(MsgType="text", Content="hi"),
            xml(MsgType="text", Content="hi", MsgId="x"),
            xml(MsgType="text", MsgId=1),
            xml(MsgType="image", MsgId=1),
            xml(MsgType="text", Content="hi", MsgId=1, FromUserName=""),
            xml(MsgType="location", MsgId=1, Location_X="x", Location_Y="1"),
            xml(MsgType="event"),
            event("subscribe", CreateTime="x"),
            event("scancode_waitmsg"),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: str) -> None:
        with pytest.raises(Malformed):
            parsed(broken)


class TestWebhook:
    async def test_the_platform_is_answered_with_its_own_words(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        async with (
            open_site(channels, api, answers=False) as site,
            httpx.AsyncClient(base_url=site.url, trust_env=False) as client,
        ):
            good = await client.get(f"/channels/wechat?{signed()}&echostr=42%3Cb%3E")
            assert (good.status_code, good.text) == (200, "42<b>")
            assert good.headers["content-type"].startswith("text/plain")
            bad = await client.get(f"/channels/wechat?{signed(token='other')}&echostr=42")
            assert (bad.status_code, bad.text) == (401, "")

    async def test_a_message_is_acknowledged_with_success(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            answer = await deliver(site, message(1, Content="hi"))
            assert (answer.status_code, answer.text) == (200, "success")
            assert len(await site.messages("wechat", CHAT)) == 1

    @pytest.mark.parametrize(
        "query",
        [
            "x=1",
            "signature=&timestamp=&nonce=",
            signed(token="other"),
            signed(at=0),
            signed().replace("nonce=n0nce", "nonce=other"),
            signed().replace("timestamp=1", "timestamp=%D9%A1"),
        ],
    )
    async def test_a_forged_request_changes_nothing(
        self, channels: ChannelSite, api: Platform, query: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert (await deliver(site, message(1, Content="hi"), query)).status_code == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize("away_s", [-320, 320])
    async def test_a_request_of_another_time_is_refused(
        self, channels: ChannelSite, api: Platform, away_s: float
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            query = signed(at=time.time() + away_s)
            assert (await deliver(site, message(1, Content="hi"), query)).status_code == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize(
        "body", ["", "{", "<xml><MsgType>", "<!DOCTYPE a><xml/>", encrypted("<xml/>")[0]]
    )
    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: Platform, body: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert (await deliver(site, body)).status_code == 400
            assert await site.nothing_was_taken()

    async def test_in_safe_mode_only_what_is_encrypted_is_believed(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        document = message(1, Content="hi")
        body, query = encrypted(document)
        other = encrypted(message(2, Content="ho"))[0]
        elsewhere = encrypted(document, appid="wxffffffffffffffff")
        wrong = [
            (document, signed()),
            (body, signed()),
            (body, query[:-1] + ("0" if query[-1] != "0" else "1")),
            (other, query),
            elsewhere,
            ("<xml><Encrypt></Encrypt></xml>", signed("")),
        ]
        async with open_site(channels, api, safe=True, answers=False) as site:
            for content, asked in wrong:
                assert (await deliver(site, content, asked)).status_code == 401
            assert await site.nothing_was_taken()
            assert (await deliver(site, body, query)).text == "success"
            assert [m.text for m in await site.messages("wechat", CHAT)] == ["hi"]

    async def test_what_wechat_sends_three_times_is_taken_once(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        documents = [message(1, Content="hi"), event("CLICK", EventKey="menu")] * 3
        async with open_site(channels, api, answers=False) as site:
            await asyncio.gather(*(deliver(site, each) for each in documents))
            assert sorted(m.text for m in await site.messages("wechat", CHAT)) == ["hi", "menu"]


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        api.keep("V-1", voice_note("audio/amr"))
        api.keep("P-1", shown())
        async with open_site(channels, api, safe=True) as site:
            await deliver(site, *encrypted(message(1, Content="你好 *there*")))
            [first] = await api.wait(SEND)
            words = {"msgtype": "text", "text": {"content": "You said: 你好 there"}}
            assert first.json() == {"touser": ANN} | words
            assert "你好".encode() in first.body

            voice = message(2, "voice", MediaId="V-1", Format="amr", Recognition=SPOKEN)
            await deliver(site, *encrypted(voice))
            spoken = (await api.wait(SEND, 3))[-1]
            assert spoken.json()["voice"] == {"media_id": "MP3-1"}
            [upload] = api.made(UPLOAD)
            name, data = upload.form["media"]
            assert (upload.query["type"], name) == ("voice", "answer.mp3")
            assert sniff(data[:4096]) == "audio/mpeg"
            assert SPOKEN.casefold() in api.texts()[-1].casefold()

            await deliver(site, *encrypted(message(3, "image", PicUrl="http://p", MediaId="P-1")))
            await deliver(site, *encrypted(message(4, Content="what is this?")))
            await api.wait(SEND, 4)
            assert SHOWN in api.texts()[-1]
        assert len(api.made(STABLE)) == 1

    async def test_a_file_that_is_gone_is_told(self, channels: ChannelSite, api: Platform) -> None:
        async with open_site(channels, api) as site:
            await deliver(site, message(1, "image", MediaId="three-days-old"))
            await deliver(site, message(2, Content="my invoice"))
            await api.wait(SEND)
        assert "You said: my invoice" in api.texts()[0]
        assert len(api.made(MEDIA)) == 1

    async def test_an_access_token_that_another_program_took_is_renewed(
        self, channels: ChannelSite, api: Platform
    ) -> None:
        api.keep("P-1", shown())
        async with open_site(channels, api) as site:
            await deliver(site, message(1, Content="first"))
            await api.wait(SEND)
            api.given += 1  # somebody else has asked for one
            await deliver(site, message(2, "image", MediaId="P-1"))
            await api.wait(SEND, 2)
        assert SHOWN in api.texts()[-1]


@pytest.fixture
async def wechat(channels: ChannelSite, api: Platform) -> AsyncIterator[WeChat]:
    async with open_site(channels, api, answers=False) as site:
        [provider] = site.messaging.providers
        assert isinstance(provider, WeChat)
        yield provider


ADDRESS = {"user": ANN}


class TestSending:
    async def test_the_customer_is_shown_that_an_answer_is_made(
        self, wechat: WeChat, api: Platform
    ) -> None:
        await wechat.type(ADDRESS)
        assert api.made(TYPING)[0].json() == {"touser": ANN, "command": "Typing"}

    async def test_choices_are_a_menu_whose_lines_say_themselves(
        self, wechat: WeChat, api: Platform
    ) -> None:
        await wechat.send(ADDRESS, Text("Which one?", ("The blue", "The red")), "r_0")
        sent = api.made(SEND)[0].json()
        assert sent["msgmenu"] == {
            "head_content": "Which one?",
            "list": [{"id": "1", "content": "The blue"}, {"id": "2", "content": "The red"}],
        }

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (45015, "48 hours"),
            (45047, "as many messages"),
            (43004, "does not follow"),
            (48001, "verified"),
            (40003, "no such customer"),
            (87014, "risky content"),
        ],
    )
    async def test_what_trying_again_does_not_mend_is_told_in_words(
        self, wechat: WeChat, api: Platform, code: int, words: str
    ) -> None:
        api.fail(SEND, JSONResponse(told(code, "risky content")))
        with pytest.raises(DeliveryFailed, match=words) as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert failure.value.permanent

    @pytest.mark.parametrize(("code", "wait_s"), [(-1, 5), (45009, 3600), (45011, 60)])
    async def test_a_busy_platform_and_a_used_up_quota_pass(
        self, wechat: WeChat, api: Platform, code: int, wait_s: float
    ) -> None:
        api.fail(SEND, JSONResponse(told(code, "system busy")))
        with pytest.raises(DeliveryFailed) as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert (failure.value.permanent, failure.value.retry_after_s) == (False, wait_s)

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_platform_in_trouble_passes(
        self, wechat: WeChat, api: Platform, status: int
    ) -> None:
        api.fail(SEND, Response(status_code=status))
        with pytest.raises(DeliveryFailed) as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert not failure.value.permanent

    async def test_a_page_of_a_proxy_is_no_success(self, wechat: WeChat, api: Platform) -> None:
        api.fail(SEND, Response("<html>", 200))
        with pytest.raises(DeliveryFailed, match="not WeChat") as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert not failure.value.permanent

    async def test_a_token_that_is_never_taken_is_no_endless_loop(
        self, wechat: WeChat, api: Platform
    ) -> None:
        api.answer("POST", SEND, told(40001, "invalid credential"))
        with pytest.raises(DeliveryFailed, match="new access token") as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert not failure.value.permanent
        assert len(api.made(SEND)) == 2
        assert "access-token" not in str(failure.value)

    @pytest.mark.parametrize(("seconds", "words"), [(61, "a minute"), (5, "not kept any more")])
    async def test_a_recording_that_cannot_be_sent_is_not_uploaded(
        self, wechat: WeChat, api: Platform, seconds: float, words: str
    ) -> None:
        spoken = Attachment(
            AttachmentId("att_12345678"), AttachmentKind.AUDIO, "audio/ogg", 9, duration_s=seconds
        )
        with pytest.raises(DeliveryFailed, match=words) as failure:
            await wechat.send(ADDRESS, Voice(spoken), "r_1")
        assert failure.value.permanent
        assert api.calls == []


class TestFetching:
    async def fetched(self, wechat: WeChat, source: str = "M-1") -> bytes:
        return b"".join([piece async for piece in wechat.fetch(source)])

    async def test_an_expired_token_is_renewed_for_the_next_attempt(
        self, wechat: WeChat, api: Platform
    ) -> None:
        api.keep("M-1", b"\xff\xd8\xff picture")
        assert await self.fetched(wechat) == b"\xff\xd8\xff picture"
        api.given += 1
        with pytest.raises(Unavailable, match="42001"):
            await self.fetched(wechat)
        assert await self.fetched(wechat) == b"\xff\xd8\xff picture"

    async def test_a_busy_platform_is_asked_again(self, wechat: WeChat, api: Platform) -> None:
        api.fail(MEDIA, JSONResponse(told(-1, "system busy")))
        with pytest.raises(Unavailable):
            await self.fetched(wechat)

    @pytest.mark.parametrize(
        "note",
        [b'{"errcode": 40007}', b"{", b"{}", b'{"video_url": 5}', b"{" + b" " * 20_000 + b"}"],
    )
    async def test_words_in_place_of_a_file_are_no_file(
        self, wechat: WeChat, api: Platform, note: bytes
    ) -> None:
        api.keep("M-1", note)
        with pytest.raises(CustomerError, match="media_gone"):
            await self.fetched(wechat)

    @pytest.mark.parametrize(
        "url", ["https://127.0.0.1/x", "https://qq.com.evil.example/x", "file:///etc/passwd"]
    )
    async def test_a_video_is_fetched_from_wechats_hosts_alone(
        self, wechat: WeChat, api: Platform, url: str
    ) -> None:
        api.keep("M-1", json.dumps({"video_url": url}).encode())
        with pytest.raises(CustomerError, match="media_gone"):
            await self.fetched(wechat)

    @pytest.mark.parametrize("source", ["", "../x", "a&access_token=x", "ü"])
    async def test_only_media_ids_are_asked_for(
        self, wechat: WeChat, api: Platform, source: str
    ) -> None:
        with pytest.raises(CustomerError, match="media_gone"):
            await self.fetched(wechat, source)
        assert api.calls == []


class TestAccessToken:
    @pytest.fixture
    async def http(self) -> AsyncIterator[Api]:
        async with Api() as http:
            yield http

    async def test_it_is_asked_for_once_and_again_before_it_expires(
        self, api: Platform, http: Api
    ) -> None:
        now = [1_000.0]
        token = AccessToken(http, api.url, APPID, "s", clock=lambda: now[0])
        assert await asyncio.gather(*(token.get() for _ in range(5))) == [api.good] * 5
        now[0] += 7200 - EARLY_S - 1
        await token.get()
        assert len(api.made(STABLE)) == 1
        now[0] += 2
        await token.get()
        assert len(api.made(STABLE)) == 2

    async def test_a_refused_token_is_renewed_once_for_all(self, api: Platform, http: Api) -> None:
        token = AccessToken(http, api.url, APPID, "s")
        old = await token.get()
        await asyncio.gather(*(token.renew(old) for _ in range(5)))
        assert await token.get() == "access-token-2"
        forced = [call.json()["force_refresh"] for call in api.made(STABLE)]
        assert forced == [False, False, True]


class TestOperator:
    async def test_the_account_is_named(self, wechat: WeChat) -> None:
        assert await wechat.check() == f"official account {APPID}"

    @pytest.mark.parametrize(
        ("code", "words"), [(40125, "invalid appsecret"), (40164, "invalid ip 1.2.3.4")]
    )
    async def test_refused_credentials_are_told_with_their_remedy(
        self, wechat: WeChat, api: Platform, code: int, words: str
    ) -> None:
        api.answer("POST", STABLE, told(code, words))
        with pytest.raises(OperatorError, match=words) as problem:
            await wechat.check()
        assert "whitelist" in problem.value.remedy
        with pytest.raises(DeliveryFailed) as failure:
            await wechat.send(ADDRESS, Text("hi"), "r_0")
        assert not failure.value.permanent

    async def test_a_busy_platform_is_no_wrong_secret(self, wechat: WeChat, api: Platform) -> None:
        api.answer("POST", STABLE, told(-1, "system busy"))
        with pytest.raises(Unavailable, match="busy"):
            await wechat.check()

    async def test_what_to_enter_is_told(self, wechat: WeChat) -> None:
        url = "https://desk.example/channels/wechat"
        found = await wechat.register(url)
        assert url in found
        assert "plain mode" in found

    @pytest.mark.parametrize("wrong", [{"appid": "abc"}, {"token": ""}, {"secret": " "}])
    def test_settings_that_cannot_be_right_are_refused(self, wrong: Mapping[str, str]) -> None:
        good = {"appid": APPID, "secret": "s", "token": TOKEN, "aes_key": AES_KEY}
        with pytest.raises(ValueError, match=next(iter(wrong))):
            WeChatSection.model_validate(good | wrong)
