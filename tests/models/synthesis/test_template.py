"""Slots: chosen, remembered, made up, escaped; and what is wrong with them, told."""

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.synthesis.made_up import MADE_UP
from models.synthesis.template import (
    TemplateError,
    check_together,
    defined_in,
    fill,
    fill_together,
)


def filled(template: str, seed: int = 1, *, markup: bool = False) -> str:
    return fill(template, random.Random(seed), {}, markup=markup)


def test_a_choice_is_made_anew_at_each_place_and_in_each_example() -> None:
    assert {filled("code {{51|54|05}}", seed) for seed in range(40)} == {
        "code 51",
        "code 54",
        "code 05",
    }
    assert any(len(set(filled("{{a|b}}{{a|b}}", seed))) == 2 for seed in range(20))


def test_what_is_remembered_is_the_same_everywhere_and_before_it_is_defined() -> None:
    for seed in range(20):
        values: dict[str, str] = {}
        rng = random.Random(seed)
        text, screen = fill_together(
            [("it says {{code}}", False), ("<b>{{code=51|54}}</b> {{code}}", True)], rng, values
        )
        code = values["code"]
        assert code in {"51", "54"}
        assert (text, screen) == (f"it says {code}", f"<b>{code}</b> {code}")


def test_a_value_that_is_there_already_is_used() -> None:
    values = {"code": "99"}
    assert fill("{{code=51|54}} {{code}}", random.Random(1), values, markup=False) == "99 99"


@pytest.mark.parametrize("name", MADE_UP)
def test_what_is_made_up_is_the_same_within_one_example_and_varies(name: str) -> None:
    found = [filled(f"{{{{{name}}}}}|{{{{ {name} }}}}", seed) for seed in range(30)]
    assert all(one == other and one for one, other in (each.split("|") for each in found))
    assert len(set(found)) > 3


def test_what_is_made_up_is_nobodys() -> None:
    for seed in range(200):
        assert re.fullmatch(r"[a-z.]+@example\.(com|org|net)", filled("{{email}}", seed))
        assert re.fullmatch(r"\(\d{3}\) 555-01\d\d|020 7946 0\d{3}", filled("{{phone}}", seed))


def test_an_address_is_that_of_the_name() -> None:
    template = "{{name=Zoë O'Brien}} {{first_name}} {{last_name}} {{email}}"
    name, address = filled(template).rsplit(" ", 1)
    assert name == "Zoë O'Brien Zoë O'Brien"
    assert address.startswith("zoe.obrien@example.")
    assert filled("{{name=你好}}{{email}}").startswith("你好customer@example.")


def test_values_are_escaped_in_markup_and_plain_in_texts() -> None:
    template = """{{x=<b>Tom & "Jerry's"|<b>Tom & "Jerry's"}}"""
    assert filled(template) == """<b>Tom & "Jerry's\""""
    assert filled(template, markup=True) == "&lt;b&gt;Tom &amp; &quot;Jerry&#x27;s&quot;"
    assert filled("<i>&amp;</i>{{a & b|a & b}}", markup=True) == "<i>&amp;</i>a &amp; b"


def test_what_is_no_slot_stays() -> None:
    text = "a { b } }} {c} @media(x){y{z:0}}"
    assert filled(text, markup=True) == text


def test_the_same_seed_gives_the_same() -> None:
    template = "{{a|b|c}} {{name}} {{price}} {{order}} {{date}} {{time}}"
    assert filled(template, 7) == filled(template, 7)
    assert filled(template, 7) != filled(template, 8)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("hello\n{{cde}}", "line 2: there is no slot `cde`; known are card, city, date"),
        ("{{code=1|2}} {{cde}}", "known are card, city, code, date"),
        ("a\n\n{{name", "line 3: `{{` without its `}}`"),
        ("{{}}", "line 1: `{{}}` is no slot"),
        ("{{ two words }}", "`{{ two words }}` is no slot"),
        ("{{a|{{b}}}}", "line 1: `{{a|{{b}}` holds another `{{`"),
        ("{{c=1|2}}\n{{c=1|3}}", "line 2: `c` has other choices here than in line 1"),
    ],
)
def test_mistakes_are_told_with_their_line(template: str, expected: str) -> None:
    with pytest.raises(TemplateError) as caught:
        filled(template)
    assert expected in str(caught.value)
    with pytest.raises(TemplateError) as checked:
        check_together([template])
    assert str(checked.value) == str(caught.value)


def test_names_of_another_template_are_known() -> None:
    assert defined_in("{{code=1|2}} {{a|b}} {{name}}") == {"code"}
    check_together(["{{code}}"], {"code"})
    check_together(["{{code}}", "{{code=1|2}}"])


_PIECES = st.sampled_from(["{{", "}}", "|", "=", "name", "email", "x", " ", "\n", "{", "<&>", "é"])


@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join), st.booleans())
@example("{{name=\ud800}}{{email}}", True)
@example("{{x=}}{{x}}", False)
def test_whatever_is_written_it_is_filled_or_refused(template: str, markup: bool) -> None:
    try:
        check_together([template])
    except TemplateError:
        with pytest.raises(TemplateError, match="line "):
            filled(template, markup=markup)
    else:
        assert filled(template, markup=markup) == filled(template, markup=markup)
