"""WeChat's plain mode: a digest of token, moment and nonce in the query; XML.
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html"""

import hashlib
import time
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from bot.channel_settings import WeChatSection
from tests.connectors.signers.signer import Signer

_TOKEN = "a-token-of-our-own"


def _settings(api: str) -> WeChatSection:
    given = {"appid": "wx0123456789abcdef", "secret": "s", "token": _TOKEN, "api": api}
    return WeChatSection.model_validate(given)


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    stamp = str(int(time.time()))
    parts = "".join(sorted([_TOKEN, stamp, "n0nce"]))
    signature = hashlib.sha1(parts.encode()).hexdigest()
    query = f"signature={signature}&timestamp={stamp}&nonce=n0nce"
    return {"Content-Type": "text/xml"}, query


def _sent(number: int, user: int, kind: str, **content: Any) -> dict[str, Any]:
    about = {"ToUserName": "gh_1", "FromUserName": f"o{user:027}", "CreateTime": int(time.time())}
    return about | {"MsgType": kind, "MsgId": number} | content


def _samples() -> tuple[Any, ...]:
    return (
        _sent(1, 1, "image", PicUrl="http://mmbiz.qpic.cn/a", MediaId="m1"),
        _sent(2, 1, "voice", MediaId="m2", Format="amr", Recognition="where is it"),
        _sent(3, 1, "video", MediaId="m3", ThumbMediaId="t"),
        _sent(4, 1, "location", Location_X=1.5, Location_Y=2.5, Scale=20, Label="Shop"),
        _sent(5, 1, "link", Title="a", Description="b", Url="https://a.example"),
        _sent(6, 1, "event", Event="subscribe", EventKey=""),
        _sent(7, 1, "event", Event="CLICK", EventKey="Yes"),
        _sent(8, 1, "event", Event="scancode_push", ScanCodeInfo={"ScanResult": "1"}),
        _sent(9, 1, "event", Event="unsubscribe"),
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inside = "".join(_element(str(key), each) for key, each in value.items())
    elif isinstance(value, list):
        inside = "".join(_element("item", each) for each in value)
    else:
        inside = escape(str(value))
    return f"<{name}>{inside}</{name}>"


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _sent(number, user, "text", Content=f"Where is order {number}?"),
    samples=_samples,
    encode=lambda payload: _element("xml", payload).encode(),
)
