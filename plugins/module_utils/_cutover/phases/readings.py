# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read what a phase needs, by the same functions as the modules whose name ends in _info."""

from __future__ import annotations

import typing as t

from ..._engine.context import Context
from ..._engine.errors import ReadError
from ..._engine.module import Result
from ..model.looks import AREA1_LOG, DOMAINS, MX, TENANT, Need

Params = t.Mapping[str, t.Any]


def read(needs: t.Sequence[Need], params: Params, context: Context) -> list[str]:
    """Read each need once; return a line for each of the reads, for the task's result.

    A read that fails raises its own error: what could not be read is never taken for absent. One
    provider that fails for some domains only leaves those not looked at.
    """
    done: list[str] = []
    asked: list[tuple[str, Params]] = []
    for need in needs:
        if (need.reader, need.options) in asked:
            continue
        asked.append((need.reader, need.options))
        result = READERS[need.reader]({**params, **DEFAULTS[need.reader], **need.options}, context)
        if result.failed_message and not result.values.get("failed_domains"):
            raise ReadError(result.failed_message, "Run again.")
        done.append(_line(need))
    return done


def _line(need: Need) -> str:
    options = need.options
    what = options.get("sections") or [
        item["name"] if isinstance(item, dict) else item for item in options.get("domains") or ()
    ]
    return "%s: %s" % (need.reader, ", ".join(map(str, what)))


def _tenant(params: Params, context: Context) -> Result:
    from ..._exchange.reads.mail_flow import run_mail_flow_info

    return run_mail_flow_info(params, context)


def _domains(params: Params, context: Context) -> Result:
    from ..._email_security.domains import inform

    return inform(params, context)


def _mx(params: Params, context: Context) -> Result:
    from ..._dns.info import run

    return run(params, context)


def _area1_log(params: Params, context: Context) -> Result:
    from ..._email_security.delivery_log import run_trace_info

    return run_trace_info(params, context)


READERS: dict[str, t.Callable[[Params, Context], Result]] = {
    TENANT: _tenant,
    DOMAINS: _domains,
    MX: _mx,
    AREA1_LOG: _area1_log,
}
#: What the readers' modules have as defaults.
DEFAULTS: dict[str, dict[str, t.Any]] = {
    TENANT: {
        "trace_since": None,
        "trace_queries": 60,
        "trace_details": 0,
        "trace_known": None,
        "message_ids": None,
        "follow": None,
        "domains": None,
    },
    DOMAINS: {"domains": None},
    MX: {"provider": False, "details": False, "mail_hosts": None},
    AREA1_LOG: {"domains": None, "limit": 5},
}
