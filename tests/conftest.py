"""What all tests share: which of them are slow. `python -m pytest` leaves those out; `-m slow` runs them alone."""

import pytest

SLOW = {"browser", "wheel", "fuzz", "videos", "cluster"}


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything that needs minutes, or more than Python, is `slow` as well."""
    for item in items:
        if SLOW & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.slow)
