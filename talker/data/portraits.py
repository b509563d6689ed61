"""The portraits of a data folder, and which of them anything may be built or tuned on."""

from __future__ import annotations

from pathlib import Path

from talker.errors import DataError

FIRST_REPORTED = 151  # portraits from this number on only give figures that are reported; the others may be tuned on


def portrait_paths(data: Path) -> list[Path]:
    """All pictures of `data`/portraits in order; number n is at index n - 1. DataError when there are none."""
    paths = sorted((data / "portraits").glob("*.jpg"))
    if not paths:
        raise DataError(f"{data} holds no portraits/*.jpg.")
    return paths


def building_portraits(data: Path) -> list[Path]:
    """Those that may be tuned on."""
    return portrait_paths(data)[: FIRST_REPORTED - 1]


def reported_portraits(data: Path) -> list[Path]:
    """Those that figures are reported on. DataError when there are none."""
    paths = portrait_paths(data)[FIRST_REPORTED - 1 :]
    if not paths:
        raise DataError(f"{data}/portraits ends before number {FIRST_REPORTED}, from which on figures are reported.")
    return paths
