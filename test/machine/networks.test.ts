// What is true of networks on any machine, on one with cgroup v2 only: a kernel and a systemd of its own, and an ordinary user.
import '../kernel/containers/fileCapabilities.test.js';
import '../kernel/networks/bridge.test.js';
import '../kernel/networks/clients.test.js';
import '../kernel/networks/outbound.test.js';
import '../kernel/networks/ports.test.js';
import '../kernel/networks/script.test.js';
import '../kernel/networks/state.test.js';
