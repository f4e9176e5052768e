"""Small XML documents of providers, read without anything in XML that can do harm.

By the standard library's expat, whose handlers say what is allowed: a DOCTYPE is refused before it
declares anything, so there are no entities that grow (the "billion laughs") and none that are
fetched from elsewhere. defusedxml refuses the same, and would be one more dependency.
"""

from xml.parsers import expat

from connectors.messaging.hook import Malformed

_MOST_DEEP = 8


def read_xml(document: bytes) -> dict[str, str]:
    """The text of each element that has no others in it, by its path below the root
    (`ScanCodeInfo/ScanResult`); of several with one path, the last. Raises `Malformed`."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reading.refuse
    parser.StartElementHandler = reading.open
    parser.CharacterDataHandler = reading.take
    parser.EndElementHandler = reading.close
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # LookupError: of an encoding that nobody knows.
        raise Malformed("the body is not XML") from error
    return reading.found


class _Reading:
    """Where in the document the reader is."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._text = ""
        self._leaf = False

    def refuse(self, *_: object) -> None:
        raise Malformed("the XML has a DOCTYPE")

    def open(self, name: str, _: dict[str, str]) -> None:
        if len(self._path) >= _MOST_DEEP:
            raise Malformed("the XML is too deep")
        self._path.append(name)
        self._text, self._leaf = "", True

    def take(self, text: str) -> None:
        self._text += text

    def close(self, _: str) -> None:
        if self._leaf and len(self._path) > 1:
            self.found["/".join(self._path[1:])] = self._text
        self._path.pop()
        self._text, self._leaf = "", False
