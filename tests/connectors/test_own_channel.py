"""A channel of the operator's own: the guide's file, run, and what is said where it is wrong."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bot.channels import messaging_apps
from bot.config import Config, load
from bot.errors import OperatorError
from connectors.messaging.events import Chat
from tests.conftest import REPOSITORY
from tests.connectors.messaging.samples import SHOWN, shown
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn

EXAMPLE = REPOSITORY / "examples" / "channel" / "mattermost.py"
GUIDE = REPOSITORY / "docs" / "channels" / "write-your-own.md"
CHAT = Chat("ann", {"channel": "town"}, "town")
POSTS = "/api/v4/posts"


def configured(folder: Path, connector: str = "mattermost.py", **settings: Any) -> Config:
    """The configuration of a project whose channel `mattermost` is this one."""
    own = {"connector": connector} | settings
    file = folder / "frontdesk.yaml"
    file.write_text(json.dumps({"name": "Shop", "channels": {"own": {"mattermost": own}}}))
    return load(file)


def settings(api: str = "https://chat.example") -> dict[str, str]:
    return {"api": api, "bot_id": "desk", "bot_token": "b0t", "hook_token": "h00k"}


def refusal(config: Config) -> str:
    with pytest.raises(OperatorError) as caught:
        messaging_apps(config)
    return str(caught.value)


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    """Mattermost, as far as the channel asks it."""

    def post(call: Call) -> Response:
        return JSONResponse(call.json() | {"id": "p2"}, 201)

    server = StandIn()
    server.answer("POST", POSTS, post)
    server.answer("GET", "/api/v4/users/me", {"username": "desk"})
    server.answer("GET", "/api/v4/files/f1", shown())
    async with server.serving():
        yield server


def posted(**fields: Any) -> bytes:
    """What Mattermost's outgoing webhook sends."""
    post = {
        "token": "h00k", "team_id": "t", "team_domain": "shop", "channel_id": "town",
        "channel_name": "town-square", "timestamp": 1700000000, "user_id": "ann",
        "user_name": "ann", "post_id": "p1", "text": "@desk hi there", "trigger_word": "@desk",
        "file_ids": "",
    }  # fmt: skip
    return json.dumps(post | fields).encode()


class TestGuide:
    def test_it_shows_the_file_that_is_tested(self) -> None:
        shown = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)
        assert EXAMPLE.read_text("utf-8") in shown
        assert len(EXAMPLE.read_text("utf-8").splitlines()) < 80

    def test_its_settings_are_those_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "mattermost.py").write_bytes(EXAMPLE.read_bytes())
        [block] = re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)
        file = tmp_path / "frontdesk.yaml"
        file.write_text(f"name: Shop\n{re.sub(r'[$]{[A-Z_]+}', 'x', block)}", "utf-8")
        [(module, found)] = messaging_apps(load(file)).values()
        assert module == "frontdesk_channel_mattermost"
        assert found.bot_token.get_secret_value() == "x"

    async def test_a_conversation_goes_through_it(
        self, channels: ChannelSite, server: StandIn, tmp_path: Path
    ) -> None:
        (tmp_path / "mattermost.py").write_bytes(EXAMPLE.read_bytes())
        apps = messaging_apps(configured(tmp_path, **settings(server.url)))
        async with channels.open(apps) as site:
            assert (await site.post("mattermost", posted(token="wrong"))).status_code == 401
            assert (await site.post("mattermost", b'{"token": "h00k"}')).status_code == 400
            assert (await site.post("mattermost", posted(user_id="desk"))).status_code == 200
            assert await site.nothing_was_taken()

            assert (await site.post("mattermost", posted())).status_code == 200
            assert (await site.post("mattermost", posted())).status_code == 200
            [answer] = await server.wait(POSTS)
            assert answer.json()["channel_id"] == "town"
            assert answer.json()["message"] == "You said: hi there"
            assert answer.headers["authorization"] == "Bearer b0t"

            picture = posted(post_id="p3", text="@desk what is this?", file_ids="f1")
            assert (await site.post("mattermost", picture)).status_code == 200
            answer = (await server.wait(POSTS, 2))[-1]
            assert SHOWN in answer.json()["message"]
            [fetched] = server.made("/api/v4/files/f1")
            assert fetched.headers["authorization"] == "Bearer b0t"
            assert len(await site.replies("mattermost", CHAT)) == 2
            [provider] = site.messaging.providers
            assert await provider.check() == "@desk"


class TestMistakes:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        words = refusal(configured(tmp_path))
        assert f"there is no file {tmp_path / 'mattermost.py'}" in words
        assert "write-your-own.md" in words

    def test_a_module_that_is_not_installed(self, tmp_path: Path) -> None:
        words = refusal(configured(tmp_path, "shop_channels.mattermost"))
        assert "there is no module `shop_channels.mattermost`" in words
        assert "install the package" in words

    def test_a_module_that_it_needs_is_not_installed(self, tmp_path: Path) -> None:
        (tmp_path / "mattermost.py").write_text("import mattermost_sdk_that_nobody_has\n")
        words = refusal(configured(tmp_path))
        assert "needs the module `mattermost_sdk_that_nobody_has`" in words

    @pytest.mark.parametrize("broken", ["def provider(:", "1 / 0", "from bot.errors import Nobody"])
    def test_a_file_that_does_not_run(self, tmp_path: Path, broken: str) -> None:
        (tmp_path / "mattermost.py").write_text(broken)
        assert "mattermost.py cannot be loaded: " in refusal(configured(tmp_path))

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ("def provider(settings, services): ...", "no `class Settings(Section)`"),
            (
                "from bot.config_section import Section\nclass Settings(Section): pass",
                "no function `provider(settings, services)`",
            ),
        ],
    )
    def test_what_the_file_lacks(self, tmp_path: Path, content: str, told: str) -> None:
        (tmp_path / "mattermost.py").write_text(content)
        assert told in refusal(configured(tmp_path))

    def test_settings_are_the_modules_own(self, tmp_path: Path) -> None:
        (tmp_path / "mattermost.py").write_bytes(EXAMPLE.read_bytes())
        words = refusal(configured(tmp_path, api="chat.example", bot_id="desk", bot_token="", b=1))
        assert "`channels.own.mattermost.api` must begin with https:// or http://" in words
        assert "`channels.own.mattermost.bot_token` is empty" in words
        assert "the key `channels.own.mattermost.hook_token` is missing" in words
        assert "there is no setting `channels.own.mattermost.b`" in words
        assert "Allowed here: connector, api, bot_id, bot_token, hook_token" in words

    @pytest.mark.parametrize(
        ("own", "told"),
        [
            ({"telegram": {"connector": "a.py"}}, "`telegram`, which the desk has already"),
            ({"My App": {"connector": "a.py"}}, "must be lower case letters"),
            ({"app": {"token": "x"}}, "must say which `connector` app is"),
        ],
    )
    def test_names_and_connectors(self, tmp_path: Path, own: Any, told: str) -> None:
        file = tmp_path / "frontdesk.yaml"
        file.write_text(json.dumps({"name": "Shop", "channels": {"own": own}}))
        with pytest.raises(OperatorError, match="line 1") as caught:
            load(file)
        assert told in str(caught.value)

    def test_a_channel_that_does_not_exist_lists_those_that_do(self, tmp_path: Path) -> None:
        file = tmp_path / "frontdesk.yaml"
        file.write_text("name: Shop\nchannels:\n  mattermost: {}\n")
        with pytest.raises(OperatorError) as caught:
            load(file)
        assert re.search(r"Allowed here: .*telegram, .*email, webhook, own", str(caught.value))

    def test_secrets_are_not_shown(self, tmp_path: Path) -> None:
        config = configured(tmp_path, bot_token="very-secret")
        assert "very-secret" not in repr(config)
