#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// texts.js PAGE: what the page writes: changes to one place of a text, both ends' files for every answer, .conf files that
// mean the same, what tunnels cost, and links without passwords.
"use strict";

const assert = require("node:assert");
const path = require("node:path");
const { load } = require("./page.js");

const PORT = { device: "net_null0", addresses: ["198.18.0.1/24", "fd00:18::1/64"] };
const TUNNEL = {
  name: "home",
  mode: "client",
  listen_port: 6000,
  destination_address: "198.18.0.2",
  destination_port: "3000-3010",
};
const KEYED = { encryption_algorithm: "AES-GCM", encryption_password: "x" };

const plain = (value) => JSON.parse(JSON.stringify(value));

// Each choice of the first with each of the others.
const every = (first, ...others) =>
  Object.keys(first).flatMap((one) => (others.length ? every(...others) : [[]]).map((more) => [one, ...more]));

const TESTS = {
  one_place_changes({ JsonText }) {
    const text = '{\n  "a": [1, { "b": "}" }],\n  "c": "d"\n}\n';
    assert.strictEqual(JsonText.set(text, "a[1].b", 5), '{\n  "a": [1, { "b": 5 }],\n  "c": "d"\n}\n');
    assert.strictEqual(JsonText.rename(text, "c", "e"), '{\n  "a": [1, { "b": "}" }],\n  "e": "d"\n}\n');
    assert.strictEqual(JsonText.remove(text, "c"), '{\n  "a": [1, { "b": "}" }]\n}\n');
    assert.deepStrictEqual(JSON.parse(JsonText.remove(text, "a")), { c: "d" });
    assert.deepStrictEqual(JSON.parse(JsonText.add(text, "a[1].f", true)).a[1], { f: true, b: "}" });
    assert.deepStrictEqual(JSON.parse(JsonText.add("{}", "f", 1)), { f: 1 });
    assert.strictEqual(JsonText.lineOf(text, "c.nowhere"), 3);
    assert.strictEqual(JsonText.lineOf("no JSON", "?\x1b[0m"), 1);
  },

  every_answer_makes_two_boxes({ Choices, ConfText, Rules }) {
    const { USES, LOSSES, PROTOCOLS, START } = Choices;
    for (const [use, loss, protocol, original] of every(USES, LOSSES, PROTOCOLS, { none: 0, client: 0, server: 0 })) {
      const boxes = Choices.boxes({
        ...START,
        use,
        loss,
        protocol,
        original,
        server: "198.18.0.2, host.name",
        password: "x",
      });
      for (const [end, box] of Object.entries(boxes)) {
        const { errors, warnings } = Rules.check("box.json", JSON.stringify(box));
        assert.deepStrictEqual(plain([...errors, ...warnings]), [], `${use} ${loss} ${protocol} ${original} ${end}`);
        meansTheSame(ConfText.write("home.conf", box.tunnels[0]), box.tunnels[0], Rules);
      }
    }
  },

  nothing_old_is_sent_of_a_game({ Choices }) {
    const { USES, PROTOCOLS, START } = Choices;
    for (const [use, protocol] of every(USES, PROTOCOLS)) {
      const deadline = use === "game" && protocol === "kcptube" ? 300 : undefined;
      for (const { tunnels } of Object.values(Choices.boxes({ ...START, use, protocol, server: "198.18.0.2" })))
        assert.strictEqual(tunnels[0].udp_deadline, deadline, `${use} ${protocol}`);
    }
  },

  relays_and_mappings_are_written_too({ ConfText, Rules }) {
    const relay = {
      name: "home",
      mode: "relay",
      kcp: "fast1",
      ...KEYED,
      listener: { listen_port: "3000-3010" },
      forwarder: { destination_address: "198.18.0.2", destination_port: 4000, fec: "10:2" },
    };
    meansTheSame(ConfText.write("home.conf", relay), relay, Rules);
    const { warnings } = ConfText.write("home.conf", { ...relay, forwarder: { ...relay.forwarder, blast: false } });
    assert.match(warnings[0].text, /^KCPTube does not heed it here/);
    const { listen_port: _, ...rest } = TUNNEL;
    const mapped = {
      ...rest,
      listen_port: "{}",
      destination_port: 3000,
      custom_input: [
        { local: "127.0.0.1:8000", remote: "127.0.0.1:80" },
        { local: ":53", remote: "[::1]:53", protocol: "udp" },
      ],
    };
    const { text, errors } = ConfText.write("home.conf", mapped);
    assert.deepStrictEqual(plain(errors), []);
    assert.match(
      text,
      /\[custom_input\]\n127\.0\.0\.1:8000 -> 127\.0\.0\.1:80\n\n\[custom_input_udp\]\n:53 -> \[::1\]:53/,
    );
  },

  costs_are_the_rules({ Rules }) {
    const cost = (more, ports = [PORT]) =>
      Rules.check("box.json", JSON.stringify({ ports, tunnels: [{ ...TUNNEL, ...more }] })).costs[0];
    for (const [more, overhead] of [
      [{}, 58],
      [KEYED, 74],
      [{ ...KEYED, fec: "10:3" }, 85],
      [{ ...KEYED, destination_address: "fd00:18::2" }, 94],
    ]) {
      assert.deepStrictEqual(
        [cost(more).overhead_bytes, cost(more).packet_bytes],
        [overhead, 1500],
        JSON.stringify(more),
      );
    }
    for (const [fec, overhead] of [
      [undefined, 55],
      ["10:3", 62],
    ]) {
      const { overhead_bytes, packet_bytes, send_segments } = cost({ ...KEYED, protocol: "udphop", fec });
      assert.deepStrictEqual([overhead_bytes, packet_bytes, send_segments], [overhead, 1500, 0]);
    }
    assert.strictEqual(cost({ kcp_mtu: 1000 }).packet_bytes, 1000 + 58 - 24);
    assert.strictEqual(cost({ destination_address: ["198.18.0.2", "198.18.0.3"] }).hop_places, 22);
    const { destination_address: _, destination_port: __, ...record } = TUNNEL;
    assert.strictEqual(
      Rules.check("box.json", JSON.stringify({ ports: [PORT], tunnels: [{ ...record, destination_dnstxt: "a.b" }] }))
        .costs[0].hop_places,
      -1,
    );
    assert.deepStrictEqual(
      [cost({ kcp_sndwnd: 256, kcp_rcvwnd: 256 }).window_bytes, cost({ kcp_rcvwnd: 256 }).grows],
      [1 << 20, false],
    );
  },

  links_have_no_passwords({ Link }) {
    const settings = { tunnels: [{ mode: "relay", name: "Ünï", listener: KEYED, encryption_password: "y" }] };
    const { way, settings: read } = Link.read(Link.write("all", settings));
    assert.deepStrictEqual(
      [way, plain(read)],
      ["all", { tunnels: [{ mode: "relay", name: "Ünï", listener: { encryption_algorithm: "AES-GCM" } }] }],
    );
    assert.strictEqual(Link.read("#all=%").settings, null);
  },

  passwords_differ({ Password }) {
    const made = new Set(Array.from({ length: 100 }, () => Password.make()));
    assert.strictEqual(made.size, 100);
    for (const password of made) assert.match(password, /^[a-km-np-z2-9]{32}$/);
  },
};

// The text imports without a word, to the settings that it was written of, but for those that an original does not know.
function meansTheSame({ text, left, errors, warnings }, tunnel, Rules) {
  const [imported] = Rules.import("home.conf", text).document.tunnels;
  if (tunnel.protocol === "udphop") imported.udp_timeout = undefined; // by which a file of UDP Hop is known
  const wanted = Object.fromEntries(
    Object.entries(tunnel)
      .filter(([key]) => !left.includes(key))
      .map(([key, value]) => [key, key === "destination_address" && Array.isArray(value) ? value.join(",") : value]),
  );
  assert.deepStrictEqual(plain([errors, warnings]), [[], []], text);
  assert.deepStrictEqual(plain(imported), wanted, text);
}

load(path.resolve(process.argv[2])).then((page) => {
  for (const [name, test] of Object.entries(TESTS)) {
    test(page);
    console.log(name);
  }
});
