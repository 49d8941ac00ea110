# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Each target sets itself up; `make test` is all of them. Arguments for pytest: make unit ARGS="-k planner".
PYTHON ?= python3
DEV := $(PYTHON) -B tools/dev
ARGS ?=
OLDER := core-2.19 core-2.16

.PHONY: help setup test unit module playbook fuzz bench sanity lint build demo observations clean

help:
	@echo "make demo                          watch a tenant move behind Area 1, on the lab"
	@echo "make test                          everything below"
	@echo "make unit | module | playbook      the layers of tests (ARGS='-k name' reaches pytest)"
	@echo "make sanity | lint | build"
	@echo "make fuzz                          odd answers and files at all parsers; FUZZ_EXAMPLES=200 of each"
	@echo "make bench                         measurements; not part of make test"
	@echo "make observations                  record what the readers give for the lab's worlds"
	@echo "make setup | clean"

setup:
	@$(DEV)/setup.py --programs core-2.21 $(OLDER) ministack

test:
	@$(DEV)/everything.py

unit module fuzz bench:
	@$(DEV)/setup.py --programs core-2.21 ministack
	@$(DEV)/layers.py $@ -- $(ARGS)

playbook:
	@$(DEV)/setup.py --programs core-2.21 $(OLDER)
	@$(DEV)/layers.py $@ -- $(ARGS)

sanity:
	@$(DEV)/setup.py --programs core-2.21 $(OLDER)
	@$(DEV)/sanity.py core-2.21 $(OLDER)

lint build:
	@$(DEV)/setup.py --programs core-2.21
	@$(DEV)/$@.py

observations:
	@$(DEV)/setup.py --programs core-2.21
	@$(DEV)/observations.py

demo:
	@$(DEV)/setup.py core-2.21
	@$(DEV)/demo.py $(ARGS)

clean:
	rm -rf .cache .ansible_root .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
