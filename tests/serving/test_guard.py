"""Who may ask: this machine's programs and the server's own page, with its token if it has one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ondevice.errors import RequestError
from ondevice.serving.settings import Settings
from tests.serving.running import Running, running, scripted

TOKEN = "correct horse battery"
PATHS = ("/", "/page.js", "/health", "/metrics", "/v1/models")
BODY = {"prompt": "write"}


@pytest.fixture(scope="module")
def secret() -> Iterator[Running]:
    with running(scripted, token=TOKEN) as found:
        yield found


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert "access-control-allow-origin" not in response.headers


def port(server: Running) -> int:
    assert server.client.base_url.port
    return server.client.base_url.port


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "localhost.evil.example", "", "127.0.0.1.nip.io"],
)
def test_a_rebound_name_gets_nothing(server: Running, host: str) -> None:
    headers = {"host": host.format(port=port(server))}
    for path in PATHS:
        refused(server.client.get(path, headers=headers), 403, "host_not_allowed")
    refused(server.post("/v1/edits", BODY, headers=headers), 403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]"])
def test_its_own_names_are_served(server: Running, host: str) -> None:
    headers = {"host": host.format(port=port(server))}
    assert server.client.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": "http://127.0.0.1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_from_elsewhere_gets_nothing(server: Running, headers: dict[str, str]) -> None:
    for path in PATHS:
        refused(server.client.get(path, headers=headers), 403, "origin_not_allowed")
    refused(server.post("/v1/edits", BODY, headers=headers), 403, "origin_not_allowed")
    ask = {**headers, "access-control-request-method": "POST"}
    asked = server.client.options("/v1/edits", headers=ask)
    refused(asked, 403, "origin_not_allowed")


def test_its_own_page_is_served(server: Running) -> None:
    headers = {"origin": server.url, "sec-fetch-site": "same-origin"}
    assert server.post("/v1/edits", BODY, headers=headers).status_code == 200


def test_a_link_may_lead_to_the_page_alone(server: Running) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert server.client.get("/", headers=headers).status_code == 200
    refused(server.client.get("/metrics", headers=headers), 403, "origin_not_allowed")


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_without_the_token_nothing_is_told(secret: Running, given: str) -> None:
    headers = {"authorization": given.encode("latin-1")}
    for path in ("/v1/models", "/metrics", "/nowhere"):
        response = secret.client.get(path, headers=headers)
        refused(response, 401, "invalid_api_key")
        assert response.headers["www-authenticate"] == "Bearer"
    refused(secret.post("/v1/edits", BODY, headers=headers), 401, "invalid_api_key")
    assert secret.client.get("/health", headers=headers).status_code == 200
    assert secret.client.get("/", headers=headers).status_code == 200


def test_with_the_token_all_is_told(secret: Running) -> None:
    assert secret.edits(**BODY)[-1]["type"] == "done"
    headers = {"authorization": f"bearer  {TOKEN}"}
    assert secret.client.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_others_are_served_only_with_a_token(host: str) -> None:
    with pytest.raises(RequestError, match="--token-file"):
        Settings(host=host)
    assert Settings(host=host, token=TOKEN).allows_host("machine.local")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.5"])
def test_this_machine_is_served_without(host: str) -> None:
    assert Settings(host=host).is_local
    assert not Settings(host=host, token=TOKEN).allows_host("machine.local")


def test_a_token_is_one_line() -> None:
    with pytest.raises(RequestError, match="ASCII"):
        Settings(token="two\nlines")
