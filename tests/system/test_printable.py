"""Text of unknown origin is safe to show."""

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.system.printable import printable


@given(st.one_of(st.text(max_size=100), st.binary(max_size=100)), st.integers(5, 80))
def test_it_is_one_short_line_of_printable_characters(text, longest):
    shown = printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest
