# The commands of this project. `make up` and `make test` do all their own set-up.
.DEFAULT_GOAL := help
.PHONY: help up demo test check docs bench

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

up: ## start service, portal and an embedded cluster (Ctrl-C stops all)
	@scripts/setup
	@scripts/clients kubectl || true
	@PATH="$(CURDIR)/.cache/clients/bin:$$PATH" .venv/bin/pratique up $(ARGS)

demo: ## play the story of the first day, without a person
	@scripts/setup
	@scripts/clients kubectl
	@PATH="$(CURDIR)/.cache/clients/bin:$$PATH" .venv/bin/pratique demo $(ARGS)

test: ## run all tests
	@scripts/setup dev
	@scripts/test $(ARGS)

check: ## run format, lint, types, layers and documentation checks
	@scripts/setup dev
	@scripts/check

docs: ## write the generated reference pages anew
	@scripts/setup dev
	@.venv/bin/python scripts/reference.py

bench: ## measure what docs/benchmarks.md claims
	@scripts/setup dev
	@scripts/bench $(ARGS)
