"""Whether a mail is from whom it says: what the receiving server wrote into Authentication-Results.

Anybody may write such a header. Servers put theirs on top and remove others that bear their own
name (RFC 8601, 5), so the topmost with the name that the operator has configured is believed, and
no other. A sender is proven by DMARC (RFC 7489); where the server says nothing about that, by DKIM
or SPF for the domain in From.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_RESULT = re.compile(
    r"\s*([a-z0-9-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)(.*)", re.IGNORECASE | re.DOTALL
)
_PAIR = re.compile(r'([a-z0-9_.-]+)\s*=\s*((?:"[^"]*"|[^\s;"])+)', re.IGNORECASE)
_LONGEST_HEADER = 8_000
_PROOFS = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom", "smtp.mail")}


class Result(NamedTuple):
    method: str
    value: str
    properties: dict[str, str]


def is_authentic(headers: Sequence[str], authserv_id: str, domain: str) -> bool:
    """Whether the sender of a mail is proven.

    `headers`: the Authentication-Results, topmost first. `domain`: what follows the @ in From.
    """
    for header in headers:
        name, results = read_results(header)
        if name == authserv_id.casefold():
            return _is_proven(results, domain.casefold())
    return False


def read_results(header: str) -> tuple[str, list[Result]]:
    """Who wrote an Authentication-Results header, and what it says."""
    first, *rest = _parts(header[:_LONGEST_HEADER])
    name = first.split()[0].casefold() if first.split() else ""
    results = []
    for part in rest:
        if match := _RESULT.fullmatch(part):
            properties = {
                key.casefold(): value.replace('"', "").casefold()
                for key, value in _PAIR.findall(match[3])
            }
            results.append(Result(match[1].casefold(), match[2].casefold(), properties))
    return name, results


def _parts(header: str) -> list[str]:
    """What stands between semicolons, without comments. Senders choose words in both (a local part
    in quotes, a greeting), so that a semicolon in them is none."""
    parts = [""]
    depth, quoted, escaped = 0, False, False
    for char in header:
        if escaped:
            escaped = False
            continue
        if char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
            parts[-1] += char
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif char == ";" and not quoted and not depth:
            parts.append("")
        elif not depth:
            parts[-1] += char
    return parts


def _is_proven(results: Sequence[Result], domain: str) -> bool:
    dmarc = [r for r in results if r.method == "dmarc" and r.value not in ("none", "temperror")]
    if dmarc:
        return all(
            result.value == "pass"
            and result.properties.get("header.from", domain).rpartition("@")[2] == domain
            for result in dmarc
        )
    return any(
        result.value == "pass" and _covers(result.properties, _PROOFS[result.method], domain)
        for result in results
        if result.method in _PROOFS
    )


def _covers(properties: dict[str, str], names: Sequence[str], domain: str) -> bool:
    """Whether what was proven is the domain in From, or one that it lies below."""
    proven = next((properties[name] for name in names if name in properties), "")
    proven = proven.rpartition("@")[2].strip(".")
    return "." in proven and (domain == proven or domain.endswith(f".{proven}"))
