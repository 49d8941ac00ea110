# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the API as they reach the operator, and one domain's steps: with a scripted API, no
network.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._email_security import domains
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.api import (
    EmailSecurity,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_options import (
    Wish,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_steps import (
    DomainSteps,
    Listing,
    Published,
    carry_out,
    with_readiness,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    account_of,
    api_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    NotFound,
    NotVerified,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation

ACCOUNT = "0123456789abcdef0123456789abcdef"
PATH = "accounts/%s/email-security/settings/domains" % ACCOUNT
HOST = "a-example.mail.protection.outlook.com"
QUIET = Context(sleep=lambda seconds: None)


class ScriptedApi:
    """Answers by (method, path); an exception is raised, a list is a list's pages, a callable gets
    the payload.
    """

    def __init__(self, **answers: t.Any) -> None:
        self.answers: dict[tuple[str, str], t.Any] = {}
        self.calls: list[tuple[str, str]] = []

    def on(self, method: str, path: str, answer: t.Any) -> ScriptedApi:
        self.answers[method, path] = answer
        return self

    def _answer(self, method: str, path: str, payload: t.Any = None) -> t.Any:
        self.calls.append((method, path))
        found = self.answers.get((method, path), NotFound("%s answered 404." % path, status=404))
        found = found(payload) if callable(found) else found
        if isinstance(found, Exception):
            raise found
        return found

    def get(self, path: str, params: t.Any = None, permission: str = "") -> t.Any:
        return self._answer("GET", path)

    def pages(
        self, path: str, params: t.Any = None, per_page: int = 50, permission: str = ""
    ) -> t.Iterator[t.Any]:
        yield from self._answer("GET", path)

    def write(self, method: str, path: str, payload: t.Any = None, permission: str = "") -> t.Any:
        return self._answer(method, path, payload)


def service(api: ScriptedApi) -> EmailSecurity:
    return EmailSecurity(t.cast(t.Any, api), ACCOUNT)


def domain(**fields: t.Any) -> dict[str, t.Any]:
    return {
        "id": "d1",
        "domain": "a.example",
        "status": "PENDING",
        "allowed_delivery_modes": ["DIRECT"],
        "lookback_hops": 1,
        "transport": HOST,
        "require_tls_outbound": True,
        "ip_restrictions": [],
        "regions": ["GLOBAL"],
        "drop_dispositions": [],
        **fields,
    }


def carry(api: ScriptedApi, wish: Wish, publish: t.Any = None, context: Context = QUIET) -> t.Any:
    used = service(api)
    return carry_out(
        used, DomainSteps(used, Listing(used), wish, lambda host: False), context, None, publish
    )


def failed(status: int) -> ReadError:
    return ReadError("GET answered %d." % status, status=status)


def denied(text: str = "Authentication error (10000)") -> PermissionDenied:
    return PermissionDenied("GET answered 403: %s." % text, "generic", status=403)


def test_account_without_subscription_is_told_apart() -> None:
    api = ScriptedApi().on(
        "GET", PATH, denied("Email Security is not available in the current subscription")
    )
    with pytest.raises(PermissionDenied, match="has no Email Security"):
        service(api).list()
    assert api.calls == [("GET", PATH)]


def test_good_token_without_the_grant_is_told_which() -> None:
    api = ScriptedApi().on("GET", "user/tokens/verify", {"status": "active"})
    api.on("POST", PATH, denied()).on("PATCH", PATH + "/d1", denied())
    with pytest.raises(PermissionDenied) as caught:
        service(api).create({"domain": "a.example"})
    assert "Cloud Email Security: Write" in caught.value.hint
    with pytest.raises(PermissionDenied) as caught:
        service(api).update("d1", {})
    assert "Cloud Email Security: Write" in caught.value.hint


def test_token_is_asked_about_once_for_many_refusals() -> None:
    api = (
        ScriptedApi()
        .on("GET", "user/tokens/verify", {"status": "active"})
        .on("GET", PATH + "/d1", denied())
    )
    used = service(api)
    for _attempt in range(3):
        with pytest.raises(PermissionDenied):
            used.read("d1")
    assert api.calls.count(("GET", "user/tokens/verify")) == 1


@pytest.mark.parametrize(
    ("answer", "said"), [({"status": "expired"}, "expired"), ({"status": "disabled"}, "disabled")]
)
def test_bad_token_behind_a_refusal_is_a_sign_in_error(answer: t.Any, said: str) -> None:
    api = ScriptedApi().on("GET", PATH, denied()).on("GET", "user/tokens/verify", answer)
    with pytest.raises(SignInError, match=said):
        service(api).list()


def test_token_that_nobody_knows() -> None:
    api = ScriptedApi().on("GET", PATH, denied())
    api.on("GET", "user/tokens/verify", SignInError("invalid")).on(
        "GET", "accounts/%s/tokens/verify" % ACCOUNT, SignInError("invalid")
    )
    with pytest.raises(SignInError, match="not known"):
        service(api).list()


def test_token_of_an_account_is_asked_about_at_the_account() -> None:
    api = ScriptedApi().on("GET", "user/tokens/verify", SignInError("invalid"))
    api.on(
        "GET",
        "accounts/%s/tokens/verify" % ACCOUNT,
        {"status": "active", "expires_on": "2027-01-01"},
    )
    assert service(api).token_status() == {
        "kind": "account",
        "status": "active",
        "expires_on": "2027-01-01",
        "refused": False,
    }


def test_service_that_says_nothing_of_the_token_is_no_failure() -> None:
    assert (
        service(ScriptedApi().on("GET", "user/tokens/verify", denied())).token_status()["status"]
        == ""
    )


@pytest.mark.parametrize("status", [400, 404, 405, 500, 503])
def test_token_address_that_fails_only_leaves_the_status_empty(status: int) -> None:
    api = ScriptedApi().on("GET", "user/tokens/verify", failed(status))
    api.on("GET", "accounts/%s/tokens/verify" % ACCOUNT, Refused("no", status=status))
    assert service(api).token_status() == {
        "kind": "",
        "status": "",
        "expires_on": None,
        "refused": False,
    }
    api.on("GET", PATH, denied()).on(
        "GET", "accounts/%s/tokens/verify" % ACCOUNT, SignInError("invalid")
    )
    with pytest.raises(PermissionDenied, match="403"):
        service(api).list()


def test_listing_that_fails_is_never_an_empty_account() -> None:
    with pytest.raises(NotFound):
        service(ScriptedApi()).list()
    with pytest.raises(ReadError):
        service(ScriptedApi().on("GET", PATH, [{"id": 1}])).list()


def test_api_that_cannot_create_says_where_to() -> None:
    api = ScriptedApi().on("POST", PATH, Refused("POST answered 405.", status=405))
    with pytest.raises(Refused) as caught:
        service(api).create({"domain": "a.example"})
    assert "dashboard" in caught.value.hint and "a.example" in caught.value.hint


def test_no_verification_is_an_answer() -> None:
    assert service(ScriptedApi()).verification(12) is None


@pytest.mark.parametrize(
    "answer",
    [
        *(failed(status) for status in (400, 405, 501)),
        None,
        {},
        {"last_checked_at": "then"},
        {"status": None, "txt_record_name": ""},
    ],
)
def test_service_that_offers_no_verification_asks_for_none(answer: t.Any) -> None:
    api = ScriptedApi().on("GET", PATH + "/d1/verification", answer)
    found = with_readiness(service(api), domain())["readiness"]
    assert (found["status"], found["verification"]) == ("ready", None)


@pytest.mark.parametrize("error", [denied(), failed(503), failed(0)])
def test_verification_that_cannot_be_read_makes_only_that_domain_wait(error: MailflowError) -> None:
    api = (
        ScriptedApi()
        .on("GET", PATH, [domain(), domain(id="d2", domain="b.example")])
        .on("GET", PATH + "/d1/verification", error)
    )
    used = service(api)
    waiting, other = [with_readiness(used, found)["readiness"] for found in used.list().values()]
    assert (
        waiting["status"] == "not_yet"
        and error.message in waiting["message"]
        and other["status"] == "ready"
    )
    done = carry(
        api, Wish("a.example", HOST), lambda wish, name, value: pytest.fail("nothing to publish")
    )
    assert done.error is None and done.readiness == waiting


def test_bad_token_at_the_verification_is_an_error() -> None:
    api = ScriptedApi().on(
        "GET", PATH + "/d1/verification", SignInError("GET answered 400.", status=400)
    )
    with pytest.raises(SignInError):
        with_readiness(service(api), domain())


def test_information_asks_for_the_verification_of_named_domains_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    api = (
        ScriptedApi()
        .on("GET", PATH, [domain(), domain(id="d2", domain="b.example")])
        .on("GET", PATH + "/d1/verification", failed(500))
    )
    monkeypatch.setattr(domains, "api_of", lambda params, context: api)
    path = str(tmp_path / "observation.json")
    given = {"account_id": ACCOUNT, "observation_path": path}
    read = domains.inform({**given, "domains": ["B.example."]}, QUIET).values
    assert (
        list(read["domains"]) == ["b.example"]
        and ("GET", PATH + "/d1/verification") not in api.calls
    )
    section = Observation(path).get(domains.SECTION)
    assert set(section) == {"a.example", "b.example"} and "readiness" not in section["a.example"]
    read = domains.inform(given, QUIET).values
    assert {name: found["readiness"]["status"] for name, found in read["domains"].items()} == {
        "a.example": "not_yet",
        "b.example": "ready",
    }


def test_create_with_unknown_outcome_is_found_in_the_list() -> None:
    """The answer was lost, so there is no id: the list tells, and nothing is sent again."""
    world: list[dict[str, t.Any]] = []

    def lost(payload: t.Any) -> Exception:
        world.append(domain(**payload))
        return AmbiguousWrite("broke off")

    api = ScriptedApi().on("GET", PATH, world).on("POST", PATH, lost)
    done = carry(api, Wish("a.example", HOST))
    assert done.error is None and done.changed and done.domain["id"] == "d1"
    assert [call for call in api.calls if call[0] == "POST"] == [("POST", PATH)]


def test_create_that_was_not_carried_out_is_sent_again() -> None:
    world: list[dict[str, t.Any]] = []
    outcomes: list[t.Any] = [AmbiguousWrite("broke off")]

    def create(payload: t.Any) -> t.Any:
        if outcomes:
            return outcomes.pop()
        world.append(domain(**payload))
        return world[0]

    api = (
        ScriptedApi()
        .on("GET", PATH, world)
        .on("POST", PATH, create)
        .on("GET", PATH + "/d1", lambda payload: world[0])
    )
    done = carry(api, Wish("a.example", HOST))
    assert done.error is None and len(world) == 1 and api.calls.count(("POST", PATH)) == 2


@pytest.mark.parametrize("reads_lag", [0, 2])
def test_late_reads_are_not_taken_for_a_stubborn_service(reads_lag: int) -> None:
    stored, stale = domain(drop_dispositions=["SPAM", "SPOOF"]), [True] * reads_lag

    def patch(payload: t.Any) -> t.Any:
        stored.update(payload)
        return stored

    api = ScriptedApi().on("GET", PATH, [dict(stored)]).on("PATCH", PATH + "/d1", patch)
    api.on(
        "GET",
        PATH + "/d1",
        lambda payload: (
            domain(drop_dispositions=["SPAM", "SPOOF"]) if stale and stale.pop() else dict(stored)
        ),
    )
    done = carry(api, Wish("a.example", HOST, drop_dispositions=("SPAM",)))
    assert (
        done.error is None
        and done.warnings == []
        and done.plan.after() == {"drop_dispositions": ["SPAM"]}
    )


def test_stubborn_service_is_a_warning_and_reports_what_is_there() -> None:
    stored = domain(require_tls_outbound=False, drop_dispositions=["MALICIOUS", "SPAM"])

    def patch(payload: t.Any) -> t.Any:
        stored.update({**payload, "drop_dispositions": ["MALICIOUS", "SPAM"]})
        return stored

    api = (
        ScriptedApi()
        .on("GET", PATH, [dict(stored)])
        .on("PATCH", PATH + "/d1", patch)
        .on("GET", PATH + "/d1", lambda payload: dict(stored))
    )
    done = carry(api, Wish("a.example", HOST, drop_dispositions=()))
    assert done.error is None and len(done.warnings) == 1
    assert done.plan.after() == {"require_tls_outbound": True}
    again = carry(
        ScriptedApi()
        .on("GET", PATH, [dict(stored)])
        .on("PATCH", PATH + "/d1", patch)
        .on("GET", PATH + "/d1", lambda payload: dict(stored)),
        Wish("a.example", HOST, drop_dispositions=()),
    )
    assert not again.changed and len(again.warnings) == 1


def test_a_service_that_holds_back_less_is_not_left_alone() -> None:
    stored = domain(drop_dispositions=["SPOOF"])

    def patch(payload: t.Any) -> t.Any:
        return stored

    api = (
        ScriptedApi()
        .on("GET", PATH, [dict(stored)])
        .on("PATCH", PATH + "/d1", patch)
        .on("GET", PATH + "/d1", lambda payload: dict(stored))
    )
    done = carry(api, Wish("a.example", HOST, drop_dispositions=("MALICIOUS", "SPOOF")))
    assert isinstance(done.error, NotVerified)


def test_forced_dispositions_are_left_without_a_write() -> None:
    api = ScriptedApi().on("GET", PATH, [domain(drop_dispositions=["malicious", "SPOOF", "SPAM"])])
    done = carry(api, Wish("a.example", HOST, drop_dispositions=("SPOOF",)))
    assert (
        done.error is None
        and not done.changed
        and [method for method, _path in api.calls if method != "GET"] == []
    )
    assert len(done.warnings) == 1 and "malicious, SPOOF, SPAM although SPOOF" in done.warnings[0]


def test_new_domain_with_forced_dispositions_is_reported_as_it_is() -> None:
    world: list[dict[str, t.Any]] = []
    api = ScriptedApi().on("GET", PATH, world).on("GET", PATH + "/d1", lambda payload: world[0])

    def create(payload: t.Any) -> t.Any:
        world.append(domain(**{**payload, "drop_dispositions": ["SPOOF", "MALICIOUS", "SPAM"]}))
        return world[0]

    done = carry(
        api.on("POST", PATH, create), Wish("a.example", HOST, drop_dispositions=("SPOOF",))
    )
    assert done.error is None and len(done.warnings) == 1 and done.plan.action == "create"
    assert done.plan.after()["drop_dispositions"] == ["SPOOF", "MALICIOUS", "SPAM"]


def test_fields_that_the_api_does_not_tell_are_a_warning_and_never_not_verified() -> None:
    stored = {
        key: value
        for key, value in domain(transport="old.example.net").items()
        if key not in ("lookback_hops", "require_tls_outbound")
    }
    sent: list[dict[str, t.Any]] = []

    def patch(payload: t.Any) -> t.Any:
        sent.append(payload)
        stored.update(transport=payload["transport"])
        return stored

    api = (
        ScriptedApi()
        .on("GET", PATH, [dict(stored)])
        .on("PATCH", PATH + "/d1", patch)
        .on("GET", PATH + "/d1", lambda payload: dict(stored))
    )
    done = carry(api, Wish("a.example", HOST))
    assert (
        done.error is None
        and done.changed
        and sent[0]["lookback_hops"] == 1
        and sent[0]["require_tls_outbound"] is True
    )
    assert (
        len(done.warnings) == 1
        and "lookback_hops = 1, require_tls_outbound = True" in done.warnings[0]
    )
    again = carry(api.on("GET", PATH, [dict(stored)]), Wish("a.example", HOST))
    assert (
        again.error is None
        and not again.changed
        and again.warnings == done.warnings
        and len(sent) == 1
    )


def test_write_that_never_shows_is_an_error_of_that_domain() -> None:
    api = (
        ScriptedApi().on("GET", PATH, [domain(lookback_hops=2)]).on("PATCH", PATH + "/d1", domain())
    )
    api.on("GET", PATH + "/d1", domain(lookback_hops=2))
    done = carry(api, Wish("a.example", HOST))
    assert isinstance(done.error, MailflowError) and done.error.kind == "not_verified"


def test_id_that_belongs_to_another_domain_is_a_conflict() -> None:
    api = ScriptedApi().on("GET", PATH, [domain(lookback_hops=2)]).on("PATCH", PATH + "/d1", {})
    api.on("GET", PATH + "/d1", domain(domain="b.example"))
    done = carry(api, Wish("a.example", HOST))
    assert isinstance(done.error, Conflict)


class Outcome:
    def __init__(self, changed: bool, pending: bool = False) -> None:
        self.changed, self.pending, self.zone_lines = changed, pending, ("_x IN TXT v",)


def test_proof_is_published_only_where_it_is_asked_for() -> None:
    asked = {"status": "pending", "txt_record_name": "_x.a.example", "txt_record_value": "v"}
    published: list[tuple[str, str, str]] = []

    def publish(wish: Wish, name: str, value: str) -> Published:
        published.append((wish.name, name, value))
        return Outcome(True)

    api = ScriptedApi().on("GET", PATH, [domain()])
    assert (
        carry(api, Wish("a.example", HOST), publish).readiness["status"] == "ready"
        and published == []
    )
    api.on("GET", PATH + "/d1/verification", {**asked, "status": "active"})
    assert not carry(api, Wish("a.example", HOST), publish).changed and published == []
    api.on("GET", PATH + "/d1/verification", asked)
    done = carry(api, Wish("a.example", HOST), publish)
    assert published == [("a.example", "_x.a.example", "v")]
    assert (
        done.changed
        and done.published
        and done.readiness["status"] == "not_yet"
        and "was published" in done.readiness["message"]
    )


def test_record_for_a_person_is_a_warning_and_no_change() -> None:
    asked = {"status": "pending", "txt_record_name": "_x.a.example", "txt_record_value": "v"}
    api = ScriptedApi().on("GET", PATH, [domain()]).on("GET", PATH + "/d1/verification", asked)
    done = carry(api, Wish("a.example", HOST), lambda wish, name, value: Outcome(False, True))
    assert not done.changed and "_x IN TXT v" in done.warnings[0]
    assert (
        carry(api, Wish("a.example", HOST), lambda wish, name, value: None).readiness["status"]
        == "not_yet"
    )


def test_dns_that_fails_does_not_hide_what_was_done() -> None:
    asked = {"status": "pending", "txt_record_name": "_x.a.example", "txt_record_value": "v"}
    api = ScriptedApi().on("GET", PATH, [domain()]).on("GET", PATH + "/d1/verification", asked)

    def publish(wish: Wish, name: str, value: str) -> Published:
        raise PermissionDenied("the zone cannot be seen")

    done = carry(api, Wish("a.example", HOST), publish)
    assert (
        isinstance(done.error, PermissionDenied) and done.readiness["verification"]["value"] == "v"
    )


def test_credentials_are_demanded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AREA1_ACCOUNT_ID", raising=False)
    monkeypatch.delenv("AREA1_API_TOKEN", raising=False)
    with pytest.raises(InputError, match="account"):
        account_of({"account_id": ""})
    with pytest.raises(InputError, match="32") as caught:
        account_of({"account_id": "../user"})
    assert ".." not in str(caught.value)
    with pytest.raises(InputError) as caught:
        api_of({"api_token": None}, Context())
    assert "AREA1_API_TOKEN" in caught.value.hint
    monkeypatch.setenv("AREA1_ACCOUNT_ID", ACCOUNT.upper())
    assert account_of({"account_id": ""}) == ACCOUNT
    assert account_of({"account_id": "f" * 32}) == "f" * 32
