"""Attacks on the running page, each of which must fail, and what must be gone when its visitor has left.

SECURITY.md lists what these stand for.
"""

import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from talker.web.examples import EXAMPLES
from talker.web.serving import Server, served

FAILING = Path(__file__).resolve().parent / "data" / "failing"
PORTRAIT = FAILING / "ordinary_face.jpg"
PATIENCE = 300.0  # s
SECRET = "a secret of the server"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its temporary files, and beside it a file that nobody may read."""
    folder = tmp_path_factory.mktemp("scratch")
    (folder.parent / "secret.txt").write_text(SECRET)
    shutil.copy(PORTRAIT, folder.parent / "secret.jpg")
    return folder


@pytest.fixture(scope="module")
def server(scratch: Path) -> Iterator[Server]:
    with served(TMPDIR=str(scratch)) as running:
        yield running


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    connected = connected_to(server, tmp_path)
    yield connected
    connected.close()


def connected_to(server: Server, folder: Path) -> Client:
    """A visitor of the page; the machine may be busy with other things."""
    patient = {"timeout": PATIENCE}
    return Client(server.url, verbose=False, download_files=folder / "downloads", httpx_kwargs=patient)


class Witness(http.server.BaseHTTPRequestHandler):
    """A server on the page's own machine, which notes who asks it."""

    asked: list[str] = []  # noqa: RUF012 - one for all

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PORTRAIT.read_bytes())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def witness() -> Iterator[str]:
    Witness.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Witness) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def fetched(url: str, data: Any = None, **headers: str) -> tuple[int, str]:
    """(status, body) of a request."""
    content = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def called(server: Server, name: str, **inputs: Any) -> str:
    """What an endpoint streams back, as text: events and data."""
    status, answer = fetched(f"{server.url}/gradio_api/call/v2/{name}", inputs)
    assert status == 200, answer
    return fetched(f"{server.url}/gradio_api/call/{name}/{json.loads(answer)['event_id']}")[1]


def file_data(path: str, **more: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}} | more


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true before patience ends."""
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    return true()


def files_below(folder: Path, ending: str) -> set[Path]:
    """Files while others come and go; ``rglob`` fails where a folder vanishes under it."""
    return {Path(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(ending)}


def page_folder(scratch: Path) -> Path:
    (folder,) = scratch.glob("talker-page-*")
    return folder


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""])
def test_foreign_hosts_are_refused(server: Server, host: str) -> None:
    assert fetched(f"{server.url}/config", Host=host)[0] in (400, 421)
    assert fetched(f"{server.url}/config", Host="localhost:7860")[0] == 200


def test_only_the_owner_may_look_into_the_folder(server: Server, scratch: Path) -> None:
    assert page_folder(scratch).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "path",
    [
        "{secret}",
        "{inside}/../secret.txt",
        "/etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "file:///etc/passwd",
        "{link}",
    ],
)
def test_files_outside_are_not_served(server: Server, scratch: Path, path: str) -> None:
    link = page_folder(scratch) / "link.txt"
    if not link.is_symlink():
        link.symlink_to(scratch.parent / "secret.txt")
    wanted = path.format(secret=scratch.parent / "secret.txt", inside=scratch, link=link)
    status, body = fetched(f"{server.url}/gradio_api/file={urllib.parse.quote(wanted)}")
    link.unlink()
    assert status in (400, 403, 404)
    assert SECRET not in body
    assert "root:" not in body


@pytest.mark.parametrize(
    "path", ["{secret}", "{inside}/../secret.jpg", "/etc/passwd", "/proc/self/environ", "nul\0.jpg"]
)
def test_files_outside_are_not_read(server: Server, scratch: Path, path: str) -> None:
    wanted = path.format(secret=scratch.parent / "secret.jpg", inside=page_folder(scratch))
    answer = called(server, "look", picture=file_data(wanted), face_index=0)
    assert "Found a face" not in answer
    assert "event: error" in answer


@pytest.mark.parametrize("form", ["path", "url", "both"])
def test_the_server_asks_nobody_for_a_visitor(server: Server, witness: str, form: str) -> None:
    address = f"{witness}/face.jpg"
    data = {
        "path": file_data(address),
        "url": file_data("face.jpg", url=address),
        "both": file_data(address, url=address),
    }[form]
    assert "Found a face" not in called(server, "look", picture=data, face_index=0)
    assert Witness.asked == []


def test_playlists_and_lists_of_files_are_no_sounds(client: Client, tmp_path: Path, scratch: Path) -> None:
    secret = scratch.parent / "secret.jpg"
    for name, content in (
        ("list.m3u8", f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n"),
        ("list.wav", f"ffconcat version 1.0\nfile {secret}\n"),
    ):
        (tmp_path / name).write_text(content)
        said = client.predict(
            picture=handle_file(str(PORTRAIT)), source="voice", feeling_voice=handle_file(str(tmp_path / name)),
            consent=True, api_name="/preview",
        )[1]  # fmt: skip
        assert "not a sound" in said


def test_the_pages_own_pictures_need_no_consent(client: Client) -> None:
    shown, _ = client.predict(picture=handle_file(str(EXAMPLES[0].picture)), emotion="sad", api_name="/preview")
    assert Path(shown["value"]).is_file()


@pytest.mark.parametrize("consent", ["no", "false", "true", 1, None, [], {}])
def test_consent_is_the_boolean_true(server: Server, consent: Any) -> None:
    uploaded = uploaded_to(server, PORTRAIT)
    for name, inputs in (
        ("speak", {"picture": file_data(uploaded), "text": "Hi!"}),
        ("trial", {"picture": file_data(uploaded), "text": "Hi!"}),
        ("compare", {"picture": file_data(uploaded), "text": "Hi!", "emotions": ["happy"], "strengths": [1.0]}),
    ):
        assert "may animate this face" in called(server, name, consent=consent, **inputs)
    shown = called(server, "preview", picture=file_data(uploaded), consent=consent)
    assert "nobody's is animated without it" in shown
    assert '"value"' not in shown


def test_without_consent_before_and_after_show_an_example(server: Server, client: Client) -> None:
    own, _ = client.predict(picture=handle_file(str(PORTRAIT)), emotion="angry", strength=1.0, api_name="/before_after")
    example, _ = client.predict(picture=None, emotion="angry", strength=1.0, api_name="/before_after")
    mine, _ = client.predict(
        picture=handle_file(str(PORTRAIT)), emotion="angry", strength=1.0, consent=True, api_name="/before_after"
    )
    assert Path(own).read_bytes() == Path(example).read_bytes() != Path(mine).read_bytes()


def test_zips_bring_nothing_in_and_take_nothing_out(server: Server, tmp_path: Path, scratch: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(scratch.parent / "secret.jpg"))
        archive.writestr("../../escaped.txt", "no")
        archive.writestr("/tmp/escaped.txt", "no")
        archive.writestr("manifest.csv", "portrait,text\nlink.jpg,Hi\n../../secret.jpg,Hi\n/etc/passwd,Hi\n")
    (tmp_path / "given.zip").write_bytes(content.getvalue())
    connected = connected_to(server, tmp_path)
    made, said = connected.predict(archive=handle_file(str(tmp_path / "given.zip")), consent=True, api_name="/batch")
    assert "0 of 3" in said
    with zipfile.ZipFile(made) as archive:
        assert archive.namelist() == ["report.csv"]
        assert SECRET not in archive.read("report.csv").decode()
    assert list(scratch.rglob("escaped.txt")) == []


def test_names_and_texts_are_not_markup(client: Client, tmp_path: Path) -> None:
    name = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    name.write_text("no picture")
    for said in (
        client.predict(picture=handle_file(str(name)), face_index=0, api_name="/look")[1],
        client.predict(
            picture=handle_file(str(PORTRAIT)),
            source="text",
            feeling_text="<img src=x onerror=alert(1)>",
            consent=True,
            api_name="/preview",
        )[1],
    ):
        assert "<img" not in said


def test_a_sound_that_crashed_the_page_is_read(client: Client) -> None:
    said = client.predict(
        picture=handle_file(str(PORTRAIT)), source="voice", consent=True, api_name="/preview",
        feeling_voice=handle_file(str(FAILING / "segfault_9_channels.wav")),
    )[1]  # fmt: skip
    assert "class='quiet'" in said or "short" in said


def test_a_killed_worker_is_replaced(client: Client, server: Server, tmp_path: Path) -> None:
    def workers() -> list[int]:
        listed = subprocess.run(["ps", "--ppid", str(server.pid), "-o", "pid=,args="], capture_output=True, text=True)
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if "isolation" in line]

    for number in range(2):
        new = tmp_path / f"{number}.jpg"  # a picture that the page knows is not decoded again
        new.write_bytes(PORTRAIT.read_bytes() + bytes(1 + number))
        assert "Found a face" in client.predict(picture=handle_file(str(new)), face_index=0, api_name="/look")[1]
        assert workers()
        for worker in workers():
            os.kill(worker, signal.SIGKILL)


def test_uploads_results_and_tracks_go_with_their_visitor(server: Server, scratch: Path, tmp_path: Path) -> None:
    """Two visitors hand in the same picture: it stays until the second has left."""
    folder = page_folder(scratch)
    with Image.open(PORTRAIT) as picture:  # of its own content: equal uploads share a folder
        picture.convert("RGB").save(tmp_path / "mine.jpg", quality=91)
    first, second = (connected_to(server, tmp_path) for _ in range(2))

    def films() -> set[Path]:
        """Without the example that the page makes ready by itself meanwhile."""
        found = files_below(folder, ".mp4")
        return {path for path in found if not any(part.startswith("example-") for part in path.parts)}

    before = films()
    first.predict(
        picture=handle_file(str(tmp_path / "mine.jpg")), text="Hi!", size="crop256", consent=True, api_name="/speak"
    )
    second.predict(picture=handle_file(str(tmp_path / "mine.jpg")), face_index=0, api_name="/look")
    made = films() - before
    assert made
    assert files_below(folder, "mine.jpg")
    first.close()
    assert eventually(lambda: not made & films())
    assert files_below(folder, "mine.jpg")
    second.close()
    assert eventually(lambda: not files_below(folder, "mine.jpg"))


@pytest.mark.slow
def test_the_end_of_the_server_is_the_end_of_its_files(tmp_path: Path) -> None:
    with served(TMPDIR=str(tmp_path)) as running:
        uploaded_to(running, PORTRAIT)
        assert list(tmp_path.glob("talker-page-*"))
    assert list(tmp_path.glob("talker-page-*")) == []


def uploaded_to(server: Server, path: Path) -> str:
    """Where an uploaded file lies on the server."""
    border = "----talker"
    content = (
        f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + path.read_bytes() + f"\r\n--{border}--\r\n".encode()  # fmt: skip
    request = urllib.request.Request(
        f"{server.url}/gradio_api/upload", content, {"Content-Type": f"multipart/form-data; boundary={border}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        (place,) = json.load(response)
    return str(place)
