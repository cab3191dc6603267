#!/usr/bin/env bash
# A Docker daemon and the image norns-base:node24, on a machine without a registry in reach.
#
#   source scripts/ci-docker/start.sh    what it starts ends with the shell that sourced it
#   bash scripts/ci-docker/start.sh      what it starts stays; the last line says how to end it
#
# A daemon that answers already is used as it is and never stopped. The image is Debian's minimal system, made by
# debootstrap (25 s, kept as a tar in $NORNS_CI_CACHE for the next time), with the Node that npm brought.
set -euo pipefail

norns_docker_say() { printf 'ci-docker: %s\n' "$*"; }

norns_docker_daemon() {
  if docker info >/dev/null 2>&1; then
    norns_docker_say "a daemon answers already ($(docker info --format '{{.ServerVersion}}, {{.Driver}}'))"
    return
  fi
  [ "$(id -u)" = 0 ] || { norns_docker_say 'no daemon answers, and only root can start one' >&2; return 1; }
  local work=$1 path=$PATH attempt
  mkdir -p "$work/legacy"
  for attempt in nft legacy; do
    # Some kernels have no nftables: then the same programs in their older form, for this daemon only.
    if [ "$attempt" = legacy ]; then
      command -v iptables-legacy >/dev/null || break
      local name
      for name in iptables ip6tables; do ln -sf "$(command -v "$name-legacy")" "$work/legacy/$name"; done
      path="$work/legacy:$PATH"
    fi
    norns_docker_say "starting dockerd (iptables: $attempt)"
    PATH=$path setsid dockerd --data-root "$work/data" --exec-root "$work/run" --pidfile "$work/dockerd.pid" >"$work/dockerd.log" 2>&1 </dev/null &
    norns_docker_pid=$!
    local tries
    for tries in $(seq 150); do
      docker info >/dev/null 2>&1 && break
      kill -0 "$norns_docker_pid" 2>/dev/null || break
      sleep 0.2
    done
    if docker info >/dev/null 2>&1; then
      norns_docker_say "dockerd runs, pid $norns_docker_pid ($(docker info --format '{{.ServerVersion}}, {{.Driver}}'))"
      return
    fi
    kill "$norns_docker_pid" 2>/dev/null || true
    wait "$norns_docker_pid" 2>/dev/null || true
    norns_docker_pid=
  done
  norns_docker_say 'dockerd did not come up; the end of its log:' >&2
  tail -20 "$work/dockerd.log" >&2
  return 1
}

norns_docker_base_image() {
  local root=$1 work=$2 cache=$3 image=norns-base:node24
  if docker image inspect "$image" >/dev/null 2>&1; then
    norns_docker_say "$image is there"
    return
  fi
  local node
  node=$(ls "$root"/node_modules/node-linux-*/bin/node 2>/dev/null | head -1)
  [ -n "$node" ] || { norns_docker_say 'no Node in node_modules: run npm ci first' >&2; return 1; }
  mkdir -p "$cache"
  local rootfs="$cache/debian-bookworm-minbase.tar"
  if [ ! -s "$rootfs" ]; then
    norns_docker_say 'making a minimal Debian (about 25 s)'
    rm -rf "$work/rootfs"
    debootstrap --variant=minbase bookworm "$work/rootfs" "${NORNS_CI_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/debootstrap.log" 2>&1 ||
      { tail -20 "$work/debootstrap.log" >&2; return 1; }
    rm -rf "$work/rootfs"/var/cache/apt/archives/*.deb "$work/rootfs"/var/lib/apt/lists/*
    tar -C "$work/rootfs" -cf "$rootfs.new" .
    mv "$rootfs.new" "$rootfs"
    rm -rf "$work/rootfs"
  fi
  local tree="$work/image.tar"
  mkdir -p "$work/node/usr/local/bin"
  cp "$node" "$work/node/usr/local/bin/node"
  cp "$rootfs" "$tree"
  tar -C "$work/node" -rf "$tree" ./usr/local/bin/node
  docker import --change 'CMD ["node"]' --message 'Debian minbase with Node 24' "$tree" "$image" >/dev/null
  rm -rf "$tree" "$work/node"
  norns_docker_say "$image made: node $(docker run --rm --network none "$image" node --version)"
}

norns_docker_stop() {
  [ -n "${norns_docker_pid:-}" ] || return 0
  norns_docker_say "stopping dockerd, pid $norns_docker_pid"
  kill "$norns_docker_pid" 2>/dev/null || true
  wait "$norns_docker_pid" 2>/dev/null || true
  norns_docker_pid=
}

norns_docker_start() {
  local here root work
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  root=$(cd "$here/../.." && pwd)
  work=${NORNS_CI_DOCKER:-/var/lib/norns-ci-docker}
  [ "$(id -u)" != 0 ] || mkdir -p "$work"
  norns_docker_daemon "$work"
  norns_docker_base_image "$root" "$work" "${NORNS_CI_CACHE:-/var/cache/norns-ci}"
}

norns_docker_pid=
if [ "${BASH_SOURCE[0]}" != "$0" ]; then
  trap norns_docker_stop EXIT
  norns_docker_start
else
  norns_docker_start
  [ -z "$norns_docker_pid" ] || norns_docker_say "left running; end it with: kill $norns_docker_pid"
fi
