# duologue: `make demo` and `make test` are all a newcomer needs.
# Prerequisites: gcc and Rust. What else the tests need, `make test` installs (see tests/run.sh).

CARGO ?= cargo
MSRV := 1.91
FEATURES := cli,capi,uniffi
# For install and uninstall: where to, and cargo's profile (dev builds faster and runs slower).
PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=
PROFILE ?= release
PLACE := CARGO='$(CARGO)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' DESTDIR='$(DESTDIR)' PROFILE='$(PROFILE)'

.PHONY: help demo test soak reconnects mutants fuzz conformance lib install uninstall wheels bench calls heard impair lint clean rust

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

rust:
	@command -v $(CARGO) >/dev/null 2>&1 || { \
	  echo "Rust $(MSRV) or newer is needed: install it with rustup, https://rustup.rs" >&2; exit 1; }
	@$(CARGO) --version | awk '{split($$2, v, "."); if (v[1] == 1 && v[2] < $(word 2,$(subst ., ,$(MSRV)))) { \
	  print "Rust $(MSRV) or newer is needed, this is " $$2 ": run rustup update" > "/dev/stderr"; exit 1 }}'

# Who answers in `make demo`: openai, gemini, xai, azure or elevenlabs.
PROVIDER ?= openai

demo: rust ## Hold a spoken conversation offline, recorded in conversation.wav: PROVIDER=openai|gemini|xai|azure|elevenlabs
	@echo "building; the first time takes a few minutes"
	$(CARGO) build --features cli --bin duologue
	$(CARGO) run --quiet --features cli --bin duologue -- talk --simulate --provider '$(PROVIDER)' --output conversation.wav

test: rust ## Install what the tests need and run them all
	sh tests/run.sh

reconnects: rust ## Reconnect a thousand times, and 200 clients at once, and say what it cost
	RECONNECTS=1000 STORM=200 $(CARGO) test --features cli --test reconnects -- --nocapture

soak: rust ## Simulate 10 000 conversations with every fault of the catalogue
	SEEDS=10000 $(CARGO) test --no-default-features --test simulation -- --nocapture

mutants: rust ## Break the session in every way of tests/mutants/list.txt and say which test notices
	CARGO='$(CARGO)' sh tests/mutants.sh

fuzz: rust ## Look for inputs that break promises (nightly Rust, cargo-fuzz): TIME=600 TARGETS="config reseed"
	TIME='$(TIME)' TARGETS='$(TARGETS)' sh fuzz/run.sh

conformance: rust ## Say which line of the vendors' checklists is shown by which test, and run those
	sh tests/conformance.sh

lib: rust ## Build the shared and the static library, optimised
	DUOLOGUE_CDYLIB=1 $(CARGO) rustc --lib --profile $(PROFILE) --features capi,webrtc --crate-type cdylib,staticlib \
	  -- --print native-static-libs

install: lib ## Install them for C and C++: PREFIX=/usr/local LIBDIR=lib DESTDIR= PROFILE=release
	$(PLACE) sh bindings/c/install.sh install

uninstall: ## Remove what install put there (same PREFIX, LIBDIR and DESTDIR)
	$(PLACE) sh bindings/c/install.sh uninstall

wheels: rust ## Build the Python packages duologue and duologue-simulator into dist/
	CARGO='$(CARGO)' sh bindings/python/wheels.sh

bench: lib ## Run the benchmarks
	$(CARGO) bench --bench hot_path
	CARGO='$(CARGO)' sh benches/call_cost.sh

calls: rust ## Measure calls over WebRTC beside aiortc doing the same work
	sh tests/referees/setup.sh
	$(CARGO) build --release --features cli --bin duologue --example calls
	target=$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/') && \
	  "$${DUOLOGUE_REFEREES:-.deps}/python/bin/python" benches/calls.py "$$target/release/duologue" "$$target/release/examples/calls"

heard: rust ## Say how near the words told as heard are to the truth (needs libespeak-ng.so.1 and python3)
	@mkdir -p dist
	python3 benches/heard.py dist/heard.txt --pcm
	DUOLOGUE_HEARD=$(CURDIR)/dist/heard.txt $(CARGO) test --quiet --features cli,capi --test heard -- --nocapture --test-threads 1

impair: rust ## Say how speech sounds over networks that lose and delay packets (PESQ; needs python3 and a C compiler)
	CARGO='$(CARGO)' sh benches/impair.sh

lint: rust ## Check format, lints, documentation and licences
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --all-targets --features $(FEATURES) -- -D warnings
	$(CARGO) clippy --quiet --no-default-features -- -D warnings
	$(CARGO) clippy --quiet --features capi,webrtc -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps --features $(FEATURES)
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check bans licenses sources; \
	else echo "lint: cargo-deny is not installed, licences were not checked (cargo install cargo-deny)"; fi

clean: ## Remove everything that was built or installed here
	$(CARGO) clean
	rm -rf .deps dist conversation.wav fuzz/target fuzz/work fuzz/artifacts
