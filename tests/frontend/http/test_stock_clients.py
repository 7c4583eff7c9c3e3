"""Clients and proxies as they are installed: whatever they do by default, no request is lost."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from ops.polling import wait_within
from ops.processes.ports import choose_ports
from ops.stack.postgres import EmbeddedPostgres
from tests.live import Live, live_server

pytestmark = pytest.mark.drill

BODY = '{"input": "rain", "audio_length": 0.5, "num_inference_steps": 1}'
PATH = "/v1/audio/generate"
N_REQUESTS, N_AT_ONCE = 200, 16
PROXY_IDLE_S = 60  # as long as proxies keep connections to servers, by default
PATIENCE_S = 120.0

JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] words) throws Exception {
        HttpClient client = HttpClient.newHttpClient();  // offers HTTP/2 with every request
        for (int i = 0; i < Integer.parseInt(words[1]); i++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(words[0]))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(words[2])).build();
            var answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
            System.out.println(answer.statusCode());
        }
    }
}
"""
NGINX = """
daemon off; pid nginx.pid; error_log nginx.log;
events {{}}
http {{
    access_log off; client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    upstream tritone {{ server {host}; keepalive 32; keepalive_timeout {idle_s}s; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://tritone; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; proxy_next_upstream off;
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 100s
    timeout server 100s
    timeout http-keep-alive {idle_s}s
    retries 0
    http-reuse always
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    server tritone {host} pool-purge-delay {idle_s}s
"""


@pytest.fixture(scope="module")
def live(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(postgres, tmp_path_factory.mktemp("files"), keys={}) as live:
        yield live


def _run(name: str, *arguments: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout


def test_javas_client(live: Live, tmp_path: Path) -> None:
    source = tmp_path / "Ask.java"
    source.write_text(JAVA)
    said = _run("java", str(source), f"{live.url}{PATH}", str(N_REQUESTS), BODY)
    assert said.split() == ["200"] * N_REQUESTS


def test_curl_with_an_offer_of_http_2(live: Live) -> None:
    options = ("-s", "--http2", "-o", "/dev/null", "-w", "%{http_code}", "--json", BODY)
    assert [_run("curl", *options, f"{live.url}{PATH}") for _ in range(5)] == ["200"] * 5


@pytest.mark.parametrize("options", [(), ("-k",)])
def test_ab(live: Live, tmp_path: Path, options: tuple[str, ...]) -> None:
    body = tmp_path / "body"
    body.write_text(BODY)
    sent = ("-n", str(N_REQUESTS), "-c", str(N_AT_ONCE), "-p", str(body), "-T", "application/json")
    said = _run("ab", *options, "-l", *sent, f"{live.url}{PATH}")  # -l: seeds differ, so lengths do
    assert f"Complete requests:      {N_REQUESTS}\n" in said
    assert "Failed requests:        0\n" in said
    assert "Non-2xx" not in said


@contextmanager
def _proxy(name: str, live: Live, folder: Path) -> Iterator[str]:
    program = shutil.which(name, path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    port, configuration = choose_ports({"": 0})[""], folder / "conf"
    template = {"nginx": NGINX, "haproxy": HAPROXY}[name]
    configuration.write_text(
        template.format(port=port, host=urlsplit(live.url).netloc, idle_s=PROXY_IDLE_S)
    )
    options = {"nginx": ("-p", str(folder), "-c"), "haproxy": ("-db", "-f")}[name]
    process = subprocess.Popen([program, *options, str(configuration)])
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_within(PATIENCE_S, lambda: _answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/livez").is_success
    except httpx2.TransportError:
        return False


def test_proxies_that_keep_connections_as_long_as_they_do(live: Live, tmp_path: Path) -> None:
    with ExitStack() as running, ThreadPoolExecutor(N_AT_ONCE) as threads:
        urls = []
        for name in ("nginx", "haproxy"):
            (tmp_path / name).mkdir()
            urls.append(running.enter_context(_proxy(name, live, tmp_path / name)))

        def ask(i: int) -> int:
            url = f"{urls[i % 2]}{PATH}"
            headers = {"content-type": "application/json"}
            return httpx2.post(url, content=BODY, headers=headers, timeout=PATIENCE_S).status_code

        for pause_s in (0.0, PROXY_IDLE_S - 1.0, PROXY_IDLE_S + 0.01):
            time.sleep(pause_s)
            assert list(threads.map(ask, range(N_REQUESTS))) == [200] * N_REQUESTS
