#!/usr/bin/env bash
# Builds the RPM from what is committed. usage: build-rpm.sh [OUTDIR]
#
# MAGUDI_RPM_PROFILE=dev builds faster what is only to be tried.
#
# It takes rpmbuild (on Debian the package rpm), cargo, a C compiler, make, clang, and the headers of OpenSSL and Kerberos.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m -- "${1:-$repository/target/rpm}")
version=$(sed -n 's/^Version: *//p' "$repository/packaging/magudi.spec")
mkdir -p "$out/SOURCES"
git -C "$repository" archive --format=tar.gz --prefix="magudi-$version/" -o "$out/SOURCES/magudi-$version.tar.gz" HEAD
# --nodeps: what the spec asks for are packages of Fedora.
rpmbuild -bb --nodeps --define "_topdir $out" --define "magudi_profile ${MAGUDI_RPM_PROFILE:-release}" "$repository/packaging/magudi.spec"
find "$out/RPMS" -name '*.rpm'
