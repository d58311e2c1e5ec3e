# shellcheck shell=bash
# What failed, a line each, out of a suite's log: the test's name and what it said first. For the end of a long output, of which
# often only the end is kept.

# The lines of one log: failures SUITE LOG
failures() {
    awk -v suite="$1" '
        function told() { if (name != "") { print "failed: " suite ": " name (said != "" ? ": " said : "") } name = said = "" }
        # dotnet test: the name, where it is from, then the message. unittest: the name, a traceback, then the message.
        /^(failed|skipped) / { told(); name = $2; next }
        /^(FAIL|ERROR): /    { told(); name = $0; sub(/^[A-Z]+: /, "", name); python = 1; next }
        name == ""           { next }
        /^  from /           { next }
        python && /^[A-Za-z_.]+(Error|Exception|Timeout|Expired|Interrupt)?: / { said = $0; told(); next }
        !python && said == "" && /^  +[^ ]/ { said = $0; sub(/^ +/, "", said) }
        END                  { told() }
    ' "$2" | cut -c 1-240 | head -n 12
}
