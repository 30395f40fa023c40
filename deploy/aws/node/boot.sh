# What a new node does once, as root, when cloud-init starts it. Before this come the fleet's
# settings, and the files starling.yml and fetch.py in $PARTS: lib/user_data.ts.
#
# Whatever fails here ends the script. The node then never serves, the launch hook runs out, and
# the group takes another one; /var/log/cloud-init-output.log says what it was.
# ROOT is empty but in tests.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive
trap 'rm -rf "$PARTS"' EXIT

etc=$ROOT/etc/starling
cache=$ROOT/var/cache/starling
fetch=$ROOT/usr/local/sbin/starling-fetch

settings() {
  install -d -m 0755 "$etc" "$cache" "$ROOT/usr/local/sbin" "$ROOT/etc/systemd/system"
  install -m 0755 "$PARTS/fetch.py" "$fetch"
  local name
  for name in REGION DOMAIN DATABASE_SECRET CERTIFICATE_SECRET DATABASE_AUTHORITY; do
    printf '%s=%s\n' "$name" "${!name}"
  done >"$etc/fleet.env"
}

# A way in, without SSH. The node serves without it as well.
agent() {
  [[ ! -e $ROOT/usr/bin/amazon-ssm-agent ]] || return 0
  "$fetch" object "amazon-ssm-$REGION" \
    "latest/debian_$ARCHITECTURE/amazon-ssm-agent.deb" "$cache/amazon-ssm-agent.deb" &&
    apt-get -q -y -o DPkg::Lock::Timeout=120 install "$cache/amazon-ssm-agent.deb" ||
    echo "no SSM agent: sessions to this node are not possible" >&2
}

# The packages' own services do not start: starling has no secrets yet, and its nats-server is a
# child of its own.
package() {
  systemctl mask starling.service nats-server.service
  "$fetch" object "$PACKAGE_BUCKET" "$PACKAGE_KEY" "$cache/starling.deb"
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install)
  # What it depends on is in the image, or comes from Debian.
  "${apt[@]}" --no-download "$cache/starling.deb" nats-server || {
    apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 update
    "${apt[@]}" "$cache/starling.deb" nats-server
  }
}

secrets() {
  "$fetch" object "$PACKAGE_BUCKET" "$DATABASE_AUTHORITY_KEY" "$ROOT$DATABASE_AUTHORITY"
  # What is written here belongs to its group, which is the service's.
  install -d -m 0750 "$etc/secrets"
  chgrp starling "$etc/secrets"
  chmod 2750 "$etc/secrets"
  "$fetch" secrets "$etc/secrets"
}

# A new certificate reaches every node within an hour, without a restart.
renewal() {
  cat >"$ROOT/etc/systemd/system/starling-secrets.service" <<END_OF_UNIT
[Unit]
Description=Fetches the secrets of Starling
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
EnvironmentFile=$etc/fleet.env
ExecStart=$fetch secrets $etc/secrets --reload
END_OF_UNIT
  cat >"$ROOT/etc/systemd/system/starling-secrets.timer" <<'END_OF_UNIT'
[Unit]
Description=Fetches the secrets of Starling every hour

[Timer]
OnActiveSec=1h
OnUnitActiveSec=1h
RandomizedDelaySec=10min

[Install]
WantedBy=timers.target
END_OF_UNIT
}

service() {
  install -m 0644 "$PARTS/starling.yml" "$etc/starling.yml"
  install -d -m 0755 "$ROOT/etc/systemd/system/starling.service.d"
  printf '[Service]\nTimeoutStopSec=%s\n' "$STOP_SECONDS" \
    >"$ROOT/etc/systemd/system/starling.service.d/drain.conf"
  systemctl unmask starling.service
  systemctl daemon-reload
  systemctl enable --now starling.service starling-secrets.timer
}

settings
agent
package
secrets
renewal
service
