"""Which weights are there, what they may be used for, and how to use faces and voices with respect."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import gradio as gr

from talker.journal import as_job
from talker.web import texts
from talker.web.session import errors_as_toasts, missing, remember
from talker.weights import registry, store

NEEDED = (*registry.DEFAULT_ASSETS, "kokoro")  # the others are for evaluations and for one renderer
THERE = f"<span class='good'>{texts.THERE}</span>"


def about_panel(fetch: Callable[..., str], fetch_extras: Callable[..., str]) -> None:
    """The page; `fetch` gets what is missing, `fetch_extras` what nothing needs; both return the table."""
    with gr.Column(elem_id="about"):
        gr.Markdown(texts.ABOUT)
        gr.HTML(f"<h2>{texts.WEIGHTS}</h2>", padding=False)
        table = gr.HTML(weights_table(), padding=False, elem_id="weights")
        button = gr.Button(texts.FETCH, size="sm", elem_id="fetch")
        megabytes = sum(extra.size for extra in registry.EXTRAS.values()) / 1e6
        extras = gr.Button(texts.FETCH_EXTRAS.format(megabytes=megabytes), size="sm", elem_id="fetch-extras")
        gr.HTML(f"<h2>{texts.VERIFY}</h2>", padding=False)
        file = gr.File(label=texts.VERIFY_FILE, file_types=["image", "video"], elem_id="verify")
        found = gr.Markdown(elem_id="verified")
    file.upload(verify, file, found, api_name="verify", concurrency_id="looks")
    button.click(fetch, None, table, api_name="fetch_weights", concurrency_limit=1)
    extras.click(fetch_extras, None, table, api_name="fetch_extras", concurrency_limit=1)


@as_job
def verify(request: gr.Request, file: str | None) -> str:
    """Say whether a picture or film was made by Talker, by its metadata, its invisible mark and its signature.

    Args:
        file: the picture or film.
    """
    if file is None:
        raise missing(texts.VERIFY_FIRST)
    from talker.media import verification

    remember(request, file)
    with errors_as_toasts():
        evidence = verification.verify(file)
    verdict = texts.VERIFIED if evidence.is_generated else texts.NOT_VERIFIED
    return "\n\n".join([f"**{verdict}**", *evidence.describe().splitlines()])


def weights_table() -> str:
    """A row per asset and extra: what it is, whether it is there, its size and licence."""
    entries: list[tuple[registry.Asset | registry.Extra, str]] = [
        (asset, THERE if store.is_there(name) else texts.NOT_THERE) for name, asset in registry.ASSETS.items()
    ]
    entries += [(extra, THERE if store.extra(name) else texts.NOT_ASKED_FOR) for name, extra in registry.EXTRAS.items()]
    rows = [
        f"<tr><td>{escape(entry.title)}</td><td>{there}</td><td>{entry.size / 1e6:.1f} MB</td>"
        f"<td>{escape(entry.licence)}</td></tr>"
        for entry, there in entries
    ]
    for folder in sorted(path for path in store.CHECKPOINTS.iterdir() if path.is_dir()):
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        rows.append(
            f"<tr><td>{escape(texts.OWN_WEIGHTS.format(name=folder.name))}</td><td>{THERE}</td>"
            f"<td>{size / 1e6:.1f} MB</td><td>{texts.SEE_CARD}</td></tr>"
        )
    head = "".join(f"<th>{title}</th>" for title in texts.WEIGHTS_HEAD)
    return f"<table class='weights'><tr>{head}</tr>{''.join(rows)}</table>"
