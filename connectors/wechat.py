"""WeChat: an official account, in plain mode or in safe mode.

Messages come as XML, and are acknowledged within WeChat's five seconds; answers go out as
customer-service messages. What is needed of the API fits this file and two beside it; wechatpy is
synchronous and at rest since 2022. It makes the vectors of the tests instead. Sources:
https://developers.weixin.qq.com/doc/service/guide/product/message/Receiving_standard_messages.html
https://developers.weixin.qq.com/doc/service/api/customer/message/api_sendcustommessage
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from bot.channel_settings import WeChatSection
from bot.errors import CustomerError, DeliveryFailed, Unavailable
from bot.messages import Attachment, AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.events import Chat, Event, Remote, Said
from connectors.messaging.flat_xml import read_xml
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Text, Voice
from connectors.wechat_crypto import SafeMode, signature
from connectors.wechat_token import AccessToken, TokenRefused

WINDOW_S = 300
"""How far the time that a request is signed with may be from the desk's."""
LONGEST_VOICE_S = 60.0
VIDEO_HOSTS = (".qq.com",)
"""Where WeChat keeps videos that it does not send itself."""
_LARGEST_NOTE_BYTES = 16 * 1024
"""Of an answer that is words about a file in place of the file."""
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_STALE = frozenset({40001, 40014, 42001})
"""The access token is not taken any more, for example because another program has had one."""
_LATER_S = {-1: 5.0, 45009: 3600.0, 45011: 60.0}
"""Codes that pass: busy, the calls of a day or of a minute used up. When to try again."""
_REFUSALS = {
    40003: "it knows no such customer",
    43004: "the customer does not follow the account any more",
    45015: "the customer last wrote more than 48 hours ago (opened a menu, scanned or followed: "
    "more than a minute ago), or does not follow any more",
    45047: "the customer has had as many messages as WeChat allows before they write again: five, "
    "or three after a menu, a scan or following",
    48001: "the account may send no customer-service messages; it must be verified for that",
    48002: "the customer takes no messages of the account",
}
"""https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html"""
_FILES = {
    "image": (AttachmentKind.IMAGE, "image/jpeg"),
    "voice": (AttachmentKind.AUDIO, "audio/amr"),
    "video": (AttachmentKind.VIDEO, "video/mp4"),
    "shortvideo": (AttachmentKind.VIDEO, "video/mp4"),
}
_NOT_SHOWN = "【收到不支持的消息类型，暂无法显示】"
"""WeChat puts this text in place of what official accounts are not given."""


def provider(settings: WeChatSection, services: Services) -> "WeChat":
    return WeChat(settings, services)


class WeChat(Provider):
    channel = ChannelName("wechat")
    can = Capabilities(
        # Found by trial; WeChat documents no number.
        text_limit=2048,
        unit=Unit.BYTES,
        choices=8,
        choice_chars=60,
        choices_text_limit=1024,
        # Made into MP3 when it is sent.
        voice="audio/ogg",
        typing=True,
        window=timedelta(hours=48),
        # WeChat counts a day's and a minute's calls, in hundreds of thousands, and says when they
        # are used up: /doc/service/guide/dev/api/limit
        pace=Rate(per_minute=60 * 30, burst=30),
        chat_pace=Rate(per_minute=60, burst=5),
    )

    def __init__(self, settings: WeChatSection, services: Services) -> None:
        self.account = settings.appid
        self._token = settings.token.get_secret_value()
        key = settings.aes_key.get_secret_value()
        self._safe = SafeMode(key, settings.appid) if key else None
        self._api = settings.api
        self._host = settings.api.partition("://")[2].partition(":")[0]
        self._services = services
        self._access = AccessToken(
            services.api, settings.api, settings.appid, settings.secret.get_secret_value()
        )

    async def receive(self, hook: Hook) -> Taken:
        timestamp, nonce = hook.query.get("timestamp", ""), hook.query.get("nonce", "")
        wanted = signature(self._token, timestamp, nonce)
        if not same(hook.query.get("signature", ""), wanted):
            raise Forged("the signature is missing or wrong")
        if not _digits(timestamp) or abs(hook.received_at - int(timestamp)) > WINDOW_S:
            raise Forged("the time it was signed at is not now")
        if hook.method == "GET":
            return Taken(answer=Answer(hook.query.get("echostr", "").encode()))
        document = read_xml(hook.body)
        if self._safe:
            document = read_xml(self._decrypted(document.get("Encrypt", ""), hook.query))
        elif "Encrypt" in document and "MsgType" not in document:
            raise Malformed("the message is encrypted, and `aes_key` is not configured")
        return Taken(parse(document), Answer(b"success"))

    def _decrypted(self, encrypted: str, query: Mapping[str, str]) -> bytes:
        """The signature of a plain message says nothing about its words; this one does."""
        assert self._safe
        wanted = signature(self._token, query["timestamp"], query["nonce"], encrypted)
        if not encrypted or not same(query.get("msg_signature", ""), wanted):
            raise Forged("the message is not encrypted, or its signature is wrong")
        return self._safe.decrypt(encrypted)

    async def send(self, address: Address, part: Part, key: str) -> str:
        if isinstance(part, Voice):
            media = await self._uploaded(part.attachment)
            message: dict[str, Any] = {"msgtype": "voice", "voice": {"media_id": media}}
        else:
            message = _text(part)
        sent = await self._post("message/custom/send", {"touser": address["user"]} | message)
        return str(sent.get("msgid", ""))

    async def type(self, address: Address) -> None:
        asked = {"touser": address["user"], "command": "Typing"}
        await self._post("message/custom/typing", asked)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        if not _MEDIA_ID.fullmatch(source):
            raise CustomerError("media_gone")
        token = await self._access.get()
        query = urlencode({"access_token": token, "media_id": source})
        pieces = self._services.download.pieces(
            f"{self._api}/cgi-bin/media/get?{query}", hosts=(self._host,)
        )
        first = await anext(pieces, b"")
        # No picture, recording or video begins like this: it is words about one.
        if first.startswith(b"{"):
            address = await self._elsewhere(await _note(first, pieces), token)
            first, pieces = b"", self._services.download.pieces(address, hosts=VIDEO_HOSTS)
        if first:
            yield first
        async for piece in pieces:
            yield piece

    async def _elsewhere(self, note: Mapping[str, Any], token: str) -> str:
        """The address that WeChat names in place of a video. Raises `CustomerError` where there is
        no such file, and `Unavailable`."""
        if isinstance(note.get("video_url"), str):
            return str(note["video_url"]).replace("http://", "https://", 1)
        code = _code(note)
        if code in _STALE:
            await self._access.renew(token)
        elif code not in _LATER_S:
            raise CustomerError("media_gone")
        raise Unavailable(f"media/get: {code}")

    async def check(self) -> str:
        try:
            await self._access.get()
        except TokenRefused as error:
            raise wrong_credentials(
                "WeChat",
                str(error),
                "copy AppID and AppSecret from the platform, and add this machine's address to "
                "the IP whitelist there",
            ) from error
        return f"official account {self.account}"

    async def register(self, url: str) -> str:
        mode = "safe mode" if self._safe else "plain mode"
        return (
            f"in the WeChat platform's server configuration enter {url}, the `token` of "
            f"frontdesk.yaml and {mode}, and enable it while the desk runs"
        )

    async def _uploaded(self, recording: Attachment) -> str:
        """A recording as MP3 at WeChat, which keeps it for three days; gives its id there."""
        if (recording.duration_s or 0) > LONGEST_VOICE_S:
            raise DeliveryFailed("WeChat takes recordings of up to a minute", permanent=True)
        try:
            data = await self._services.as_mp3(recording.id)
        except KeyError as error:
            raise DeliveryFailed("the recording is not kept any more", permanent=True) from error

        def form() -> dict[str, Any]:
            fields = aiohttp.FormData()
            fields.add_field("media", data, filename="answer.mp3", content_type="audio/mpeg")
            return {"data": fields}

        answer = await self._call("media/upload", form, {"type": "voice"})
        if not isinstance(answer.get("media_id"), str):
            raise DeliveryFailed("media/upload: no media_id")
        return str(answer["media_id"])

    async def _post(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        # In UTF-8 as it is: WeChat has shown `\u4f60` for what was escaped.
        body = msgspec.json.encode(message)
        answer = await self._call(path, lambda: {"data": body})
        if "errcode" not in answer:
            raise DeliveryFailed(f"{path}: what answers is not WeChat")
        return answer

    async def _call(
        self,
        path: str,
        request: Callable[[], dict[str, Any]],
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One call of the API; once more where only the access token was old. `request` makes what
        is sent. Raises `DeliveryFailed`."""
        for again in (True, False):
            token = await self._access.get()
            reply = await self._services.api.call(
                "POST",
                f"{self._api}/cgi-bin/{path}",
                what=path,
                params={"access_token": token, **(params or {})},
                **request(),
            )
            answer = reply.json()
            code = _code(answer)
            if reply.ok and code == 0:
                return answer
            if code not in _STALE:
                break
            await self._access.renew(token)
            if not again:
                raise DeliveryFailed(f"{path}: WeChat refuses a new access token as well")
        raise _failure(path, reply, answer)


def _code(answer: Mapping[str, Any]) -> int:
    """WeChat's verdict; successes often come without one."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else -1


def _failure(path: str, reply: Reply, answer: Mapping[str, Any]) -> DeliveryFailed:
    code, words = _code(answer), str(answer.get("errmsg", "no description"))
    if code in _LATER_S:
        return DeliveryFailed(f"{path}: {code}: {words[:200]}", retry_after_s=_LATER_S[code])
    return refused(path, reply, f"{code}: {_REFUSALS.get(code, words)}")


def _text(part: Text) -> dict[str, Any]:
    """Words; with choices, a menu whose lines say themselves when they are touched."""
    if not part.choices:
        return {"msgtype": "text", "text": {"content": part.text}}
    lines = [{"id": str(number), "content": text} for number, text in enumerate(part.choices, 1)]
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": part.text, "list": lines}}


async def _note(first: bytes, rest: AsyncIterator[bytes]) -> dict[str, Any]:
    """A JSON object that has come in place of a file; empty where it is none."""
    note = first
    async for piece in rest:
        note += piece
        if len(note) > _LARGEST_NOTE_BYTES:
            return {}
    try:
        found = msgspec.json.decode(note)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def parse(document: Mapping[str, str]) -> tuple[Event, ...]:
    """What a message or an event tells: the texts of its elements by name. Raises `Malformed`
    where what must be there is not."""
    try:
        kind, user = document["MsgType"], document["FromUserName"]
        if not user:
            raise Malformed("a message of nobody")
        chat = Chat(user, {"user": user})
        if kind == "event":
            return _happened(document, chat)
        return (_said(document, chat, kind),)
    except (KeyError, ValueError) as error:
        raise Malformed(f"not a message: {type(error).__name__}") from error


def _said(document: Mapping[str, str], chat: Chat, kind: str) -> Said:
    number = str(int(document["MsgId"]))
    if kind in _FILES:
        attachment_kind, media_type = _FILES[kind]
        # WeChat's own transcript of a voice message, in accounts that still have it.
        heard = document.get("Recognition", "")
        medium = Remote(attachment_kind, document["MediaId"], media_type)
        return Said(chat, number, heard, (medium,))
    tell = _WORDS.get(kind)
    text = tell(document) if tell else ""
    if text == _NOT_SHOWN or not text:
        return Said(chat, number, unsupported=("unknown" if text else kind,))
    return Said(chat, number, text)


def _place(document: Mapping[str, str]) -> str:
    at = f"{float(document['Location_X']):.5f}, {float(document['Location_Y']):.5f}"
    label = document.get("Label", "")
    return f"{label} ({at})" if label else at


def _link(document: Mapping[str, str]) -> str:
    parts = (document.get("Title"), document.get("Description"), document.get("Url"))
    return "\n".join(part for part in parts if part)


_WORDS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "text": lambda document: document["Content"],
    "location": _place,
    "link": _link,
}


def _happened(document: Mapping[str, str], chat: Chat) -> tuple[Event, ...]:
    """What an event tells; most are about menus, templates and staff, and nobody said anything."""
    event, key = document["Event"], document.get("EventKey", "")
    # WeChat's own way to tell an event that comes again: who, and when.
    number = f"{int(document['CreateTime'])}:{event}"
    if event in ("subscribe", "SCAN"):
        return (Said(chat, number, joined=True),)
    if event == "CLICK" and key:
        return (Said(chat, number, key),)
    if event == "scancode_waitmsg":
        return (Said(chat, number, document["ScanCodeInfo/ScanResult"]),)
    return ()


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12
