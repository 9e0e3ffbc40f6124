# Sourced by cgroup2-machine: builds the root file system, Debian with systemd as its init and one ordinary user.

root_packages=systemd-sysv,dbus-user-session,libpam-systemd,uidmap,iproute2,procps,busybox-static,libstdc++6,xz-utils,zstd,crun,runc,passt,slirp4netns

# build_root FILE: an ext4 image, in about 40 s.
build_root() (
  set -e
  install_packages mmdebstrap e2fsprogs
  scratch=$(mktemp -d "$cache/root.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  root=$scratch/root
  mmdebstrap -q --variant=minbase --include=$root_packages --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$root" "$mirror"
  install -m 755 "$node" "$root/usr/local/bin/node"

  # The user as systemd and shadow make one on a desktop, but lingering and with every controller delegated.
  chroot "$root" useradd -m -u 1000 -s /bin/bash tester
  echo tester:100000:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"
  mkdir -p "$root/var/lib/systemd/linger" "$root/etc/systemd/system/user@.service.d"
  touch "$root/var/lib/systemd/linger/tester"
  printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$root/etc/systemd/system/user@.service.d/delegate.conf"

  echo machine >"$root/etc/hostname"
  printf '127.0.0.1 localhost machine\n::1 localhost\n' >"$root/etc/hosts"
  echo nameserver 192.0.2.2 >"$root/etc/resolv.conf"
  : >"$root/etc/fstab"
  : >"$root/etc/machine-id"
  for unit in getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer systemd-timesyncd.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  cp "$bed/run-tests.service" "$root/etc/systemd/system/"
  mkdir -p "$root/etc/systemd/system/graphical.target.wants"
  ln -s ../run-tests.service "$root/etc/systemd/system/graphical.target.wants/"
  install -m 755 "$bed/run-tests" "$root/usr/local/sbin/"
  mke2fs -q -t ext4 -F -d "$root" "$1.new" 4G
  mv "$1.new" "$1"
)
