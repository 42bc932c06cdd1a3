# Kyoten. `make` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo demo-reset check test bench soak

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/make \1\t\2/p' Makefile | expand -t 18

demo: ## installs what is missing, builds, and runs a small region on simulated devices until Ctrl-C
	@scripts/setup demo
	@scripts/demo

demo-reset: ## forgets the demo's data
	@scripts/demo reset

check: ## the quick loop of a working day: format, lints, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --lib --bins

test: ## installs what is missing and runs every test, on private servers that it starts and stops
	@scripts/setup test
	@scripts/test

bench: ## measures taps and bookings, on both databases, beside bare statements (takes minutes)
	@scripts/setup bench
	@scripts/bench

soak: ## kills the hub a hundred times while many book, and leaves a site alone for five minutes (takes ten)
	@scripts/setup bench
	@scripts/soak
