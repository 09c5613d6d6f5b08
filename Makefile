# 常用命令 · The few verbs a person needs. `make help` lists them. Needs make and Python 3.11, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 17400
UP := $(BIN)/outreach up --play examples.play --port $(PORT)

.DEFAULT_GOAL := help
.PHONY: help setup lock generate lint audit sbom test browser screenshots run crash fuzz bench accuracy clean

help: ## 列出命令 · list the verbs
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## 建立 .venv · make .venv with everything pinned

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "需要 Python 3.11 · Python 3.11 is needed: install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "安装依赖到 $(VENV)，首次约一分钟 · installing into $(VENV), about a minute the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock: ## 更新 requirements.lock · pin the newest versions
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch" uv.lock' EXIT && $(PYTHON) -m venv "$$scratch" && \
		"$$scratch/bin/pip" install --quiet --disable-pip-version-check uv && \
		for lock in "requirements.lock --all-groups" "requirements.runtime.lock --no-default-groups"; do \
			"$$scratch/bin/uv" export --quiet --no-emit-project --no-header --no-annotate \
				--format requirements.txt --output-file $$lock; done

generate: setup ## 由 proto 生成代码 · generate outreach/v1 from proto/
	@$(BIN)/python proto/generate.py

lint: setup ## 风格、架构、类型、契约 · style, architecture, types, contract
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy
	@$(BIN)/python proto/generate.py --check
	@$(BIN)/python -m tests.audit code

audit: setup ## 已知漏洞 · known vulnerabilities of what we install
	@$(BIN)/python -m tests.audit packages

sbom: setup ## 软件物料清单 sbom.json（CycloneDX）· what the image holds
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements.runtime.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON --output-file sbom.json && echo sbom.json

test: lint audit browser ## 检查与全部测试 · lint and all tests
	@$(BIN)/pytest -n 2 --ignore tests/system
	@$(BIN)/pytest tests/system

browser: ## 浏览器测试所需的 Chromium · Chromium for the browser tests; installed where that is possible
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk >/dev/null; } || \
		echo "没有 Chromium，略去浏览器测试：apt-get install chromium fonts-noto-cjk 之后再来 · no Chromium: the browser tests are left out"

screenshots: setup browser ## 控制台各页的截图 · pictures of the console's pages, in docs/screenshots/
	@$(BIN)/pytest tests/system/browser/screenshots.py

run: setup ## 启动全部并演一天；ONCE=1 演完即止，PORT=18400 换端口 · start all and play a day; ONCE=1 ends after it
	@$(UP) $(if $(ONCE),--once)

crash: setup ## 反复强杀进程 25 次 · 25 kills of random processes while the example runs
	@$(BIN)/pytest tests/system/test_kill.py --kills 25 --timeout 3600

fuzz: setup ## 恶意输入，默认一百万份；N=20000 SEED=2 改，RESUME=1 接着上次 · malformed input, a million by default; results in .fuzz/
	@nice -n 10 $(BIN)/python -m tests.fuzz.campaign --count $(or $(N),1000000) --seed $(or $(SEED),1) $(if $(RESUME),--resume)

bench: setup ## 性能，对照同一轮测得的极限 · speed, against bare limits measured in the same run
	@$(BIN)/python -m bench.run

accuracy: setup ## 地址筛查的准确率 · accuracy of the address screening on labelled addresses
	@$(BIN)/python -m bench.accuracy

clean: ## 删除 .venv、.run 与缓存 · remove .venv, .run and caches
	@rm -rf $(VENV) .run .fuzz *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
