# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a stranger's server says: the parsers of SMTP replies and of MTA-STS take it, and
nothing in it makes a verdict good by itself.
"""

from __future__ import annotations

import string

from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._facts.mta_sts import (
    Policy,
    matches,
    parse_policy,
    record_id,
    record_text,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.smtp_replies import (
    LOCKED,
    OPEN,
    STAGES,
    direct_verdict,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.conversation import (
    check_address,
    parse_reply,
)

LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=10)
HOST = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
PATTERN = st.one_of(HOST, HOST.map("*.{}".format))
POLICY = st.builds(
    Policy,
    mode=st.sampled_from(["enforce", "testing"]),
    max_age=st.integers(0, 31557600),
    mx=st.lists(PATTERN, min_size=1, max_size=5, unique=True).map(tuple),
)


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from(STAGES))
def test_any_bytes_are_a_reply_and_only_the_codes_decide(lines: list[bytes], stage: str) -> None:
    reply = parse_reply(lines)
    assert reply.code == 0 or 200 <= reply.code <= 599
    assert "\n" not in reply.text and "\r" not in reply.text
    verdict = direct_verdict(stage, reply)
    if verdict == LOCKED:
        assert reply.code // 100 == 5 and reply.enhanced == "5.7.51"
    if verdict == OPEN:
        assert stage == "message" and reply.code // 100 == 2


@given(
    st.integers(200, 599),
    st.integers(2, 5),
    st.integers(0, 999),
    st.integers(0, 999),
    st.text(string.ascii_letters + " ", max_size=30),
    st.integers(1, 4),
)
def test_a_well_formed_reply_says_what_it_says(
    code: int, klass: int, subject: int, detail: int, words: str, count: int
) -> None:
    enhanced = "%d.%d.%d" % (klass, subject, detail)
    line = ("%s %s" % (enhanced, words)).encode()
    reply = parse_reply([*[b"%d-%s\r\n" % (code, line)] * (count - 1), b"%d %s\r\n" % (code, line)])
    assert reply.code == code and reply.enhanced == (
        enhanced if klass == code // 100 and klass != 3 else ""
    )


@given(st.text(max_size=300))
def test_any_text_is_a_policy_or_a_problem(text: str) -> None:
    policy, problem = parse_policy(text)
    assert (policy is None) is bool(problem)


@given(POLICY, st.sampled_from(["\n", "\r\n"]))
def test_a_policy_survives_its_own_text(policy: Policy, end: str) -> None:
    assert parse_policy(policy.text().replace("\n", end)) == (policy, "")


@given(POLICY, st.lists(HOST, max_size=5))
def test_old_and_new_hosts_are_admitted_and_nothing_is_taken_away(
    policy: Policy, hosts: list[str]
) -> None:
    wished = policy.with_hosts(hosts)
    assert wished.missing(hosts) == [] and wished.mx[: len(policy.mx)] == policy.mx
    assert wished.with_hosts(hosts) == wished


@given(HOST, LABEL, LABEL)
def test_a_wildcard_never_covers_two_labels(host: str, first: str, second: str) -> None:
    assert matches("*." + host, "%s.%s" % (first, host))
    assert not matches("*." + host, "%s.%s.%s" % (first, second, host)) and not matches(
        "*." + host, host
    )


@given(
    st.lists(st.text(max_size=60), max_size=4),
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=32),
)
def test_an_id_comes_back_among_other_texts(others: list[str], identifier: str) -> None:
    others = [text for text in others if not text.strip().startswith("v=STSv1")]
    assert record_id([*others, record_text(identifier)]) == (identifier, "")


@given(st.text(max_size=100))
def test_no_address_ends_an_smtp_command(text: str) -> None:
    try:
        found = check_address(text, "it")
    except InputError:
        return
    assert not set(found) & set("\r\n<> \t\x00") and found.count("@") == 1
