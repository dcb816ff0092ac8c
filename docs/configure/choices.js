// SPDX-License-Identifier: BSD-3-Clause
// Makes both ends' settings of a few answers. What is not written here is left to the defaults.
"use strict";

const Choices = (() => {
  const START = {
    use: "web",
    protocol: "kcptube",
    loss: "none",
    down: "100M",
    up: "20M",
    server: "",
    ports: "3000-3010",
    listen: "127.0.0.1",
    entry: "6000",
    target: "127.0.0.1",
    targetPort: "7000",
    algorithm: "AES-GCM",
    password: "",
    original: "none",
    clientDevice: "eth1",
    clientAddresses: "",
    clientGateway: "",
    serverDevice: "eth1",
    serverAddresses: "",
    serverGateway: "",
  };

  // What runs over it. `client`: at that end only.
  const USES = {
    game: {
      name: "A game, or voice",
      both: { kcp: "fast1", udp_order: "arrival", udp_deadline: 300 },
      client: { keep_alive: 20 },
    },
    vpn: {
      name: "A VPN, such as WireGuard",
      both: { kcp: "regular1", udp_order: "arrival" },
      client: { keep_alive: 20 },
    },
    web: { name: "The web, many short connections", both: { kcp: "regular3" }, client: { mux_tunnels: 3 } },
    bulk: { name: "Long transfers", both: { kcp: "regular5" }, client: {} },
  };

  // Of datagrams; small groups help sooner, large ones cost less.
  const LOSSES = {
    none: { name: "Hardly any", soon: null, cheap: null },
    little: { name: "About one in a hundred", soon: "10:2", cheap: "20:2" },
    much: { name: "One in twenty, or more", soon: "6:3", cheap: "10:3" },
  };

  // UDP alone, for what repairs itself; not for TCP of applications.
  const PROTOCOLS = {
    kcptube: "KCPTube's wire: TCP and UDP, what is lost is sent again",
    udphop: "UDP Hop's wire: UDP alone, each datagram once",
  };
  const isUdpHop = ({ use, protocol }) => protocol === "udphop" && ["game", "vpn"].includes(use);

  const isOriginal = ({ original }) => original !== "none";

  const parity = ({ use, loss }) => LOSSES[loss][["game", "vpn"].includes(use) ? "soon" : "cheap"];

  const port = (text) => (/^\s*\d+\s*$/.test(text) ? Number(text) : text.trim());
  const list = (text) => {
    const parts = text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
    return parts.length === 1 ? parts[0] : parts;
  };

  function secrecy({ algorithm, password }) {
    const keyed = algorithm !== "none" && algorithm !== "XOR";
    return keyed && password
      ? { encryption_algorithm: algorithm, encryption_password: password }
      : { encryption_algorithm: algorithm };
  }

  // Parity of ours and of originals differs, but of old ones.
  const lacksParity = (answers) => isOriginal(answers) && parity(answers) !== null;

  function common(answers) {
    const fec = isOriginal(answers) ? null : parity(answers);
    const both = isUdpHop(answers) ? { protocol: "udphop" } : USES[answers.use].both;
    return { ...both, ...secrecy(answers), ...(fec ? { fec } : {}) };
  }

  const bandwidths = (answers, inbound, outbound) =>
    isUdpHop(answers)
      ? {}
      : {
          ...(inbound.trim() ? { inbound_bandwidth: inbound.trim() } : {}),
          ...(outbound.trim() ? { outbound_bandwidth: outbound.trim() } : {}),
        };

  const written = (object) =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== "" && value?.length !== 0));

  function client(answers) {
    return written({
      name: "home",
      mode: "client",
      listen_on: list(answers.listen),
      listen_port: port(answers.entry),
      destination_address: list(answers.server),
      destination_port: port(answers.ports),
      ...common(answers),
      ...bandwidths(answers, answers.down, answers.up),
      ...USES[answers.use].client,
    });
  }

  function server(answers) {
    return written({
      name: "home",
      mode: "server",
      listen_port: port(answers.ports),
      destination_address: list(answers.target),
      destination_port: port(answers.targetPort),
      ...common(answers),
      ...bandwidths(answers, answers.up, answers.down),
    });
  }

  // An interface of Linux goes on as it is unless the port has addresses of its own.
  function nic(device, addresses, gateway) {
    const named = device.trim();
    const driven = /^[\w.-]{1,15}$/.test(named) && !named.startsWith("net_") ? `net_af_xdp0,iface=${named}` : named;
    const own = list(addresses);
    return written({
      name: "wan",
      device: driven,
      ...(own.length ? { addresses: own, gateway: list(gateway) } : { take_over: true }),
    });
  }

  const ports = (answers, end) => [nic(answers[`${end}Device`], answers[`${end}Addresses`], answers[`${end}Gateway`])];

  function boxes(answers) {
    const one = (end, tunnel) => ({
      name: end,
      memory: { hugepages: false },
      ports: ports(answers, end),
      tunnels: [tunnel],
    });
    return { client: one("client", client(answers)), server: one("server", server(answers)) };
  }

  return { START, USES, LOSSES, PROTOCOLS, isUdpHop, lacksParity, boxes };
})();
