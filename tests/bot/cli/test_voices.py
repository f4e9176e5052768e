"""`frontdesk voices`."""

import re
from pathlib import Path

from models.audio import decode
from tests.bot.cli.conftest import Frontdesk
from tests.models.tiny_voices import tiny_piper


def test_the_voices_of_a_language_are_listed_with_the_one_that_speaks(
    frontdesk: Frontdesk, project: Path
) -> None:
    said = frontdesk("voices", "-p", project, "--language", "en").stdout
    assert re.search(r"^● +en-us +English \(America\)", said, re.MULTILINE)
    assert re.search(r"^ +en-gb +English \(Great Britain\)", said, re.MULTILINE)
    assert "German" not in said
    assert "espeak-ng, GPL-3.0" in said


def test_all_voices_are_listed(frontdesk: Frontdesk, project: Path) -> None:
    said = frontdesk("voices", "-p", project).stdout
    for name in ("German", "Arabic", "Spanish (Spain)"):
        assert name in said
    assert re.search(r"\d\d\d voices in \d+ languages", said)


def test_a_text_is_said_as_an_answer_would_be(
    frontdesk: Frontdesk, project: Path, tmp_path: Path
) -> None:
    ended = frontdesk("voices", "-p", project, "--say", "It costs **€3.50**.", "--to", "said.wav")
    assert ended.returncode == 0, ended.stderr
    assert "said as: It costs three euros and fifty cents." in ended.stdout
    assert len(decode((tmp_path / "said.wav").read_bytes(), limit_s=60)) > 16_000


def test_the_projects_own_synthesizer_is_asked(frontdesk: Frontdesk, project: Path) -> None:
    tiny_piper(project / "voices", "de_DE-hum-low", espeak_voice="de")
    tiny_piper(project / "voices", "de_DE-sing-low", espeak_voice="de", seed=6)
    file = project / "frontdesk.yaml"
    file.write_text(
        file.read_text("utf-8") + "\nsynthesizer: {model: voices, engine: piper, "
        "voice: de_DE-sing-low}\n",
        "utf-8",
    )
    said = frontdesk("voices", "-p", project).stdout
    assert re.search(r"^● +de-de +de_DE-sing-low +sing, 16 kHz", said, re.MULTILINE)
    assert re.search(r"^ +de-de +de_DE-hum-low", said, re.MULTILINE)
    refused = frontdesk("voices", "-p", project, "--say", "Hello", "--language", "fr")
    assert refused.returncode == 2
    assert "no voice of this synthesizer speaks 'fr'" in refused.stderr


def test_a_voice_can_be_tried_and_a_wrong_one_is_told(frontdesk: Frontdesk, project: Path) -> None:
    tried = frontdesk("voices", "-p", project, "--voice", "en-gb+f3", "--say", "Good morning")
    assert tried.returncode == 0, tried.stderr
    wrong = frontdesk("voices", "-p", project, "--voice", "Nobody")
    assert wrong.returncode == 2
    assert "espeak-ng has no voice 'Nobody'" in wrong.stderr
    assert "choose one of: " in wrong.stderr


def test_nothing_to_say_is_told(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("voices", "-p", project, "--say", "---")
    assert ended.returncode == 2
    assert "nothing in “---” can be spoken" in ended.stderr
