// SPDX-License-Identifier: BSD-3-Clause
// The way by steps: a few questions, and both ends' files at once.
"use strict";

const StepsWay = (() => {
  const ENDS = ["client", "server"];
  const ORIGINALS = {
    none: "kcpgate at both ends",
    client: "KCPTube or UDP Hop is the client",
    server: "KCPTube or UDP Hop is the server",
  };

  const NO_PARITY =
    "No parity is written: with it most versions of KCPTube and UDP Hop do not connect, or bring back wrong datagrams. Two boxes have it.";

  const CHOICES = { use: Choices.USES, loss: Choices.LOSSES, protocol: Choices.PROTOCOLS, original: ORIGINALS };

  const answers = { ...Choices.START };
  let root, changed;

  function set(key, value) {
    answers[key] = value;
    judge();
  }

  const label = (id, text, control, ...more) =>
    element("div", { class: "setting" }, element("label", { for: id }, say(text)), control, ...more);

  function field(key, text, hint, attributes = {}) {
    const id = `step-${key}`;
    const input = element("input", {
      id,
      value: answers[key],
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      "aria-describedby": hint ? `${id}-means` : null,
      oninput: ({ target }) => set(key, target.value),
      ...attributes,
    });
    return label(id, text, input, hint ? element("p", { class: "means", id: `${id}-means` }, prose(say(hint))) : null);
  }

  function radios(key, question, choices) {
    return element(
      "fieldset",
      { class: "choice" },
      element("legend", {}, say(question)),
      Object.entries(choices).map(([value, name]) =>
        element(
          "label",
          { class: "tick" },
          element("input", {
            type: "radio",
            name: key,
            value,
            checked: answers[key] === value,
            onchange: () => set(key, value),
          }),
          " ",
          say(name),
        ),
      ),
    );
  }

  const names = (choices) => Object.fromEntries(Object.entries(choices).map(([key, { name }]) => [key, name]));

  function select(key, text, words) {
    const node = element(
      "select",
      { id: `step-${key}`, onchange: ({ target }) => set(key, target.value) },
      words.map((word) => element("option", { value: word }, word)),
    );
    node.value = answers[key];
    return label(`step-${key}`, text, node);
  }

  function secret() {
    const field = element("input", {
      id: "step-password",
      value: answers.password,
      spellcheck: "false",
      autocomplete: "off",
      oninput: ({ target }) => set("password", target.value),
    });
    const make = () => {
      field.value = Password.make();
      set("password", field.value);
      Elements.tell(say("A new password stands in {0}.", say("Password")));
    };
    return label(
      "step-password",
      "Password",
      element(
        "span",
        { class: "with-button" },
        field,
        element("button", { type: "button", onclick: make }, say("Generate")),
      ),
    );
  }

  const step = (number, title, ...content) =>
    element(
      "section",
      { class: "step" },
      element("h2", {}, element("span", { class: "number", "aria-hidden": "true" }, number), say(title)),
      ...content,
    );

  const algorithms = () => SETTINGS.scopes["tunnels[]"].find(({ key }) => key === "encryption_algorithm").rules.enum;

  // Only where it is a question: of games and VPNs.
  const protocol = () =>
    SETTINGS.scopes["tunnels[]"].some(({ key }) => key === "protocol")
      ? element(
          "div",
          { id: "step-protocol" },
          radios("protocol", "How shall it be carried?", Choices.PROTOCOLS),
          element(
            "p",
            { class: "means" },
            say("Games and VPNs repair what they lose: UDP Hop's wire keeps nothing waiting for what is sent again."),
          ),
        )
      : null;

  // UDP Hop has no windows that they would size.
  const bandwidths = () =>
    element(
      "div",
      { id: "step-bandwidths" },
      field("down", "To the client, bits per second", "`100M`, or nothing: windows set themselves."),
      field("up", "To the server, bits per second", null),
    );

  function port(end, title) {
    return element(
      "fieldset",
      { class: "end" },
      element("legend", {}, say(title)),
      field(
        `${end}Device`,
        "Network interface, or PCI address",
        "Towards the Internet, as `ip link` names it: `eth1`; or `0000:03:00.0`.",
      ),
      field(
        `${end}Addresses`,
        "Addresses of its own",
        "`198.18.0.1/24`. None: the box takes over what Linux has on the interface.",
      ),
      field(`${end}Gateway`, "Gateway", null),
    );
  }

  function form() {
    return element(
      "form",
      { onsubmit: (event) => event.preventDefault() },
      step(
        1,
        "What runs over it",
        radios("use", "What shall pass through the tunnel?", names(Choices.USES)),
        protocol(),
      ),
      step(
        2,
        "The network between",
        radios("loss", "How many datagrams are lost?", names(Choices.LOSSES)),
        bandwidths(),
      ),
      step(
        3,
        "The server",
        field("server", "Address or name", "Where the client finds it: `198.18.0.2`, `fd00:18::2`, `host.name`."),
        field("ports", "UDP ports of the tunnel", "One, or a range that clients hop over: `3000-3010`."),
      ),
      step(
        4,
        "Applications",
        field("listen", "The client listens on", "`127.0.0.1`: this machine's programs only."),
        field("entry", "at port", null, { inputmode: "numeric" }),
        field("target", "The server connects to", null),
        field("targetPort", "at port", null, { inputmode: "numeric" }),
      ),
      step(5, "Encryption", select("algorithm", "Algorithm", algorithms()), secret()),
      step(
        6,
        "The boxes",
        radios("original", "What runs at the ends?", ORIGINALS),
        port("client", "The client's port"),
        port("server", "The server's port"),
      ),
    );
  }

  // ---- what comes of it ----

  function conf(end, tunnel) {
    const name = `${end}.conf`,
      { text, left, errors, warnings } = ConfText.write(name, tunnel);
    return {
      errors,
      warnings,
      file: Elements.file(
        name,
        text,
        left.length ? element("p", { class: "note" }, say("It has no such settings: {0}", left.join(", "))) : null,
      ),
    };
  }

  function json(end, box) {
    const name = `${end}.json`,
      text = `${JSON.stringify(box, null, 2)}\n`,
      { errors, warnings, costs } = Rules.check(name, text);
    return { errors, warnings, costs, file: Elements.file(name, text) };
  }

  function judge() {
    root.querySelector("#step-protocol")?.toggleAttribute("hidden", !["game", "vpn"].includes(answers.use));
    root.querySelector("#step-bandwidths").toggleAttribute("hidden", Choices.isUdpHop(answers));
    const boxes = Choices.boxes(answers);
    const made = ENDS.map((end) =>
      answers.original === end ? conf(end, boxes[end].tunnels[0]) : json(end, boxes[end]),
    );
    const costs = made.find((one) => one.costs)?.costs[0];
    root.querySelector("#steps-outcome").replaceChildren(
      element("h2", {}, say("Both ends")),
      Drawing.of(Drawing.pair(boxes.client.tunnels[0], boxes.server.tunnels[0])),
      Elements.verdicts(
        made.flatMap(({ errors }) => errors),
        made.flatMap(({ warnings }) => warnings),
      ),
      costs ? element("div", {}, element("h3", {}, say("What it costs")), Costs.of(costs)) : "",
      Choices.lacksParity(answers) ? element("p", { class: "note" }, say(NO_PARITY)) : "",
      ...made.map(({ file }) => file),
      element("p", { class: "note" }, say("Save each file on its machine, readable by nobody else: chmod 600.")),
    );
    changed();
  }

  function show() {
    root.replaceChildren(
      element("p", { class: "lead" }, say("Six questions, and the files of both ends.")),
      element(
        "div",
        { class: "columns" },
        form(),
        element("aside", { id: "steps-outcome", "aria-label": say("Both ends") }),
      ),
    );
    judge();
  }

  return {
    title: "Steps",
    begin(section, on) {
      root = section;
      changed = on;
      answers.password ||= Password.make();
      show();
    },
    settings() {
      const { password, ...open } = answers;
      return open;
    },
    // A link may hold anything: an answer is a text, and of a choice one that can be chosen.
    take(settings) {
      for (const key of Object.keys(Choices.START)) {
        const given = settings?.[key];
        const can = CHOICES[key] ? Object.hasOwn(CHOICES[key], given) : typeof given === "string";
        if (key !== "password" && can) answers[key] = given;
      }
    },
    show,
  };
})();
