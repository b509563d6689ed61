"""What the page looks like, beside `assets/page.css`."""

from __future__ import annotations

import gradio as gr

# Gradio hides what overflows, which would keep the preview from staying in sight; page.css reaches only what is inside
HEAD = "<style>.gradio-container { overflow: clip !important }</style>"


def theme() -> gr.themes.Base:
    """Warm accents on quiet greys; only fonts that the computer has, so that it works offline."""
    fonts = ["Avenir Next", "Inter", "Segoe UI", "system-ui", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        secondary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="linear-gradient(100deg, *primary_500, #e5484d)",
        button_primary_background_fill_hover="linear-gradient(100deg, *primary_400, #e5484d)",
        button_primary_background_fill_dark="linear-gradient(100deg, *primary_500, #e5484d)",
        button_primary_background_fill_hover_dark="linear-gradient(100deg, *primary_400, #e5484d)",
        button_primary_text_color="white",
        body_background_fill="*neutral_50",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_300",
        block_border_width="1px",
        block_shadow="0 1px 3px rgb(0 0 0 / 6%)",
        slider_color="*primary_500",
    )
