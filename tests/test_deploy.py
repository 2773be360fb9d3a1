"""Many processes of the app behind one nginx, as `deploy/` sets them up."""

import http.client
import os
import re
import shutil
import subprocess
import time
import tomllib
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.browser.driver import (
    ONE,
    ROOT,
    ZERO,
    Server,
    answered,
    draw,
    free_port,
    go_to,
    press,
    settled,
)
from tests.helpers import skip_without
from ui.lost_session import lost_session

DEPLOY = ROOT / "deploy"
NOTICE = "The server has lost this session"


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    """Two processes of the app behind nginx, by the same script and configuration as compose's."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        skip_without("no nginx found; install one (Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    with ExitStack() as running:
        servers = [running.enter_context(Server()) for _ in range(2)]
        process = subprocess.Popen(
            ["sh", str(DEPLOY / "balancer.sh"), str(folder)],
            cwd=folder,
            env={
                "PATH": f"{os.environ['PATH']}:{os.path.dirname(nginx)}",
                "REPLICAS": " ".join(server.url.removeprefix("http://") for server in servers),
                "LISTEN": f"127.0.0.1:{port}",
            },
            stderr=running.enter_context(open(folder / "said", "wb")),
        )
        running.callback(process.wait, 10)
        running.callback(process.terminate)
        url = f"http://127.0.0.1:{port}"
        wait_for_health(url, process, folder / "said")
        yield SimpleNamespace(url=url, port=port, servers=servers, folder=folder)


def wait_for_health(url: str, process: subprocess.Popen, said: Path) -> None:
    for _ in range(100):
        assert process.poll() is None, said.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nginx does not answer; it said: {said.read_text(encoding='utf-8')}")


def connect(balanced, cookie: str = "") -> tuple[str, http.client.HTTPConnection]:
    """Open a websocket as a browser with this cookie does: its seat, and what keeps it open."""
    connection = http.client.HTTPConnection("127.0.0.1", balanced.port, timeout=10)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGVuIHRoZXRhcyByZWFkIQ==",
        "Cookie": cookie,
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 101
    return re.match(r"seat=(\d+);", answer.headers["Set-Cookie"])[1], connection


def test_compose_names_the_processes_that_it_starts():
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    addresses = re.findall(r"ipv4_address: ([\d.]+)", compose)
    assert len(addresses) > 1
    named = re.search(r"REPLICAS: (.+)", compose)[1].split()
    assert named == [f"{address}:8501" for address in addresses]
    waited_for = re.findall(r"(\w+): \{ condition: service_healthy \}", compose)
    assert waited_for == re.findall(r"^  (app\d+):$", compose, re.M)
    assert len(waited_for) == len(addresses)


def test_nginx_lets_pass_what_the_app_takes():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    limit = re.search(
        r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    )
    assert int(limit[1]) == config["server"]["maxUploadSize"] + 1


@pytest.mark.parametrize(
    ("protocols", "lost"),
    [
        ("", False),
        ("streamlit, token", False),
        ("streamlit, token, now", False),
        ("streamlit, token, before", True),
    ],
)
def test_a_session_is_lost_when_another_one_was_asked_for(protocols, lost):
    assert lost_session(protocols, "now") is lost


def test_a_browser_keeps_its_process_and_the_next_one_gets_another(balanced):
    seat, first = connect(balanced)
    other, second = connect(balanced)
    assert {seat, other} == {"1", "2"}
    # Whose process is the busier one does not matter to who has a seat in it.
    held = [connect(balanced, f"seat={seat}") for _ in range(3)]
    assert {again for again, _ in held} == {seat}
    # Made-up seats count as none: they are given in turn.
    held += [connect(balanced, f"seat={made_up}") for made_up in ("3", "127.0.0.1:22")]
    assert {given for given, _ in held[3:]} == {"1", "2"}
    for connection in (first, second, *(connection for _, connection in held)):
        connection.close()


def test_too_large_a_file_stops_at_nginx(balanced):
    connection = http.client.HTTPConnection("127.0.0.1", balanced.port, timeout=10)
    connection.putrequest("PUT", "/_stcore/upload_file/some/file")
    connection.putheader("Content-Length", str(30 * 2**20))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.browser
def test_a_killed_process_sends_its_users_to_the_other_with_a_word(balanced, chromium):
    """The last test here: it leaves one process only."""
    mine, theirs = (opened(chromium, balanced.url) for _ in range(2))
    seat = seat_of(mine)
    assert {seat, seat_of(theirs)} == {"1", "2"}

    weights = train_and_download(mine, balanced.url)
    draw(mine, ZERO)
    answered(mine, "0")
    label(mine, 6)
    answered(mine, "6")
    digits = download_digits(mine)
    draw(theirs, ONE)
    answered(theirs, "1")

    balanced.servers[int(seat) - 1].process.kill()
    mine.get_by_text(NOTICE).wait_for()
    assert seat_of(mine) != seat
    settled(mine)
    mine.get_by_text("None yet.").wait_for()
    # It stays until it is clicked away, and lies over the choice of the model until then.
    mine.get_by_test_id("stToast").get_by_role("button", name="Close").click()
    mine.get_by_text(NOTICE).wait_for(state="hidden")

    load_digits(mine, digits)
    mine.get_by_text("6 (1)").wait_for()
    go_to(mine, "Predict")
    load_weights(mine, weights)
    assert mine.get_by_role("combobox", name="Model").input_value() == "mine"
    draw(mine, ONE)
    answered(mine, "1")

    # Who was on the other process has noticed nothing.
    press(theirs, "Clear")
    theirs.wait_for_selector("text=Draw a digit on the canvas")
    draw(theirs, ZERO)
    answered(theirs, "0")
    assert theirs.get_by_text(NOTICE).count() == 0
    # Nothing of what went through nginx has touched the disk.
    assert not [path for path in (balanced.folder / "temp").rglob("*") if path.is_file()]
    for page in (mine, theirs):
        page.context.close()


def opened(chromium, url: str):
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(30_000)
    page.goto(url)
    settled(page)
    return page


def seat_of(page) -> str:
    return next(item["value"] for item in page.context.cookies() if item["name"] == "seat")


def train_and_download(page, url: str) -> bytes:
    page.goto(f"{url}/train?images=1000&iterations=8&features=strokes")
    settled(page)
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("Test accuracy").wait_for()
    settled(page)
    page.locator(".st-key-use button:visible").click()
    settled(page)
    with page.expect_download() as taken:
        page.locator(".st-key-download-weights button:visible").click()
    content = taken.value.path().read_bytes()
    go_to(page, "Predict")
    return content


def label(page, digit: int) -> None:
    row = page.locator("[class*='st-key-label-']")
    row.get_by_role("button", name=str(digit), exact=True).click()
    settled(page)


def download_digits(page) -> bytes:
    go_to(page, "My hand")
    with page.expect_download() as taken:
        page.get_by_role("button", name="ZIP", exact=True).click()
    return taken.value.path().read_bytes()


def load_digits(page, content: bytes) -> None:
    page.get_by_role("button", name="Load digits").click()
    upload(page, "digits.zip", content)
    page.get_by_role("button", name="Add these").click()
    settled(page)


def load_weights(page, content: bytes) -> None:
    page.get_by_role("button", name="Model", exact=True).click()
    upload(page, "mine.npz", content)
    page.get_by_role("button", name="Use this file").click()
    settled(page)


def upload(page, name: str, content: bytes) -> None:
    page.locator("[data-testid='stPopoverBody'] input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
