"""A run as one HTML file that needs nothing beside it: tables, bars of what is asked, and pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from talker.evaluation.metrics import METRICS, Measurement
from talker.evaluation.results import Run, Table, tables
from talker.files import prepare_folder

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 2rem } th, td { padding: .2rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr:nth-child(even) { background: #f4f4f4 }
th { border-bottom: 2px solid #888 } img { max-width: 100% } svg text { font: 12px system-ui, sans-serif }
"""
BAR_PX, ROW_PX, NAMES_PX = 360, 20, 220


def write_report(
    path: Path, run: Run, measurements: Sequence[Measurement], notes: Sequence[str], pictures: Sequence[Path]
) -> None:
    """Write the report; pictures (png, jpg, webp) are taken into it."""
    prepare_folder(path)
    path.write_text("\n".join(_page(run, measurements, notes, pictures)), encoding="utf-8")


def _page(
    run: Run, measurements: Sequence[Measurement], notes: Sequence[str], pictures: Sequence[Path]
) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(run.suite)}</title>'
    yield f"<style>{STYLE}</style><h1>{html.escape(run.suite)}</h1>"
    yield f"<p>{html.escape(f'{run.date}, commit {run.commit}, seed {run.seed}, {run.machine}')}</p>"
    for table in tables(measurements):
        yield _table(table)
        yield from _plots([one for one in measurements if one.metric.split("/")[0].replace("_", " ") == table.title])
    yield from (f'<img alt="" src="{_inlined(picture)}">' for picture in pictures)
    yield "<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in notes) + "</ul></html>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.header)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<h2>{html.escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>"


def _plots(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Bars of the shares among the metrics, with a whisker of two standard errors and a line at what is asked."""
    for name in dict.fromkeys(one.metric for one in measurements):
        rows, metric = [one for one in measurements if one.metric == name and one.count], METRICS[name]
        if metric.unit != "%" or metric.perfect != 1 or len(rows) < 2:
            continue
        yield f"<h3>{html.escape(metric.meaning)}</h3>"
        yield f'<svg width="{NAMES_PX + BAR_PX + 60}" height="{ROW_PX * len(rows)}">'
        for index, one in enumerate(rows):
            middle, end = ROW_PX * index + ROW_PX // 2, NAMES_PX + BAR_PX * one.value
            low, high = (NAMES_PX + BAR_PX * min(max(one.value + k * one.error, 0), 1) for k in (-2, 2))
            yield f'<text x="{NAMES_PX - 8}" y="{middle + 4}" text-anchor="end">{html.escape(one.of)}</text>'
            yield f'<rect x="{NAMES_PX}" y="{middle - 6}" width="{end - NAMES_PX:.1f}" height="12" fill="#6b8fc9"/>'
            yield f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#222"/>'
            yield f'<text x="{NAMES_PX + BAR_PX + 6}" y="{middle + 4}">{metric.shown(one.value)}</text>'
        if metric.bar is not None:
            place = NAMES_PX + BAR_PX * metric.bar
            yield f'<path d="M{place:.1f} 0V{ROW_PX * len(rows)}" stroke="#b33" stroke-dasharray="4 3"/>'
        yield "</svg>"


def _inlined(picture: Path) -> str:
    kind = picture.suffix.lower().lstrip(".").replace("jpg", "jpeg")
    return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"
