"""WhatsApp, Messenger and Instagram: the body's HMAC under the app's secret.
https://developers.facebook.com/docs/graph-api/webhooks"""

import hmac
import time
from collections.abc import Mapping
from typing import Any

from bot.channel_settings import InstagramSection, MessengerSection, WhatsAppSection
from tests.connectors.signers.signer import JSON, Signer

_SECRET = "the-app-secret"
_PHONE, _PAGE, _ACCOUNT = "1122334455667", "1906385232743451", "17841405822304914"


def _credentials(api: str) -> dict[str, str]:
    return {"token": "EAAG", "app_secret": _SECRET, "verify_token": "our-words", "api": api}


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    signature = hmac.digest(_SECRET.encode(), body, "sha256").hex()
    return JSON | {"X-Hub-Signature-256": f"sha256={signature}"}, ""


def _whatsapp(**value: Any) -> dict[str, Any]:
    meta = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "972123456789", "phone_number_id": _PHONE},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "972987654321"}],
    }
    change = {"field": "messages", "value": meta | value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def _sent(number: int, user: int, kind: str, content: Any, **beside: Any) -> dict[str, Any]:
    message = {"from": f"97298{user:07}", "id": f"wamid.{number}", "type": kind, kind: content}
    return _whatsapp(messages=[message | {"timestamp": str(int(time.time()))} | beside])


def _whatsapp_text(number: int, user: int) -> dict[str, Any]:
    return _sent(number, user, "text", {"body": f"Where is order {number}?"})


def _whatsapp_samples() -> tuple[Any, ...]:
    file = {"id": "f1", "mime_type": "image/jpeg", "sha256": "x", "caption": "see"}
    state = {"id": "wamid.9", "status": "failed", "timestamp": "1", "recipient_id": "9"}
    return (
        _sent(1, 1, "image", file, context={"id": "wamid.0", "from": "1"}),
        _sent(2, 1, "audio", file | {"voice": True}),
        _sent(3, 1, "document", file | {"filename": "a.pdf"}),
        _sent(4, 1, "location", {"latitude": 1.5, "longitude": 2.5, "name": "Shop"}),
        _sent(5, 1, "contacts", [{"name": {"formatted_name": "Bo"}, "phones": [{"phone": "1"}]}]),
        _sent(6, 1, "interactive", {"type": "button_reply", "button_reply": {"title": "Yes"}}),
        _sent(7, 1, "reaction", {"message_id": "wamid.9", "emoji": "👍"}),
        _sent(8, 1, "unsupported", None, errors=[{"code": 131051, "title": "no"}]),
        _whatsapp(statuses=[state | {"errors": [{"code": 131047, "title": "late"}]}]),
    )


def _page(kind: str, account: str, user: int, **content: Any) -> dict[str, Any]:
    now_ms = int(time.time() * 1000)
    item = {"sender": {"id": f"59120{user}"}, "recipient": {"id": account}, "timestamp": now_ms}
    return {
        "object": kind,
        "entry": [{"id": account, "time": now_ms, "messaging": [item | content]}],
    }


def _samples_of(kind: str, account: str) -> tuple[Any, ...]:
    picture = {"type": "image", "payload": {"url": "https://scontent.xx.fbcdn.net/a.jpg"}}
    return (
        _page(kind, account, 1, message={"mid": "m_1", "attachments": [picture]}),
        _page(kind, account, 1, message={"mid": "m_2", "text": "B", "reply_to": {"mid": "m_0"}}),
        _page(
            kind, account, 1, message={"mid": "m_3", "text": "Y", "quick_reply": {"payload": "Y"}}
        ),
        _page(kind, account, 1, message={"mid": "m_4", "is_deleted": True}),
        _page(kind, account, 1, message={"mid": "m_5", "text": "x", "is_echo": True}),
        _page(kind, account, 1, postback={"mid": "m_6", "title": "Start", "payload": "start"}),
        _page(kind, account, 1, reaction={"mid": "m_0", "action": "react", "emoji": "👍"}),
        _page(kind, account, 1, read={"mid": "m_0", "watermark": 1}),
        _page(kind, account, 1, delivery={"mids": ["m_0"], "watermark": 1}),
        _page(kind, account, 1, message_edit={"mid": "m_1", "text": "C", "num_edit": 1}),
    )


def _text_of(kind: str, account: str, number: int, user: int) -> dict[str, Any]:
    return _page(kind, account, user, message={"mid": f"m_{number}", "text": f"Order {number}?"})


WHATSAPP = Signer(
    settings=lambda api: WhatsAppSection.model_validate(_credentials(api) | {"phone": _PHONE}),
    sign=_sign,
    message=_whatsapp_text,
    samples=_whatsapp_samples,
)
MESSENGER = Signer(
    settings=lambda api: MessengerSection.model_validate(_credentials(api) | {"page": _PAGE}),
    sign=_sign,
    message=lambda number, user: _text_of("page", _PAGE, number, user),
    samples=lambda: _samples_of("page", _PAGE),
)
INSTAGRAM = Signer(
    settings=lambda api: InstagramSection.model_validate(_credentials(api) | {"account": _ACCOUNT}),
    sign=_sign,
    message=lambda number, user: _text_of("instagram", _ACCOUNT, number, user),
    samples=lambda: _samples_of("instagram", _ACCOUNT),
)
