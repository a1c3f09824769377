"""What `make faults` measures of broken feeds, in a short form."""

from __future__ import annotations

import pytest

from tests.faults.feeds import DATA, run


@pytest.mark.skipif(not DATA.is_dir(), reason="the odd feeds are not beside the project")
def test_broken_feeds_break_nothing() -> None:
    lines = run(short=True)
    assert [what for what, _ in lines][-1] == "quarantine" and len(lines) == 4
