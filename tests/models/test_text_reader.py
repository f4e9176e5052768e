"""The order in which people read."""

from hypothesis import given
from hypothesis import strategies as st

from models.text_reader import TextBox, in_reading_order, lines_of


def box(text: str, left: int, top: int, width: int = 100, height: int = 20) -> TextBox:
    return TextBox(text, 0.99, (left, top, left + width, top + height))


def read(*boxes: TextBox) -> str:
    return lines_of(in_reading_order(boxes))


def test_rows_are_read_from_the_top_and_from_the_left() -> None:
    assert read(box("c", 0, 60), box("b", 200, 3), box("a", 0, 0)) == "a b\nc"


def test_form_is_read_by_rows() -> None:
    rows = [
        part
        for row in range(5)
        for part in (box(f"label{row}", 0, 40 * row, 60), box(f"value{row}", 300, 40 * row, 60))
    ]
    assert read(*rows).splitlines()[1] == "label1 value1"


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [box(f"left{row}", 0, 30 * row, 300) for row in range(4)]
    right = [box(f"right{row}", 400, 30 * row, 300) for row in range(4)]
    text = read(box("Title", 0, -60, 700), *right, *left, box("Footer", 0, 200, 700))
    assert text.splitlines() == [
        "Title",
        *(f"left{row}" for row in range(4)),
        *(f"right{row}" for row in range(4)),
        "Footer",
    ]


def test_nothing_reads_as_nothing() -> None:
    assert read() == ""


@given(
    st.lists(
        st.builds(
            box,
            st.text(min_size=1, max_size=5),
            st.integers(0, 1000),
            st.integers(0, 1000),
            st.integers(1, 600),
            st.integers(1, 60),
        ),
        max_size=30,
    )
)
def test_every_box_is_read_once(boxes: list[TextBox]) -> None:
    ordered = in_reading_order(boxes)
    assert sorted(map(id, ordered)) == sorted(map(id, boxes))
