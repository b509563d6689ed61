"""The web page: `python app.py`. Widgets wired to `Talker`, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing leaves the machine

import gradio as gr

from page.about import about_panel
from page.actions import animate, before_after, compare, fetch_all, found, loaded_settings, preview, warm_up
from page.compare import compare_panel
from page.examples import EXAMPLES
from page.feeling import VALUE_NAMES, feeling_panel
from page.panels import SETTING_NAMES, heading, portrait_panel, settings_panel, words_panel
from page.result import result_panel
from page.session import leave, stop
from page.theme import theme

ASSETS = Path(__file__).resolve().parent / "assets"
SCROLL_TO_RESULT = "() => { if (innerWidth < 900) document.querySelector('#result').scrollIntoView() }"
HOUR = 3600  # s
TRIAL_SECONDS = 1.5
OPTION_NAMES = ("strength", *SETTING_NAMES)
EXAMPLE_WIDGETS = {"label": "emotion", "text": "feeling_text", "picture": "feeling_picture", "mix": "mix"}
FILLED = ("picture", "tabs", "tab", "text", "strength", "source", *EXAMPLE_WIDGETS.values())


def choose(event: gr.SelectData) -> list[Any]:
    """Fill the page with the example that was clicked."""
    example = EXAMPLES[event.index]
    values: dict[str, Any] = {
        "picture": str(example.picture), "tabs": gr.update(selected="text"), "tab": "text", "text": example.text,
        "strength": example.strength, "source": example.source,
        EXAMPLE_WIDGETS[example.source]: example.feeling,
    }  # fmt: skip
    return [values.get(name, gr.skip()) for name in FILLED]


def build_page() -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="Talker", fill_width=True, delete_cache=(HOUR, 24 * HOUR)) as page:
        gr.HTML((ASSETS / "header.html").read_text(encoding="utf-8"), elem_id="header", padding=False)
        with gr.Tabs(elem_id="pages"):
            with gr.Tab("Talk"):
                widgets = talk_tab()
            with gr.Tab("Compare"):
                comparison = compare_panel()
            with gr.Tab("About"):
                about_panel(fetch_all)
        wire_talk(widgets)
        wire_preview(widgets)
        wire_compare(comparison, widgets)
        page.unload(leave)
    page.queue(max_size=32, default_concurrency_limit=2)
    return page


def talk_tab() -> dict[str, Any]:
    """The widgets of the first tab by name."""
    with gr.Row(elem_id="stage"):
        with gr.Column(scale=5, min_width=300):
            widgets = portrait_panel()
        with gr.Column(scale=6, min_width=320):
            widgets |= words_panel() | feeling_panel() | settings_panel()
        with gr.Column(scale=7, min_width=320, elem_id="result"):
            heading(4, "See it")
            widgets["preview"] = gr.Image(
                interactive=False, visible=False, height=300, label="Preview", show_label=False, buttons=[],
                elem_id="preview", format="webp",
            )  # fmt: skip
            widgets["preview_note"] = gr.HTML(
                "<p class='quiet'>Choose a portrait to see the feeling on it.</p>", padding=False
            )
            widgets["consent"] = gr.Checkbox(
                label="I may animate this face: mine, with consent, or nobody's.", container=False, elem_id="consent"
            )
            with gr.Row():
                widgets["start"] = gr.Button("Make it talk", variant="primary", scale=4, elem_id="start")
                widgets["trial"] = gr.Button("First second", scale=2, min_width=130, elem_id="trial")
                widgets["halt"] = gr.Button("Stop", scale=1, min_width=80, elem_id="halt")
            widgets["subtitled"] = gr.Checkbox(False, label="Subtitles", container=False, elem_id="subtitled")
            widgets |= result_panel()
    return widgets


def wire_talk(widgets: dict[str, Any]) -> None:
    """Examples, the found face, the runs and the settings file."""
    widgets["examples"].select(choose, None, [widgets[name] for name in FILLED], api_visibility="private")
    picture, face_index = widgets["picture"], widgets["face_index"]
    gr.on(
        [picture.change, face_index.change], found, [picture, face_index],
        [widgets["found"], widgets["sentence"]], api_name="look", concurrency_id="looks",
    )  # fmt: skip
    given = ("picture", "tab", "speech", "text", "voice", *VALUE_NAMES, "consent", "subtitled")
    shown = [widgets[name] for name in ("film", "said", "motion_plot", "feeling_plot", "files")]
    runs = []
    for button, seconds, name in ((widgets["start"], 0.0, "speak"), (widgets["trial"], TRIAL_SECONDS, "trial")):
        length = gr.State(seconds)
        inputs = [*(widgets[name] for name in given), length, *(widgets[name] for name in OPTION_NAMES)]
        run = button.click(
            animate,
            inputs,
            shown,
            api_name=name,
            concurrency_id="films",
            concurrency_limit=1,
            show_progress_on=shown[0],
        )
        run.success(
            lambda: [gr.update(visible=True)] * 2, None, [widgets["files"], widgets["plots"]], api_visibility="private"
        )
        button.click(js=SCROLL_TO_RESULT, api_visibility="private")
        runs.append(run)
    widgets["halt"].click(stop, queue=False, api_visibility="private")
    loaded = [widgets[name] for name in OPTION_NAMES]
    widgets["settings"].upload(loaded_settings, widgets["settings"], loaded, api_visibility="private")


def wire_preview(widgets: dict[str, Any]) -> None:
    """Whatever changes the look of the feeling shows it at once."""
    inputs = [
        widgets[name]
        for name in ("picture", "tab", "speech", *VALUE_NAMES, "strength", "wrinkles", "permissive", "face_index")
    ]
    changing = ("picture", "source", "emotion", "feeling_picture", "feeling_voice", "feeling_video", "mix", "timeline",
                "strength", "wrinkles", "permissive", "face_index")  # fmt: skip
    triggers = [widgets[name].change for name in changing]
    triggers += [widgets["feeling_text"].submit, widgets["feeling_text"].blur, widgets["speech"].change]
    gr.on(
        triggers, preview, inputs, [widgets["preview"], widgets["preview_note"]], api_name="preview",
        trigger_mode="always_last", show_progress="hidden", concurrency_id="looks", concurrency_limit=2,
    )  # fmt: skip


def wire_compare(comparison: dict[str, Any], widgets: dict[str, Any]) -> None:
    """The second tab, which takes portrait and words from the first."""
    inputs = [
        widgets["picture"], comparison["other"], *(widgets[name] for name in ("tab", "speech", "text", "voice")),
        *(comparison[name] for name in ("emotions", "described", "strengths", "seconds")),
        widgets["consent"], widgets["seed"],
    ]  # fmt: skip
    comparison["start"].click(
        compare, inputs, [comparison["film"], comparison["sheet"]], api_name="compare",
        concurrency_id="films", concurrency_limit=1,
    )  # fmt: skip
    gr.on(
        [comparison["shown"].change, widgets["picture"].change], before_after,
        [widgets["picture"], comparison["shown"], widgets["strength"]], comparison["slider"],
        api_name="before_after", trigger_mode="always_last", concurrency_id="looks",
    )  # fmt: skip


if __name__ == "__main__":
    opened = build_page()
    opened.launch(
        theme=theme(),
        css_paths=ASSETS / "page.css",
        footer_links=["api", "settings"],
        max_file_size="200mb",
        prevent_thread_lock=True,
    )
    warm_up()  # the page is there already
    opened.block_thread()
