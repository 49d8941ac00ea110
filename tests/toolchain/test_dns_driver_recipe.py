# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipe for a DNS driver in docs/contributing.md, followed to the letter in a copy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = Path("plugins/module_utils/_dns/drivers")
COPIED = ("plugins", "tools/contract", "roles", "docs")
# What a driver's user runs, in a process that knows only the copy.
USE = """
import sys
sys.path.insert(0, ".")
from plugins.module_utils._dns.drivers.accounts import Drivers
from plugins.module_utils._dns.sets.rrset import RecordSet
from plugins.module_utils._engine.context import Context
from plugins.module_utils._engine.errors import Conflict, InputError

try:
    Drivers({}, Context()).get("acme")
except InputError as exc:
    print(exc)
params = {"dns_acme_key": "k" * 20, "dns_acme_url": sys.argv[1]}
driver = Drivers(params, Context()).get("acme")
old = RecordSet.of("northwind.example", "MX", ["0 old.example"], 3600)
new = RecordSet.of("northwind.example", "MX", ["5 new.example"], 300)
assert driver.read(old.name, "MX") is None
driver.replace(old.name, "MX", None, old)
found = driver.read(old.name, "MX")
assert found == old, found
driver.replace(old.name, "MX", found, new)
try:
    driver.replace(old.name, "MX", found, old)
except Conflict:
    print("conflict")
assert driver.read(old.name, "MX") == new
loaded = sorted(name for name in sys.modules if "_dns.drivers." in name)
print(" ".join(name.rsplit(".", 1)[1] for name in loaded))
"""
# Ansible's own search for what a module needs on another host.
SHIPPED = """
from ansible.executor.module_common import ModuleDepFinder
name = "ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.table"
source = open("plugins/module_utils/_dns/drivers/table.py", "rb").read()
found = ModuleDepFinder(name, source).submodules
print(" ".join(sorted({part for one in found for part in one[-2:]})))
"""


class Acme(BaseHTTPRequestHandler):
    """Acme DNS: one zone, sets with a counter as ETag."""

    sets: ClassVar[dict[str, tuple[int, Any]]] = {}

    def do_GET(self) -> None:
        if self.path == "/zones":
            self._answer(200, [{"name": "northwind.example", "servers": ["ns1.acme.example"]}])
        elif self.path in self.sets:
            etag, held = self.sets[self.path]
            self._answer(200, held, etag)
        else:
            self._answer(404, {})

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        etag, _held = self.sets.get(self.path, (0, None))
        right = self.headers["If-Match"] == str(etag) if etag else self.headers["If-None-Match"]
        if not right:
            self._answer(412, {})
            return
        self.sets[self.path] = (etag + 1, body)
        self._answer(200, body, etag + 1)

    def _answer(self, status: int, body: Any, etag: int | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if etag is not None:
            self.send_header("ETag", str(etag))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_unused: Any) -> None:
        """Say nothing."""


@pytest.fixture
def acme() -> Iterator[str]:
    Acme.sets.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Acme)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def recipe(part: str) -> str:
    text = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- recipe: {part} -->\n```python\n(.*?)```\n", text, re.DOTALL)
    assert found, part
    return found[1]


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_driver_is_two_files(tmp_path: Path, acme: str) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / DRIVERS / "acme.py").write_text(recipe("driver"), encoding="utf-8")
    table = tmp_path / DRIVERS / "table.py"
    text = table.read_text(encoding="utf-8")
    text = re.sub(r"^PROVIDERS = \(", 'PROVIDERS = ("acme", ', text, flags=re.MULTILINE)
    text = text.replace("    raise InputError(", recipe("table") + "    raise InputError(")
    table.write_text(text, encoding="utf-8")
    python(tmp_path, "tools/contract/generate.py")

    spec = (tmp_path / DRIVERS / "argument_spec.py").read_text(encoding="utf-8")
    assert '"dns_acme_key": {' in spec and 'first_env, ["ACME_DNS_KEY"]' in spec
    fragment = (tmp_path / "plugins/doc_fragments/dns.py").read_text(encoding="utf-8")
    assert "V(acme) replaces a record set" in fragment and "E(ACME_DNS_KEY)" in fragment
    assert "`area1_dns_acme_key`" in (tmp_path / "docs/variables.md").read_text(encoding="utf-8")
    page = (tmp_path / "docs/dns-providers.md").read_text(encoding="utf-8")
    assert "| `acme` | yes | yes | 60 s |" in page
    role = (tmp_path / "roles/preflight/vars/main.yml").read_text(encoding="utf-8")
    assert "dns_acme_key: " in role

    said = python(tmp_path, "-c", USE, acme).splitlines()
    assert said[0].startswith("dns_acme_key and dns_acme_url are not given")
    assert said[1] == "conflict"
    others = {"cloudflare", "rfc2136", "manual", "azure", "route53", "godaddy", "octodns"}
    assert "acme" in said[2].split() and not others & set(said[2].split())
    shipped = set(python(tmp_path, "-c", SHIPPED).split())
    assert shipped >= {"acme", "cloudflare", "rfc2136", "manual"}
