# The cluster's place on this machine: a network namespace, a mount namespace and a cgroup of its own, so that neither
# its ports, its iptables rules and mounts nor its kernel settings meet the machine's. Needs lib.sh and processes.sh.
# The process "node" holds the namespaces; whatever runs in them is in the cgroup, and ends with it.
# shellcheck shell=bash

# Prints the cgroup's folder in every hierarchy of version 1, or the one of version 2: cgroup_folders DIR
cgroup_folders() {
    local name hierarchy
    name=$(cat "$1/cgroup")
    if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
        echo "/sys/fs/cgroup$name"
    else
        for hierarchy in /sys/fs/cgroup/*/; do
            # Several names of one hierarchy are links (cpu, cpuacct).
            [[ -L ${hierarchy%/} || ! -e $hierarchy/cgroup.procs ]] || echo "${hierarchy%/}$name"
        done
    fi
}

# The one folder whose processes are counted as the cluster's: process_folder DIR
process_folder() {
    if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then echo "/sys/fs/cgroup$(cat "$1/cgroup")"; else echo "/sys/fs/cgroup/pids$(cat "$1/cgroup")"; fi
}

make_cgroup() {
    local folder
    [[ -s $1/cgroup ]] || echo "/session-operator-$(basename "$(mktemp -u XXXXXX)")" >"$1/cgroup"
    if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
        mkdir -p "$(process_folder "$1")"
        for folder in /sys/fs/cgroup "$(process_folder "$1")"; do
            echo "+cpu +cpuset +memory +pids +io" >"$folder/cgroup.subtree_control"
        done
    else
        while read -r folder; do
            mkdir -p "$folder"
            if [[ -e $folder/cpuset.cpus ]]; then
                # A new cpuset is empty, and nothing may enter it so.
                cat "$(dirname "$folder")/cpuset.cpus" >"$folder/cpuset.cpus"
                cat "$(dirname "$folder")/cpuset.mems" >"$folder/cpuset.mems"
            fi
        done < <(cgroup_folders "$1")
    fi
    mkdir -p "$(process_folder "$1")/servers"
}

cgroup_processes() { find "$(process_folder "$1")" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -v '^0$'; }
cgroup_empty() { [[ -z $(cgroup_processes "$1") ]]; }

kill_cgroup() { # whatever is left: containers and their shims
    local pid
    while read -r pid; do kill -KILL "$pid" 2>/dev/null || :; done < <(cgroup_processes "$1")
    cgroup_empty "$1"
}

remove_cgroup() {
    local folder
    [[ -s $1/cgroup ]] || return 0
    until_true 30 kill_cgroup "$1" || fail "processes of the cluster do not end: $(cgroup_processes "$1" | paste -sd' ')"
    while read -r folder; do
        [[ ! -d $folder ]] || until_true 10 find "$folder" -depth -type d -exec rmdir {} + || fail "the cgroup $folder cannot be removed"
    done < <(cgroup_folders "$1")
    rm "$1/cgroup"
}

# Runs a command in the cluster's namespaces and cgroup, replacing the caller: in_node DIR COMMAND...
in_node() {
    local dir=$1 pid
    shift
    read -r pid _ <"$dir/run/node.pid"
    echo $BASHPID >"$(process_folder "$dir")/servers/cgroup.procs"
    exec nsenter --target "$pid" --net --mount --wd="$dir" -- "$@"
}

launch_in_node() { # DIR NAME COMMAND...
    local dir=$1 name=$2 pid
    shift 2
    read -r pid _ <"$dir/run/node.pid"
    # shellcheck disable=SC2016
    launch "$dir" "$name" sh -c 'echo $$ >"$0/servers/cgroup.procs"; exec nsenter "$@"' "$(process_folder "$dir")" \
        --target "$pid" --net --mount --wd="$dir" -- "$@"
}

bind() { mkdir -p "$1" "$2" && mount --bind "$1" "$2"; }

# Runs inside the new namespaces, before anything else does: prepare_node DIR ADDRESS
prepare_node() {
    local dir=$1 setting
    mount --make-rshared /
    mount -t tmpfs -o mode=755 tmpfs /run       # containerd's and its shims' sockets have fixed places there
    mkdir -p /run/lock
    # Fixed places, too: pods' logs, addresses given out, device plugins. /mnt is for the tests' volumes.
    bind "$dir/node/log" /var/log
    bind "$dir/node/cni" /var/lib/cni
    bind "$dir/node/kubelet" /var/lib/kubelet
    bind "$dir/node/volumes" /mnt
    mkdir "$dir/node/sys"
    # The kubelet sets these for the whole machine, unless they have the value already: show it that they do.
    for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
        kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
        echo "${setting#*=}" >"$dir/node/sys/$(basename "${setting%=*}")"
        mount --bind "$dir/node/sys/$(basename "${setting%=*}")" "/proc/sys/${setting%=*}"
    done
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    # Without it two pods on the bridge would answer each other past the Service's address.
    [[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
}

# Makes namespaces and cgroup, and a link from the machine to the node; DIR/address is the node's: make_node DIR
make_node() {
    local dir=$1 pid link third
    if running "$dir" node; then return 0; fi
    make_cgroup "$dir"
    # The first line says that the namespaces are there; sleep holds them.
    launch "$dir" node unshare --net --mount -- "$BASH" -c 'set -euo pipefail; source "$1/lib.sh"; source "$1/node.sh"; prepare_node "$2"; touch "$2/run/node.ready"; exec sleep infinity' - "$here" "$dir"
    ready "$dir" node 20 test -e "$dir/run/node.ready"
    rm "$dir/run/node.ready"

    read -r pid _ <"$dir/run/node.pid"
    until third=$((RANDOM % 254 + 1)); ! ip -4 addr | grep -qF "10.201.$third."; do :; done
    link=so$third
    echo "10.201.$third.2" >"$dir/address"
    ip link add "$link" type veth peer name eth0 netns "$pid"
    ip addr add "10.201.$third.1/30" dev "$link"
    ip link set "$link" up
    nsenter --target "$pid" --net ip addr add "10.201.$third.2/30" dev eth0
    nsenter --target "$pid" --net ip link set eth0 up
    # A Service's address needs a route before kube-proxy's rules can change it.
    nsenter --target "$pid" --net ip route add default via "10.201.$third.1"
}

remove_node() {
    remove_cgroup "$1"
    rmdir --ignore-fail-on-non-empty /var/lib/cni /var/lib/kubelet 2>/dev/null || :    # made as places to mount on
    end "$1" node    # the namespaces go with their last process, the link with them
}
