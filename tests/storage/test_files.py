"""Sizes in words."""

import pytest

from grokjax.storage.files import format_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (8_300, "8.3 kB"),
        (25_400_000, "25 MB"),
        (999_600, "1.0 MB"),
        (9_960, "10 kB"),
        (3.2e9, "3.2 GB"),
        (10**18, "1,000 PB"),
    ],
)
def test_a_size_has_two_digits_or_more(size, text):
    assert format_bytes(size) == text
