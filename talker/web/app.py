"""The web page: `python app.py` or `talker web`. Widgets wired to `Talker`, and nothing else."""

from __future__ import annotations

import functools
import shutil
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from talker.journal import LOG, write_log
from talker.media.isolation import isolate
from talker.resources import resource
from talker.signals import signals_interrupt
from talker.web import admission, handlers, texts, video_actions
from talker.web.about import about_panel
from talker.web.batch import batch_panel
from talker.web.compare import compare_panel
from talker.web.emotion_panel import feeling_panel, source_for
from talker.web.examples import EXAMPLES
from talker.web.fairness import MOST_WAITING, share_fairly
from talker.web.hosts import OwnHostOnly
from talker.web.inputs import FEELING_INPUTS, OPTIONS, inputs_of
from talker.web.live import live_panel, live_script, wire_live
from talker.web.observing import observe
from talker.web.panels import examples_strip, load_settings, portrait_panel, settings_panel, words_panel
from talker.web.result import see_panel
from talker.web.session import errors_as_toasts, leave, results_folder, stop
from talker.web.theme import HEAD, theme
from talker.web.video import video_panel

ASSETS = resource("assets")
SCROLL_TO_RESULT = "() => { if (innerWidth < 900) document.querySelector('#views').scrollIntoView() }"
HOUR = 3600  # s
FILLED = (
    "picture", "tab", "speech", "text", "source", "emotion", "feeling_text", "feeling_picture", "feeling_voice",
    "feeling_video", "point", "mix", "timeline", "strength",
)  # fmt: skip
PREVIEWED = (
    "picture", "source", "emotion", "feeling_picture", "feeling_voice", "feeling_video", "point", "mix", "timeline",
    "speech", "strength", "wrinkles", "permissive", "renderer", "face_index", "consent",
)  # fmt: skip
Widgets = dict[str, Any]


def choose(event: gr.SelectData) -> list[Any]:
    """Fill the page with the example that was clicked."""
    inputs = EXAMPLES[event.index].inputs
    values = [getattr(inputs, name) for name in FILLED]
    values[FILLED.index("timeline")] = inputs.timeline or gr.skip()
    return [event.index, gr.update(selected=inputs.tab), *values]


def build_page() -> gr.Blocks:
    """The whole page."""
    results_folder()  # before Gradio asks where uploads lie
    forgotten = (HOUR, 24 * HOUR)  # nothing leaves the machine, and nothing stays on it
    with gr.Blocks(title=texts.TITLE, fill_width=True, delete_cache=forgotten, analytics_enabled=False) as page:
        header = (ASSETS / "header.html").read_text(encoding="utf-8")
        gr.HTML(header.format(title=texts.TITLE, tagline=texts.TAGLINE), elem_id="header", padding=False)
        with gr.Tabs(elem_id="pages"):
            with gr.Tab(texts.TABS["talk"], elem_id="talk-tab"):
                widgets = talk_tab()
            with gr.Tab(texts.TABS["edit"], elem_id="edit-tab"):
                film = video_panel()
            with gr.Tab(texts.TABS["live"], elem_id="live-tab"):
                wire_live(live_panel(), admission.admit)
            with gr.Tab(texts.TABS["compare"], elem_id="compare-tab") as compare_tab:
                comparison = compare_panel()
            with gr.Tab(texts.TABS["batch"], elem_id="batch-tab"):
                batch = batch_panel()
            with gr.Tab(texts.TABS["about"], elem_id="about-tab"):
                about_panel(handlers.fetch_weights, handlers.fetch_extras)
        wire_portrait(widgets)
        wire_runs(widgets)
        wire_preview(widgets)
        wire_video(film, widgets)
        wire_compare(comparison, widgets, compare_tab)
        batch["start"].click(
            handlers.batch, [batch["archive"], batch["consent"]], [batch["made"], batch["said"]], api_name="batch",
            concurrency_id="films",
        )  # fmt: skip
        page.unload(leave)
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=2)
    share_fairly(page)
    return page


def talk_tab() -> Widgets:
    """The widgets of the first tab by name."""
    with gr.Column(elem_id="examples-strip"):
        examples = examples_strip()
    with gr.Row(elem_id="stage"):
        with gr.Column(scale=5, min_width=300, elem_id="portrait"):
            widgets = portrait_panel()
        with gr.Column(scale=6, min_width=320, elem_id="choices"):
            widgets |= words_panel() | feeling_panel() | settings_panel()
        with gr.Column(scale=7, min_width=320, elem_id="result"):
            widgets |= see_panel()
    return widgets | {"examples": examples, "number": gr.State(0)}


def wire_portrait(widgets: Widgets) -> None:
    """The found face, another one by a click, the source that fits the words, and the settings file."""
    picture, face_index, found = widgets["picture"], widgets["face_index"], widgets["found"]
    gr.on(
        [picture.change, face_index.change], handlers.look, [picture, face_index], [found, widgets["sentence"]],
        api_name="look", concurrency_id="looks", show_progress="hidden",
    )  # fmt: skip
    for name, tab in (("typing", "text"), ("recording", "speech")):
        widgets[name].select(
            functools.partial(source_for, tab), widgets["source"], widgets["source"], queue=False,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
    widgets["listen"].click(
        handlers.listen, widgets["voice"], widgets["sample"], api_name="listen", concurrency_id="looks",
        show_progress_on=widgets["listen"],
    )  # fmt: skip
    found.select(handlers.pick, [picture, face_index, found], face_index, api_visibility="private")
    widgets["settings"].upload(
        loaded_settings, widgets["settings"], [widgets[name] for name in OPTIONS], api_visibility="private"
    )


def loaded_settings(path: str | None) -> list[Any]:
    """Fill the page with the settings of an earlier result."""
    with errors_as_toasts():
        return load_settings(path)


def wire_runs(widgets: Widgets) -> None:
    """The buttons and the examples, which make films, and the button that stops them."""
    shown = [widgets[name] for name in ("film", "said", "motion_plot", "feeling_plot", "files")]
    settings: dict[str, Any] = {"concurrency_id": "films", "concurrency_limit": 1, "show_progress_on": shown[0]}
    inputs = [widgets[name] for name in inputs_of(handlers.speak)]
    runs = []
    for action, button in ((handlers.speak, "start"), (handlers.trial, "trial")):
        widgets[button].click(
            lambda: gr.update(selected="film"), None, widgets["views"], queue=False, api_visibility="private",
            js=SCROLL_TO_RESULT,
        )  # fmt: skip
        runs.append(widgets[button].click(action, inputs, shown, api_name=action.__name__, **settings))
    filled = [widgets["number"], widgets["tabs"], *(widgets[name] for name in FILLED)]
    chosen = widgets["examples"].select(choose, None, filled, queue=False, api_visibility="private")
    number = gr.Number(0, precision=0, visible=False)
    run = chosen.then(
        lambda index: (gr.update(selected="film"), index), widgets["number"], [widgets["views"], number], queue=False,
        js=SCROLL_TO_RESULT, api_visibility="private",
    ).then(handlers.example, number, shown, api_name="example", **settings)  # fmt: skip
    runs.append(run)
    for run in runs:
        run.success(lambda: gr.update(visible=True), None, widgets["details"], queue=False, api_visibility="private")
    halt = widgets["halt"].click(stop, cancels=runs, concurrency_limit=None, api_visibility="private")
    # a message of the run that was under way can come after its end, and the film would seem to wait for ever
    halt.then(lambda: None, None, widgets["film"], queue=False, api_visibility="private")


def wire_preview(widgets: Widgets) -> None:
    """Whatever changes the look of the emotion shows it at once."""
    triggers = [widgets[name].change for name in PREVIEWED]
    triggers += [widgets["feeling_text"].submit, widgets["feeling_text"].blur]
    gr.on(
        triggers, handlers.preview, [widgets[name] for name in inputs_of(handlers.preview)],
        [widgets["preview"], widgets["preview_note"]], api_name="preview",
        trigger_mode="always_last", show_progress="hidden", concurrency_id="looks", concurrency_limit=2,
    )  # fmt: skip


def wire_video(film: Widgets, widgets: Widgets) -> None:
    """The tab of talking videos; its feeling may be the first tab's."""
    feeling = [widgets[name] for name in FEELING_INPUTS]
    watched = ("film", "moment", "face_at", "feeling", "described", "amount", "permission")
    gr.on(
        [film[name].change for name in watched], video_actions.edit_frame,
        [*feeling, *(film[name] for name in watched)], [film["frame"], film["sentence"]], api_name="edit_frame",
        trigger_mode="always_last", show_progress="hidden", concurrency_id="looks",
    )  # fmt: skip
    film["frame"].select(
        video_actions.pick_person, [film["film"], film["moment"]], film["face_at"], api_visibility="private"
    )
    own = (
        "film", "task", "feeling", "described", "amount", "face_at", "words", "spoken_by", "recording", "longer",
        "permission",
    )  # fmt: skip
    run = film["start"].click(
        video_actions.edit, [*feeling, *(film[name] for name in own)], [film["shown"], film["made"], film["said"]],
        api_name="edit", concurrency_id="films", concurrency_limit=1, show_progress_on=film["shown"],
    )  # fmt: skip
    film["halt"].click(stop, cancels=[run], concurrency_limit=None, api_visibility="private")


def wire_compare(comparison: Widgets, widgets: Widgets, tab: gr.Tab) -> None:
    """The second tab, which takes portrait and words from the first."""
    inputs = [widgets[name] for name in inputs_of(handlers.compare)]
    own = ("others", "emotions", "described", "first_tab", "strengths", "renderers", "seconds", "methods")
    inputs += [comparison[name] for name in own]
    comparison["start"].click(
        handlers.compare, inputs, [comparison["film"], comparison["sheet"]], api_name="compare",
        concurrency_id="films", concurrency_limit=1,
    )  # fmt: skip
    gr.on(
        [comparison["shown"].change, tab.select], handlers.before_after,
        [widgets["picture"], comparison["shown"], widgets["strength"], widgets["consent"]], comparison["slider"],
        api_name="before_after", trigger_mode="always_last", concurrency_id="looks",
    )  # fmt: skip


def serve(host: str | None = None, port: int | None = None) -> None:
    """Open the page and answer its visitors until the process ends.

    host, port: where it listens; by default what $GRADIO_SERVER_NAME and $GRADIO_SERVER_PORT say, or 127.0.0.1:7860.
    """
    if not LOG.handlers:  # the command line has set it up already
        write_log(verbose=False)
    page = build_page()
    isolate()  # a file that crashes its decoder must not end everybody's session
    try:
        with signals_interrupt():
            _answer(page, host, port)
    except KeyboardInterrupt:  # before `block_thread` could see to it
        page.close()
    finally:
        shutil.rmtree(results_folder(), ignore_errors=True)  # runs whose folder is gone stop
        isolate(False)


def _answer(page: gr.Blocks, host: str | None, port: int | None) -> None:
    page.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css_paths=ASSETS / "page.css",
        head=HEAD + live_script(),
        footer_links=["api", "settings"],
        max_file_size="200mb",
        run_history=False,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(OwnHostOnly)], "routes": [*observe(page), admission.LIVE.route]},
    )
    handlers.warm_up()  # the page is there already
    page.block_thread()
