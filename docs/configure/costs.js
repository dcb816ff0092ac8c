// SPDX-License-Identifier: BSD-3-Clause
// Says what a tunnel's settings cost. The numbers are the rules'; here they get their words.
"use strict";

const Costs = (() => {
  const KIB = 1024;

  const percent = (part, whole) => `${Math.round((1000 * part) / whole) / 10} %`;
  const bytes = (count) =>
    count < KIB * KIB ? `${Math.ceil(count / KIB)} KiB` : `${Math.round((10 * count) / KIB / KIB) / 10} MiB`;

  function overhead({ overhead_bytes: over, packet_bytes: packet }) {
    return [
      say("Overhead"),
      say("{0} of each full packet of {1} bytes, {2}", `${over} B`, packet, percent(over, packet)),
    ];
  }

  function parity({ fec_data: data, fec_parity: more, send_segments: send }) {
    if (!more)
      return [
        say("Parity"),
        send ? say("none: what is lost is sent again, a round trip later") : say("none: what is lost is gone"),
      ];
    return [
      say("Parity"),
      say(
        "{0} datagrams more for each {1}: {2} of bandwidth; any {0} of {3} may be lost",
        more,
        data,
        percent(more, data),
        data + more,
      ),
    ];
  }

  function hops({ hop_first_s: first, hop_last_s: last, hop_places: places }) {
    if (places === 0) return null;
    if (places === 1) return [say("Hops"), say("none: there is one port and one address")];
    if (last === 0) return [say("Hops"), say("only away from where nothing comes from")];
    const seconds = first === last ? last : `${first}–${last}`;
    if (places < 0) return [say("Hops"), say("every {0} s, among what the record says", seconds)];
    return [say("Hops"), say("every {0} s, among {1} ports and addresses", seconds, places)];
  }

  function windows({ send_segments: send, receive_segments: receive, window_bytes: full, grows }) {
    if (send + receive === 0) return null;
    const text = say(
      "{0} and {1} segments: up to {2} for a channel whose windows are full",
      send,
      receive,
      bytes(full),
    );
    return [say("Windows"), grows ? `${text}; ${say("they grow where the path needs it")}` : text];
  }

  // `costs`: one of what Rules.check returns.
  function of(costs) {
    const lines = [overhead, parity, hops, windows].map((line) => line(costs)).filter(Boolean);
    return element(
      "dl",
      { class: "costs" },
      lines.map(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
    );
  }

  return { of };
})();
