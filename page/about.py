"""Which weights are there, what they may be used for, and how to use faces and voices with respect."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import gradio as gr

from talker import hub

RESPONSIBLE = """## Responsible use
Animate your own face, faces that don't exist, or people who agreed to it; never to deceive. Feelings are read from
faces and voices as what they look and sound like, not as what somebody feels. Every video says in its metadata that it
is generated.

Nothing that you upload leaves the computer that runs this page; results are removed when you close it.

## Licences
Code and own weights: Apache-2.0; the model cards in `checkpoints/` state data and limits; what was trained with data
for non-commercial use says so there. The face model derives from ICT-FaceKit (MIT).
"""


def about_panel(fetch: Callable[..., str]) -> None:
    """The page; `fetch` gets what is missing and returns the table."""
    gr.HTML("<h2>Weights</h2>", padding=False)
    table = gr.HTML(weights_table(), padding=False, elem_id="weights")
    button = gr.Button("Fetch what is missing", size="sm")
    gr.Markdown(RESPONSIBLE)
    button.click(fetch, None, table, api_name="fetch_weights")


def weights_table() -> str:
    """A row per asset: what it is, whether it is there, its size and licence."""
    rows = []
    for name, asset in hub.ASSETS.items():
        there = "<span class='good'>there</span>" if hub.is_there(name) else "fetched when it is needed"
        rows.append(
            f"<tr><td>{escape(asset.title)}</td><td>{there}</td><td>{asset.size / 1e6:.1f} MB</td>"
            f"<td>{escape(asset.licence)}</td></tr>"
        )
    for folder in sorted(path for path in hub.CHECKPOINTS.iterdir() if path.is_dir()):
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        rows.append(
            f"<tr><td>{escape(folder.name)}, this project's own</td><td><span class='good'>there</span></td>"
            f"<td>{size / 1e6:.1f} MB</td><td>see its card</td></tr>"
        )
    head = "<tr><th>What</th><th>Where</th><th>Size</th><th>Licence</th></tr>"
    return f"<table class='weights'>{head}{''.join(rows)}</table>"
