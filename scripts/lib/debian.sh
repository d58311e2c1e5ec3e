# Debian's packages without touching the system's own lists: apt-get with lists, sources and archives in a cache folder.
# Needs from the script that sources it: say, fail, DEBIAN_SUITE and DEBIAN_HOME, the folder that is only for this suite.
# shellcheck shell=bash

readonly MACHINE_SUITE=bookworm    # the suite whose mirrors this machine has set up

# apt-get over the private lists. Needs no root: private_apt ARGUMENTS...
private_apt() {
    apt-get -q -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$DEBIAN_HOME/sources" \
        -o "Dir::State::Lists=$DEBIAN_HOME/lists" -o "Dir::Cache=$DEBIAN_HOME/cache" \
        -o "APT::Sandbox::User=" -o "Acquire::Languages=none" -o "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false" "$@"
}

# Reads the private lists, once in a day: private_lists
private_lists() {
    mkdir -p "$DEBIAN_HOME"
    exec 8>"$DEBIAN_HOME.lock"    # scripts run side by side
    flock 8
    [[ -z $(find "$DEBIAN_HOME/fresh" -mmin -1440 2>/dev/null) ]] || { exec 8>&-; return 0; }
    mkdir -p "$DEBIAN_HOME/sources" "$DEBIAN_HOME/lists/partial" "$DEBIAN_HOME/cache/archives/partial"
    write_sources "$DEBIAN_HOME/sources"
    say "reading the list of $DEBIAN_SUITE's packages and source packages (kept in $DEBIAN_HOME)"
    private_apt update -q >"$DEBIAN_HOME/update.log" 2>&1 \
        || { tail -n 5 "$DEBIAN_HOME/update.log" >&2; fail "apt-get update failed; see $DEBIAN_HOME/update.log"; }
    touch "$DEBIAN_HOME/fresh"
    exec 8>&-
}

# Copies the sources of the machine's own suite, with deb-src added, and for another suite with its name in their place:
# write_sources FOLDER
write_sources() {
    local wanted="^($MACHINE_SUITE|$MACHINE_SUITE-updates|$MACHINE_SUITE-security)\$"
    # Newer suites: only the suite itself; its updates have no use here.
    [[ $DEBIAN_SUITE == "$MACHINE_SUITE" ]] || wanted="^$MACHINE_SUITE\$"
    shopt -s nullglob
    local sources=(/etc/apt/sources.list.d/*.sources) lists=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list)
    shopt -u nullglob
    rm -f "$1"/*
    if ((${#sources[@]})); then
        awk -v wanted="$wanted" -v from="$MACHINE_SUITE" -v to="$DEBIAN_SUITE" '
            function flush(    i, n, s, keep) {
                n = split(field["Suites"], s, /[ \t]+/)
                for (i = 1; i <= n; i++) if (s[i] ~ wanted) { sub("^" from, to, s[i]); keep = keep " " s[i] }
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
        sed -nE "s/^deb(-src)?[ \t]+(\[[^]]*\][ \t]+)?([^ \t]+)[ \t]+($MACHINE_SUITE)(-updates|-security)?[ \t]+main.*/\2\3 $DEBIAN_SUITE\5 main/p" "$list"
    done | { if [[ $DEBIAN_SUITE == "$MACHINE_SUITE" ]]; then cat; else grep -vE -- '-(updates|security) main$' || :; fi; } \
        | sed 's/^\(.*\)$/deb \1\ndeb-src \1/' | sort -u >"$1/own.list"
    [[ -s $1/own.sources || -s $1/own.list ]] || fail "no source of Debian $MACHINE_SUITE is set up on this machine${DEBIAN_INSTEAD:+; $DEBIAN_INSTEAD}"
}

# The newest version of a binary package in the private lists, or nothing: package_version NAME
package_version() {
    apt-cache -q -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$DEBIAN_HOME/sources" -o "Dir::State::Lists=$DEBIAN_HOME/lists" \
        -o "Dir::Cache=$DEBIAN_HOME/cache" -o "Dir::State::Status=/dev/null" policy "$1" | sed -nE 's/^ +Candidate: ([^(].*)/\1/p'
}

# Runs apt-get in a folder of its own and gives its answer, or ends: fetch_into FOLDER WHAT APT-ARGUMENTS...
fetch_into() {
    local work=$1 what=$2
    shift 2
    (cd "$work" && private_apt "$@" >log 2>&1) && return 0
    tail -n 5 "$work/log" >&2
    rm -rf "$work"
    fail "Debian's $what could not be fetched"
}

# Takes one Debian package apart without installing it: unpack_package NAME FOLDER
unpack_package() {
    local work
    work=$(mktemp -d "$DEBIAN_HOME/unpack.XXXXXX")
    fetch_into "$work" "package $1" download "$1"
    mkdir -p "$2"
    dpkg-deb -x "$work"/*.deb "$2"
    rm -rf "$work"
}

# Unpacks one folder of the upstream archive of a Debian source package: unpack_source NAME FOLDER-IN-IT FOLDER
unpack_source() {
    local work
    work=$(mktemp -d "$DEBIAN_HOME/unpack.XXXXXX")
    fetch_into "$work" "source package $1" source --download-only --tar-only "$1"
    mkdir -p "$3"
    tar -xf "$work"/*.orig.tar.* -C "$3" --strip-components=1 --wildcards "*/$2"
    rm -rf "$work"
}
