"""Made examples: drawn by seed, labelled as their texts are, and put in the place of the old."""

from collections import Counter
from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.intents.folder import read_intents
from bot.intents.intent import IntentSet
from bot.intents.synthesized import FOLDER, Synthesized
from bot.intents.synthesizing import MOST_BYTES, Draft, Wish, drafts, synthesize
from bot.intents.templates import Saying, Screen, check, read_screen, sayings_of
from models.synthesis.made_up import MADE_UP
from models.understanding.observation import OUT_OF_SCOPE, Labels
from tests.conftest import REPOSITORY

SAYINGS = [
    Saying("my card is refused", Labels(("declined",)), "declined.yaml:3"),
    Saying("it says {{code}}", Labels(("declined", "person"), 0.9, -0.8, True), "declined.yaml:4"),
    Saying("help {{name}}", Labels(("declined",)), "declined.yaml:5"),
]
SCREEN = Screen(Path("a.html"), "html", "<b>{{code=51|54|05}}</b> {{name}}")
OTHER = Screen(Path("b.html"), "html", "<i>{{code=61|65}}</i> {{name}}")
DECLINED = "urgency: 0.5\nexamples: [my card is refused, payment failed]\n"


def wish(
    *, screens: list[Screen] | None = None, spoken: bool = True, count: int = 30, seed: int = 1
) -> Wish:
    screens = [SCREEN, OTHER] if screens is None else screens
    return Wish("declined", SAYINGS, screens, SAYINGS if spoken else [], count, seed)


def told(step: str, done: int, of: int) -> None:
    """Nobody watches."""


@pytest.fixture
def intents(tmp_path: Path) -> Path:
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "declined.yaml").write_text(DECLINED, "utf-8")
    (folder / "person.yaml").write_text("handoff: true\nexamples: [a person, anybody there]\n")
    return folder


def make(intents: Path, *texts: str, count: int = 3, seed: int = 1) -> None:
    """Recordings alone: they need no browser."""
    sayings = sayings_of(read_intents(intents), "declined", intents, texts)
    synthesize(Wish("declined", sayings, [], sayings, count, seed), intents, told)


def test_the_same_seed_draws_the_same_and_more_leave_the_first_as_they_were() -> None:
    assert drafts(wish()) == drafts(wish())
    assert drafts(wish(count=50))[:30] == drafts(wish())
    assert drafts(wish(seed=2)) != drafts(wish())


def test_a_text_and_its_screen_have_the_same_values() -> None:
    codes = set()
    for draft in drafts(wish()):
        assert draft.screen
        code = draft.markup[3:5]
        codes.add(code)
        assert code in (("51", "54", "05") if draft.screen is SCREEN else ("61", "65"))
        if draft.saying is SAYINGS[1]:
            assert draft.text == f"it says {code}"
        if draft.saying is SAYINGS[2]:
            assert draft.text.removeprefix("help ") in draft.markup.replace("&#x27;", "'")
    assert codes == {"51", "54", "05", "61", "65"}


def test_all_texts_and_screens_come_equally_often() -> None:
    shown = drafts(wish(spoken=False))
    assert set(Counter(draft.saying.place for draft in shown).values()) == {10}
    assert set(Counter(draft.screen for draft in shown).values()) == {15}


def test_shapes_follow_what_is_wanted() -> None:
    def shapes(drawn: list[Draft]) -> Counter[str]:
        return Counter(draft.shape for draft in drawn)

    assert shapes(drafts(wish())) == {"shown": 12, "spoken": 12, "both": 6}
    assert shapes(drafts(wish(spoken=False))) == {"shown": 30}
    without = [Saying("hello {{name}}", Labels(("declined",)), "--text 1")]
    assert shapes(drafts(Wish("declined", without, [], without, 4, 1))) == {"spoken": 4}


def test_a_text_that_may_come_out_empty_is_refused() -> None:
    empty = [Saying("{{|}}", Labels(("declined",)), "--text 1")]
    with pytest.raises(OperatorError) as caught:
        drafts(Wish("declined", empty, [], empty, 1, 1))
    assert "--text 1: “{{|}}” is empty once its slots are filled" in str(caught.value)
    long = [Saying("{{" + "|".join(["x" * 2001] * 2) + "}}", Labels(("declined",)), "--text 1")]
    with pytest.raises(OperatorError, match="2001 characters; at most 2000"):
        drafts(Wish("declined", long, [], long, 1, 1))


@pytest.mark.parametrize(
    ("text", "markup", "expected"),
    [
        ("{{cod}}", "{{code=1|2}}", "--text 1: line 1: there is no slot `cod`; known are card"),
        ("x", "\n{{cod}}", "a.html: line 2: there is no slot `cod`"),
        ("{{c=1|2}}", "{{c=1|3}}", "--text 1 beside a.html: line 1: `c` has other choices"),
        ("{{", "x", "--text 1: line 1: `{{` without its `}}`"),
        ("\udcff", "x", "--text 1 is not text in UTF-8"),
    ],
)
def test_slots_are_checked_in_every_pair(text: str, markup: str, expected: str) -> None:
    plain = Saying("plain", Labels(("declined",)), "--text 2")
    saying = Saying(text, Labels(("declined",)), "--text 1")
    good = Screen(Path("good.html"), "html", "{{cod=1|2}}" if "cod}" in text + markup else "")
    with pytest.raises(OperatorError) as caught:
        check([plain, saying], [good, Screen(Path("a.html"), "html", markup)])
    assert expected in str(caught.value)
    check([plain], [good])


def test_recordings_are_read_as_examples_of_their_intent(intents: Path) -> None:
    before = read_intents(intents)
    make(intents)
    after = read_intents(intents)
    made = after.by_name["declined"].examples[2:]
    assert after.by_name["declined"].examples[:2] == before.by_name["declined"].examples
    assert len(made) == 3
    for example in made:
        assert example.recording
        assert example.recording.path.parent == (intents / FOLDER / "declined").resolve()
        assert example.recording.path.stat().st_size <= MOST_BYTES
        assert example.labels == Labels(("declined",), urgency=0.5)
    text = (intents / FOLDER / "declined.yaml").read_text("utf-8")
    assert text.startswith("# Made by `frontdesk synth`")
    assert "# says: my card is refused\n" in text


def test_a_text_with_characters_that_yaml_cannot_hold_is_spoken_all_the_same(
    intents: Path,
) -> None:
    make(intents, "my card\x07 is\x85refused", count=1)
    (example,) = read_intents(intents).by_name["declined"].examples[2:]
    assert example.recording


def test_labels_of_a_text_go_with_it(intents: Path) -> None:
    sayings = [Saying("refused again", SAYINGS[1].labels, "declined.yaml:4")]
    synthesize(Wish("declined", sayings, [], sayings, 1, 1), intents, told)
    (example,) = read_intents(intents).by_name["declined"].examples[2:]
    assert example.labels == SAYINGS[1].labels


def test_made_examples_are_no_texts_for_others_and_are_replaced(intents: Path) -> None:
    make(intents, count=4)
    first = sorted(path.name for path in (intents / FOLDER / "declined").iterdir())
    texts = [each.text for each in sayings_of(read_intents(intents), "declined", intents, [])]
    assert texts == ["my card is refused", "payment failed"]
    make(intents, "no luck with my card", count=2)
    second = sorted(path.name for path in (intents / FOLDER / "declined").iterdir())
    assert (len(first), len(second)) == (4, 2)
    assert "no luck with my card" in (intents / FOLDER / "declined.yaml").read_text("utf-8")
    assert len(read_intents(intents).by_name["declined"].examples) == 4
    assert sorted(path.name for path in (intents / FOLDER).iterdir()) == [
        "declined",
        "declined.yaml",
    ]


def test_a_mistake_in_the_middle_leaves_what_was_there(intents: Path) -> None:
    make(intents)
    before = read_intents(intents).digest
    with pytest.raises(OperatorError, match="can be spoken"):
        make(intents, "fine", "…", count=2)
    assert read_intents(intents).digest == before
    assert not list((intents / FOLDER).glob(".*"))


def test_a_swap_that_is_cut_off_leaves_what_can_be_read(intents: Path) -> None:
    make(intents)
    place = Synthesized(intents, "declined")
    in_the_way = intents / FOLDER / ".declined.old" / "full"
    with place.building() as folder:
        (folder / "001.ogg").write_bytes(b"OggS")
        in_the_way.mkdir(parents=True)
        with pytest.raises(OSError, match=r"\.declined\.old"):
            place.take("examples_of: declined\nexamples: [{recording: declined/001.ogg}]\n")
    assert len(read_intents(intents).by_name["declined"].examples) == 2
    make(intents)
    assert len(read_intents(intents).by_name["declined"].examples) == 5
    assert not list((intents / FOLDER).glob(".*"))


def test_what_a_killed_run_has_left_is_passed_over_and_removed(intents: Path) -> None:
    left = intents / FOLDER / ".declined.new"
    left.mkdir(parents=True)
    (left / "001.png").write_bytes(b"half a pic")
    (intents / FOLDER / ".declined.yaml.new").write_text("examples_of: nobo", "utf-8")
    assert len(read_intents(intents).examples) == 4
    make(intents)
    assert len(read_intents(intents).examples) == 7
    assert not list((intents / FOLDER).glob(".*"))


def test_what_somebody_else_wrote_is_never_deleted(intents: Path) -> None:
    own = intents / FOLDER / "declined.yaml"
    own.parent.mkdir()
    own.write_text("examples_of: declined\nexamples: [mine]\n", "utf-8")
    with pytest.raises(OperatorError, match=r"declined\.yaml was not made by"):
        make(intents)
    own.unlink()
    photo = intents / FOLDER / "declined" / "holiday.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"mine")
    with pytest.raises(OperatorError, match=r"holiday\.jpg was not made by"):
        make(intents)
    assert photo.read_bytes() == b"mine"


def test_texts_are_the_intents_own_or_those_given(tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "a.yaml").write_text(
        "examples: [one, two, {text: still, history: [before]}]\n", "utf-8"
    )
    (folder / "out_of_scope.yaml").write_text("examples: [tell a joke]\n", "utf-8")
    found = read_intents(folder)
    assert [each.text for each in sayings_of(found, "a", folder, [])] == ["one", "two"]
    assert [each.text for each in sayings_of(found, "a", folder, ["three"])] == ["three"]
    (joke,) = sayings_of(found, OUT_OF_SCOPE, folder, [])
    assert (joke.text, joke.labels.intents) == ("tell a joke", (OUT_OF_SCOPE,))
    with pytest.raises(OperatorError, match="there is no intent `b` in"):
        sayings_of(found, "b", folder, ["x"])
    with pytest.raises(OperatorError, match="`out_of_scope` has no examples that are only text"):
        sayings_of(IntentSet(found.intents), OUT_OF_SCOPE, folder, [])


def test_files_that_are_no_screens_are_told(tmp_path: Path) -> None:
    for name, content, expected in (
        ("a.txt", b"x", r"a\.txt: a screen is one of \.html, \.htm, \.svg"),
        ("b.html", b"caf\xe9", r"b\.html is not text in UTF-8"),
        ("c.svg", b" " * 1_000_001, r"c\.svg has 1\.0 MB; at most 1 MB"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(OperatorError, match=expected):
            read_screen(tmp_path / name)
    (tmp_path / "d.html").mkdir()
    for name in ("d.html", "none.html"):
        with pytest.raises(OperatorError, match=rf"{name} cannot be read: "):
            read_screen(tmp_path / name)
    (tmp_path / "e.HTM").write_bytes(b"\xef\xbb\xbfgood")
    assert read_screen(tmp_path / "e.HTM").markup == "good"


def test_the_template_of_the_example_shop_is_the_one_that_is_explained() -> None:
    shop = REPOSITORY / "examples" / "voltaro"
    screen = read_screen(shop / "synth" / "payment-declined.html")
    assert screen.markup in (REPOSITORY / "docs" / "synth.md").read_text("utf-8")
    intents = shop / "intents"
    sayings = sayings_of(read_intents(intents), "payment_declined", intents, [])
    assert len(sayings) >= 10
    check([*sayings, Saying("what does code {{code}} mean?", Labels(), "--text 1")], [screen])


def test_every_slot_is_explained() -> None:
    page = (REPOSITORY / "docs" / "synth.md").read_text("utf-8")
    assert [name for name in MADE_UP if f"`{{{{{name}}}}}`" not in page] == []
