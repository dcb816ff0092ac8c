// SPDX-License-Identifier: BSD-3-Clause
// The way by all settings: a form of everything that may be configured, and the file that it makes, judged at each key.
"use strict";

const AllWay = (() => {
  const NAME = "box.json";
  const START = {
    ports: [{ name: "wan", device: "net_af_xdp0,iface=eth1", take_over: true }],
    tunnels: [
      { name: "home", mode: "client", listen_on: "127.0.0.1", listen_port: 6000, destination_port: "3000-3010" },
    ],
  };

  const draft = { document: structuredClone(START), tunnel: 0, advanced: false, wanted: "" };
  let root, changed;

  // ---- values by their paths ----

  const steps = (path) =>
    path
      .split(/\.|(?=\[)/)
      .filter(Boolean)
      .map((step) => (step[0] === "[" ? Number(step.slice(1, -1)) : step));

  const value = (path) => steps(path).reduce((inner, step) => inner?.[step], draft.document);

  function put(path, to) {
    const way = steps(path),
      last = way.pop();
    let inner = draft.document;
    for (const step of way) inner = inner[step] ??= {};
    if (to === undefined) delete inner[last];
    else inner[last] = to;
    if (Object.keys(draft.document.memory ?? {}).length === 0) delete draft.document.memory;
  }

  const isObject = (object) => typeof object === "object" && object !== null && !Array.isArray(object);

  // A link may hold anything: what has another shape than the form goes.
  function shaped(object) {
    for (const key of ["ports", "tunnels", "custom_input"]) {
      if (key in object) object[key] = Array.isArray(object[key]) ? object[key].filter(isObject) : [];
    }
    for (const key of ["memory", "listener", "forwarder"]) {
      if (key in object && !isObject(object[key])) delete object[key];
    }
    object.tunnels?.forEach(shaped);
    return object;
  }

  // ---- what is shown ----

  // What UDP Hop's wire has nothing for: the rules are asked once, key by key.
  let needsKcp;

  function refusedByUdpHop() {
    const sample = ({ type, enum: words }) => words?.[0] ?? { integer: 1, boolean: true }[type] ?? "1";
    const refused = ({ key, rules }) => {
      const tunnel = { mode: "client", protocol: "udphop", [key]: sample(rules) };
      return Rules.check(NAME, JSON.stringify({ tunnels: [tunnel] })).errors.some(({ text }) =>
        text.startsWith('allowed with protocol "kcptube"'),
      );
    };
    needsKcp ??= new Set(SETTINGS.scopes["tunnels[]"].filter(refused).map(({ key }) => key));
    return needsKcp;
  }

  // Of what is written all the same, the verdict says what is wrong; it can be taken away.
  function isOfWire({ key }, path) {
    const { protocol } = draft.document.tunnels[draft.tunnel];
    const bare = `${protocol}`.toLowerCase() === "udphop";
    return !bare || value(path) !== undefined || !refusedByUdpHop().has(key);
  }

  function takes(setting, mode, part) {
    if (part) return SETTINGS.relay[setting.key]?.includes(part);
    if (mode === "relay") return SETTINGS.relay[setting.key]?.includes("relay");
    return setting.key !== "listener" && setting.key !== "forwarder" && setting.modes.includes(mode);
  }

  function isShown(scope, setting, path) {
    const words = draft.wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${setting.key} ${setting.meaning} ${say(setting.meaning)}`.toLowerCase();
    if (words.length) return words.every((word) => setting.key.includes(word) || begins(text, word));
    return draft.advanced || Controls.isBasic(scope, setting) || value(path) !== undefined;
  }

  // At the beginning of a word, where a language parts them.
  const begins = (text, word) =>
    text.split(/(?<![a-z0-9_])(?=[a-z0-9_])/).some((part) => part.startsWith(word)) ||
    (/[^\0-\x7f]/.test(word) && text.includes(word));

  function rows(scope, base, mode, part) {
    const at = ({ key }) => (base ? `${base}.${key}` : key);
    return SETTINGS.scopes[scope]
      .filter((setting) => scope !== "tunnels[]" || (takes(setting, mode, part) && isOfWire(setting, at(setting))))
      .filter((setting) => setting.key !== "memory" && !(scope === "" && Controls.isObjects(setting)))
      .map((setting) => one(scope, setting, at(setting), mode));
  }

  function one(scope, setting, path, mode) {
    if (Controls.isObjects(setting)) return isShown(scope, setting, path) ? objects(setting, path) : null;
    if (Controls.isObject(setting)) return group(setting, path, rows("tunnels[]", path, mode, setting.key));
    if (!isShown(scope, setting, path)) return null;
    const before = value(path);
    return Controls.row(setting, path, before, (to) => {
      put(path, to);
      if (setting.key === "mode") changeMode(path, before);
      else if (setting.key === "protocol") showOtherWire(path);
      else judge();
    });
  }

  // What another mode does not take goes; what was of a client's wire, or a server's, goes to that leg of a relay.
  function changeMode(path, before) {
    const tunnel = draft.document.tunnels[draft.tunnel],
      mode = tunnel.mode ?? "client";
    const leg = before === "server" ? "listener" : "forwarder";
    for (const setting of SETTINGS.scopes["tunnels[]"]) {
      const { key } = setting;
      if (!(key in tunnel) || takes(setting, mode)) continue;
      if (mode === "relay" && takes(setting, mode, leg)) (tunnel[leg] ??= {})[key] = tunnel[key];
      delete tunnel[key];
    }
    show();
    document.getElementById(Controls.idOf(path))?.focus();
  }

  function showOtherWire(path) {
    show();
    judge();
    document.getElementById(Controls.idOf(path))?.focus();
  }

  const group = (setting, path, content) =>
    element(
      "fieldset",
      { class: "leg", "data-path": path },
      element("legend", {}, element("code", {}, setting.key)),
      element("p", { class: "means" }, prose(say(setting.meaning))),
      content,
    );

  // custom_input: a list of objects within a tunnel.
  function objects(setting, path) {
    const list = value(path) ?? [];
    const inner = `${path.replace(/\[\d+\]/g, "[]")}[]`;
    return element(
      "fieldset",
      { class: "leg", "data-path": path, id: Controls.idOf(path), tabindex: "-1" },
      element("legend", {}, element("code", {}, setting.key)),
      element("p", { class: "means" }, prose(say(setting.meaning))),
      list.map((_, i) =>
        element(
          "div",
          { class: "item" },
          rows(inner, `${path}[${i}]`),
          removal(path, i, say("Remove entry {0}", i + 1)),
        ),
      ),
      adding(path, {}, say("Add an entry")),
    );
  }

  const removal = (path, i, text) =>
    element(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => {
          const list = value(path);
          list.splice(i, 1);
          if (list.length === 0) put(path, undefined);
          draft.tunnel = Math.max(0, Math.min(draft.tunnel, (draft.document.tunnels?.length ?? 1) - 1));
          again(path);
        },
      },
      text,
    );

  const adding = (path, fresh, text) =>
    element(
      "button",
      {
        type: "button",
        id: `add-${path}`,
        onclick: () => {
          put(path, [...(value(path) ?? []), structuredClone(fresh)]);
          if (path === "tunnels") draft.tunnel = draft.document.tunnels.length - 1;
          again(path);
        },
      },
      text,
    );

  function again(path) {
    show();
    judge();
    document.getElementById(`add-${path}`)?.focus();
  }

  // ---- the parts of the form ----

  function portParts() {
    const ports = draft.document.ports ?? [];
    return element(
      "section",
      { class: "part" },
      element("h2", {}, say("Ports")),
      ports.map((port, i) =>
        element(
          "fieldset",
          { class: "item" },
          element("legend", {}, port.name || `ports[${i}]`),
          rows("ports[]", `ports[${i}]`),
          ports.length > 1 ? removal("ports", i, say("Remove this port")) : null,
        ),
      ),
      adding("ports", { device: "" }, say("Add a port")),
    );
  }

  function tunnelParts() {
    const tunnels = draft.document.tunnels ?? [],
      tunnel = tunnels[draft.tunnel];
    const choose = ({ target }) => {
      draft.tunnel = Number(target.value);
      show();
      judge();
      document.getElementById("tunnel")?.focus();
    };
    const picker =
      tunnels.length < 2
        ? null
        : element(
            "label",
            { class: "picker" },
            say("Tunnel"),
            " ",
            element(
              "select",
              { id: "tunnel", onchange: choose },
              tunnels.map((t, i) =>
                element("option", { value: i, selected: i === draft.tunnel }, t?.name || `tunnels[${i}]`),
              ),
            ),
          );
    return element(
      "section",
      { class: "part" },
      element("h2", {}, say("Tunnels")),
      picker,
      element("div", { id: "drawn" }),
      tunnel ? rows("tunnels[]", `tunnels[${draft.tunnel}]`, `${tunnel.mode ?? "client"}`.toLowerCase()) : null,
      element(
        "p",
        { class: "buttons" },
        adding("tunnels", { mode: "client" }, say("Add a tunnel")),
        tunnel ? removal("tunnels", draft.tunnel, say("Remove this tunnel")) : null,
      ),
    );
  }

  function boxParts() {
    return element(
      "section",
      { class: "part" },
      element("h2", {}, say("The box")),
      rows("", ""),
      rows("memory", "memory"),
    );
  }

  function tools() {
    return element(
      "div",
      { class: "tools" },
      element(
        "label",
        {},
        say("Find a setting"),
        " ",
        element("input", {
          type: "search",
          id: "find",
          value: draft.wanted,
          oninput: ({ target }) => {
            draft.wanted = target.value;
            showForm();
          },
        }),
      ),
      element(
        "label",
        { class: "tick" },
        element("input", {
          type: "checkbox",
          id: "advanced",
          checked: draft.advanced,
          onchange: ({ target }) => {
            draft.advanced = target.checked;
            showForm();
          },
        }),
        " ",
        say("Advanced settings, too"),
      ),
    );
  }

  // ---- judging ----

  // Empty texts of what is required are said to be missing, not to be wrong.
  function written(object = draft.document) {
    return JSON.parse(JSON.stringify(object, (_, inner) => (inner === "" ? undefined : inner)));
  }

  const text = () => `${JSON.stringify(written(), null, 2)}\n`;

  function markWrong(said) {
    for (const mark of root.querySelectorAll(".wrong")) mark.replaceChildren();
    for (const control of root.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    for (const [verdict, kind] of said) {
      const path = nearest(verdict.path),
        control = document.getElementById(Controls.idOf(path));
      document.getElementById(`${Controls.idOf(path)}-wrong`)?.append(element("p", { class: kind }, verdict.text));
      if (kind === "error") control?.setAttribute("aria-invalid", "true");
    }
  }

  // A verdict about one entry of a list stands at the list.
  function nearest(path) {
    return path && !document.getElementById(Controls.idOf(path)) ? nearest(JsonText.outer(path)) : path;
  }

  function goTo(path) {
    const [, index] = /^tunnels\[(\d+)\]/.exec(path) ?? [];
    if (index !== undefined) draft.tunnel = Number(index);
    draft.wanted = "";
    draft.advanced ||= !document.getElementById(Controls.idOf(path));
    show();
    judge();
    document.getElementById(Controls.idOf(nearest(path)))?.focus();
  }

  const jump = ({ path }) => [
    " ",
    element("button", { type: "button", class: "link", onclick: () => goTo(path) }, say("Go there")),
  ];

  // Of a leg's listener and forwarder alike.
  function costParts(costs) {
    const tunnel = draft.document.tunnels?.[draft.tunnel];
    const own = costs.filter(({ name }) => name === tunnel?.name || name.startsWith(`${tunnel?.name}.`));
    return own.map((one) => [own.length > 1 ? element("h4", {}, one.name) : null, Costs.of(one)]);
  }

  function conf() {
    const tunnel = written().tunnels?.[draft.tunnel];
    if (!tunnel) return null;
    const name = `${tunnel.name || "tunnel"}.conf`,
      { text: lines, left, errors, warnings } = ConfText.write(name, tunnel);
    return element(
      "details",
      {},
      element("summary", {}, say("The same tunnel for KCPTube or UDP Hop")),
      Elements.file(
        name,
        lines,
        left.length ? element("p", { class: "note" }, say("It has no such settings: {0}", left.join(", "))) : null,
      ),
      errors.length + warnings.length ? Elements.verdicts(errors, warnings) : null,
    );
  }

  function judge() {
    const file = text(),
      answer = Rules.check(NAME, file);
    const place = (verdict) => ({ ...verdict, ...Fixes.placeOf(NAME, verdict.where, file) });
    const errors = answer.errors.map(place),
      warnings = answer.warnings.map(place);
    markWrong([...errors.map((v) => [v, "error"]), ...warnings.map((v) => [v, "warning"])]);
    root
      .querySelector("#drawn")
      ?.replaceChildren(Drawing.of(Drawing.chain(draft.document.tunnels?.[draft.tunnel] ?? {})));
    root
      .querySelector("#outcome")
      .replaceChildren(
        element("h2", {}, say("What comes of it")),
        Elements.verdicts(errors, warnings, jump),
        answer.costs ? element("div", {}, element("h3", {}, say("What it costs")), costParts(answer.costs)) : "",
        Elements.file(NAME, file),
        conf() ?? "",
      );
    changed();
  }

  // ---- the whole ----

  function showForm() {
    root.querySelector("#form").replaceChildren(tunnelParts(), portParts(), boxParts(), Controls.chapters());
    judge();
  }

  function show() {
    root.replaceChildren(
      element(
        "div",
        { class: "columns" },
        element("div", {}, tools(), element("form", { id: "form", onsubmit: (event) => event.preventDefault() })),
        element("aside", { id: "outcome", "aria-label": say("What comes of it") }),
      ),
    );
    showForm();
  }

  return {
    title: "All settings",
    // `on`: called whenever something has changed.
    begin(section, on) {
      root = section;
      changed = on;
      show();
    },
    settings: () => written(),
    take(settings) {
      draft.document = isObject(settings) ? shaped(structuredClone(settings)) : structuredClone(START);
      draft.tunnel = 0;
    },
    show,
  };
})();
