#!/usr/bin/env bash
# Proves on a bare Debian 12 that a fresh clone builds, tests and runs.
#
#   tools/fresh-system.sh DIR test|run|COMMAND...     as root; needs debootstrap
#
# DIR.tar.gz keeps a debootstrap'd bookworm that has git and nothing else; each call unpacks it
# anew into DIR, clones this repository's HEAD into it, and there does
#   test      ./x test
#   run       ./x run, until port 5222 answers; then SIGTERM, which must end it with exit code 0
#   COMMAND   whatever else is given, e.g. `./x build release`
# and says how long that took. FROM=PATH clones another repository, MIRROR=URL bootstraps from
# another mirror, KEEP=1 goes on in DIR as the last call left it. What this machine knows of
# proxies and of additional certificate authorities is passed on. Mounts and processes live in
# namespaces of their own and end with the script.
set -euo pipefail

[[ ${EUID} -eq 0 ]] || { echo "must be root, for chroot" >&2; exit 1; }
[[ $# -ge 2 ]] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }

if [[ ${1:-} == --inside ]]; then  # in namespaces of our own: mounts, and a chroot
  root=$2
  shift 2
  mount --make-rprivate /
  mount --bind "$root" "$root"  # a mount of its own, as / is on every machine
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  passed=()
  for name in http_proxy https_proxy no_proxy npm_config_registry; do
    [[ -z ${!name:-} ]] || passed+=("$name=${!name}")
  done
  exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${passed[@]}" \
    bash -c 'cd /root/starling && exec "$@"' bash "$@"
fi

readonly DIR=$(realpath -m "$1")
readonly SELF=$(realpath "$0")
readonly FROM=${FROM:-$(dirname "$SELF")/..}
shift

unpack() {
  if [[ ! -f $DIR.tar.gz ]]; then
    local made
    made=$(mktemp -d "$DIR.XXXXXX")
    chmod 755 "$made"
    debootstrap --variant=minbase --include=git bookworm "$made" ${MIRROR:-} >"$DIR.log" ||
      { tail "$DIR.log" >&2; exit 1; }
    rm -rf "$made"/var/cache/apt/archives/*.deb
    tar -C "$made" -czf "$DIR.tar.gz" .
    rm -rf --one-file-system "$made"
  fi
  ! grep -q " $DIR/" /proc/mounts || { echo "something is mounted in $DIR" >&2; exit 1; }
  rm -rf --one-file-system "$DIR"
  mkdir -p "$DIR"
  tar -C "$DIR" -xzf "$DIR.tar.gz"
  apt-config dump | grep -i '^Acquire::.*proxy' >"$DIR/etc/apt/apt.conf.d/99proxy" || true
  cp /etc/resolv.conf /etc/hosts "$DIR/etc/"
  # Certificate authorities added by hand: whoever needs a proxy may need its authority.
  mkdir -p "$DIR/usr/local/share/ca-certificates"
  find /usr/local/share/ca-certificates -name '*.crt' \
    -exec cp -t "$DIR/usr/local/share/ca-certificates" {} +
  git clone --quiet --no-local "$FROM" "$DIR/root/starling"
}

inside() {
  unshare --mount --pid --fork --kill-child bash "$SELF" --inside "$DIR" "$@"
}

# Runs inside: starts the server as a person would, and stops it as a service manager would.
readonly RUN_AND_STOP='
  ! (exec 3<>/dev/tcp/127.0.0.1/5222) 2>/dev/null || { echo "port 5222 is taken"; exit 1; }
  ./x run >run.log 2>&1 & pid=$!
  until (exec 3<>/dev/tcp/127.0.0.1/5222) 2>/dev/null; do
    kill -0 $pid 2>/dev/null || { tail -n 50 run.log; echo "./x run ended by itself"; exit 1; }
    sleep 0.2
  done
  ready=$SECONDS
  sleep 2
  grep -v "^\[[0-9]*/[0-9]*\]" run.log | tail -n 40
  kill -TERM $pid
  code=0
  wait $pid || code=$?
  echo "./x run: ready after $ready s, exit code $code after SIGTERM"
  exit $code'

[[ -n ${KEEP:-} && -d $DIR/root/starling ]] || unpack
start=$SECONDS
code=0
case $1 in
  test) inside ./x test || code=$? ;;
  run) inside bash -c "set -e; $RUN_AND_STOP" || code=$? ;;
  *) inside "$@" || code=$? ;;
esac
echo "fresh system: '$*' took $((SECONDS - start)) s, exit code $code; \
$(du -sxm "$DIR" | cut -f1) MB, of them build/" \
     "$(du -sxm "$DIR/root/starling/build" 2>/dev/null | cut -f1) MB"
exit $code
