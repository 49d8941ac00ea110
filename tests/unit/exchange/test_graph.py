# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    PermissionDenied,
    ReadError,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads import (
    graph as graph_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.graph import (
    forwarding_hosts,
)
from tests.unit.exchange.helpers import TlsServer, jwt


def mx(host: str, preference: int = 0, kind: str = "Mx") -> dict[str, Any]:
    return {"recordType": kind, "mailExchange": host, "preference": preference, "label": "x"}


class Graph:
    """Answers each request of a batch with the next entry for its domain:

    (status, body, headers).
    """

    def __init__(self) -> None:
        self.url = ""
        self.ca_path = ""
        self.answers: dict[str, list[tuple[int, Any, dict[str, str]]]] = {}
        self.pages: dict[str, Any] = {}
        self.whole: tuple[int, Any] | None = None
        self.batches: list[list[str]] = []
        self.single: list[str] = []

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if method == "GET" and path in self.pages:
            return 200, self.pages[path], {}
        if method == "GET":
            self.single.append(path)
            return self.answers[path.split("/")[3]].pop(0)
        assert path == "/v1.0/$batch" and headers["Authorization"].startswith("Bearer ")
        if self.whole:
            return (*self.whole, {})
        requests = json.loads(body)["requests"]
        names = [request["url"].split("/")[2] for request in requests]
        self.batches.append(names)
        responses = []
        for request, name in zip(requests, names, strict=True):
            assert request["url"] == "/domains/%s/serviceConfigurationRecords" % name
            status, content, extra = (
                self.answers[name].pop(0)
                if name in self.answers
                else (200, {"value": [mx(name + ".mail")]}, {})
            )
            responses.append(
                {"id": request["id"], "status": status, "headers": extra, "body": content}
            )
        return 200, {"responses": responses[::-1]}, {}


@pytest.fixture(autouse=True)
def by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few domains are asked for one by one; these tests are about batches unless they say
    otherwise.
    """
    monkeypatch.setattr(graph_module, "FEW", 0)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    found = Graph()
    with TlsServer(tmp_path, found.handle).serving() as server:
        found.url, found.ca_path = server.url, server.ca_path
        yield found


def ask(graph: Graph, *domains: str, context: Context | None = None) -> dict[str, Any]:
    params = {
        "graph_access_token": jwt(aud="https://graph.microsoft.com"),
        "graph_url": graph.url,
        "ca_path": graph.ca_path,
        "timeout": 20,
    }
    return forwarding_hosts(params, context or Context(sleep=lambda seconds: None), domains)


@pytest.mark.parametrize("status", [400, 404, 405, 501, None])
def test_without_batch_each_domain_is_asked_for_by_itself(
    graph: Graph, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources name the plain request only [CUT-2.2].

    None: there are few domains, and no batch is tried.
    """
    monkeypatch.setattr(graph_module, "FEW", 0 if status else 3)
    graph.whole = (status, {"error": {"code": "x", "message": "no"}}) if status else None
    graph.answers = {
        "a.example": [(200, {"value": [mx("a.mail")]}, {})],
        "b.example": [(404, {}, {})],
    }
    assert ask(graph, "a.example", "b.example") == {
        "a.example": {"hosts": ["a.mail"], "error": ""},
        "b.example": {"hosts": [], "error": ""},
    }
    assert len(graph.single) == 2 and graph.batches == []


def test_only_mx_records_count_and_the_best_comes_first(graph: Graph) -> None:
    records = [
        mx("b.example.", 20),
        mx("A.example", 5, "mX"),
        mx("wrong.example", 0, "Txt"),
        mx("a.example", 30),
        {"recordType": "Mx"},
    ]
    graph.answers = {
        "x.example": [(200, {"value": records}, {})],
        "y.example": [(200, {"value": []}, {})],
        "z.example": [(404, {"error": {}}, {})],
    }
    assert ask(graph, "X.example.", "y.example", "z.example", "x.example") == {
        "x.example": {"hosts": ["a.example", "b.example"], "error": ""},
        "y.example": {"hosts": [], "error": ""},
        "z.example": {"hosts": [], "error": ""},
    }
    assert graph.batches == [["x.example", "y.example", "z.example"]]


def test_nothing_to_ask() -> None:
    assert forwarding_hosts({}, Context(), []) == {}


def test_batches_of_twenty(graph: Graph) -> None:
    names = ["d%d.example" % number for number in range(45)]
    found = ask(graph, *names)
    assert [len(batch) for batch in graph.batches] == [20, 20, 5]
    assert list(found) == names and found["d44.example"]["hosts"] == ["d44.example.mail"]


def test_throttling_inside_a_batch_is_waited_for(graph: Graph) -> None:
    graph.answers = {
        "x.example": [
            (429, {}, {"Retry-After": "7"}),
            (503, {}, {}),
            (200, {"value": [mx("h.example")]}, {}),
        ]
    }
    slept: list[float] = []
    found = ask(graph, "x.example", "y.example", context=Context(sleep=slept.append))
    assert found["x.example"] == {"hosts": ["h.example"], "error": ""}
    assert slept == [7.0, 1.0] and graph.batches == [
        ["x.example", "y.example"],
        ["x.example"],
        ["x.example"],
    ]


def test_the_deadline_leaves_an_error_for_that_domain_alone(graph: Graph) -> None:
    graph.answers = {
        "x.example": [
            (429, {"error": {"code": "TooManyRequests", "message": "m"}}, {"Retry-After": "60"})
        ]
    }
    found = ask(graph, "x.example", "y.example")
    assert "429" in found["x.example"]["error"] and found["x.example"]["hosts"] == []
    assert found["y.example"]["error"] == ""


def test_refusals_inside_and_outside_a_batch(graph: Graph) -> None:
    denied = {
        "error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}
    }
    graph.answers = {
        "x.example": [(403, denied, {})],
        "y.example": [(400, {"error": {"code": "BadRequest", "message": "No."}}, {})],
    }
    with pytest.raises(PermissionDenied, match="Domain.Read.All"):
        ask(graph, "x.example")
    assert "BadRequest No." in ask(graph, "y.example")["y.example"]["error"]
    graph.whole = (403, denied)
    with pytest.raises(PermissionDenied, match="Domain.Read.All"):
        ask(graph, "x.example")
    graph.whole = (401, {"error": {"code": "InvalidAuthenticationToken", "message": "m"}})
    with pytest.raises(SignInError, match="does not take the access token"):
        ask(graph, "x.example")
    broken: list[tuple[int, Any]] = [
        (404, b"<html>"),
        (200, b"no json"),
        (200, {"no": "responses"}),
        (200, []),
    ]
    for whole in broken:
        graph.whole = whole
        with pytest.raises(ReadError):
            ask(graph, "x.example")


def test_further_pages_are_read_and_never_left_out(graph: Graph) -> None:
    first = {
        "value": [mx("a.example", 1)],
        "@odata.nextLink": graph.url + "/v1.0/next?$skiptoken=1",
    }
    graph.answers = {"x.example": [(200, first, {})]}
    graph.pages = {"/v1.0/next?$skiptoken=1": {"value": [mx("b.example", 2)]}}
    assert ask(graph, "x.example")["x.example"]["hosts"] == ["a.example", "b.example"]
    graph.answers = {
        "x.example": [(200, {**first, "@odata.nextLink": "https://evil.example/next"}, {})],
        "y.example": [(200, {"value": None}, {})],
    }
    found = ask(graph, "x.example", "y.example")
    assert "evil.example" in found["x.example"]["error"] and found["x.example"]["hosts"] == []
    assert "without a readable list" in found["y.example"]["error"]
