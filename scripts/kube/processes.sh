# Starting and ending servers by process id, and ports for them. Needs lib.sh.
# A server NAME of a folder DIR has DIR/run/NAME.pid ("<pid> <start time>", so that a reused id is never taken for it)
# and DIR/logs/NAME.log.
# shellcheck shell=bash

start_time() { # of a process, in clock ticks since boot; empty once it is gone or a zombie
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # The name in parentheses may hold anything: count fields behind it.
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[0]} == Z ]] || echo "${stat[19]}"
}

# True while the server runs: running DIR NAME
running() {
    local pid started
    [[ -r $1/run/$2.pid ]] || return 1
    read -r pid started <"$1/run/$2.pid" || return 1
    [[ -n $started && $(start_time "$pid") == "$started" ]]
}

# Starts a server in a session of its own: launch DIR NAME COMMAND...
launch() {
    local dir=$1 name=$2 pid
    shift 2
    mkdir -p "$dir/run" "$dir/logs"
    setsid "$@" </dev/null >>"$dir/logs/$name.log" 2>&1 8>&- 9>&- &
    pid=$!
    echo "$pid $(start_time "$pid")" >"$dir/run/$name.pid"
}

# Ends a server and waits until it is gone: end DIR NAME [SECONDS before it is killed, 20]
end() {
    local dir=$1 name=$2 pid
    if running "$dir" "$name"; then
        read -r pid _ <"$dir/run/$name.pid"
        [[ $pid != "$$" ]] || { rm "$dir/run/$name.pid"; return 0; }    # a watch that became this script
        kill -TERM "$pid" 2>/dev/null || :
        until_true "${3:-20}" not running "$dir" "$name" || { kill -KILL "$pid" 2>/dev/null || :; until_true 20 not running "$dir" "$name" || fail "$name (process $pid) does not end"; }
    fi
    rm -f "$dir/run/$name.pid"
}

not() { ! "$@"; }

# Waits for a server to be ready; if it ends or the time is up, shows the end of its log:
# ready DIR NAME SECONDS COMMAND...
ready() {
    local dir=$1 name=$2 deadline=$((SECONDS + $3))
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ! running "$dir" "$name" || ((SECONDS >= deadline)); then
            tail -n 15 "$dir/logs/$name.log" >&2
            running "$dir" "$name" && fail "$name is not ready in time; its log: $dir/logs/$name.log"
            fail "$name ended; its log: $dir/logs/$name.log"
        fi
        sleep 0.1
    done
}

# Prints N free loopback ports. They are below the range that the kernel hands out to clients (32768 up), so nothing
# takes them by chance until the server does: free_ports N
free_ports() {
    local taken port count=0
    taken=" $(ss -Htln | awk '{ sub(/.*:/, "", $4); print $4 }' | tr '\n' ' ') "
    while ((count < $1)); do
        port=$((20000 + (RANDOM << 1 | RANDOM & 1) % 12000))
        [[ $taken != *" $port "* ]] || continue
        taken+="$port "
        count=$((count + 1))
        echo "$port"
    done
}
