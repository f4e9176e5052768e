"""What each channel says that a customer is called, as its provider's documentation has it."""

from typing import Any

import pytest

from connectors import (
    discord_events,
    slack_events,
    teams_activities,
    twilio,
    viber,
    vonage,
    webhook,
    whatsapp_events,
)
from connectors.email.incoming import parse_mail, read_letter
from connectors.messaging.events import Event, Said
from connectors.messaging.hook import Hook

WHATSAPP: dict[str, Any] = {
    "object": "whatsapp_business_account",
    "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1", "phone_number_id": "106"},
        "contacts": [{"profile": {"name": "Ann Miller"}, "wa_id": "4790000001"}],
        "messages": [{"from": "4790000001", "id": "wamid.1", "timestamp": "1", "type": "text",
                      "text": {"body": "hi"}}],
    }}]}],
}  # fmt: skip
SLACK = {
    "authorizations": [{"user_id": "UBOT", "is_bot": True}],
    "event": {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "text": "hi",
              "ts": "1700000000.000100",
              "user_profile": {"real_name": "Ann Miller", "display_name": "ann"}},
}  # fmt: skip
PRESSED = {
    "type": "block_actions", "user": {"id": "U1", "name": "ann.miller"},
    "container": {"channel_id": "D1", "message_ts": "1.1"},
    "actions": [{"action_ts": "1.2", "value": "Yes"}],
}  # fmt: skip
TEAMS = {
    "type": "message", "id": "1", "text": "hi", "serviceUrl": "https://smba.example/emea/",
    "channelId": "msteams", "from": {"id": "29:1", "name": "Ann Miller"},
    "recipient": {"id": "28:bot"}, "conversation": {"id": "a:1", "conversationType": "personal"},
}  # fmt: skip
ANN_OF_DISCORD = {"id": "7", "username": "ann", "global_name": "Ann Miller"}
DISCORD = {"id": "9", "channel_id": "5", "content": "hi", "author": ANN_OF_DISCORD}
VIBER = {
    "event": "message", "timestamp": 1, "message_token": 49126, "chat_hostname": "x",
    "sender": {"id": "01=", "name": "Ann Miller", "language": "de", "api_version": 10},
    "message": {"type": "text", "text": "hi"},
}  # fmt: skip
TWILIO = {
    "MessageSid": "SM1", "From": "whatsapp:+4790000001", "To": "whatsapp:+4790000002",
    "Body": "hi", "NumMedia": "0", "ProfileName": "Ann Miller",
}  # fmt: skip
VONAGE = {
    "message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "channel": "whatsapp",
    "from": "4790000001", "to": "4790000002", "timestamp": "2026-11-27T10:00:00Z",
    "message_type": "text", "text": "hi", "profile": {"name": "Ann Miller"},
}  # fmt: skip
OWN = b'{"type": "message", "id": "1", "customer": "user-7", "name": "Ann Miller", "text": "hi"}'
FROM_BUTTON = {
    "type": 3, "id": "1", "channel_id": "5", "user": ANN_OF_DISCORD, "data": {"custom_id": "1:Yes"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (lambda: whatsapp_events.parse(WHATSAPP, "106"), "Ann Miller"),
        (lambda: slack_events.read_event(SLACK), "Ann Miller"),
        (lambda: slack_events.read_interaction(PRESSED), "ann.miller"),
        (lambda: teams_activities.parse(TEAMS), "Ann Miller"),
        (lambda: discord_events.read_message(DISCORD, "1"), "Ann Miller"),
        (lambda: discord_events.read_interaction(FROM_BUTTON), "Ann Miller"),
        (lambda: viber.parse(VIBER), "Ann Miller"),
        (lambda: twilio.parse(TWILIO), "Ann Miller"),
        (lambda: vonage.parse(VONAGE), "Ann Miller"),
        (lambda: webhook.parse(Hook(OWN)), "Ann Miller"),
    ],
)
def test_the_providers_name_of_a_customer_is_passed_on(events: Any, name: str) -> None:
    found: tuple[Event, ...] = events()
    (said,) = (each for each in found if isinstance(each, Said))
    assert said.chat.name == name


def test_a_mails_sender_is_called_what_stands_beside_the_address() -> None:
    raw = b"From: =?utf-8?q?Ann_M=C3=BCller?= <ann@mail.example>\nSubject: Hi\n\nWhere is it?\n"
    assert read_letter(parse_mail(raw), raw, "1").name == "Ann Müller"
