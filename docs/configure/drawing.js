// SPDX-License-Identifier: BSD-3-Clause
// Draws the boxes of a tunnel and what joins them, with the addresses and ports as they are written now.
"use strict";

const Drawing = (() => {
  const WIDTH = 190,
    HEIGHT = 92,
    GAP = 150,
    SIDE = 10,
    LINE = 18;
  const UNKNOWN = "…";

  const shown = (value) => {
    const text = Array.isArray(value) ? value.join(", ") : `${value ?? ""}`;
    return text === "" ? UNKNOWN : text;
  };
  const short = (text, room = 26) => (text.length > room ? `${text.slice(0, room - 1)}…` : text);
  const braces = (value) => value === "{}";
  const at = (address, port) => {
    const host = shown(address);
    return `${host.includes(":") && !host.includes(",") && !host.startsWith("[") ? `[${host}]` : host}:${shown(port)}`;
  };

  function applications(tunnel) {
    if (braces(tunnel.listen_port))
      return (tunnel.custom_input ?? []).map((m) => shown(m?.local)).join(", ") || UNKNOWN;
    return `${tunnel.listen_on ? at(tunnel.listen_on, tunnel.listen_port) : `:${shown(tunnel.listen_port)}`}`;
  }

  function target(tunnel) {
    return braces(tunnel.destination_port) || braces(tunnel.destination_address)
      ? say("where the client says")
      : at(tunnel.destination_address, tunnel.destination_port);
  }

  const server = (tunnel) =>
    tunnel.destination_dnstxt
      ? `TXT ${tunnel.destination_dnstxt}`
      : at(tunnel.destination_address, tunnel.destination_port);
  const listens = (tunnel) =>
    tunnel.listen_on ? at(tunnel.listen_on, tunnel.listen_port) : `UDP ${shown(tunnel.listen_port)}`;

  const box = (title, mine, ...lines) => ({ title, mine, lines });

  // Two or three boxes, from the applications' side to the other, and what stands on the wires between them.
  function chain(tunnel) {
    const here = tunnel.name || say("this box"),
      there = say("the other end");
    switch (`${tunnel.mode}`.toLowerCase()) {
      case "client":
        return {
          boxes: [box(here, true, say("applications at"), applications(tunnel)), box(there, false, say("server"))],
          wires: [server(tunnel)],
        };
      case "server":
        return {
          boxes: [box(there, false, say("client")), box(here, true, say("connects to"), target(tunnel))],
          wires: [listens(tunnel)],
        };
      case "relay":
        return {
          boxes: [box(there, false, say("clients")), box(here, true, say("relay")), box(there, false, say("server"))],
          wires: [listens({ ...tunnel, ...tunnel.listener }), server({ ...tunnel, ...tunnel.forwarder })],
        };
      default:
        return null;
    }
  }

  // Both ends of one tunnel, when both are known.
  function pair(client, other) {
    return {
      boxes: [
        box(say("client"), true, say("applications at"), applications(client)),
        box(say("server"), true, say("connects to"), target(other)),
      ],
      wires: [server(client)],
    };
  }

  const sentence = ({ boxes, wires }) =>
    boxes.map(({ title, lines }, i) => [title, ...lines].join(" ") + (wires[i] ? `; ${wires[i]}; ` : "")).join("");

  function boxShape({ title, mine, lines }, x) {
    return shape(
      "g",
      { transform: `translate(${x} 8)`, class: mine ? "box mine" : "box" },
      shape("rect", { width: WIDTH, height: HEIGHT, rx: 8 }),
      shape("text", { x: WIDTH / 2, y: 28, class: "title" }, short(title, 22)),
      lines.map((line, i) => shape("text", { x: WIDTH / 2, y: 52 + i * LINE }, short(line))),
    );
  }

  function wireShape(text, x) {
    const middle = 8 + HEIGHT / 2,
      room = 20;
    return shape(
      "g",
      { transform: `translate(${x} 0)`, class: "wire" },
      shape("path", { d: `M 6 ${middle} H ${GAP - 6} m -7 -5 l 7 5 l -7 5` }),
      shape("text", { x: GAP / 2, y: middle - 10 }, short(text, room)),
    );
  }

  // `drawn`: of chain or pair; null: nothing can be said yet.
  function of(drawn) {
    if (!drawn) return element("p", { class: "drawing" });
    const { boxes, wires } = drawn;
    const step = WIDTH + GAP,
      width = boxes.length * step - GAP + 2 * SIDE;
    return element(
      "figure",
      { class: "drawing", tabindex: "0", role: "img", "aria-label": sentence(drawn) },
      shape(
        "svg",
        {
          class: `of-${boxes.length}`,
          viewBox: `0 0 ${width} ${HEIGHT + 16}`,
          width,
          height: HEIGHT + 16,
          "aria-hidden": "true",
        },
        wires.map((text, i) => wireShape(text, SIDE + WIDTH + i * step)),
        boxes.map((one, i) => boxShape(one, SIDE + i * step)),
      ),
    );
  }

  return { of, chain, pair };
})();
