# `make help` lists the targets. Everything that is built or measured goes to artifacts/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup build demo test e2e bench images history mutants clean

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

# Images: see docs/install.md. They are published apart, since the flags differ.
VERSION  := $(shell sed -nE 's:.*<Version>(.*)</Version>.*:\1:p' Directory.Build.props)
ARCH     ?= $(shell dpkg --print-architecture 2>/dev/null || echo amd64)
IMAGES   := artifacts/images
PACKED   := $(foreach name,operator sidecar,$(IMAGES)/$(name)-$(VERSION)-$(ARCH).tar)
PACKING  := scripts/images scripts/kube/archive.py scripts/kube/closure.sh scripts/kube/lib.sh LICENSE
# The same sources give the same bytes, wherever the checkout is and whatever its last commit.
SAME     := -p:PathMap=$(CURDIR)=/src -p:IncludeSourceRevisionInInformationalVersion=false -p:DebugType=none

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

e2e: ## A real cluster, by helm and kubectl alone: breaks the database in every way under load (SCENARIOS=delete-pod for a part)
	@$(MAKE) --no-print-directory images
	@/usr/bin/python3 tests/EndToEnd/run

bench: ## Measures how soon a fleet of 100 sidecars knows that the database is going (FLEET=1000 ROUNDS=5 for others)
	@scripts/setup build
	@scripts/kube/build
	@$(MAKE) --no-print-directory build
	@dotnet build tests/Benchmarks -c Release -v quiet
	@tests/Benchmarks/bin/Release/net10.0/SessionOperator.Benchmarks $${FLEET:-100} $${ROUNDS:-20}

images: ## Packs operator and sidecar into image archives in artifacts/images (ARCH=arm64 on such a machine)
	@scripts/images toolchain $(ARCH)
	@scripts/setup build images
	@$(MAKE) --no-print-directory $(PACKED)
	@for image in $(PACKED); do echo "$$image $$(cat $$image.digest)"; done

history: ## Judges histories of a fleet under faults: OPERATIONS=100000 requests, FIRST=1 is the first seed
	@scripts/setup build demo
	@$(MAKE) --no-print-directory build
	@tests/History/long

mutants: ## Breaks the product on purpose, one way after the other, and sees whether the tests notice
	@scripts/setup build demo test
	@scripts/mutants

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

# Trimmed: what of the .NET libraries the operator does not reach stays out. Only libraries that say they can be trimmed are, so
# KubernetesClient and the operator itself stay whole; they read JSON by reflection.
$(IMAGES)/bin/operator-$(ARCH)/SessionOperator.Operator: $(call sources,operator)
	@echo "publishing the operator for its image"
	@rm -rf $(@D) operator/obj/Release/*/*/linked
	@dotnet publish operator/Operator.csproj -c Release -r $(subst amd64,x64,linux-$(ARCH)) --self-contained -v quiet -o $(@D) $(SAME) \
	    -p:PublishTrimmed=true -p:TrimMode=partial -p:SuppressTrimAnalysisWarnings=true -p:TrimmerRemoveSymbols=true -p:JsonSerializerIsReflectionEnabledByDefault=true
	@touch $@

# Static: the image has nothing else in it. Its intermediate files are kept apart from those of `make build`.
$(IMAGES)/bin/sidecar-$(ARCH)/SessionOperator.Sidecar: $(call sources,sidecar)
	@echo "publishing the sidecar for its image (Native AOT, static, about two minutes)"
	@rm -rf $(@D)
	@dotnet publish sidecar/Sidecar.csproj -c Release -r $(subst amd64,x64,linux-$(ARCH)) -v quiet -o $(@D) $(SAME) \
	    -p:StaticExecutable=true -p:StaticOpenSslLinking=true -p:LinkerFlavor=lld -p:NativeIntermediateOutputPath=obj/image-$(ARCH)/native/ \
	    >$(@D).log 2>&1 || { cat $(@D).log; exit 1; }
	@touch $@

$(IMAGES)/operator-$(VERSION)-$(ARCH).tar: $(IMAGES)/bin/operator-$(ARCH)/SessionOperator.Operator $(PACKING)
	@scripts/images operator $(<D) $@ >/dev/null

$(IMAGES)/sidecar-$(VERSION)-$(ARCH).tar: $(IMAGES)/bin/sidecar-$(ARCH)/SessionOperator.Sidecar $(PACKING) $(shell find adapters/django -name '*.py' -not -path '*/tests/*')
	@scripts/images sidecar $(<D) $@ >/dev/null
