// SPDX-License-Identifier: BSD-3-Clause
// Changes one line of a .conf file; and writes such a file, for an original at the other end, of a tunnel's settings.
"use strict";

const ConfText = (() => {
  const SECTIONS = { both: "custom_input", tcp: "custom_input_tcp", udp: "custom_input_udp" };
  const LEGS = ["listener", "forwarder"];

  function change(text, number, by) {
    const lines = text.split("\n");
    if (lines[number - 1] === undefined) return text;
    const changed = by(lines[number - 1]);
    lines.splice(number - 1, 1, ...(changed === null ? [] : [changed]));
    return lines.join("\n");
  }

  const remove = (text, number) => change(text, number, () => null);
  const rename = (text, number, name) => change(text, number, (line) => line.replace(/^[^=]*/, name));
  const set = (text, number, value) => change(text, number, (line) => line.replace(/=.*/, `=${value}`));

  const written = (value) =>
    Array.isArray(value) ? value.join(",") : value === true ? "yes" : value === false ? "no" : `${value}`;

  // What an original would read otherwise than it is meant.
  const isFalse = (value) =>
    [false, 0, "no", "false", "0"].includes(typeof value === "string" ? value.toLowerCase() : value);
  const asRead = {
    ipv4_only: (value) => (isFalse(value) ? null : "yes"),
    ipv6_only: (value) => (isFalse(value) ? null : "yes"),
    dport_refresh: (value) => `${value}`.split("-")[0].trim(),
    inbound_bandwidth: withUnit,
    outbound_bandwidth: withUnit,
  };

  // It loses the last digit of a number without unit.
  function withUnit(value) {
    if (!/^\s*\d+\s*$/.test(value)) return value;
    return Number(value) % 1000 === 0 ? `${Number(value) / 1000}k` : `${Math.ceil(Number(value) / 1000)}k`;
  }

  // What the file says otherwise, or the program it is for.
  const ELSEWHERE = ["name", "protocol", "custom_input", ...LEGS];
  const isUdpHop = ({ protocol }) => `${protocol}`.toLowerCase() === "udphop";

  function settings(object, known, left, path, names = {}) {
    const lines = [];
    for (const [key, value] of Object.entries(object)) {
      if (ELSEWHERE.includes(key) || value === "") continue;
      const text = known.has(key) ? (asRead[key] ?? ((same) => same))(value) : null;
      if (text !== null) lines.push(`${names[key] ?? key}=${written(text)}`);
      else if (!known.has(key)) left.push(path + key);
    }
    return lines;
  }

  function mappings(list) {
    const lines = [];
    for (const [protocol, section] of Object.entries(SECTIONS)) {
      const of = list.filter((mapping) => (mapping.protocol ?? "both") === protocol);
      if (of.length) lines.push("", `[${section}]`, ...of.map(({ local, remote }) => `${local} -> ${remote}`));
    }
    return lines;
  }

  function sections(tunnel, known, left) {
    const names = isUdpHop(tunnel) ? { udp_timeout: "timeout" } : {};
    const lines = settings(tunnel, known, left, "", names);
    if (isUdpHop(tunnel) && tunnel.udp_timeout === undefined) lines.push("timeout=1800"); // by which it is known
    for (const leg of LEGS) {
      if (tunnel[leg]) lines.push("", `[${leg}]`, ...settings(tunnel[leg], known, left, `${leg}.`, names));
    }
    return lines.concat(Array.isArray(tunnel.custom_input) ? mappings(tunnel.custom_input) : []);
  }

  // { text, left, errors, warnings }: what an original is told, the settings that it does not know, and what an import
  // of the text says.
  function write(name, tunnel) {
    const left = [];
    let text = sections(tunnel, new Set(Rules.confKeys()), left).join("\n") + "\n";
    const unknown = Rules.import(name, text)
      .warnings.map(({ where, text: said }) => [
        Number(/:(\d+)/.exec(where.slice(name.length))?.[1]),
        /^UDP Hop has no key "(\w+)"/.exec(said)?.[1],
      ])
      .filter(([, key]) => key);
    for (const [line, key] of unknown.reverse()) {
      text = remove(text, line);
      left.push(key);
    }
    const { errors, warnings } = Rules.import(name, text);
    return { text, left, errors, warnings };
  }

  return { remove, rename, set, write };
})();
