# The two commands of a fresh clone are `make demo` and `make test`; the others are for those who change the project.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Three marks: a device needs no extra, a trial `.[train,page]`, whoever changes the project `.[dev]`, which has it too.
DEVICE := $(VENV)/installed-device
TRIAL := $(VENV)/installed-train
INSTALLED := $(VENV)/installed
# `make demo RUN=...` puts its run folder elsewhere.
RUN := $(or $(RUN),runs/demo-$(shell date +%Y%m%d-%H%M%S))

.PHONY: demo test test-quick test-as-macos test-long test-devices android test-android fuzz check format claims reference networks published other-data results golden constraints clean

# The first part needs only what a device needs, so that something moves before TensorFlow is there.
demo: $(DEVICE)
	$(BIN)/har-edge stream edge --replay 7 --speed 40
	@$(MAKE) --no-print-directory $(TRIAL)
	$(BIN)/har-edge train --out $(RUN)
	$(BIN)/har-edge convert $(RUN) --quantize
	$(BIN)/har-edge bench $(RUN)
	@echo 'Now on your phone: source $(BIN)/activate; har-edge page'

# A file of tests is for one process, and there are as many processes as CPUs.
test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The part for another Python than the usual one: no older runtime, and no environment of its own is made for it.
test-quick: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile tests/signals tests/data tests/live tests/reports tests/system tests/train \
		tests/convert/test_lowering.py tests/model/test_classifier.py tests/commands/test_train.py tests/tools/test_golden.py

# The same without what only Linux has. It stands in for a Mac.
test-as-macos: export PYTHONPATH := $(CURDIR)/tests/support/as_macos
test-as-macos: test-quick

# What trains or converts many networks, makes environments, or takes half a minute.
test-long: $(INSTALLED)
	$(BIN)/python -m pytest -m long --numprocesses auto --dist worksteal

# Over a real sshd, and on emulated Arm boards, for which Debian's packages are fetched once. Needs root, Linux 6.7 or
# newer, and what .ci/run installs.
test-devices: $(INSTALLED)
	$(BIN)/python -m pytest -m device

# The phone app's APK, without Android Studio or NDK: android_demo/build. Needs a JDK 17 or newer, Maven and a Debian on
# x86-64, and fetches the rest once (215 MB). A second call builds only if something has changed.
APK := android_demo/build/har-edge-demo.apk
android: $(APK)

$(APK): $(shell find android_demo/*.* android_demo/app android_demo/tools edge_runtime/c edge_runtime/models -type f -not -name '*.pyc') | $(INSTALLED)
	$(BIN)/python android_demo/tools/build_app.py

# The APK's own code on a Java virtual machine, with the C for this one: its core as it is, its screens on Android's
# framework in Robolectric (440 MB).
# The page for phones runs in Chromium and WebKitGTK.
test-android: $(INSTALLED)
	$(BIN)/python android_demo/tools/desktop.py
	$(BIN)/python -m pytest -m android

# More changed files for each parser than `make test` tries; SECONDS=600 gives each ten minutes.
SECONDS ?= 60
fuzz: $(INSTALLED)
	FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest --numprocesses auto --dist worksteal tests/fuzz/test_parsers.py -k changed_file

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Measured claims, with evidence, in claims.json and claims.md; before a release, on an idle machine (a busy one is refused).
claims: $(INSTALLED)
	$(BIN)/python -m tools.claims

# Train and convert the models in edge_runtime/models anew. edge-anywhere alone, for which the data of others is needed:
# make reference DATA="--data motionsense=FOLDER --data geotec=FOLDER".
reference: $(INSTALLED)
	$(BIN)/python -m tools.reference $(DATA)
	$(BIN)/python -m tools.page_modules

# Train, convert and measure every network, hours on an idle machine; run folders are kept in runs/networks.
networks: $(INSTALLED)
	$(BIN)/python -m tools.measure_networks --runs runs/networks

# Train, convert and measure the networks of tools/published_networks; a second call only measures, on an idle machine.
published: $(INSTALLED)
	$(BIN)/python -m tools.published --runs runs/published

# Measure networks on data that they were not trained on, hours on an idle machine; run folders are kept in
# runs/other-data. make other-data DATA="--data motionsense=FOLDER --data geotec=FOLDER"; a row by name: ROWS=five-folds.
other-data: $(INSTALLED)
	$(BIN)/python -m tools.other_data $(ROWS) $(DATA) --runs runs/other-data

# Write docs/results.md and the table in README.md from the files in docs/results.
results: $(INSTALLED)
	$(BIN)/python -m tools.results_document

# Write the golden vectors for ports anew.
golden: $(INSTALLED)
	$(BIN)/python -m tools.golden

# Note the versions that are installed now as the tested ones.
constraints: $(INSTALLED)
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

# Installed once; again when what is to be installed changes.
$(TRIAL): EXTRA := [train,page]
$(INSTALLED): EXTRA := [dev]
$(DEVICE) $(TRIAL) $(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 to 3.13 is needed, not %d.%d: make PYTHON=python3.11" % sys.version_info[:2] if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	@echo 'Installing har-edge$(EXTRA), which may take minutes'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.$(EXTRA)'
	@touch $@

clean:
	rm -rf $(VENV) .venvs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
