# What can be done here. `make help` lists it from the comments behind the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
# Built without optimisation: quicker than it is to build, and `make test` needs the same. `cargo install` optimises.
CRMSYNC = target/debug/crmsync
# The tests mostly wait, for pauses and for processes: more of them at once than there are processors take half the time.
export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(nproc) + 1)))
# How many cases a property is tried with in `make deep`.
CASES ?= 2000
DENY = $(CARGO) deny --locked --config .deny.toml
# How often each target of `make fuzz` is run, how often those that read the customers' file (twice as often unless
# told), and which there are.
RUNS ?= 1000000
RUNS_OF_DATA ?= $(shell echo $$((2 * $(RUNS))))
FUZZ_TARGETS = retry_after answers configuration mapping reader

.PHONY: help run test check docs bench bench-large fuzz deep deny

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the main job on samples/ against the simulators; the second time there is nothing left to send
	$(CARGO) build --locked
	CRMSYNC=$(CRMSYNC) samples/run

test: ## Run all tests
	$(CARGO) test --locked

check: ## Check format, lints, documentation and that the fuzz targets build; warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	# The fuzz targets are a crate of their own. Nothing is linked, so that libFuzzer need not be built.
	CUSTOM_LIBFUZZER_PATH=target/none $(CARGO) check --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target

docs: ## Rewrite the tables of README.md that the program writes itself
	CRMSYNC_REWRITE_README=1 $(CARGO) test --locked --test nightly readme::

bench: ## Measure whole commands and print ratios of what was measured in the same run
	$(CARGO) build --release --locked
	python3 benches/run.py

bench-large: ## The same with 1,000,000 customers, then what does not change with 10,000,000; takes long and 15 GB
	$(CARGO) build --release --locked
	python3 benches/run.py --customers 1000000
	python3 benches/run.py --customers 10000000 --rounds 1 --no-peers unchanged

fuzz: ## Try what reads foreign bytes with hostile input, RUNS times each, the file's twice as often (cargo install cargo-fuzz)
	export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=target/fuzz; \
	$(CARGO) fuzz build --fuzz-dir tests/fuzz --sanitizer none --debug-assertions; \
	for target in $(FUZZ_TARGETS); do \
		case $$target in reader|mapping) runs=$(RUNS_OF_DATA);; *) runs=$(RUNS);; esac; \
		mkdir -p target/fuzz/corpus/$$target; \
		$(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none --debug-assertions $$target \
			target/fuzz/corpus/$$target tests/fuzz/corpus/$$target -- -runs=$$runs -max_len=512 \
			> target/fuzz/$$target.log 2>&1 || { tail -n 40 target/fuzz/$$target.log; exit 1; }; \
		echo "$$target: $$(grep '^Done ' target/fuzz/$$target.log), no finding"; \
	done

deep: ## Every fault at its full measure, 500 random kills and 600 losses of power among them, and one table; takes half an hour
	CARGO="$(CARGO)" CASES=$(CASES) tests/deep/run

deny: ## Check licences, bans and sources of the dependencies, and known weaknesses where their list is to be had (cargo install cargo-deny)
	$(DENY) check --hide-inclusion-graph bans licenses sources
	if $(DENY) fetch db; then \
		$(DENY) check --disable-fetch advisories; \
	else \
		echo "NOT CHECKED: the list of known weaknesses cannot be fetched" >&2; \
	fi
