"""The clickable map of emotions: pleasant to the right, excited at the top; a click is a point of that plane."""

from __future__ import annotations

import json

import gradio as gr

from talker.emotion.catalogue import EMOTIONS, NamedEmotion
from talker.types import EMOTION_LABELS
from talker.web import texts
from talker.web.inputs import START

WIDTH, HEIGHT = 440, 300  # px of the drawing
LETTER, LINE = 6.1, 13  # px that a letter and a line of the smallest print take
HUES = {
    "neutral": "#8d8680", "happy": "#f59e0b", "sad": "#5b83c4", "angry": "#dc4a3d", "surprised": "#a3679f",
    "fear": "#6d6bb5", "disgusted": "#6f9a4c", "contempt": "#8a7a55",
}  # fmt: skip
# the template draws everything but the handle, which only moves: so the page does not redraw while it is dragged
SCRIPT = """
const map = element.querySelector('svg'), handle = element.querySelector('.handle');
const readout = element.querySelector('output'), rows = JSON.parse(map.dataset.rows);
const [width, height] = [map.viewBox.baseVal.width, map.viewBox.baseVal.height];
let point = [0, 0];
const limited = number => Math.max(-1, Math.min(1, number));
function show(valence, arousal) {
  point = [limited(valence), limited(arousal)].map(number => Math.round(number * 100) / 100);
  handle.setAttribute('transform',
    `translate(${(point[0] + 1) / 2 * width} ${(1 - point[1]) / 2 * height})`);
  const away = row => Math.hypot(row[1] - point[0], row[2] - point[1]);
  readout.textContent = rows.reduce((best, row) => away(row) < away(best) ? row : best)[0];
}
function read(text) { const [v, a] = (text || '0,0').split(',').map(parseFloat); show(v || 0, a || 0); }
function tell() { props.value = point.join(','); trigger('change'); }
function follow(event) {
  const box = map.getBoundingClientRect();
  show((event.clientX - box.left) / box.width * 2 - 1, 1 - (event.clientY - box.top) / box.height * 2);
}
map.addEventListener('pointerdown', event => { map.setPointerCapture(event.pointerId); follow(event); });
map.addEventListener('pointermove', event => { if (event.buttons) follow(event); });
map.addEventListener('pointerup', tell);
map.addEventListener('keydown', event => {
  const step = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1]}[event.key];
  if (step) { event.preventDefault(); show(point[0] + step[0], point[1] + step[1]); tell(); }
});
watch('value', () => read(props.value));
read(props.value);
"""


def emotion_map() -> gr.HTML:
    """The map; its value is `valence,arousal`."""
    return gr.HTML(
        START.point, html_template=drawing(), js_on_load=SCRIPT, apply_default_css=False, label=texts.MAP_LABEL,
        padding=False, elem_id="map",
    )  # fmt: skip


def drawing() -> str:
    """The map as SVG, with a dot for every named emotion and a name wherever there is room for one."""
    taken: list[tuple[float, float, float, float]] = []
    dots, names = ("".join(drawn) for drawn in zip(*(_dot(row, taken) for row in EMOTIONS.values()), strict=True))
    rows = json.dumps([[row.name, *row.affect[:2]] for row in EMOTIONS.values()]).replace("'", "&#39;")
    axes = texts.MAP_AXES
    return (
        f"<p class='quiet'>{texts.MAP} <b><output></output></b></p>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='application' tabindex='0' aria-label='{texts.MAP_LABEL}' "
        f"data-rows='{rows}'><path class='axes' d='M0 {HEIGHT / 2}H{WIDTH}M{WIDTH / 2} 0V{HEIGHT}'/>"
        f"<g class='axis'><text x='6' y='{HEIGHT / 2 - 5}'>{axes['left']}</text>"
        f"<text x='{WIDTH - 6}' y='{HEIGHT / 2 - 5}' text-anchor='end'>{axes['right']}</text>"
        f"<text x='{WIDTH / 2 + 6}' y='13'>{axes['top']}</text>"
        f"<text x='{WIDTH / 2 + 6}' y='{HEIGHT - 6}'>{axes['bottom']}</text></g>"
        f"{dots}{names}<g class='handle'><circle r='9'/><circle r='3'/></g></svg>"
    )


def _dot(row: NamedEmotion, taken: list[tuple[float, float, float, float]]) -> tuple[str, str]:
    """An emotion's dot, and its name where that covers no other (`taken` holds the boxes and grows)."""
    x, y = (row.affect[0] + 1) / 2 * WIDTH, (1 - row.affect[1]) / 2 * HEIGHT
    colour = HUES[max(row.reads_as, key=lambda name: row.reads_as[name])]
    wide = len(row.name) * LETTER
    name = ""
    for left, anchor in ((x + 7, "start"), (x - 7 - wide, "end")):
        box = (left, y - LINE / 2, left + wide, y + LINE / 2)
        free = all(box[2] < t[0] or t[2] < box[0] or box[3] < t[1] or t[3] < box[1] for t in taken)
        if free and box[0] > 0 and box[2] < WIDTH and box[1] > LINE:
            taken.append(box)
            at = x + 7 if anchor == "start" else x - 7
            name = f"<text x='{at:.0f}' y='{y + 4:.0f}' text-anchor='{anchor}'>{row.name}</text>"
            break
    size = 5 if row.name in EMOTION_LABELS else 3.5
    dot = f"<circle cx='{x:.0f}' cy='{y:.0f}' r='{size}' fill='{colour}'><title>{row.name}</title></circle>"
    return dot, name
