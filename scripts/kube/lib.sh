# Shared by the scripts of this folder: places, messages, and Debian's packages without touching the system's own lists.
# shellcheck shell=bash

readonly KUBE_VERSION=1.20.2    # what Debian bookworm's source package "kubernetes" holds
KUBE_CACHE=${SESSION_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/session-operator}/kube
readonly KUBE_CACHE
readonly KUBE_BIN=$KUBE_CACHE/$KUBE_VERSION/bin
readonly KUBE_TOOLS=$KUBE_CACHE/tools/bin
readonly KUBE_SUITE=bookworm

say() { echo "kube: $*"; }
fail() { echo "kube: $*" >&2; exit 1; }

# Holds a lock of the cache until the script ends: exclusively NAME
exclusively() {
    mkdir -p "$KUBE_CACHE"
    exec 9>"$KUBE_CACHE/$1.lock"
    if ! flock --nonblock 9; then
        say "another run holds $KUBE_CACHE/$1.lock; waiting for it"
        flock 9
    fi
}

# True if the caller brought an API server of another version.
own_assets() { [[ -n ${KUBEBUILDER_ASSETS:-} && -x $KUBEBUILDER_ASSETS/kube-apiserver && -x $KUBEBUILDER_ASSETS/etcd ]]; }

# The folder to take etcd and kube-apiserver from.
server_folder() { if own_assets; then echo "$KUBEBUILDER_ASSETS"; else echo "$KUBE_BIN"; fi; }

# Installs the Debian packages whose command is missing: need COMMAND=PACKAGE...
# By command, since a machine may have the same program from elsewhere (containerd.io, for one), and Debian's package
# would replace it. RUNLEVEL=1 makes Debian's helpers install services without starting them.
need() {
    local pair missing=() as_root=()
    for pair in "$@"; do
        [[ -n $(PATH=$PATH:/usr/sbin:/sbin type -P "${pair%%=*}") || -e ${pair%%=*} ]] || missing+=("${pair#*=}")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "this is not Debian (no apt-get); install by hand: ${missing[*]}"
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || fail "run this as root, or install sudo; missing packages: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]} from Debian's packages; their services are not started"
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=600 \
        install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# apt-get with lists, sources and archives of its own under the cache: bookworm's packages and sources, from the
# mirrors that this machine uses. Needs no root.
private_apt() {
    local home=$KUBE_CACHE/apt
    apt-get -q -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$home/sources" \
        -o "Dir::State::Lists=$home/lists" -o "Dir::Cache=$home/cache" \
        -o "APT::Sandbox::User=" -o "Acquire::Languages=none" "$@"
}

# Reads the private lists, once in a day: private_lists
private_lists() {
    local home=$KUBE_CACHE/apt
    mkdir -p "$home"
    exec 8>"$home.lock"    # scripts of this folder run side by side
    flock 8
    [[ -z $(find "$home/fresh" -mmin -1440 2>/dev/null) ]] || { exec 8>&-; return 0; }
    mkdir -p "$home/sources" "$home/lists/partial" "$home/cache/archives/partial"
    write_sources "$home/sources"
    say "reading the list of $KUBE_SUITE's packages and source packages (kept in $home)"
    private_apt update -q >"$home/update.log" 2>&1 || { tail -n 5 "$home/update.log" >&2; fail "apt-get update failed; see $home/update.log"; }
    touch "$home/fresh"
    exec 8>&-
}

# Copies those of the machine's sources that are this suite's, with deb-src added: write_sources FOLDER
write_sources() {
    local wanted="^($KUBE_SUITE|$KUBE_SUITE-updates|$KUBE_SUITE-security)\$"
    shopt -s nullglob
    local sources=(/etc/apt/sources.list.d/*.sources) lists=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list)
    shopt -u nullglob
    rm -f "$1"/*
    if ((${#sources[@]})); then
        awk -v wanted="$wanted" '
            function flush(    i, n, s, keep) {
                n = split(field["Suites"], s, /[ \t]+/)
                for (i = 1; i <= n; i++) if (s[i] ~ wanted) keep = keep " " s[i]
                if (keep != "" && (" " field["Components"] " ") ~ / main / && tolower(field["Enabled"]) != "no") {
                    print "Types: deb deb-src\nURIs: " field["URIs"] "\nSuites:" keep "\nComponents: main"
                    if (field["Signed-By"] != "") print "Signed-By: " field["Signed-By"]
                    print ""
                }
                delete field
            }
            FNR == 1 || /^[ \t]*$/ { flush() }
            /^[A-Za-z-]+:/ { i = index($0, ":"); name = substr($0, 1, i - 1); field[name] = substr($0, i + 1); sub(/^[ \t]+/, "", field[name]) }
            END { flush() }' "${sources[@]}" >"$1/own.sources"
    fi
    local list
    for list in "${lists[@]}"; do
        [[ -r $list ]] || continue
        # Options in brackets, the address and the suite, then the components.
        sed -nE "s/^deb(-src)?[ \t]+((\[[^]]*\][ \t]+)?[^ \t]+[ \t]+($KUBE_SUITE|$KUBE_SUITE-updates|$KUBE_SUITE-security)[ \t]+main).*/deb \2\ndeb-src \2/p" "$list"
    done | sort -u >"$1/own.list"
    [[ -s $1/own.sources || -s $1/own.list ]] || fail "no source of Debian $KUBE_SUITE is set up on this machine; set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd, and KUBECONFIG to a cluster instead"
}

# Takes one Debian package apart without installing it: unpack_package NAME FOLDER
unpack_package() {
    local work
    work=$(mktemp -d "$KUBE_CACHE/unpack.XXXXXX")
    (cd "$work" && private_apt download "$1" >log 2>&1) || { tail -n 5 "$work/log" >&2; fail "Debian's package $1 could not be fetched"; }
    mkdir -p "$2"
    dpkg-deb -x "$work"/*.deb "$2"
    rm -rf "$work"
}

# Waits for a command to succeed, looking ten times a second, since neither an address nor a socket's appearance can be
# waited for from a shell. False when the time is up: until_true SECONDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}
