# Set-up, demo and tests in one command each. `make help` lists the targets.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

PACKAGES := g++ make cmake ninja-build pkg-config ccache \
  libsystemc-dev libboost1.81-dev libboost-json1.81-dev libboost-program-options1.81-dev \
  libboost-iostreams1.81-dev libonnx-dev libprotobuf-dev protobuf-compiler libeigen3-dev libhwy-dev \
  libelf-dev libfdt-dev libgtest-dev libgmock-dev libbenchmark-dev libjs-chart.js \
  gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf

# What tests and checks run beside it; `make demo` does without.
TEST_PACKAGES := qemu-system-misc gdb-multiarch ngspice chromium clang clang-format clang-tidy

NPIM := $(BUILD)/npim
DIGITS := configs/networks/digits
PROGRAM := build/digits.npim

# Debian's kernel on the platform: packages, module, programs and initial RAM disk land here.
LINUX_PACKAGES := gcc-riscv64-linux-gnu libc6-dev-riscv64-cross opensbi cpio xz-utils
LINUX := build/linux
LINUX_SOURCES := $(wildcard firmware/linux/*/* firmware/linux/module/shim/* firmware/driver/* \
  firmware/runtime/* firmware/include/npim/*)

.PHONY: help deps test-deps configure build firmware demo test slow-test asan-test bench fuzz format check-format tidy clean

help:
	@echo 'make demo       install what is missing, build, and classify digits on the simulated chip'
	@echo 'make test       install what is missing, build, and run the tests (not those labelled slow)'
	@echo 'make linux-demo boot Debian Linux to a shell on the simulated board, classify digits there'
	@echo 'make linux-test the tests labelled linux: the same unattended, and the kernel driver'
	@echo 'make slow-test  the tests labelled slow'
	@echo 'make asan-test  the tests with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make bench      the benchmarks'
	@echo 'make fuzz       run every fuzz target for a few seconds'
	@echo 'make deps       only install the Debian packages; make test-deps: those of the tests too'
	@echo 'make format, make check-format, make tidy, make clean'
	@echo 'PRESET=release|debug|asan chooses the build (default release)'

# Asks dpkg first, so that nothing runs as root, and no network is needed, when all packages are there.
deps:
	@missing=$$(for p in $(PACKAGES); do \
	  dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "Installing Debian packages:" $$missing; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -q && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	fi

# Target-specific values reach what a target depends on, `deps` too.
test slow-test asan-test tidy test-deps: PACKAGES += $(TEST_PACKAGES)
test-deps: deps

configure: deps
	@cmake --preset $(PRESET) >build-$(PRESET).log 2>&1 || { cat build-$(PRESET).log; rm -f build-$(PRESET).log; exit 1; }; \
	  rm -f build-$(PRESET).log

build: configure
	@cmake --build --preset $(PRESET) -j $(JOBS)

$(NPIM)-and-firmware: configure
	@cmake --build --preset $(PRESET) -j $(JOBS) --target npim firmware

.PHONY: $(NPIM)-and-firmware

demo: $(NPIM)-and-firmware
	@$(NPIM) compile $(DIGITS)/digits.onnx --chip configs/chips/neural-pim.json \
	  --calibrate $(DIGITS)/calibration-images-idx3-ubyte.gz -o $(PROGRAM)
	@$(NPIM) run --platform configs/platforms/demo.json --firmware build/firmware/demo_cnn.elf \
	  --program $(PROGRAM) --images $(DIGITS)/digits-images-idx3-ubyte.gz \
	  --labels $(DIGITS)/digits-labels-idx1-ubyte.gz --check

test: build
	@ctest --preset $(PRESET) -j $(JOBS) -LE 'slow|linux'

slow-test: build
	@ctest --preset $(PRESET) -j $(JOBS) -L slow

# The mirror is that of the machine's own apt sources; nothing outside build/ changes.
$(LINUX)/packages/complete: firmware/linux/fetch-packages.sh | deps
	@rm -f $@
	@firmware/linux/fetch-packages.sh $(LINUX)/packages

$(LINUX)/neural_pim.ko: $(LINUX)/packages/complete $(LINUX_SOURCES) firmware/linux/build-module.sh
	@firmware/linux/build-module.sh $(LINUX)/packages $(LINUX)

# Ninja knows whether it is up to date; what depends on it is made again when it changed.
$(NPIM): $(NPIM)-and-firmware ;

$(LINUX)/digits.npim: $(DIGITS)/digits.onnx $(NPIM)
	@mkdir -p $(LINUX)
	@$(NPIM) compile $(DIGITS)/digits.onnx --chip configs/chips/neural-pim.json \
	  --calibrate $(DIGITS)/calibration-images-idx3-ubyte.gz -o $@

$(LINUX)/initramfs.cpio: $(LINUX)/neural_pim.ko $(LINUX)/digits.npim \
    firmware/linux/build-initramfs.sh firmware/linux/initramfs/init
	@firmware/linux/build-initramfs.sh $(LINUX)/packages $(LINUX) $(LINUX)/digits.npim \
	  $(DIGITS)/digits-images-idx3-ubyte.gz $(DIGITS)/digits-labels-idx1-ubyte.gz

.PHONY: linux-setup linux-demo linux-test
linux-setup linux-demo linux-test: PACKAGES += $(LINUX_PACKAGES)
linux-setup: $(LINUX)/initramfs.cpio

linux-demo: linux-setup $(NPIM)-and-firmware
	@firmware/linux/run.sh $(NPIM) $(LINUX)

linux-test: linux-setup
	@cmake --build --preset $(PRESET) -j $(JOBS) --target integration_linux
	@ctest --preset $(PRESET) -L linux --output-on-failure

asan-test:
	@$(MAKE) --no-print-directory test PRESET=asan

bench: build
	@for b in $(BUILD)/bench_*; do [ -x $$b ] && $$b; done

fuzz: build
	@ctest --preset $(PRESET) -L fuzz

# regs.h is generated.
SOURCES = $(filter-out firmware/include/npim/regs.h,$(shell git ls-files '*.cpp' '*.h' '*.c'))
format:
	@clang-format -i $(SOURCES)

check-format:
	@clang-format --dry-run -Werror $(SOURCES) && echo 'clang-format: clean'

# The rooms whose files parse in a second or two; SystemC and protobuf headers cost ten times that.
TIDY = $(wildcard models/base/*.cpp models/config/*.cpp models/program/*.cpp models/mapping/*.cpp \
  models/device/*.cpp models/crossbar/*.cpp models/peripheral/*.cpp models/dataflow/*.cpp)
tidy: configure
	@echo $(TIDY) | xargs -n 2 -P $(JOBS) clang-tidy -p $(BUILD) --quiet && echo 'clang-tidy: clean'

clean:
	rm -rf build
