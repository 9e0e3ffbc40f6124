# Sourced by cgroup2-machine: builds a user-mode Linux kernel from Debian's source package.
# The packaged user-mode-linux has one CPU, no PSI and no cpuset, and is too old for what systemd and we look at.

kernel_options='64BIT SMP HIGH_RES_TIMERS NO_HZ_IDLE MULTIUSER SYSFS PROC_FS PROC_CHILDREN PRINTK BUG KALLSYMS
 CGROUPS MEMCG SWAP ZSWAP BLK_CGROUP CGROUP_WRITEBACK CGROUP_SCHED FAIR_GROUP_SCHED CFS_BANDWIDTH CGROUP_PIDS
 CGROUP_FREEZER CPUSETS CGROUP_DEVICE CGROUP_CPUACCT CGROUP_MISC CGROUP_RDMA CGROUP_BPF BPF_SYSCALL PSI
 TASKSTATS TASK_DELAY_ACCT TASK_XACCT TASK_IO_ACCOUNTING
 NAMESPACES UTS_NS TIME_NS IPC_NS USER_NS PID_NS NET_NS SYSVIPC POSIX_MQUEUE KEYS SECCOMP SECCOMP_FILTER SECURITY
 SECURITY_LANDLOCK FHANDLE FUTEX EPOLL SIGNALFD TIMERFD EVENTFD SHMEM AIO IO_URING ADVISE_SYSCALLS MEMBARRIER
 BINFMT_ELF BINFMT_SCRIPT ELF_CORE COREDUMP FILE_LOCKING DNOTIFY INOTIFY_USER FANOTIFY
 BLOCK BLK_DEV BLK_DEV_UBD BLK_DEV_LOOP BLK_DEV_THROTTLING BLK_CGROUP_IOLATENCY BLK_CGROUP_IOCOST
 EXT4_FS EXT4_FS_POSIX_ACL EXT4_FS_SECURITY OVERLAY_FS FUSE_FS AUTOFS_FS HOSTFS TMPFS TMPFS_POSIX_ACL TMPFS_XATTR
 DEVTMPFS DEVTMPFS_MOUNT TTY UNIX98_PTYS STDERR_CONSOLE SSL NULL_CHAN HW_RANDOM UML_RANDOM
 NET UNIX UNIX_DIAG PACKET INET INET_DIAG INET_UDP_DIAG IP_ADVANCED_ROUTER IP_MULTIPLE_TABLES IPV6 IPV6_MULTIPLE_TABLES
 NETDEVICES NET_CORE VETH TUN DUMMY BRIDGE
 NETFILTER NETFILTER_ADVANCED NF_CONNTRACK NF_NAT NF_TABLES NF_TABLES_INET NF_TABLES_IPV4 NF_TABLES_IPV6 NFT_NAT NFT_MASQ
 NET_SCHED NET_SCH_NETEM NET_SCH_TBF IKCONFIG IKCONFIG_PROC CC_OPTIMIZE_FOR_PERFORMANCE INIT_STACK_NONE'
kernel_without='IPV6_SIT ETHERNET WLAN WIRELESS LOCALVERSION_AUTO'
# User-mode Linux has no huge pages, and so no CGROUP_HUGETLB.
# Kconfig drops silently what it cannot satisfy: without these the tests would prove less than they say.
kernel_required='SMP PSI MEMCG SWAP ZSWAP CFS_BANDWIDTH CGROUP_PIDS CGROUP_MISC CGROUP_RDMA CPUSETS BLK_DEV_THROTTLING
 USER_NS SECCOMP_FILTER OVERLAY_FS HOSTFS EXT4_FS BLK_DEV_UBD VETH TUN DUMMY BRIDGE
 NF_TABLES_IPV4 NF_TABLES_IPV6 NFT_NAT NFT_MASQ NET_SCH_NETEM NET_SCH_TBF'

# build_kernel FILE: about six minutes on two cores, with 2.5 GB of scratch.
build_kernel() (
  set -e
  install_packages gcc libc6-dev make flex bison bc xz-utils
  scratch=$(mktemp -d "$cache/kernel.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  cd "$scratch"
  fetch_kernel_source
  cd linux-source-*/
  mkdir "$scratch/out"
  {
    printf 'CONFIG_%s=y\n' $kernel_options
    printf '# CONFIG_%s is not set\n' $kernel_without
    printf '%s\n' CONFIG_NR_CPUS=4 'CONFIG_LSM="landlock"' CONFIG_PANIC_TIMEOUT=-1
  } >"$scratch/wanted"
  KCONFIG_ALLCONFIG=$scratch/wanted make -s ARCH=um O="$scratch/out" allnoconfig
  for option in $kernel_required; do
    grep -qx "CONFIG_$option=y" "$scratch/out/.config" || fail "this kernel source no longer takes CONFIG_$option"
  done
  make -s ARCH=um O="$scratch/out" -j"$(nproc)" linux
  strip -o "$1.new" "$scratch/out/linux"
  mv "$1.new" "$1"
)

# The newest linux-source of trixie-backports, with package lists of its own: the machine's stay as they are.
fetch_kernel_source() {
  mkdir -p lists/partial archives/partial parts
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" >sources.list
  local apt=(-qq -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts="$PWD/parts"
    -o Dir::Etc::preferencesparts="$PWD/parts" -o Dir::State::lists="$PWD/lists" -o Dir::Cache::archives="$PWD/archives"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
  apt-get "${apt[@]}" update
  local package
  package=$(apt-cache "${apt[@]}" depends linux-source | sed -n 's/.*Depends: \(linux-source-[0-9.]*\).*/\1/p' | tail -1)
  apt-get "${apt[@]}" download "$package"
  dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO --wildcards './usr/src/*.tar.xz' |
    tar -xJ --exclude='*/Documentation/*/*' --exclude='*/selftests/*'
}
