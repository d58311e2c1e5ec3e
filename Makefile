# `make help` lists the targets. Everything that is built or measured goes to artifacts/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench clean

export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

RID      := linux-x64
BIN      := artifacts/bin
OPERATOR := $(BIN)/operator/SessionOperator.Operator
SIDECAR  := $(BIN)/sidecar/SessionOperator.Sidecar

# What a published program is made from; the outputs of the compiler do not count.
SHARED := global.json Directory.Build.props Directory.Packages.props .editorconfig
sources = $(SHARED) $(shell find protocol $(1) -type f -not -path '*/bin/*' -not -path '*/obj/*')

help: ## Lists the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Installs what build, demo and tests need from Debian's packages
	@scripts/setup build demo test

build: $(OPERATOR) $(SIDECAR) ## Publishes operator and sidecar (Native AOT) to artifacts/bin, if sources changed
	@echo "built: $(OPERATOR) $(SIDECAR)"

demo: ## Breaks a real database under a real app: stock beside protected (SCENARIOS=stop for a part)
	@scripts/setup build demo
	@$(MAKE) --no-print-directory build
	@demo/run

test: ## Sets up, builds, and runs every test and check; the last line counts them
	@scripts/test

bench: ## Measures how soon a fleet of 100 sidecars knows that the database is going (FLEET=1000 ROUNDS=5 for others)
	@scripts/setup build
	@scripts/kube/build
	@$(MAKE) --no-print-directory build
	@dotnet build tests/Benchmarks -c Release -v quiet
	@tests/Benchmarks/bin/Release/net10.0/SessionOperator.Benchmarks $${FLEET:-100} $${ROUNDS:-20}

clean: ## Removes everything that was built
	@rm -rf artifacts
	@find protocol operator sidecar tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +

$(OPERATOR): $(call sources,operator)
	@echo "publishing the operator"
	@rm -rf $(@D)
	@dotnet publish operator/Operator.csproj -c Release -r $(RID) --self-contained false -v quiet -o $(@D)
	@touch $@

$(SIDECAR): $(call sources,sidecar)
	@command -v clang >/dev/null || scripts/setup build
	@echo "publishing the sidecar (Native AOT, about a minute)"
	@rm -rf $(@D)
	@dotnet publish sidecar/Sidecar.csproj -c Release -r $(RID) -v quiet -o $(@D)
	@touch $@
