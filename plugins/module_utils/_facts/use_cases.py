# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The five use cases, as data to be compared with Cloudflare's pages ([CF-4.1] to [CF-4.3]).

``tutorial`` are the words and names of the tutorial, ``current`` those of today's pages. The header
is the operator's choice in both.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.errors import InputError
from .dispositions import HEADER_WORDS, api_word, header_word

VARIANTS = ("current", "tutorial")

# Policies of quarantine: the last one is built in.
ASK, FREE, ADMIN = "UserNotifyAdminRelease", "UserNotifyUserRelease", "AdminOnlyAccessPolicy"
JUNK, QUARANTINE = "MoveToJmf", "Quarantine"
TO_QUARANTINE = "quarantine"  # The action "Redirect to hosted quarantine". A number is an SCL.

#: What recipients may do, and whether they are notified [CF-4.3].
POLICIES: dict[str, dict[str, t.Any]] = {
    ASK: {"permissions": ("request_release", "preview", "delete"), "notifications": True},
    FREE: {"permissions": ("release", "preview", "delete"), "notifications": True},
}

Verdicts = tuple[str, t.Optional[str], str, str, str]  # noqa: UP045 (made at run time)

#: Title; what Area 1 quarantines; spam action and policy; policies of high confidence spam,
#: phishing, high confidence phishing [CF-4.1]. Mail that these three quarantine stays at
#: least 15 days.
CASES: dict[int, tuple[str, tuple[str, ...], Verdicts]] = {
    1: (
        "Junk and Area 1 Admin Quarantine",
        ("MALICIOUS", "SPAM", "SPOOF"),
        (JUNK, None, ASK, ASK, ASK),
    ),
    2: ("Junk and user managed quarantine", ("MALICIOUS",), (JUNK, None, FREE, ASK, ASK)),
    3: ("Junk and administrative quarantine", (), (JUNK, None, ASK, ASK, ASK)),
    4: ("User managed and administrative quarantine", (), (QUARANTINE, FREE, ASK, ASK, ASK)),
    5: ("Junk and administrative quarantine (hosted)", (), (JUNK, None, ADMIN, ADMIN, ADMIN)),
}
RETENTION_DAYS = (15, 30)

Row = tuple[int, str, str, tuple[str, ...], tuple[str, ...], t.Any]

#: Use case; name in the tutorial and today; words in the tutorial and today; action [CF-4.2].
#: In the order of the page, the one that quarantines last: it ends the processing of rules.
RULES: tuple[Row, ...] = (
    (
        1,
        "Area 1 Deliver to Junk Email folder",
        "Email Security Deliver to Junk Email folder",
        ("SUSPICIOUS", "BULK"),
        ("SUSPICIOUS", "BULK"),
        5,
    ),
    (
        2,
        "Area 1 Deliver to Junk Email folder",
        "Email Security Deliver to Junk Email folder",
        ("SUSPICIOUS", "BULK"),
        ("BULK",),
        5,
    ),
    (
        2,
        "Area 1 User Quarantine Message",
        "Email Security User Quarantine Message",
        ("UCE", "SPOOF"),
        ("UCE", "SPOOF"),
        9,
    ),
    (
        3,
        "Area 1 Deliver to Junk Email folder",
        "Email Security Deliver to Junk Email folder",
        ("SUSPICIOUS", "BULK"),
        ("BULK",),
        5,
    ),
    (
        3,
        "Area 1 User Quarantine Message",
        "Email Security User Quarantine Message",
        ("MALICIOUS", "UCE", "SPOOF"),
        ("MALICIOUS", "UCE", "SPOOF"),
        9,
    ),
    (
        4,
        "Email Security User Quarantine Message",
        "Email Security User Quarantine Message",
        ("UCE", "SPOOF"),
        ("UCE", "SPOOF"),
        5,
    ),
    (
        4,
        "Email Security User Quarantine Message Admin Release",
        "Email Security User Quarantine Message Admin Release",
        ("MALICIOUS",),
        ("MALICIOUS",),
        9,
    ),
    (
        5,
        "Email security Deliver to Junk Email folder",
        "Email security Deliver to Junk Email folder",
        ("SUSPICIOUS", "BULK"),
        ("BULK",),
        5,
    ),
    (
        5,
        "Area 1 Admin Managed Host Quarantine",
        "Email security Admin Managed Host Quarantine",
        ("MALICIOUS", "UCE", "SPOOF"),
        ("MALICIOUS", "UCE", "SPOOF"),
        TO_QUARANTINE,
    ),
)

#: What the best-practice table asks for and no API offers: shown as to be set in the dashboard
#: [CF-1.1].
DASHBOARD: tuple[tuple[str, str], ...] = (
    (
        "text add-ons",
        "subject tags for SPAM and BULK, body and subject tags for MALICIOUS, SUSPICIOUS and SPOOF",
    ),
    ("link actions", "for SUSPICIOUS: URL defang (Advantage), Email Link Isolation (Enterprise)"),
)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A mail flow rule of a use case.

    ``words`` are those of the header; ``action`` is an SCL, ``quarantine``, or a text to put before
    the subject as ``subject:TEXT``.
    """

    name: str
    words: tuple[str, ...]
    action: int | str

    @property
    def scl(self) -> int | None:
        return self.action if isinstance(self.action, int) else None

    @property
    def quarantines(self) -> bool:
        return self.action == TO_QUARANTINE

    @property
    def subject(self) -> str:
        return (
            self.action[8:]
            if isinstance(self.action, str) and self.action.startswith("subject:")
            else ""
        )


@dataclasses.dataclass(frozen=True)
class UseCase:
    """A use case.

    ``filter`` holds values of the anti-spam policy by the options of o365_content_filter;
    ``policies`` the quarantine policies to make.
    """

    key: str
    title: str
    area1: tuple[str, ...]
    rules: tuple[Rule, ...]
    filter: dict[str, t.Any]
    policies: dict[str, dict[str, t.Any]]

    def to_data(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> UseCase:
        rules = tuple(
            Rule(item["name"], tuple(item["words"]), item["action"]) for item in data["rules"]
        )
        return cls(
            data["key"],
            data["title"],
            tuple(data["area1"]),
            rules,
            dict(data["filter"]),
            dict(data["policies"]),
        )


def published(number: t.Any, variant: str = "current") -> UseCase:
    """Return one of Cloudflare's five use cases."""
    try:
        case = int(number)
        title, area1, verdicts = CASES[case]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "%r is not a use case." % (number,),
            "Set area1_use_case to one of 1, 2, 3, 4, 5, or to a map that describes one of your own"
            " (docs/use-cases.md).",
        ) from None
    if variant not in VARIANTS:
        raise InputError(
            "%r is not a variant." % (variant,), "Use one of %s." % ", ".join(VARIANTS)
        )
    old = variant == "tutorial"
    rules = tuple(
        Rule(names[0] if old else names[1], words[0] if old else words[1], action)
        for row_case, *names, first, second, action in RULES
        if row_case == case
        for words in [(first, second)]
    )
    used = [name for name in (verdicts[1], *verdicts[2:]) if name in POLICIES]
    return UseCase(
        key="%d%s" % (case, " tutorial" if old else ""),
        title=title,
        area1=area1,
        rules=rules,
        filter=_filter(verdicts),
        policies={name: dict(POLICIES[name]) for name in dict.fromkeys(used)},
    )


def _filter(verdicts: Verdicts) -> dict[str, t.Any]:
    action, spam, high, phish, high_phish = verdicts
    values: dict[str, t.Any] = {"spam_action": action}
    if spam:
        values["spam_quarantine_tag"] = spam
    tags = (("high_confidence_spam", high), ("phish", phish), ("high_confidence_phish", high_phish))
    for verdict, tag in tags:
        values["%s_action" % ("phish_spam" if verdict == "phish" else verdict)] = QUARANTINE
        values["%s_quarantine_tag" % verdict] = tag
    return values


AT_AREA1, IN_QUARANTINE, IN_JUNK, IN_INBOX, ELSEWHERE = (
    "Area 1",
    "quarantine",
    "junk",
    "inbox",
    "elsewhere",
)
FIRST_SPAM, FIRST_HIGH = (
    5,
    7,
)  # SCL 5 and 6 are spam, 9 is high confidence spam ([EXO-2.5])


@dataclasses.dataclass(frozen=True)
class Landing:
    """Where a message ends and, for a quarantine, by which policy."""

    place: str
    policy: str = ""


def lands(case: UseCase, disposition: str) -> Landing:
    """Return where the use case takes mail of this disposition.

    It holds for recipients of the anti-spam policy that the use case sets.
    """
    word = header_word(disposition)
    if api_word(word) in case.area1:
        return Landing(AT_AREA1)
    scl: int | None = None
    for rule in case.rules:
        if word in rule.words and rule.quarantines:
            return Landing(IN_QUARANTINE, ADMIN)
        if word in rule.words and rule.scl is not None:
            scl = rule.scl
    if scl is None or scl < FIRST_SPAM:
        return Landing(IN_INBOX)
    verdict = "spam" if scl < FIRST_HIGH else "high_confidence_spam"
    return by_verdict(case.filter, verdict)


def by_verdict(options: t.Mapping[str, t.Any], verdict: str) -> Landing:
    """Return what an anti-spam policy (options of o365_content_filter) does with a verdict."""
    action = str(options.get("%s_action" % verdict) or JUNK).lower()
    if action == QUARANTINE.lower():
        return Landing(IN_QUARANTINE, str(options.get("%s_quarantine_tag" % verdict) or ""))
    if action == JUNK.lower():
        return Landing(IN_JUNK)
    return Landing(ELSEWHERE if action in ("delete", "redirect") else IN_INBOX)


SPOOF_HANDLING = ("quarantine", "spam", "bulk")


def with_spoof(case: UseCase, way: str | None) -> UseCase:
    """Return the use case with one of the tutorial's three ways to treat SPOOF.

    ``quarantine``: held back, by the use case where it does so, else by Area 1; ``spam``: as SPAM;
    ``bulk``: as BULK, which is delivered where it has no rule. None is the use case's own way.
    """
    if way is None:
        return case
    if way not in SPOOF_HANDLING:
        raise InputError(
            "%r is not a way to handle SPOOF." % (way,),
            "Use one of %s." % ", ".join(SPOOF_HANDLING),
        )
    if way == "quarantine" and lands(case, "SPOOF").place in (AT_AREA1, IN_QUARANTINE):
        return case
    like = {"quarantine": "", "spam": "UCE", "bulk": "BULK"}[way]
    at_area1 = way == "quarantine" or (way == "spam" and "SPAM" in case.area1)
    area1 = tuple(word for word in case.area1 if word != "SPOOF") + (("SPOOF",) if at_area1 else ())
    rules = [
        _with_word(rule, "SPOOF", bool(like) and not at_area1 and like in rule.words)
        for rule in case.rules
    ]
    return dataclasses.replace(case, area1=area1, rules=tuple(rule for rule in rules if rule.words))


def _with_word(rule: Rule, word: str, wanted: bool) -> Rule:
    if rule.subject or (word in rule.words) == wanted:
        return rule
    words = (*rule.words, word) if wanted else tuple(item for item in rule.words if item != word)
    return dataclasses.replace(rule, words=words)


def check_words(given: t.Any, where: str) -> tuple[str, ...]:
    """Return dispositions as the header has them (UCE for SPAM); refuse unknown ones."""
    items = [given] if isinstance(given, str) else list(given or ())
    words = tuple(dict.fromkeys(header_word(str(item)) for item in items))
    unknown = [word for word in words if word not in HEADER_WORDS]
    if unknown or not words:
        raise InputError(
            "%s: %s: not a disposition." % (where, ", ".join(unknown) or "none given"),
            "Valid ones are %s (UCE is SPAM)." % ", ".join(HEADER_WORDS),
        )
    return words
