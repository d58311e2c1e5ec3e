# Shared by the scripts of this folder: places, messages, and Debian's packages without touching the system's own lists.
# shellcheck shell=bash

readonly KUBE_VERSION=1.20.2    # what Debian bookworm's source package "kubernetes" holds
KUBE_CACHE=${SESSION_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/session-operator}/kube
readonly KUBE_CACHE
readonly KUBE_HOME=$KUBE_CACHE/$KUBE_VERSION-2    # the number grows when what is built from the same source changes
readonly KUBE_BIN=$KUBE_HOME/bin
readonly KUBE_TOOLS=$KUBE_CACHE/tools/bin
readonly DEBIAN_SUITE=bookworm
readonly DEBIAN_HOME=$KUBE_CACHE/apt

# shellcheck source=scripts/lib/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/debian.sh"

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
