"""Many videos at once: a zip with a manifest goes in, a zip with videos and a report comes out."""

from __future__ import annotations

from typing import Any

import gradio as gr

from talker.web import texts


def batch_panel() -> dict[str, Any]:
    """What goes in and what comes out."""
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            gr.Markdown(texts.BATCH_HINT, elem_id="batch-hint")
        with gr.Column(scale=5, min_width=300):
            archive = gr.File(label=texts.BATCH_ARCHIVE, file_types=[".zip"], height=150, elem_id="archive")
            consent = gr.Checkbox(False, label=texts.BATCH_CONSENT, container=False, elem_id="batch-consent")
            start = gr.Button(texts.BATCH_START, variant="primary", elem_id="batch-start")
            made = gr.File(label=texts.BATCH_RESULT, interactive=False, height=110, elem_id="batch-result")
            said = gr.Markdown(elem_id="batch-said")
    return {"archive": archive, "consent": consent, "start": start, "made": made, "said": said}
