#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_wait
short_description: Wait for what is due in a deployment
version_added: 0.1.0
description:
  - Waits until the first phase that a gate holds back can go on, and prints every minute what it
    waits for and for how much longer. Then RV(again) says that it is worth reading everything
    again.
  - The service's clock counts. It is read at every poll, which also renews the sign-in if
    possible.
  - Does not wait for anything that time alone does not solve, nor for anything that cannot happen
    within O(wait_timeout).
  - Never waits in check mode.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.attributes.info
options:
  observation_path:
    description: The run's observation, in which the gates left what is due.
    type: path
    required: true
  wait:
    description: Whether to wait at all, so that a playbook can leave the decision to the operator.
    type: bool
    default: false
  wait_timeout:
    description: Longest time in minutes that one run waits in total.
    type: int
    default: 240
  poll:
    description: Seconds between two requests to the service.
    type: int
    default: 15
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    observation_path: "{{ example_directory }}/observation.json"

- name: Wait for what is due
  mailflow.area1.mail_flow_wait:
    observation_path: "{{ example_directory }}/observation.json"
    wait: true
    wait_timeout: 60
  register: waited

- name: Show that it is time
  ansible.builtin.debug:
    msg: "It is time to look again."
  when: waited.again
"""

RETURN = r"""
again:
  description: Whether the time has come, so that everything should be read again.
  returned: success
  type: bool
awaited:
  description: What the module waited for, or would have waited for. Empty if nothing is due that
    time alone solves.
  returned: success
  type: str
until:
  description: The time until which it waited, by the service's clock (ISO 8601, UTC).
  returned: success
  type: str
reason:
  description: Why it did not wait; empty otherwise.
  returned: success
  type: str
"""

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report import waiting
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    Result,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.transport import (
    open_transport,
)

ARGUMENT_SPEC = {
    "observation_path": {"type": "path", "required": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 240},
    "poll": {"type": "int", "default": 15},
    **EXCHANGE_OPTIONS,
}


def run_wait(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Wait for what is due; without anything to wait for, no service is asked."""
    for name, low in (("wait_timeout", 0), ("poll", 1)):
        if int(params[name]) < low:
            raise InputError(
                "%s: %d is too small." % (name, params[name]), "Give at least %d." % low
            )
    observation = Observation(params["observation_path"])
    if not params["wait"]:
        return _answer(None, "not wanted (area1_wait is false)")
    client = open_transport(params, context)

    def clock() -> datetime.datetime:
        return client.invoke("Get-OrganizationConfig", select=["Name"]).date

    now = clock()
    what = waiting.awaited(observation.journal, now)
    if what is None:
        return _answer(None, "nothing is due that time alone mends")
    if context.check_mode:
        return _answer(what, "check mode")
    left = waiting.budget(observation, int(params["wait_timeout"]), context.now())
    if (what.until - now).total_seconds() > left:
        observation.save()
        return _answer(what, "it takes longer than this run waits (area1_wait_timeout)")
    again, now = waiting.wait(what, clock, context, float(params["poll"]), left)
    observation.put("service_date", iso(now))
    if again:
        waiting.start_anew(observation)
    observation.save()
    return _answer(
        what, "" if again else "the time that this run waits is over (area1_wait_timeout)", again
    )


def _answer(what: waiting.Awaited | None, reason: str, again: bool = False) -> Result:
    values = {
        "again": again,
        "awaited": what.what if what else "",
        "until": iso(what.until) if what else "",
        "reason": reason,
    }
    return Result(False, (), values)


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_wait)


if __name__ == "__main__":
    main()
