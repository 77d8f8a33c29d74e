"""The short forms of tables that the UI shows: as many rows as fit, what is left out, no cost for rows that are not shown."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

ROOM = 1000  # characters that the UI shows
CELLS = st.one_of(st.integers(), st.text(alphabet="a|\n *", max_size=40), st.floats())


@st.composite
def tables(draw):
    header = draw(st.lists(st.text(alphabet="bc", max_size=30), max_size=4))
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    return header, draw(st.lists(row, max_size=60))


@example((["a" * ROOM], [[1], [2]]), False)
@example((["a"], [["b" * ROOM], [2]]), True)
@given(tables(), st.booleans())
def test_a_glance_shows_the_most_rows_that_fit(table, synthetic):
    from assets.reporting import at_a_glance, markdown_table

    header, rows = table
    mark = "**SYNTHETIC**\n\n" if synthetic else ""
    texts = [mark + markdown_table(header, rows, limit=shown).value for shown in range(len(rows) + 1)]
    fits = [text for text in texts if len(text) < ROOM]
    assert at_a_glance(header, rows, synthetic).value == (fits[-1] if fits else texts[0])


def test_a_glance_at_many_rows_formats_only_those_it_may_show():
    from assets.reporting import at_a_glance

    class Cell:
        read = 0

        def __str__(self) -> str:
            Cell.read += 1
            return "x"

    shown = at_a_glance(["a"], [[Cell()] for _ in range(20_000)], synthetic=False).value
    assert shown.endswith(f"{20_000 - shown.count('x')} more rows")
    assert Cell.read < ROOM
    assert len(shown) > 0.9 * ROOM
