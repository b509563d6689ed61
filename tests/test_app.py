"""The web page as other programs see it: every endpoint, the README's snippets, a sub-path, and many runs in a row."""

import csv
import json
import re
import shutil
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from talker.media import provenance, video_reader
from talker.media.provenance import is_generated
from talker.web.examples import ASTRONAUT
from talker.web.serving import ROOT, Server, resident_mb, served, stored_bytes

README = (ROOT / "README.md").read_text(encoding="utf-8")
ENDPOINTS = {
    "/look", "/preview", "/speak", "/trial", "/example", "/compare", "/before_after", "/batch", "/fetch_weights",
    "/fetch_extras", "/listen", "/verify", "/edit", "/edit_frame",
}  # fmt: skip
RUNS, SETTLING = 10, 3  # runs that are compared, after runs in which caches fill
STEADY = 1.05
START_SECONDS = 15.0


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its temporary files."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def server(scratch: Path) -> Iterator[Server]:
    with served(TMPDIR=str(scratch)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(server.url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "portrait.jpg"
    Image.open(ASTRONAUT).convert("RGB").crop((96, 0, 352, 256)).save(path)
    return path


def test_the_page_is_there_soon(server: Server) -> None:
    assert server.processor_s < START_SECONDS


def test_every_endpoint_is_listed_with_a_description(client: Client, server: Server) -> None:
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ENDPOINTS
    with urllib.request.urlopen(f"{server.url}/gradio_api/info") as response:
        info = json.load(response)["named_endpoints"]
    assert all(info[name]["description"] for name in ENDPOINTS)
    named = {row["parameter_name"]: row for row in info["/speak"]["parameters"]}
    assert named["strength"]["parameter_default"] == 0.8
    assert named["picture"]["parameter_has_default"]


def test_look_finds_the_face(client: Client, picture: Path) -> None:
    found, sentence = client.predict(picture=handle_file(str(picture)), face_index=0, api_name="/look")
    assert found["visible"]
    assert "Found a face" in sentence


def test_preview_shows_a_point_of_the_map(client: Client, picture: Path) -> None:
    shown, sentence = client.predict(
        picture=handle_file(str(picture)), source="map", point="-0.63,-0.27", consent=True, api_name="/preview"
    )
    assert Image.open(shown["value"]).size == (512, 512)
    assert is_generated(shown["value"])
    assert "sad" in sentence


def test_a_trial_is_short(client: Client, picture: Path) -> None:
    film, notes, *_ = client.predict(
        picture=handle_file(str(picture)), text="This takes much longer than a single second to say.",
        consent=True, label=True, api_name="/trial",
    )  # fmt: skip
    reader = video_reader.open_video(film if isinstance(film, str) else film["video"])
    assert reader.frame_count / reader.fps == pytest.approx(1.5, abs=0.1)
    assert "happy" in notes


def test_an_example_is_made_once(client: Client) -> None:
    first, second = (client.predict(number=0, api_name="/example")[4] for _ in range(2))
    assert [Path(name).name for name in first] == [Path(name).name for name in second]
    assert provenance.is_generated(first[0])


def test_a_comparison_comes_back(client: Client, picture: Path) -> None:
    film, sheet = client.predict(
        picture=handle_file(str(picture)), text="Oh!", emotions=["happy"], strengths=[1.0], seconds=1, consent=True,
        api_name="/compare",
    )  # fmt: skip
    assert video_reader.open_video(film if isinstance(film, str) else film["video"]).frame_count > 5
    assert Image.open(sheet).width > 256


def test_before_and_after_are_of_one_size(client: Client, picture: Path) -> None:
    before, after = client.predict(
        picture=handle_file(str(picture)), emotion="angry", strength=1.0, consent=True, api_name="/before_after"
    )
    assert Image.open(before).size == Image.open(after).size == (512, 512)
    verdicts = [client.predict(file=handle_file(still), api_name="/verify") for still in (before, after)]
    assert ["Made by Talker" in verdict for verdict in verdicts] == [False, True]


def test_the_page_tells_who_runs_it_how_it_is(server: Server, client: Client) -> None:
    client.predict(number=0, api_name="/example")
    with urllib.request.urlopen(f"{server.url}/healthz") as response:
        assert json.load(response)["status"] == "ok"
    with urllib.request.urlopen(f"{server.url}/metrics") as response:
        assert b'talker_stage_seconds_count{stage="rendering"}' in response.read()


def test_a_batch_gives_videos_and_tells_what_failed(client: Client, picture: Path, tmp_path: Path) -> None:
    manifest = (
        "portrait,text,emotion,size\nportrait.jpg,Hi!,happy,crop256\nportrait.jpg,Hi!,happy,\nempty.png,Hi!,sad,\n"
    )
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
        archive.write(picture, "portrait.jpg")
        archive.writestr("empty.png", "no picture")
        archive.writestr("manifest.csv", manifest)
    made, said = client.predict(archive=handle_file(str(tmp_path / "given.zip")), consent=True, api_name="/batch")
    assert "2 of 3" in said
    with zipfile.ZipFile(made) as archive:
        assert sorted(archive.namelist()) == ["001.mp4", "002.mp4", "report.csv"]
        rows = list(csv.DictReader(archive.read("report.csv").decode().splitlines()))
    assert "empty.png" in rows[2]["problem"]


def test_fetching_gives_the_table_or_says_what_cannot_be_had(client: Client) -> None:
    try:
        table = client.predict(api_name="/fetch_weights")
        assert table.count("MediaPipe") == 1
    except AppError as error:  # without a network
        assert "can't be had" in str(error)


def test_wrong_input_is_told_in_words(client: Client, picture: Path) -> None:
    with pytest.raises(AppError, match="may animate this face"):
        client.predict(picture=handle_file(str(picture)), text="Hi", api_name="/speak")


def test_the_readme_tells_python_programs_what_to_do(
    server: Server, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (snippet,) = re.findall(r"^```python\n(from gradio_client.*?)^```", README, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(picture, "portrait.jpg")
    spoken: dict[str, Any] = {}
    exec(snippet.replace("http://127.0.0.1:7860", server.url).replace("Hello there.", "Hi!"), spoken)
    assert provenance.is_generated(spoken["files"][0])


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_readme_tells_shells_what_to_do(server: Server, picture: Path, tmp_path: Path) -> None:
    (snippet,) = re.findall(r"^```sh\n(TALKER=.*?)^```", README, re.MULTILINE | re.DOTALL)
    shutil.copy(picture, tmp_path / "portrait.jpg")
    script = snippet.replace("http://127.0.0.1:7860", server.url).replace("Hello there.", "Hi!")
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, check=True, timeout=60)
    assert provenance.is_generated(tmp_path / "talker.mp4")


def test_the_page_works_behind_a_sub_path() -> None:
    with served(GRADIO_ROOT_PATH="/talker") as running, urllib.request.urlopen(f"{running.url}/config") as response:
        assert json.load(response)["root"].endswith("/talker")


def test_language_models_get_the_endpoints_as_tools() -> None:
    pytest.importorskip("mcp", reason="gradio[mcp] is not installed")
    with (
        served(GRADIO_MCP_SERVER="True") as running,
        urllib.request.urlopen(f"{running.url}/gradio_api/mcp/schema") as response,
    ):
        tools = {tool["meta"]["endpoint_name"] for tool in json.load(response)}
    assert tools == {name.strip("/") for name in ENDPOINTS}


@pytest.mark.slow
def test_many_runs_leave_memory_and_files_where_they_were(
    server: Server, client: Client, picture: Path, scratch: Path
) -> None:
    memory, files = [], []
    until = time.monotonic() + 120
    while not any(scratch.rglob("example-*/settings.json")):  # the page makes its first example's film beside
        assert time.monotonic() < until
        time.sleep(0.2)
    for _ in range(SETTLING + RUNS):
        client.predict(picture=handle_file(str(picture)), text="Hi!", size="crop256", consent=True, api_name="/speak")
        memory.append(resident_mb(server.pid))
        files.append(stored_bytes(scratch))
    assert max(memory[SETTLING:]) < STEADY * memory[SETTLING - 1]
    assert max(files[SETTLING:]) < STEADY * files[SETTLING - 1]
