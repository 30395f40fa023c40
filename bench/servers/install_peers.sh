#!/bin/bash
# Installs the servers that Starling is compared with, from Debian, without starting any of them:
# neither now (policy-rc.d) nor at the next boot. Touches nothing that is installed already.
set -euo pipefail

missing=()
for package in ejabberd erlang-p1-sqlite3 prosody lua-dbi-sqlite3; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
    missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
((EUID == 0)) || as_root=(sudo)
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 \
  install --yes --no-install-recommends "${missing[@]}" </dev/null >/dev/null
for package in "${missing[@]}"; do
  [[ ! -e /lib/systemd/system/$package.service ]] ||
    "${as_root[@]}" systemctl disable --quiet "$package" || true
done
