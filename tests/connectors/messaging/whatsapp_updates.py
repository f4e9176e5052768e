"""Webhooks as WhatsApp's Cloud API sends them: what Ann writes to the desk's number."""

from typing import Any

from tests.connectors.messaging.graph import now_s

PHONE = "1122334455667"
ANN = "US.13491208655302741918"
CONTACT = {"profile": {"name": "Ann"}, "wa_id": "972987654321", "user_id": ANN}


def webhook(*values: dict[str, Any], phone: str = PHONE, field: str = "messages") -> dict[str, Any]:
    meta = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "972123456789", "phone_number_id": phone},
        "contacts": [CONTACT],
    }
    changes = [{"field": field, "value": meta | value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def message(number: int, kind: str, content: Any = None, **beside: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"from": "972987654321", "id": f"wamid.{number}", "type": kind}
    told["timestamp"] = str(now_s())
    return told | ({kind: content} if content is not None else {}) | beside


def text(number: int, words: str, **beside: Any) -> dict[str, Any]:
    return webhook({"messages": [message(number, "text", {"body": words}, **beside)]})
