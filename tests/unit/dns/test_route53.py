# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route 53 without the network: signatures held against botocore's, XML, error texts, keys."""

from __future__ import annotations

import datetime
import subprocess
import sys
import urllib.parse
from pathlib import Path

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import (
    aws_signature,
    route53,
    route53_api,
    route53_xml,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    DriverOptions,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    Conflict,
    InputError,
    MailflowError,
    ReadError,
    Refused,
    SignInError,
)

NOW = datetime.datetime(2026, 11, 29, 5, 34, 29, tzinfo=datetime.timezone.utc)
NAME = "protect-cname.northwind.example"
SET = f"[name='{NAME}.', type='MX']"


@pytest.mark.parametrize("token", ["", "session/token+with=signs"])
@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/2013-04-01/hostedzonesbyname", {"maxitems": "100"}, b""),
        (
            "GET",
            "/2013-04-01/hostedzone/Z1/rrset",
            {"name": "*.wild.example.", "type": "MX", "maxitems": "20", "identifier": "a b/ü~"},
            b"",
        ),
        ("POST", "/2013-04-01/hostedzone/Z1/rrset/", {}, b"<ChangeResourceRecordSetsRequest/>"),
    ],
)
def test_signatures_are_those_of_botocore(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes,
    token: str,
) -> None:
    host = "route53.amazonaws.com"
    request = aws_signature.SignedRequest(method, host, path, query, body)
    keys = aws_signature.AwsKeys("AKIATEST", "secret/key+", token)
    ours = aws_signature.sign(request, keys, "us-east-1", "route53", NOW.timestamp())
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    theirs = botocore.awsrequest.AWSRequest(
        method, f"https://{host}{request.target}", data=body or None
    )
    credentials = botocore.credentials.Credentials("AKIATEST", "secret/key+", token or None)
    botocore.auth.SigV4Auth(credentials, "route53", "us-east-1").add_auth(theirs)
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert urllib.parse.urlsplit(theirs.url).path == path


@given(st.text(max_size=600))
def test_a_txt_text_comes_back(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    stored = route53_xml.strings_of(text)
    assert stored.isascii() and route53_xml.text_of(stored) == text


def test_escapes_of_txt_values_are_octal() -> None:
    assert route53_xml.text_of(r'"caf\303\251 \"x\"" " and more"') == 'café "x" and more'
    assert route53_xml.dns_name(r"\052.Northwind.Example.") == "*.northwind.example"
    assert route53_xml.dns_name(r"m\303\274ller.example.") == "xn--mller-kva.example"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            f"Tried to delete resource record set {SET} but the values provided do not match the"
            " current values",
            Conflict,
        ),
        (f"Tried to delete resource record set {SET} but it was not found", Conflict),
        (f"Tried to create resource record set {NAME}. type MX but it already exists", Conflict),
        (f"[Tried to create resource record set {SET} but it already exists]", Conflict),
        (f"The resource record set {SET} is protected: values do not match our rules", Refused),
        (
            f"RRSet of type MX with DNS name {NAME}. is not permitted because a conflicting RRSet"
            " of type  CNAME with the same DNS name already exists in zone northwind.example.",
            InputError,
        ),
        (
            f"RRSet with DNS name {NAME}., type MX cannot be created as other RRSets exist with the"
            " same name and type.",
            InputError,
        ),
        ("Duplicate Resource Record: '10 a.example.'", Refused),
    ],
)
def test_what_a_refused_batch_means(text: str, kind: type[MailflowError]) -> None:
    found = route53_api.batch_error(NAME, text, f"{NAME}: {text}")
    assert type(found) is kind and found.hint


def test_both_shapes_of_errors() -> None:
    one = (
        b"<ErrorResponse xmlns='x'><Error><Code>Throttling</Code><Message>m</Message></Error>"
        b"</ErrorResponse>"
    )
    many = (
        b"<InvalidChangeBatch><Messages><Message>a</Message><Message>b</Message></Messages>"
        b"</InvalidChangeBatch>"
    )
    assert route53_xml.error_of(route53_xml.parse(one, "here")) == ("Throttling", "m")
    assert route53_xml.error_of(route53_xml.parse(many, "here")) == ("InvalidChangeBatch", "a b")
    for bad in (b"<html>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b""):
        with pytest.raises(ReadError):
            route53_xml.parse(bad, "here")


def test_a_batch_names_what_was_stored() -> None:
    found = RecordSet.of("a.example", "MX", ["10 Mail.Example."], 300)
    body = route53_xml.change_batch(
        [("DELETE", "a.example.", found, ["10 Mail.Example."]), ("CREATE", "a.example.", found, [])]
    )
    root = route53_xml.parse(body, "here")
    assert root.findtext("ChangeBatch/Changes/Change/Action") == "DELETE"
    assert "<Value>10 Mail.Example.</Value>" in body.decode() and b"UPSERT" not in body


def keys(**values: str) -> route53_api.Keys:
    named = {f"dns_route53_{key}": value for key, value in values.items()}
    options = DriverOptions("route53", route53.Route53Driver.OPTIONS, named)
    return route53.keys_from(options)


def test_where_keys_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert keys(access_key="a", secret_key="b").keys() == aws_signature.AwsKeys("a", "b")
    with pytest.raises(InputError, match="dns_route53_secret_key"):
        keys(access_key="a")
    with pytest.raises(InputError, match="Both"):
        keys(access_key="a", secret_key="b", profile="mail")
    monkeypatch.setenv("AWS_SECURITY_TOKEN", "c")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert keys().keys() == aws_signature.AwsKeys("a", "b", "c")
    (tmp_path / "credentials").write_text(
        "[mail]\naws_access_key_id = p\naws_secret_access_key = q\n", encoding="utf-8"
    )
    assert keys(profile="mail").keys() == aws_signature.AwsKeys("p", "q")
    with pytest.raises(SignInError, match="other"):
        keys(profile="other").keys()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(SignInError, match="No AWS credentials"):
        keys().keys()


def test_given_keys_import_no_library_of_aws() -> None:
    code = (
        "import sys; sys.path[:0] = ['.', '.ansible_root'];"
        "from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import route53;"
        "from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import"
        " DriverOptions;"
        "values = {'dns_route53_access_key': 'a', 'dns_route53_secret_key': 'b'};"
        "options = DriverOptions('route53', route53.Route53Driver.OPTIONS, values);"
        "route53.keys_from(options).keys();"
        "print([name for name in sys.modules if name.startswith(('boto', 'azure', 'msal'))])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert shown.strip() == "[]"
