"""The functions of docs/identity.md, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.webchat.identity import Identity
from tests.conftest import REPOSITORY

SECRET = "a-secret-that-is-long-enough-for-hmac"
USER = "tenant:7:Žofie"

RUN = {
    "python": ([sys.executable], "{code}\nprint(frontdesk_identity({user!r}))", ".py"),
    "js": (["node"], "{code}\nconsole.log(frontdeskIdentity({user!r}));", ".mjs"),
    "php": (["php"], "<?php\n{code}\necho frontdesk_identity({user!r});", ".php"),
}


def signed_by(language: str, folder: Path) -> str:
    command, template, suffix = RUN[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    document = (REPOSITORY / "docs" / "identity.md").read_text("utf-8")
    found = re.search(rf"```{language}\n(.*?)```", document, re.DOTALL)
    assert found
    program = folder / f"snippet{suffix}"
    program.write_text(template.format(code=found.group(1), user=USER), "utf-8")
    done = subprocess.run(
        [*command, str(program)],
        env=os.environ | {"FRONTDESK_IDENTITY_SECRET": SECRET, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("language", RUN)
def test_what_the_documentation_signs_is_believed(language: str, tmp_path: Path) -> None:
    known = Identity({"shop": SECRET}).check(signed_by(language, tmp_path))
    same = Identity({"shop": SECRET}).check(signed_by("python", tmp_path))
    assert known == same
