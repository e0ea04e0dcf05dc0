#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Are the Debian packages here that a build needs? Arguments: package=probe, where the
# probe is NAME.pc (pkg-config), /path or /glob*, py:MODULE, or a command.
# As root on Debian what is missing is installed; else it is named, with the command.
set -u

there() {
    case "$1" in
    *.pc) pkg-config --exists "${1%.pc}" 2>/dev/null ;;
    py:*) /usr/bin/python3 -c "import ${1#py:}" 2>/dev/null ;;
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=()
for pair in "$@"; do
    there "${pair#*=}" || missing+=("${pair%%=*}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 || { tail -n 20 "$log"; rm -f "$log"; exit 1; }
    rm -f "$log"
    exit 0
fi
echo "needs ${missing[*]}: apt-get install ${missing[*]}" >&2
exit 1
