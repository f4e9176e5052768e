"""Files of installed packages are found without running the packages."""

import subprocess
import sys

import pytest

from models.errors import EngineMissing
from models.published import published_file


def test_file_is_found_and_the_package_not_imported() -> None:
    code = """
import sys
from models.published import published_file
print(published_file("rapidocr", "models/PP-OCRv6_*_small.onnx", remedy="").name)
print("rapidocr" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PP-OCRv6_rec_small.onnx", "False"]


@pytest.mark.parametrize(
    ("package", "path"), [("no_such_package", "a.onnx"), ("rapidocr", "models/none.onnx")]
)
def test_missing_file_is_told_with_its_remedy(package: str, path: str) -> None:
    with pytest.raises(EngineMissing) as caught:
        published_file(package, path, remedy="pip install it")
    assert caught.value.remedy == "pip install it"
    assert path in str(caught.value)
