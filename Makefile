# The commands that people need. Each gets or builds what it needs itself; the
# work is done by cargo and by scripts/.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3

# An Envoy of your own: `make run ENVOY=/usr/bin/envoy`. Tests run in other
# folders, so the path must be absolute.
ENVOY ?= .tools/envoy
override ENVOY := $(if $(findstring /,$(ENVOY)),$(abspath $(ENVOY)),$(or $(shell command -v $(ENVOY)),$(ENVOY)))
export ENVOY

# Crates that run inside Envoy.
WASM_CRATES := -p tollgate-auth -p tollgate-core -p tollgate-gateway -p tollgate-host -p tollgate-rate-limit -p tollgate-signatures -p tollgate-sync -p tollgate-tenant-budget -p tollgate-transform

help: ## lists these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: python ## gets Envoy 1.40.0 into .tools/ and Rust's wasm target, or names what is missing
	@$(PYTHON) scripts/setup.py

signers: python ## gets others who sign requests, and who check the admin API, into .tools/, for the tests
	@$(PYTHON) scripts/signers.py
	@$(PYTHON) scripts/schemathesis.py

filters: setup ## builds the filters as wasm modules into target/filters/, each checked by Envoy
	@$(PYTHON) scripts/filters.py

run: filters ## starts control plane, Envoy and a demo backend; prints the curl lines to try
	@cargo build --release -p tollgate -p tollgate-support --bins
	@exec $${CARGO_TARGET_DIR:-target}/release/demo

test: python signers ## runs all tests that need no containers, what fails fastest first
	@$(PYTHON) scripts/setup.py --tests
	@$(MAKE) lint
	@$(call step,unit tests)
	@cargo test --workspace --exclude tollgate-e2e
	@$(call step,wasm modules)
	@$(PYTHON) scripts/filters.py --tests
	@$(call step,end to end)
	@cargo build -p tollgate -p tollgate-support --bins
	@cargo test -p tollgate-e2e
	@$(MAKE) fuzz
	@$(call step,documentation)
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	@$(PYTHON) scripts/book.py --skip

images: setup ## builds the container images into the Docker engine, and prints their sizes
	@$(PYTHON) scripts/setup.py --tests
	@cargo build --release -p tollgate-support --bins
	@$(PYTHON) scripts/images.py

PROFILE ?= minimal
compose: python ## starts the gateway in containers and waits until it is well; PROFILE=full for all of it
	@$(PYTHON) scripts/compose.py ready
	@$(MAKE) filters
	@cargo build --release -p tollgate -p tollgate-support --bins
	@$(PYTHON) scripts/setup.py --tests
	@$(PYTHON) scripts/compose.py up $(PROFILE)

compose-down: python ## ends those containers, and forgets what they kept
	@$(PYTHON) scripts/compose.py down

test-compose: python ## tests the gateway in containers, and what callers see when parts of it fail
	@$(PYTHON) scripts/setup.py --tests
	@$(PYTHON) scripts/filters.py --tests
	@cargo build -p tollgate -p tollgate-support --bins
	@$(PYTHON) scripts/compose.py test $(SKIP)

dist: setup ## packs what people install into target/dist/
	@$(PYTHON) scripts/dist.py

reproducible: setup ## builds what people install twice, from clean clones, and compares
	@$(PYTHON) scripts/reproducible.py

book: python ## makes the manual, docs/, into target/book/ by mdBook, and follows its links
	@$(PYTHON) scripts/book.py

bench: filters ## measures the gateway beside Envoy's own filters; writes target/bench/
	@cargo build --release -p tollgate
	@cargo run --release -p tollgate-bench --bin bench

bench-scale: filters ## measures what a million routes cost; takes minutes and 6 GB, writes target/bench/scale.json
	@cargo build --release -p tollgate
	@cargo run --release -p tollgate-bench --bin scale

lint: setup ## checks formatting and lints, natively and for wasm
	@$(call step,formatting)
	@cargo fmt --all --check
	@$(call step,lints)
	@cargo clippy --workspace --all-targets -- -D warnings
	@cargo clippy --target wasm32-wasip1 $(WASM_CRATES) --lib --examples -- -D warnings

golden: setup signers ## accepts what the code says now as the expected output of golden tests
	@UPDATE_GOLDEN=1 UPDATE_EXPECT=1 cargo test --workspace --exclude tollgate-e2e

fuzz: setup ## checks that the fuzz targets compile; `cargo +nightly fuzz run NAME` runs one
	@$(call step,fuzz targets)
	@cargo check --manifest-path fuzz/Cargo.toml --bins --no-default-features

timing: setup ## measures whether refusals tell how nearly right a secret was; takes minutes
	@cargo run --release --manifest-path timing/Cargo.toml

clean: ## removes everything that was built; .tools/ stays
	@cargo clean

python:
	@command -v $(PYTHON) > /dev/null || { echo 'setup: $(PYTHON) is missing; install Python 3 with `apt-get install python3` (Debian, Ubuntu) or `dnf install python3` (Fedora)' >&2; exit 1; }

step = printf '\n=== %s\n' '$(1)'

.PHONY: bench bench-scale book clean compose compose-down dist filters fuzz golden help images lint python reproducible run setup signers test test-compose timing
