"""Slack: the Events API and interactivity by webhook, or Socket Mode where the desk has no public
address; the Web API to answer.

The API is form fields and JSON over HTTP; slack_sdk would bring its own session and its own
retries beside the ones that all channels share. It verifies the signatures in the tests, and drives
the stand-in that the channel is tested against. Ordinary bots cannot show that they are typing.
Sources: https://docs.slack.dev/reference/methods, https://docs.slack.dev/apis/events-api,
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bot.channel_settings import SlackSection
from bot.errors import CustomerError, DeliveryFailed
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import SLACK
from connectors.messaging.events import Event
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services, Take
from connectors.messaging.render import Part, Text, Voice
from connectors.slack_events import read_command, read_event, read_interaction
from connectors.slack_socket import SocketMode

log = logging.getLogger(__name__)

TOLERANCE_S = 300
"""How far Slack's clock and ours may be apart; what was signed earlier is an old request."""
HOSTS = ("files.slack.com",)
_MOST_FIELDS = 100
_PASSING = frozenset(
    {
        *("ratelimited", "rate_limited", "message_limit_exceeded", "internal_error"),
        *("fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"),
    }
)
"""Errors that go away by themselves."""
_CREDENTIALS = frozenset(
    {
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
        *("missing_scope", "not_allowed_token_type", "access_denied", "org_login_required"),
    }
)
"""Errors that the operator mends; replies wait for it."""


def provider(settings: SlackSection, services: Services) -> "Slack":
    return Slack(settings, services)


class Slack(Provider):
    channel = ChannelName("slack")

    def __init__(self, settings: SlackSection, services: Services) -> None:
        self.account = settings.app
        self.can = Capabilities(
            # https://docs.slack.dev/changelog/2018-truncating-really-long-messages
            text_limit=4000,
            unit=Unit.UTF16,
            dialect=SLACK,
            # https://docs.slack.dev/reference/block-kit/blocks
            choices=10,
            choice_chars=75,
            choices_text_limit=3000,
            voice="audio/mp4",
            edits=settings.streaming,
            # https://docs.slack.dev/apis/web-api/rate-limits: one a second in a channel, and a
            # limit for the workspace that is not told; what is over it is tried again.
            pace=Rate(per_minute=300, burst=20),
            chat_pace=Rate(per_minute=60, burst=3),
        )
        self._token = settings.token.get_secret_value()
        self._signing_secret = settings.signing_secret.get_secret_value()
        self._app_token = settings.app_token.get_secret_value()
        self._channels = frozenset(settings.channels)
        self._api = settings.api
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        self._verify(hook)
        if hook.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self._form(_fields(hook.body))
        payload = hook.json()
        match payload.get("type"):
            case "url_verification":
                return Taken((), Answer(str(payload.get("challenge", "")).encode()))
            case "event_callback":
                return Taken(self._understand("events_api", payload)[0])
            case "app_rate_limited":
                # More than 30 000 events in an hour: Slack leaves the rest out.
                log.error("slack.events_left_out", extra={"team": str(payload.get("team_id"))})
                return Taken()
        raise Malformed(f"an unknown type: {str(payload.get('type'))[:40]}")

    async def run(self, take: Take) -> None:
        """Socket Mode, where there is an app-level token."""
        if self._app_token:
            await SocketMode(self._open_socket, self._understand).run(take)

    async def send(self, address: Address, part: Part, key: str) -> str:
        """Slack knows no key that would make it drop what it has seen: where the desk is stopped
        between Slack's answer and its own note of it, one message comes twice."""
        if isinstance(part, Voice):
            return await self._send_voice(address, part)
        sent = await self._call("chat.postMessage", json=_where(address) | _message(part))
        return f"{sent['channel']}:{sent['ts']}"

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        if isinstance(part, Voice):
            raise DeliveryFailed("a text cannot become a recording", permanent=True)
        channel, _, number = sent.partition(":")
        await self._call("chat.update", json={"channel": channel, "ts": number} | _message(part))

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        identifier, _, url = source.partition(" ")
        if not url:
            url = await self._file_url(identifier)
        headers = {"Authorization": f"Bearer {self._token}"}
        async for piece in self._services.download.pieces(url, hosts=HOSTS, headers=headers):
            yield piece

    async def check(self) -> str:
        found = await self._call("auth.test")
        return f"{found.get('user', '?')} in {found.get('team', '?')}"

    async def register(self, url: str) -> str:
        if not self._signing_secret:
            return "with `app_token` the desk opens a connection to Slack; no webhook is needed"
        return (
            f'enter {url} at api.slack.com/apps as the request URL under "Event Subscriptions", '
            'under "Interactivity & Shortcuts", and of each slash command'
        )

    def _verify(self, hook: Hook) -> None:
        stamp = hook.headers.get("x-slack-request-timestamp", "")
        if not self._signing_secret:
            raise Forged("no `signing_secret` is configured")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise Forged("no timestamp")
        if abs(hook.received_at - int(stamp)) > TOLERANCE_S:
            raise Forged("the timestamp is more than five minutes away")
        signed = b"v0:%s:%s" % (stamp.encode(), hook.body)
        wanted = hmac.new(self._signing_secret.encode(), signed, hashlib.sha256).hexdigest()
        if not same(hook.headers.get("x-slack-signature", ""), f"v0={wanted}"):
            raise Forged("the signature is missing or wrong")

    def _form(self, fields: Mapping[str, str]) -> Taken:
        """Interactivity and slash commands."""
        if "payload" in fields:
            payload = Hook(body=fields["payload"].encode()).json()
            return Taken(self._understand("interactive", payload)[0])
        if "command" in fields:
            events, shown = self._understand("slash_commands", fields)
            return Taken(events, Answer(msgspec.json.encode(shown), "application/json"))
        if "ssl_check" in fields:
            return Taken()
        raise Malformed("a form without payload or command")

    def _understand(
        self, kind: str, payload: Mapping[str, Any]
    ) -> tuple[tuple[Event, ...], dict[str, Any] | None]:
        """What a payload tells, and what Slack is to show at once. `kind` as Socket Mode names it.
        Raises `Malformed`."""
        app = payload.get("api_app_id")
        if app != self.account:
            raise Malformed(f"for the app {str(app)[:20]}, and `channels.slack.app` is another")
        match kind:
            case "events_api":
                _look_out(payload)
                return read_event(payload, self._channels), None
            case "interactive":
                return read_interaction(payload), None
            case "slash_commands":
                quoted = "\n".join(f"> {line}" for line in str(payload.get("text", "")).split("\n"))
                shown = {"response_type": "ephemeral", "text": quoted}
                return read_command(payload), shown if payload.get("text") else {}
        raise Malformed(f"an unknown kind: {kind[:40]}")

    async def _send_voice(self, address: Address, part: Voice) -> str:
        """A file is announced, uploaded, and then shared. Gives its id: Slack tells the number of
        the message to nobody who waits for it."""
        recording = part.attachment
        data = b"".join([piece async for piece in self._services.open_media(recording.id)])
        name = recording.name or "answer.m4a"
        about = {"filename": name, "length": str(len(data))}
        place = await self._call("files.getUploadURLExternal", data=about)
        uploaded = await self._services.api.call(
            "POST",
            str(place["upload_url"]),
            what="upload",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
        )
        if not uploaded.ok:
            raise refused("upload", uploaded, "the recording was not taken")
        where = _where(address)
        form = {
            "files": msgspec.json.encode([{"id": place["file_id"], "title": name}]).decode(),
            "channel_id": await self._conversation(str(where.pop("channel"))),
        }
        await self._call("files.completeUploadExternal", data=form | where)
        return str(place["file_id"])

    async def _conversation(self, channel: str) -> str:
        """The id of the direct messages with a person, where an address names the person: texts can
        be sent to them, files cannot."""
        if channel[:1] not in ("U", "W"):
            return channel
        opened = await self._call("conversations.open", json={"users": channel})
        return str(opened["channel"]["id"])

    async def _file_url(self, identifier: str) -> str:
        try:
            file = (await self._call("files.info", data={"file": identifier}))["file"]
        except DeliveryFailed as error:
            if error.permanent:
                raise CustomerError("media_gone") from error
            raise
        if file.get("is_external") or not file.get("url_private"):
            raise CustomerError("media_gone")
        return str(file["url_private"])

    async def _open_socket(self) -> str:
        opened = await self._call("apps.connections.open", token=self._app_token)
        return str(opened["url"])

    async def _call(self, method: str, *, token: str = "", **request: Any) -> dict[str, Any]:
        """One method of the Web API. Raises `DeliveryFailed` with Slack's name of the error, and
        `OperatorError` for wrong credentials while they are being tried."""
        headers = {"Authorization": f"Bearer {token or self._token}"}
        reply = await self._services.api.call(
            "POST", f"{self._api}/{method}", what=method, headers=headers, **request
        )
        answer = reply.json()
        if answer.get("ok") is True:
            return answer
        error = str(answer.get("error") or "no reason")
        if error in _CREDENTIALS and method == "auth.test":
            raise wrong_credentials(
                "Slack", error, 'copy the token from "OAuth & Permissions" into SLACK_TOKEN'
            )
        if error in _PASSING | _CREDENTIALS:
            raise DeliveryFailed(f"{method}: {error}")
        raise refused(method, reply, error)


def _where(address: Address) -> dict[str, Any]:
    where = {"channel": address["channel"]}
    return where | {"thread_ts": address["thread"]} if address.get("thread") else where


def _message(part: Text) -> dict[str, Any]:
    message: dict[str, Any] = {"text": part.text, "unfurl_links": False, "unfurl_media": False}
    if part.choices:
        words = {"type": "section", "text": {"type": "mrkdwn", "text": part.text}}
        buttons = [
            {
                "type": "button",
                "action_id": f"say-{number}",
                "text": {"type": "plain_text", "text": choice, "emoji": False},
                "value": choice,
            }
            for number, choice in enumerate(part.choices)
        ]
        message["blocks"] = [words, {"type": "actions", "elements": buttons}]
    return message


def _fields(body: bytes) -> dict[str, str]:
    """A form's fields. Raises `Malformed`."""
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Malformed("the body is not a form") from error
    return dict(pairs)


def _look_out(payload: Mapping[str, Any]) -> None:
    """What the operator has to know."""
    event = payload.get("event")
    kind = event.get("type") if isinstance(event, dict) else ""
    if kind in ("app_uninstalled", "tokens_revoked"):
        log.error(f"slack.{kind}", extra={"team": str(payload.get("team_id"))})
