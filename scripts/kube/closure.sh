# Debian's packages as the content of an image: unpacked with what they need, not installed. Needs lib.sh.
# shellcheck shell=bash

# Dependencies that only install or explain: not needed by a program that is unpacked and run. (LLVM is PostgreSQL's
# just-in-time compiler, 110 MB; without it queries are interpreted.)
readonly NOT_NEEDED='^(perl|perl-base|perl-modules-.*|libperl.*|libgdbm.*|debconf|adduser|passwd|ssl-cert|openssl|init-system-helpers|lsb-base|sysvinit-utils|postgresql-common|postgresql-client-common|libllvm.*|libz3-.*|libjson-perl|fonts-.*|javascript-common|libjs-.*|media-types|mailcap|mime-support|dpkg|tar|libpam-.*|gcc-12-base|logsave|python3-lib2to3|python3-distutils)$'

# Unpacks packages with what they depend on: unpack_closure ROOT PACKAGE...
unpack_closure() {
    local root=$1 work=$KUBE_CACHE/apt list options name version architecture
    shift
    private_lists
    exec 8>"$work.lock"
    flock 8
    : >"$work/nothing-installed"
    options=(-o "Dir::State::status=$work/nothing-installed" -o "Dir::State::extended_states=$work/extended" -o Debug::NoLocking=1
        -y --no-install-recommends)
    private_apt "${options[@]}" --download-only install "$@" >"$work/download.log" 2>&1 || { tail -n 5 "$work/download.log" >&2; fail "Debian's packages $* could not be fetched"; }
    # Inst libc6 (2.36-9+deb12u14 Debian:12.14/stable [amd64])
    list=$(private_apt "${options[@]}" --simulate install "$@" | sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*\[([^]]+)\]\).*/\1 \2 \3/p')
    exec 8>&-
    # bookworm's packages still carry both forms of these folders.
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
    while read -r name version architecture; do
        [[ ! $name =~ $NOT_NEEDED ]] || continue
        dpkg-deb --fsys-tarfile "$work/cache/archives/${name}_${version//:/%3a}_$architecture.deb" |
            tar -x -C "$root" --no-same-owner --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
                --exclude='./usr/share/locale/*' --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' \
                --exclude='./usr/share/bash-completion/*' --exclude='./lib/systemd/*' --exclude='./etc/init.d/*'
    done <<<"$list"
}
