"""`frontdesk doctor`."""

from pathlib import Path

from tests.bot.cli.conftest import Frontdesk


def test_a_sound_project_can_open(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("doctor", "-p", project, FRONTDESK_CHANNELS__TELEGRAM__TOKEN="1:a")
    assert ended.returncode == 0, ended.stdout
    assert "webchat, telegram (credentials: frontdesk channels check telegram)" in ended.stdout
    for part in ("Python", "packages", "Redis", "knowledge", "text encoder", "transcriber"):
        assert f"✓ {part}" in ended.stdout
    assert "✗" not in ended.stdout


def test_each_part_that_is_missing_comes_with_what_mends_it(
    frontdesk: Frontdesk, project: Path, tmp_path: Path
) -> None:
    ended = frontdesk(
        "doctor",
        "-p",
        project,
        FRONTDESK_REDIS="redis://127.0.0.1:1",
        FRONTDESK_KNOWLEDGE__FOLDER="nowhere",
        FRONTDESK_CHANNELS__WEBCHAT__ORIGINS="[shop.example]",
        FRONTDESK_MEDIA="/proc/media",
    )
    assert ended.returncode == 1
    assert "✗ Redis" in ended.stdout
    assert "redis: embedded" in ended.stdout
    assert "✗ knowledge" in ended.stdout
    assert "✗ channels" in ended.stdout
    assert "https://shop.example" in ended.stdout
    assert "✗ media" in ended.stdout
    assert "✓ transcriber" in ended.stdout


def test_without_a_project_the_machine_is_looked_at(frontdesk: Frontdesk) -> None:
    ended = frontdesk("doctor")
    assert ended.returncode == 1
    assert "✓ Python" in ended.stdout
    assert "frontdesk init" in ended.stdout


def test_a_variable_that_is_no_setting_is_pointed_out(frontdesk: Frontdesk, project: Path) -> None:
    said = frontdesk("doctor", "-p", project, FRONTDESK_SERVER_PORT="80").stdout
    assert "! environment" in said
    assert "perhaps FRONTDESK_SERVER__PORT?" in said
