# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Values of transport rule parameters: checked by the cmdlet's table, compared by meaning.

No I/O.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from ..._engine import values
from ..._engine.errors import InputError
from ..._facts.rule_parameters import ENUMS, LONGEST, PARAMETERS

#: Each pair is sent together, or refused by the service ([EXO-2.5]).
PAIRS = (
    ("HeaderContainsMessageHeader", "HeaderContainsWords"),
    ("HeaderMatchesMessageHeader", "HeaderMatchesPatterns"),
    ("ExceptIfHeaderContainsMessageHeader", "ExceptIfHeaderContainsWords"),
    ("ExceptIfHeaderMatchesMessageHeader", "ExceptIfHeaderMatchesPatterns"),
    ("SetHeaderName", "SetHeaderValue"),
)
#: Never empty: there is a value when none is given, so there is nothing to clear.
ALWAYS_SET = frozenset({"Mode", "RuleErrorAction", "RuleSubType", "SenderAddressLocation"})
#: Parameters that are no condition and, by themselves, no action.
ATTRIBUTES = frozenset(
    {"ActivationDate", "Comments", "ExpiryDate", "SetAuditSeverity", *ALWAYS_SET}
)
LONGEST_REJECT_TEXT = 1024
_STATUS = re.compile(r"5\.7\.(1|9\d\d)")
_ACTIONS = re.compile(
    r"(Add(Manager|ToRecipients)|Apply|BlindCopyTo|CopyTo|Delete|Disconnect|Generate|LogEvent|Moderate|Notify|Prepend|Quarantine"
    r"|Redirect|Reject|Remove|Route|SetHeader|SetSCL|SmtpReject|Stop)"
)


def is_action(name: str) -> bool:
    return bool(_ACTIONS.match(name))


def spelled(name: t.Any) -> str:
    """Return the parameter's own spelling; refuse an unknown name, and suggest similar ones."""
    known = {parameter.lower(): parameter for parameter in PARAMETERS}
    key = str(name).strip().lower()
    if key not in known:
        near = difflib.get_close_matches(key, known, 3, 0.6)
        raise InputError(
            "%r is not a condition, exception or action of a transport rule that can be managed."
            % str(name),
            (
                "Did you mean %s?" % " or ".join(known[item] for item in near)
                if near
                else (
                    "Parameters are those of Set-TransportRule; name, state and order are options"
                    " of their own."
                )
            ),
        )
    return known[key]


def checked(name: str, value: t.Any, option: str = "") -> t.Any:
    """Return the value as it is sent; None, and an empty list or text, clear the parameter.

    Refused is a value that Exchange would refuse, or match only by its beginning [EXO-1.4].
    """
    option = option or name
    if value is None and PARAMETERS[name] == "Boolean":
        return False
    if value in (None, "", []):
        return None if name in PARAMETERS and name not in ALWAYS_SET else _cannot_clear(option)
    kind = PARAMETERS[name]
    if kind == "Boolean":
        return _flag(option, value)
    if kind == "SclValue":
        return _scl(option, value)
    if kind == "Int32":
        return _number(option, value)
    if kind == "Hashtable[]":
        return value if isinstance(value, list) else [value]
    if kind in ENUMS:
        return _choice(option, value, ENUMS[kind])
    if kind.endswith("[]") or kind == "MultiValuedProperty":
        return _list(option, kind, value)
    return _text(name, option, value)


def _cannot_clear(option: str) -> t.NoReturn:
    raise InputError(
        "%s always has a value and cannot be cleared." % option,
        "Give the value that it shall have.",
    )


def _flag(option: str, value: t.Any) -> bool:
    found = values.boolean(value)
    if found is None:
        raise InputError("%s: %r is not yes or no." % (option, value), "Give true or false.")
    return found


def _number(option: str, value: t.Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise InputError(
            "%s: %r is not a whole number." % (option, value), "Give a number."
        ) from None


def _scl(option: str, value: t.Any) -> int:
    number = _number(option, value)
    if not -1 <= number <= 9:
        raise InputError(
            "%s: %d is no spam confidence level." % (option, number),
            "Valid are -1 (bypass spam filtering) and 0 to 9; 5 and 6 are spam, 9 is high"
            " confidence spam.",
        )
    return number


def _choice(option: str, value: t.Any, choices: t.Sequence[str]) -> str:
    for choice in choices:
        if choice.lower() == str(value).strip().lower():
            return choice
    raise InputError(
        "%s: %r is not a value of it." % (option, value), "Valid are %s." % ", ".join(choices)
    )


def _list(option: str, kind: str, value: t.Any) -> list[str]:
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if isinstance(item, (dict, list, tuple, bool)) or item in (None, ""):
            raise InputError("%s: %r is not a text." % (option, item), "Give a list of texts.")
        if kind == "MultiValuedProperty":
            values.ip_span(item)
    return list(dict.fromkeys(str(item) for item in items))


def _text(name: str, option: str, value: t.Any) -> str:
    if isinstance(value, (dict, list, tuple)):
        raise InputError("%s: %r is not a single value." % (option, value), "Give one text.")
    text = str(value)
    longest = LONGEST.get(name) or (
        LONGEST_REJECT_TEXT if name == "RejectMessageReasonText" else None
    )
    if longest and len(text) > longest:
        raise InputError(
            "%s has %d characters; Exchange Online takes %d." % (option, len(text), longest),
            "Make it shorter.",
        )
    if name == "RejectMessageEnhancedStatusCode" and not _STATUS.fullmatch(text):
        raise InputError(
            "%s: %s cannot be used." % (option, text), "Give 5.7.1 or one of 5.7.900 to 5.7.999."
        )
    return text


def check_name(name: str) -> str:
    text = name.strip()
    if not text:
        raise InputError("A transport rule needs a name.", "Give name.")
    if len(text) > LONGEST["Name"]:
        raise InputError(
            "The rule name %r has %d characters; Exchange Online takes %d."
            % (text, len(text), LONGEST["Name"]),
            "Make it shorter.",
        )
    return text


def check_whole(rule: t.Mapping[str, t.Any], exists: bool) -> None:
    """Refuse what only the whole rule shows: half a pair, or a rule that would do nothing."""
    for first, second in PAIRS:
        if bool(rule.get(first)) != bool(rule.get(second)):
            raise InputError(
                "%s and %s go together." % (first, second), "Give both, or clear both."
            )
    if not exists and not any(
        is_action(name) and value not in (None, "", [], False) for name, value in rule.items()
    ):
        raise InputError(
            "A rule without any action does nothing; Exchange Online refuses it.", "Give an action."
        )
