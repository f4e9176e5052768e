"""intents/: what is read from it, and how every mistake in it is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.intents.folder import read_intents
from bot.intents.intent import IntentSet, missing_articles
from models.understanding.observation import OUT_OF_SCOPE
from tests.models.media import picture, recording, screenshot, tone

PNG, JPEG = (picture(media_type, screenshot()) for media_type in ("image/png", "image/jpeg"))
OGG = recording("audio/ogg", tone(0.5))
TWO = "examples: [where is my parcel, has it left already]\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `name="content"` files into `intents/`; `__` in a name is a folder."""
    root = tmp_path / "intents"
    root.mkdir()

    def writing(**files: str | bytes) -> Path:
        for name, content in files.items():
            file = root / f"{name.replace('__', '/')}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return writing


def complaint(folder: Path) -> str:
    with pytest.raises(OperatorError) as caught:
        read_intents(folder)
    return str(caught.value)


def test_everything_that_is_written_is_read(write: Write) -> None:
    folder = write(
        returns__refund="""
intent: refund
title: {en: Money back, de: Geld zurück}
answer: |
  It takes **three days**.
urgency: 0.4
examples:
  - when do I get my money
  - text: no refund yet!! get me a human
    history: [sent it back last week]
    also: [person]
    urgency: 0.9
    sentiment: -0.8
    wants_person: true
  - no
""",
        person="title: A person\nhandoff: true\nexamples: [human please, let me talk to someone]\n",
        out_of_scope="examples: [tell me a joke, how high is the Eiffel tower]\n",
    )
    found = read_intents(folder)
    assert found.names == ("person", "refund")
    person, refund = found.intents
    assert person.handoff
    assert person.title == {"": "A person"}
    assert refund.title == {"en": "Money back", "de": "Geld zurück"}
    assert refund.answer == {"": "It takes **three days**."}
    first, second, third = refund.examples
    assert (first.text, first.place) == ("when do I get my money", "returns/refund.yaml:8")
    assert first.labels.intents == ("refund",)
    assert first.labels.urgency == 0.4
    assert first.labels.wants_person is None
    assert second.labels.intents == ("refund", "person")
    assert (second.labels.urgency, second.labels.sentiment) == (0.9, -0.8)
    assert second.labels.wants_person is True
    assert second.history == ("sent it back last week",)
    assert second.place == "returns/refund.yaml:9"
    assert third.text == "no"
    assert [each.labels.intents for each in found.out_of_scope] == [(OUT_OF_SCOPE,)] * 2
    assert found.examples == (*person.examples, *refund.examples, *found.out_of_scope)


def test_media_are_found_beside_their_file(write: Write) -> None:
    folder = write(
        a__failed="examples:\n  - {text: see picture, image: m/x.png}\n  - {recording: m/y.ogg}\n"
    )
    (folder / "a" / "m").mkdir()
    (folder / "a" / "m" / "x.png").write_bytes(PNG)
    (folder / "a" / "m" / "y.ogg").write_bytes(OGG)
    shown, heard = read_intents(folder).by_name["failed"].examples
    assert shown.image is not None
    assert shown.image.path == (folder / "a" / "m" / "x.png").resolve()
    assert heard.recording is not None
    assert heard.text == ""


def test_without_a_folder_or_with_an_empty_one_there_are_no_intents(tmp_path: Path) -> None:
    assert read_intents(tmp_path / "intents") == IntentSet()
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / ".hidden.yaml").write_text("{")
    (tmp_path / "intents" / "notes.txt").write_text("not an intent")
    assert read_intents(tmp_path / "intents").examples == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("examples:\n\t- one", "a.yaml, line 2, column 1: this is not YAML"),
        ("- a\n- b\n", "a.yaml, line 1: the file must hold `key: value` lines"),
        ("", "a.yaml: the file must hold `key: value` lines"),
        (b"examples: [caf\xe9, b]", "a.yaml: this is not text in UTF-8"),
        (f"{TWO}titel: x\n", "line 2: there is no key `titel`; did you mean `title`?"),
        (f"{TWO}examples: [a]\n", "line 2: `examples` is there twice"),
        ("title: x\n", "there are no examples"),
        ("examples: []\n", "line 1: there are no examples"),
        ("examples:\n", "line 1: there are no examples"),
        ("examples: no\n", "`examples` must be a list"),
        ("examples: [only this]\n", "`a` has one example; a model needs at least two"),
        ("examples: [Only this!, only  THIS]\n", "`a` has one example"),
        ("examples:\n  - my error: 51\n  - b\n", "line 2: there is no key `my error`;"),
        ("examples:\n  - x\n  - \n", "line 3: `examples` is empty"),
        ("examples:\n  - {urgency: 1}\n  - b\n  - c", "line 2: this example is empty"),
        (f"urgency: 1.5\n{TWO}", "line 1: `urgency` is 1.5; it must be between 0 and 1"),
        (f"sentiment: .nan\n{TWO}", "`sentiment` is nan; it must be between -1 and 1"),
        (f"urgency: high\n{TWO}", "line 1: `urgency` must be a number"),
        (f"urgency: true\n{TWO}", "line 1: `urgency` must be a number"),
        (f"handoff: maybe\n{TWO}", "line 1: `handoff` must be true or false"),
        ("examples: [a, {text: b, wants_person: 1}]", "`wants_person` must be true or false"),
        ("examples: [a, {text: b, history: c}]", "`history` must be a list"),
        ("examples: [a, {text: b, also: [aa]}]", "`also` names `aa`, and there is no such intent"),
        ("examples: [a, {text: b, also: [a]}]", "`also` names an intent twice, or the example's"),
        ("examples: [a, {text: b, also: [out_of_scope]}]", "has no other intent"),
        (f"answer: x\narticle: y\n{TWO}", "line 2: `answer` and `article` are both given"),
        (f"title: {{english: x}}\n{TWO}", "`title.english`: the key must be a language's code"),
        (f"intent: Pay Now!\n{TWO}", "line 1: `intent` is `Pay Now!`; it may hold a to z, 0 to 9"),
        (f"examples: [a, {'x' * 2001}]", "has 2001 characters; at most 2000"),
        ("examples: [a, {text: b, image: ../x.png}]", "`../x.png` is outside the folder intents"),
        ("examples: [a, {text: b, image: /etc/hostname}]", "`/etc/hostname` is outside"),
        ("examples: [a, {text: b, image: x.png}]", "the file `x.png` is not there"),
        ('examples: [a, {text: b, image: "x\\0.png"}]', "cannot be read"),
        ("examples: [&x a, *x]", "line 1: `*x` stands for another part of the file"),
        ("examples: " + "[" * 50 + "]" * 50, "line 1: this is nested too deeply"),
        ("#" * 1_000_001, "a.yaml: the file is larger than 1 MB"),
    ],
)
def test_mistakes_are_told_with_file_and_line(
    write: Write, text: str | bytes, expected: str
) -> None:
    assert expected in complaint(write(a=text))


def test_an_alias_bomb_is_refused_at_once(write: Write) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "stands for another part" in complaint(write(a="\n".join(lines)))


def test_all_mistakes_of_all_files_are_told_at_once(write: Write) -> None:
    folder = write(
        a="titl: x\nurgency: 9\nexamples: [one, two]\n",
        b="examples: [three]\n",
        c="examples: [four, {text: five, also: [nobody]}]\n",
    )
    said = complaint(folder)
    for expected in (
        f"{folder}/a.yaml, line 1: there is no key `titl`",
        f"{folder}/a.yaml, line 2: `urgency` is 9",
        f"{folder}/b.yaml, line 1: `b` has one example",
        f"{folder}/c.yaml, line 1: `also` names `nobody`",
    ):
        assert expected in said


def test_an_example_with_a_mistake_is_not_told_twice(write: Write) -> None:
    said = complaint(write(a="examples: [good one, {text: b, urgency: 2}]"))
    assert "`urgency` is 2" in said
    assert "has one example" not in said


def test_the_same_example_in_two_intents_names_both_places(write: Write) -> None:
    folder = write(
        a="examples:\n  - where is it\n  - I want my money back!\n",
        b="examples:\n  - refund me\n  - i want  my money back\n",
    )
    said = complaint(folder)
    assert f"{folder}/b.yaml, line 3: the example “i want  my money back” of `b`" in said
    assert f"is also in `a`, {folder}/a.yaml, line 3" in said


def test_an_example_may_not_be_in_scope_and_out_of_it(write: Write) -> None:
    said = complaint(write(a=TWO, out_of_scope="examples: [where is my parcel?, tell a joke]"))
    assert "of `out_of_scope` is also in `a`" in said


def test_the_same_words_about_two_pictures_are_two_examples(write: Write) -> None:
    folder = write(
        a="examples: [one, {text: see picture, image: x.png}]",
        b="examples: [two, {text: see picture, image: y.png}]",
    )
    (folder / "x.png").write_bytes(PNG)
    (folder / "y.png").write_bytes(JPEG)
    assert len(read_intents(folder).examples) == 4
    (folder / "y.png").write_bytes(PNG)
    assert "is also in `a`" in complaint(folder)


def test_two_files_of_one_intent_are_named(write: Write) -> None:
    folder = write(refund=TWO, more="intent: refund\nexamples: [a, b]\n")
    said = complaint(folder)
    assert f"{folder}/refund.yaml, line 1: the intent `refund` is declared twice" in said
    assert f"first in {folder}/more.yaml, line 1" in said


def test_more_examples_of_an_intent_may_lie_in_other_files(write: Write) -> None:
    folder = write(
        refund="title: Money back\nurgency: 0.4\nexamples: [refund me, money back]\n",
        a__more="examples_of: refund\nsentiment: -0.5\nexamples:\n  - cash back\n",
        z__more="examples_of: refund\nexamples: [{text: see picture, image: x.png}]\n",
        a__foreign="examples_of: out_of_scope\nexamples: [tell me a joke]\n",
    )
    (folder / "z" / "x.png").write_bytes(PNG)
    found = read_intents(folder)
    (refund,) = found.intents
    assert refund.title == {"": "Money back"}
    assert refund.place == "refund.yaml:1"
    assert [(each.text, each.place) for each in refund.examples] == [
        ("refund me", "refund.yaml:3"),
        ("money back", "refund.yaml:3"),
        ("cash back", "a/more.yaml:4"),
        ("see picture", "z/more.yaml:2"),
    ]
    assert {each.labels.intents for each in refund.examples} == {("refund",)}
    assert [each.labels.urgency for each in refund.examples[:2]] == [0.4, 0.4]
    assert refund.examples[2].labels.sentiment == -0.5
    assert [each.text for each in found.out_of_scope] == ["tell me a joke"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "examples_of: refnd\n",
            "line 1: `examples_of` names `refnd`, and there is no such intent",
        ),
        ("examples_of: refnd\n", "; did you mean `refund`?"),
        ("# why\nexamples_of: zzz\n", "more.yaml, line 2: `examples_of` names `zzz`"),
        ("examples_of: Refund Me\n", "line 1: `examples_of` is `Refund Me`; it may hold a to z"),
        ("examples_of:\n", "line 1: `examples_of` is empty"),
        *(
            (
                f"examples_of: refund\n{line}\n",
                f"line 2: `{line.partition(':')[0]}` has no meaning beside `examples_of`; it "
                "belongs into the file that declares `refund`",
            )
            for line in ("intent: b", "title: x", "answer: x", "article: x", "handoff: true")
        ),
    ],
)
def test_mistakes_about_whose_examples_they_are(write: Write, more: str, expected: str) -> None:
    said = complaint(write(refund=TWO, more=f"{more}examples: [a, b]\n"))
    assert expected in said


def test_added_examples_are_checked_as_the_others_are(write: Write) -> None:
    folder = write(
        a="examples: [one]\n",
        b="examples: [two, three, TWO]\n",
        more__a="examples_of: a\nexamples:\n  - four\n  - One!\n",
        more__b="examples_of: b\nexamples: [four, {text: x, also: [nobody]}]\n",
    )
    said = complaint(folder)
    assert f"{folder}/more/b.yaml, line 2: the example “four” of `b` is also in `a`" in said
    assert f"{folder}/more/a.yaml, line 3; keep it in one" in said
    assert f"{folder}/more/b.yaml, line 2: `also` names `nobody`" in said
    assert "has one example" not in said
    (folder / "more" / "b.yaml").unlink()
    warnings = read_intents(folder).warnings
    same = f"{folder}/more/a.yaml, line 4: the same example is in {folder}/a.yaml, line 1; it is"
    assert any(each.startswith(same) for each in warnings)
    assert any("b.yaml, line 1: the same example is in line 1; it is" in each for each in warnings)
    (folder / "more" / "a.yaml").unlink()
    assert "`a` has one example" in complaint(folder)


def test_a_mistake_in_an_added_example_is_not_told_twice(write: Write) -> None:
    said = complaint(
        write(a="examples: [one]\n", more="examples_of: a\nexamples: [{text: b, urgency: 2}]\n")
    )
    assert "more.yaml, line 2: `urgency` is 2" in said
    assert "has one example" not in said


def test_out_of_scope_has_no_answer(write: Write) -> None:
    folder = write(out_of_scope="title: Other\nexamples: [a, b]\n")
    assert "line 1: `title` has no meaning for out_of_scope" in complaint(folder)


def test_a_link_out_of_the_folder_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    folder = write(a="examples: [a, {text: b, image: x.png}, {text: c, image: loop.png}]")
    (folder / "x.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    said = complaint(folder)
    assert "`x.png` is outside the folder" in said
    assert "loop.png" in said


def test_a_file_of_another_kind_than_it_is_named_for_is_refused(write: Write) -> None:
    folder = write(
        a="examples: [{image: x.png}, {recording: y.ogg}, {image: z.png}, {image: e.png}, "
        "{image: d.png}]"
    )
    (folder / "x.png").write_bytes(OGG)
    (folder / "y.ogg").write_bytes(PNG)
    (folder / "z.png").write_bytes(b"just words")
    (folder / "e.png").write_bytes(b"")
    (folder / "d.png").mkdir()
    said = complaint(folder)
    assert "`image`: `x.png` is a recording, not a picture" in said
    assert "`recording`: `y.ogg` is a picture, not a recording" in said
    assert "`z.png` is of a kind that the desk cannot read" in said
    assert "the file `e.png` is empty" in said
    assert "`d.png` is not a file" in said


def test_a_file_that_is_too_large_is_refused(write: Write) -> None:
    folder = write(a="examples: [a, {text: b, image: x.png}]")
    with (folder / "x.png").open("wb") as file:
        file.truncate(26 * 1024 * 1024)
    assert "`x.png` has 26 MiB; at most 25 MiB" in complaint(folder)


def test_a_repeated_example_is_kept_once_and_told(write: Write) -> None:
    folder = write(a="examples:\n  - Where is it?\n  - I wait\n  - where is it\n")
    found = read_intents(folder)
    assert [each.text for each in found.intents[0].examples] == ["Where is it?", "I wait"]
    assert f"{folder}/a.yaml, line 4: the same example is in line 2" in found.warnings[0]


def test_few_and_uneven_examples_are_told(write: Write) -> None:
    many = "examples:\n" + "".join(f"  - way {n} to say it\n" for n in range(40))
    warnings = read_intents(write(few=TWO, many=many)).warnings
    assert any("`few` has 2 examples; with 8 or more" in each for each in warnings)
    assert any("`many` has 40 examples and `few` has 2" in each for each in warnings)
    assert not any(each.startswith("`many` has 40 examples; with") for each in warnings)


def test_the_digest_follows_what_a_training_depends_on(write: Write) -> None:
    image = "examples: [a, {text: b, image: x.png}]\n"
    folder = write(a=image)
    (folder / "x.png").write_bytes(PNG)
    before = read_intents(folder).digest
    write(a=f"title: Named\narticle: some/where\n# a comment\n{image}")
    assert read_intents(folder).digest == before
    (folder / "x.png").write_bytes(JPEG)
    other_picture = read_intents(folder).digest
    write(a=f"urgency: 0.5\n{image}")
    other_label = read_intents(folder).digest
    write(a="examples: [a, {text: c, image: x.png}]\n")
    assert len({before, other_picture, other_label, read_intents(folder).digest}) == 4


def test_articles_that_are_not_there_are_told(write: Write) -> None:
    intents = read_intents(write(a=f"article: payments/declind\n{TWO}", b="examples: [x, y]"))
    (problem,) = missing_articles(intents, {"payments.declined", "orders.track"})
    assert problem == (
        "a.yaml:1: there is no article `payments/declind` in the knowledge folder; did you mean "
        "`payments.declined`?"
    )
    assert missing_articles(intents, {"payments.declind"}) == ()
