# Every target is a plain command or two; `make` alone lists them.

# PREFIX is for everything but the agents: Pacemaker looks for those in OCF_ROOT and nowhere else.
PREFIX = /usr
OCF_ROOT = /usr/lib/ocf
DESTDIR =

TARGET = $(or $(CARGO_TARGET_DIR),target)
RELEASE = $(TARGET)/release
AGENTS = $(OCF_ROOT)/resource.d/hawser
LIBEXEC = $(PREFIX)/libexec/hawser
DOCUMENTS = $(PREFIX)/share/doc/hawser
MAN = $(PREFIX)/share/man
STAGE = $(abspath $(TARGET))/stage
PROGRAMS = $(addprefix $(RELEASE)/,kvm kvm-full xen node hawser lab-keeper lab-guest)
PAGES = $(addprefix $(TARGET)/man/,ocf_hawser_kvm.7 ocf_hawser_xen.7 ocf_hawser_node.7)

CARGO = cargo
# What is there already stays as it is: it may be in use.
INSTALL = install -C -D

.PHONY: help packages build demo xen-lab test check metadata install

help:
	@echo 'make demo      migrate a guest in a two-node cluster and kill a node (as root)'
	@echo 'make xen-lab   the same on two real Xen hosts, which are emulated (as root)'
	@echo 'make test      all tests; as root, also those on real clusters'
	@echo 'make check     formatting and lints'
	@echo 'make build     the programs, for release'
	@echo 'make install   put everything into DESTDIR, below PREFIX (/usr)'
	@echo 'make metadata  write ocf-metadata/ anew from the agents'
	@echo 'make packages  the Debian packages that the others need (as root)'

packages:
	scripts/install-packages

build: $(PAGES)
	HAWSER_LIBEXEC=$(LIBEXEC)/kvm $(CARGO) build --locked --release -p kvm -p xen -p node -p hawser -p lab -p lab-guest

# Page titles are by crm's convention: man ocf_hawser_kvm.
$(TARGET)/man/ocf_hawser_%.7: ocf-metadata/%.xml man/agent.xsl
	mkdir -p $(@D)
	xsltproc --novalid --nonet --output $@ man/agent.xsl $<

xen-lab: DEMO = --xen --html xen-lab.html

demo xen-lab:
	@test $$(id -u) -eq 0 || { echo 'make $@ needs root, to install packages and to make a cluster of namespaces:'; \
	    echo '    sudo env PATH="$$PATH" make $@'; exit 1; } >&2
	scripts/install-packages
	$(MAKE) install DESTDIR=$(STAGE) PREFIX=/usr
	$(STAGE)/usr/sbin/hawser demo --root $(STAGE) $(DEMO)

LIVE = $(filter-out xen,$(basename $(notdir $(wildcard tests/tests/*.rs))))
LIVE_XEN = xen xl

# A test that cannot run on this machine says so, and why, with a line that begins with "skipped". Those in labs
# mostly wait, so two files of them run at a time; two emulated Xen hosts need both processors.
test: packages
	$(CARGO) test --locked --workspace --exclude live
	$(CARGO) test --locked -p live --lib --no-run --tests
	$(MAKE) --jobs=2 --output-sync=target $(LIVE:%=live-%)
	$(MAKE) --jobs=1 $(LIVE_XEN:%=live-%)

live-%:
	$(CARGO) test --locked -p live --test $*

check: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

metadata:
	UPDATE=1 $(CARGO) test --locked -p kvm -p xen -p node meta

install: build
	@# The pretend hypervisor is for tests: no installed program may have it.
	! grep --files-with-matches scripted:// $(PROGRAMS)
	$(INSTALL) -m 0755 -t $(DESTDIR)$(AGENTS) $(addprefix $(RELEASE)/,kvm xen node)
	$(INSTALL) -m 0755 $(RELEASE)/kvm-full $(DESTDIR)$(LIBEXEC)/kvm
	$(INSTALL) -m 0755 -t $(DESTDIR)$(LIBEXEC) $(RELEASE)/lab-keeper $(RELEASE)/lab-guest
	$(INSTALL) -m 0755 -t $(DESTDIR)$(PREFIX)/sbin $(RELEASE)/hawser
	$(INSTALL) -m 0644 -t $(DESTDIR)$(MAN)/man7 $(PAGES)
	$(INSTALL) -m 0644 -t $(DESTDIR)$(MAN)/man8 man/hawser.8
	$(INSTALL) -m 0644 -t $(DESTDIR)$(DOCUMENTS) README.md CHANGELOG.md LICENSE docs/*.md
	$(INSTALL) -m 0644 -t $(DESTDIR)$(DOCUMENTS)/examples examples/*
