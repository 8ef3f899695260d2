#!/usr/bin/env bash
# Does the RPM build, with the logins of a distribution's build, and does it hold what it should? From what is committed, in the
# profile for development, beside the program that is given.
#
# usage: rpm.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
begin "$@"
export CARGO_HOME=$cargo_home RUSTUP_HOME=$rustup_home MAGUDI_RPM_PROFILE=dev
# Beside the program, so that the other crates that were compiled for it need not be compiled again. Libraries are only linked:
# a compiler replaces them, while cargo and build scripts write into their files.
beside=$(dirname "$magudi") CARGO_TARGET_DIR=$(dirname "$(dirname "$magudi")")/rpm
export CARGO_TARGET_DIR
rm -rf "$CARGO_TARGET_DIR"
mkdir -p "$CARGO_TARGET_DIR/debug"
for part in .fingerprint build deps; do
    how=-a
    [ "$part" != deps ] || how=-al
    [ ! -d "$beside/$part" ] || cp "$how" "$beside/$part" "$CARGO_TARGET_DIR/debug/" || fail "cannot copy $beside/$part"
done

if ! command -v rpmbuild >/dev/null || ! command -v clang >/dev/null || ! [ -e /usr/include/gssapi/gssapi.h ] ||
    ! [ -e /usr/include/openssl/ssl.h ]; then
    install rpm clang libclang-dev libkrb5-dev libssl-dev pkg-config cpio
fi

check_status "the package builds" 0 "$repository/packaging/build-rpm.sh" "$work/rpm"
package=$(find "$work/rpm/RPMS" -name '*.rpm')
check "there is one package" test "$(wc -l <<<"$package")" -eq 1
rpm -qpl "$package" >contents 2>/dev/null
for file in /usr/bin/magudi /usr/share/man/man1/magudi.1 /usr/share/man/man1/magudi-report.1 \
    /usr/share/bash-completion/completions/magudi /usr/share/zsh/site-functions/_magudi \
    /usr/share/fish/vendor_completions.d/magudi.fish /usr/lib/systemd/system/magudi-nightly.timer \
    /usr/share/magudi/magudi-nightly /usr/share/magudi/notifications/mail /etc/magudi/nightly.env; do
    check_text "the package has $file" contents "$file"
done
rpm -qp --requires "$package" >requires 2>/dev/null
check_text "it logs in by certificate" requires libssl.so
check_text "it logs in by Kerberos" requires libgssapi_krb5.so

# What is in it works without being installed.
mkdir root
(cd root && rpm2cpio "$package" | cpio -idm --quiet 2>/dev/null)
check_status "the packaged program runs" 0 root/usr/bin/magudi --version
check "its completions are shell" bash -n root/usr/share/bash-completion/completions/magudi
check "its nightly is shell" sh -n root/usr/share/magudi/magudi-nightly
finish
