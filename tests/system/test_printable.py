"""Text of unknown origin is safe to show."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.system.printable import printable


@settings(deadline=None)
@given(st.one_of(st.text(max_size=200), st.binary(max_size=400)), st.integers(5, 80))
def test_it_is_one_short_line_of_printable_characters(text, longest):
    shown = printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest
