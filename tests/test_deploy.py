"""Many processes of the app behind one nginx, as `deploy/` sets them up."""

import base64
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import tomllib
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import kubernetes_validate
import pytest
import streamlit
import yaml
from packaging.requirements import Requirement
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.driver import (
    IN_THE_BAR,
    ONE,
    PATIENCE,
    ROOT,
    ZERO,
    Server,
    answered,
    draw,
    free_port,
    go_to,
    new_context,
    press,
    say,
    settled,
)
from tests.helpers import skip_without, wait_for
from ui.lost_session import lost_session

DEPLOY = ROOT / "deploy"
NOTICE = "The server has lost this session"


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    """Two processes of the app behind nginx, by the same script and configuration as compose's."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        skip_without("no nginx found; install one (Debian: apt-get install nginx-light)")
    with ExitStack() as running:
        servers = [running.enter_context(Server()) for _ in range(2)]
        replicas = [server.url.removeprefix("http://") for server in servers]

        def start(**variables: str) -> SimpleNamespace:
            folder = tmp_path_factory.mktemp("nginx")
            port = free_port()
            said = running.enter_context(open(folder / "said", "w+", encoding="utf-8"))
            process = subprocess.Popen(
                ["sh", str(DEPLOY / "balancer.sh"), str(folder)],
                cwd=folder,
                env={
                    "PATH": f"{os.environ['PATH']}:{os.path.dirname(nginx)}",
                    "REPLICAS": " ".join(replicas),
                    "LISTEN": f"127.0.0.1:{port}",
                    **variables,
                },
                stderr=said,
            )
            running.callback(process.wait, 10)
            running.callback(process.terminate)
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: process.poll() is not None or answers(url), PATIENCE)
            said.seek(0)
            assert process.poll() is None, said.read()
            return SimpleNamespace(url=url, port=port, folder=folder, said=said)

        yield SimpleNamespace(**vars(start()), servers=servers, start=start)


def answers(url: str) -> bool:
    """Whether the app answers there, and lets this address in."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
            return True
    except OSError:
        return False


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


def kubernetes() -> dict:
    """The parts of the cluster's configuration by kind; of two of a kind the first."""
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return {part["kind"]: part for part in reversed(list(yaml.safe_load_all(text)))}


def test_kubernetes_accepts_its_configuration():
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    kinds = [kubernetes_validate.validate(p, "1.30", strict=True) for p in yaml.safe_load_all(text)]
    assert len(kinds) == 6
    unknown = next(yaml.safe_load_all(text)) | {"replicas": 3}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(unknown, "1.30", strict=True)


def test_the_cluster_keeps_to_what_nginx_and_compose_do():
    parts = kubernetes()
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pod = parts["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert parts["Service"]["spec"]["selector"] == pod["metadata"]["labels"]
    assert str(container["ports"][0]["containerPort"]) in dockerfile
    assert str(pod["spec"]["securityContext"]["runAsUser"]) in dockerfile
    notes = parts["Ingress"]["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    balancer = (DEPLOY / "balancer.sh").read_text(encoding="utf-8")
    assert f"client_max_body_size {notes[prefix + 'proxy-body-size']};" in nginx
    assert f"CONNECTIONS:-{notes[prefix + 'limit-connections']}}}" in balancer
    assert f"REQUESTS:-{notes[prefix + 'limit-rps']}}}" in balancer
    burst = int(notes[prefix + "limit-rps"]) * int(notes[prefix + "limit-burst-multiplier"])
    assert f"BURST:-{burst}}}" in balancer
    assert notes[prefix + "affinity"] == "cookie"
    assert (
        parts["PodDisruptionBudget"]["spec"]["minAvailable"]
        < parts["Deployment"]["spec"]["replicas"]
    )


def test_no_visitor_is_shown_a_traceback_and_no_message_is_endless():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["maxMessageSize"] <= 4


def test_the_images_of_others_are_named_with_their_sums():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    named = re.findall(r"^FROM (\S+)", dockerfile, re.M)
    named += [
        service["image"] for service in compose["services"].values() if "build" not in service
    ]
    assert {name.split(":")[0] for name in named} == {"python", "nginx"}
    for name in named:
        assert re.fullmatch(r"\w+:[\w.-]+@sha256:[0-9a-f]{64}", name), name


def test_the_image_installs_what_the_requirements_ask_for_and_each_file_by_its_sum():
    lock = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.M))
    assert len(pins) == len(re.findall(r"^\w", lock, re.M))
    assert all("--hash=sha256:" in part for part in re.split(r"^(?=\w)", lock, flags=re.M)[1:])
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            assert pins[wanted.name.lower()] in wanted.specifier, line


def test_the_image_holds_all_that_the_app_reads():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {path for line in lines if line.startswith("!") for path in ROOT.glob(line[1:])}
    folders = ("lrcore", "ui", "pages", "weights", "lessons", "data/mnist")
    read = {path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()}
    read |= {ROOT / "streamlit_app.py", ROOT / ".streamlit" / "config.toml"}
    assert {path for path in read - kept if path.suffix != ".pyc"} == set()


def test_what_is_put_aside_in_memory_is_bounded():
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    mounts = re.findall(r"tmpfs: (\S+)", compose)
    assert len(mounts) == 2
    assert all(re.fullmatch(r"/\w+:size=\d+m", mount) for mount in mounts)


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


def status(port: int, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def test_the_policy_knows_the_scripts_in_streamlits_page():
    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = re.findall(
        r"<script(?![^>]*src)[^>]*>(.*?)</script>", page.read_text(encoding="utf-8"), re.S
    )
    sums = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    policy = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert re.findall("'sha256-(.+?)'", policy) == sums


def test_every_answer_says_what_a_page_may_do(balanced):
    for path in ("/", "/train?images=1000", "/_stcore/health", "/no/such/file.js"):
        _, headers = status(balanced.port, path)
        policy = headers["Content-Security-Policy"]
        assert "img-src 'self' data: blob:;" in policy
        assert "default-src 'self';" in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/train/_stcore/metrics"])
def test_what_the_server_holds_is_not_shown(balanced, path):
    code, headers = status(balanced.port, path)
    assert code == 404 or "text/html" in headers["Content-Type"]


def test_a_flood_from_one_address_stops_at_nginx(balanced):
    limited = balanced.start(REQUESTS="1", BURST="20", CONNECTIONS="8")
    codes = [status(limited.port, "/_stcore/health")[0] for _ in range(40)]
    assert codes.count(200) in range(18, 26)
    assert set(codes) == {200, 429}


def test_connections_of_one_address_are_bounded(balanced):
    limited = balanced.start(CONNECTIONS="3")
    held = [connect(limited)[1] for _ in range(3)]
    assert status(limited.port, "/_stcore/health")[0] == 429
    for connection in held:
        connection.close()
    wait_for(lambda: answers(limited.url), PATIENCE)


def test_behind_a_proxy_each_address_counts_by_itself(balanced):
    limited = balanced.start(REQUESTS="1", BURST="1", CONNECTIONS="8", PROXY="127.0.0.1")
    seen = {
        address: [
            status(limited.port, "/_stcore/health", **{"X-Forwarded-For": address})[0]
            for _ in range(6)
        ]
        for address in ("192.0.2.1", "192.0.2.2")
    }
    assert all(200 in codes and 429 in codes for codes in seen.values())
    # Without it anybody could make up addresses.
    unset = balanced.start(REQUESTS="1", BURST="1", CONNECTIONS="8")
    made_up = [
        status(unset.port, "/_stcore/health", **{"X-Forwarded-For": f"192.0.2.{k}"})[0]
        for k in range(12)
    ]
    assert 429 in made_up


def test_a_class_behind_one_address_is_let_in(balanced):
    """As many as open a page at once in two classes, at each of which a browser takes files."""
    codes = [status(balanced.port, "/_stcore/health")[0] for _ in range(1500)]
    assert set(codes) == {200}


def test_the_log_of_nginx_says_nothing_of_who_looked_at_what(balanced):
    limited = balanced.start(REQUESTS="1", BURST="1")
    for _ in range(6):
        status(limited.port, "/train?images=1234")
    for log in (limited.said, balanced.said):
        log.seek(0)
        assert "request:" not in (text := log.read())
        assert "images=1234" not in text


@pytest.mark.browser
def test_no_page_needs_what_the_policy_forbids(balanced, chromium):
    page = opened(chromium, balanced.url)
    refused = []
    page.on("console", lambda said: "Content Security" in said.text and refused.append(said.text))
    page.reload()
    settled(page)
    draw(page, ONE)
    answered(page, "1")
    page.get_by_text("Why this answer?").click()
    settled(page)
    for title in (*IN_THE_BAR[1:], IN_THE_BAR[0]):
        go_to(page, title)
    assert page.locator("canvas").count()
    page.goto(f"{balanced.url}/lesson")
    settled(page)
    page.context.close()
    assert not refused


@pytest.mark.browser
def test_a_killed_process_sends_its_users_to_the_other_with_a_word(balanced, chromium):
    """The last test here: it leaves one process only."""
    mine, theirs = (opened(chromium, balanced.url) for _ in range(2))
    seat = seat_of(mine)
    assert {seat, seat_of(theirs)} == {"1", "2"}

    weights = train_and_download(mine, balanced.url)
    draw(mine, ZERO)
    answered(mine, "0")
    say(mine, 6)
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
    close_toasts(mine)

    load_digits(mine, digits)
    mine.get_by_text("6 (1)").wait_for()
    go_to(mine, "Predict")
    load_weights(mine, weights)
    assert mine.get_by_role("combobox", name="Model").input_value().startswith("mine · ")
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
    page = new_context(chromium, viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(120_000)  # runs stand back where a machine is busy
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


def download_digits(page) -> bytes:
    go_to(page, "My hand")
    with page.expect_download() as taken:
        page.get_by_role("button", name="ZIP of your digits").click()
    return taken.value.path().read_bytes()


def load_digits(page, content: bytes) -> None:
    page.get_by_role("button", name="Load digits").click()
    upload(page, "digits.zip", content)
    settled(page)


def load_weights(page, content: bytes) -> None:
    close_toasts(page)
    page.get_by_role("button", name="Model in use, or one of your own").click()
    upload(page, "mine.npz", content)
    settled(page)


def close_toasts(page) -> None:
    """Close all that lie over the page, one after the other: there are several at times."""
    toasts = page.get_by_test_id("stToast")

    def none_left() -> bool:
        if toasts.count() == 0:
            return True
        # One may go by itself meanwhile.
        with suppress(PlaywrightTimeoutError):
            toasts.first.get_by_role("button", name="Close").click(timeout=1000)
        return False

    wait_for(none_left, seconds=60)


def upload(page, name: str, content: bytes) -> None:
    page.locator("[data-testid='stPopoverBody'] input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
