"""The Dockerfile and docker-compose.yml: well-formed, safe, and about settings that exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from typer.main import get_command

from bot.cli.app import app
from bot.config import Config
from bot.config_file import settings_of, variable_of
from tests.conftest import REPOSITORY

SETTINGS = {variable_of(keys) for keys in settings_of(Config)}
OTHERS = {"FRONTDESK_PROJECT", "FRONTDESK_CACHE", "FRONTDESK_SECRET"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Its instructions, in order."""
    copy = tmp_path_factory.mktemp("image") / "Dockerfile"
    copy.write_text((REPOSITORY / "Dockerfile").read_text("utf-8"), "utf-8")
    structure: list[dict[str, str]] = DockerfileParser(path=str(copy)).structure
    return [step for step in structure if step["instruction"] != "COMMENT"]


def values(steps: list[dict[str, str]], instruction: str) -> list[str]:
    return [step["value"] for step in steps if step["instruction"] == instruction]


def test_the_compose_file_keeps_to_the_specification() -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            str(REPOSITORY / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_image_has_a_pinned_version(
    compose: dict[str, Any], dockerfile: list[dict[str, str]]
) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += [value.split(" ")[0] for value in values(dockerfile, "FROM")]
    assert [image for image in images if not re.search(r":\d+\.\d+\.\d+", image)] == []


def test_no_service_may_more_than_it_must(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name


def test_the_desk_does_not_run_as_root(
    compose: dict[str, Any], dockerfile: list[dict[str, str]]
) -> None:
    assert values(dockerfile, "USER")[-1].split(":")[0] not in ("root", "0")
    assert compose["services"]["redis"]["user"] not in ("root", "0")
    assert "user" not in compose["services"]["desk"]


def test_every_service_tells_whether_it_is_well(
    compose: dict[str, Any], dockerfile: list[dict[str, str]]
) -> None:
    assert "/readyz" in values(dockerfile, "HEALTHCHECK")[0]
    assert compose["services"]["redis"]["healthcheck"]["test"]
    condition = compose["services"]["desk"]["depends_on"]["redis"]["condition"]
    assert condition == "service_healthy"


def test_redis_keeps_what_it_is_given(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command
    assert "redis-data:/data" in compose["services"]["redis"]["volumes"]


def test_only_the_desk_is_reachable_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    assert "ports" not in compose["services"]["redis"]
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["desk"]["ports"])


def test_every_variable_is_a_setting(
    compose: dict[str, Any], dockerfile: list[dict[str, str]]
) -> None:
    given = set(compose["services"]["desk"]["environment"])
    given |= {name for value in values(dockerfile, "ENV") for name in re.findall(r"(\w+)=", value)}
    used = {name for name in given if name.startswith("FRONTDESK_")}
    assert used <= SETTINGS | OTHERS
    assert "FRONTDESK_REDIS" in used


def test_the_image_starts_a_command_that_exists(dockerfile: list[dict[str, str]]) -> None:
    assert json.loads(values(dockerfile, "ENTRYPOINT")[0]) == ["frontdesk"]
    assert json.loads(values(dockerfile, "CMD")[-1])[0] in get_command(app).commands


def test_what_the_image_copies_is_there_and_not_ignored(dockerfile: list[dict[str, str]]) -> None:
    kept = {
        line[1:]
        for line in Path(REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for value in values(dockerfile, "COPY")
        if "--from" not in value
        for source in value.split()[:-1]
    }
    assert copied <= kept
    assert all((REPOSITORY / source).exists() for source in copied)
