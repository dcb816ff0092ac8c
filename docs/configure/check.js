// SPDX-License-Identifier: BSD-3-Clause
// The way by a file: what --check-config or --import says of it, where, and what would mend it.
"use strict";

const CheckWay = (() => {
  let root, changed, openInAll;
  const file = { name: "box.json", text: "" };

  const isConf = () => !/^\s*[{[]/.test(file.text.replace(/^\uFEFF/, "")) && /[=\]]/.test(file.text);

  function describe(fix) {
    switch (fix.what) {
      case "remove":
        return fix.line ? say("Take line {0} away", fix.line) : say("Take it away");
      case "rename":
        return say("Call it {0}", fix.value);
      case "set":
        return say("Write {0}", fix.value);
      case "add":
        return say("Add {0}: {1}", fix.key, fix.value);
      case "password":
        return say("Generate a password");
      case "comment":
        return say("Take the comment away");
      default:
        return say("Take the comma away");
    }
  }

  // The reference's words on the setting that a verdict is about.
  function meaning(path) {
    const [, scope, key] = /^(.*?)\.?([^.[\]]+)(?:\[\d+\])*$/.exec(path) ?? [];
    const known = SETTINGS.scopes[(scope ?? "").replace(/\[\d+\]/g, "[]").replace(/\.(listener|forwarder)$/, "")];
    return known?.find((setting) => setting.key === key);
  }

  function goTo(line) {
    const area = root.querySelector("#text"),
      lines = area.value.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
    area.scrollTop = ((line - 3) * area.scrollHeight) / Math.max(lines.length, 1);
  }

  function mend(verdict, fix, conf) {
    file.text = Fixes.apply(file.text, verdict, fix, conf);
    root.querySelector("#text").value = file.text;
    judge();
    Elements.tell(say("Changed: {0}", describe(fix)));
    (root.querySelector(".fix") ?? root.querySelector("#text")).focus();
  }

  function beside(verdict, conf) {
    const fix = Fixes.of(verdict, file.text, conf),
      setting = meaning(verdict.path);
    return [
      setting ? element("p", { class: "means" }, prose(say(setting.meaning))) : null,
      element(
        "p",
        { class: "buttons" },
        fix
          ? element("button", { type: "button", class: "fix", onclick: () => mend(verdict, fix, conf) }, describe(fix))
          : null,
        element(
          "button",
          { type: "button", class: "link", onclick: () => goTo(verdict.line) },
          say("Line {0}", verdict.line),
        ),
      ),
    ];
  }

  const notHere = () =>
    element(
      "p",
      { class: "note" },
      say("What only a machine knows, its CPUs, directories and files, kcpgate --check-config says there."),
    );

  function outcome(conf) {
    const answer = conf ? Rules.import(file.name, file.text) : Rules.check(file.name, file.text);
    const place = (verdict) => ({ ...verdict, ...Fixes.placeOf(file.name, verdict.where, file.text) });
    const document = conf
      ? answer.document
      : answer.errors.length
        ? null
        : JSON.parse(file.text.replace(/^\uFEFF/, ""));
    return [
      element("h2", {}, say("What it says")),
      element(
        "p",
        { class: "as" },
        conf
          ? say("Read as a .conf file, as kcpgate --import reads it.")
          : say("Read as a configuration of kcpgate, as kcpgate --check-config reads it."),
      ),
      Elements.verdicts(answer.errors.map(place), answer.warnings.map(place), (verdict) => beside(verdict, conf)),
      notHere(),
      document
        ? element(
            "p",
            { class: "buttons" },
            element("button", { type: "button", onclick: () => openInAll(document) }, say("Go on with all settings")),
          )
        : "",
      conf && document ? Elements.file("box.json", `${JSON.stringify(document, null, 2)}\n`) : "",
      !conf && file.text ? Elements.file(file.name, file.text) : "",
    ];
  }

  function judge() {
    const place = root.querySelector("#verdicts");
    file.text = root.querySelector("#text").value;
    const conf = isConf();
    if (conf === file.name.endsWith(".json")) file.name = conf ? "tunnel.conf" : "box.json";
    place.replaceChildren(...(file.text.trim() ? outcome(conf) : []));
    changed();
  }

  async function open(chosen) {
    if (!chosen) return;
    file.name = chosen.name;
    root.querySelector("#text").value = await chosen.text();
    judge();
    Elements.tell(say("{0} was read.", chosen.name));
  }

  function show() {
    root.replaceChildren(
      element(
        "p",
        { class: "lead" },
        say("Paste a configuration of kcpgate, or a .conf file of KCPTube or UDP Hop, or open one."),
      ),
      element(
        "div",
        { class: "columns" },
        element(
          "div",
          {},
          element("label", { for: "text" }, say("The file's text")),
          element("textarea", {
            id: "text",
            class: "code",
            rows: 22,
            spellcheck: "false",
            autocomplete: "off",
            wrap: "off",
            value: file.text,
            oninput: judge,
            ondragover: (event) => event.preventDefault(),
            ondrop: (event) => {
              event.preventDefault();
              open(event.dataTransfer.files[0]);
            },
          }),
          element(
            "p",
            { class: "buttons" },
            element("label", { for: "open" }, say("Open a file")),
            " ",
            element("input", {
              type: "file",
              id: "open",
              accept: ".json,.conf,.txt",
              onchange: ({ target }) => open(target.files[0]),
            }),
          ),
        ),
        element("aside", { id: "verdicts", "aria-label": say("What it says"), "aria-live": "polite" }),
      ),
    );
    judge();
  }

  return {
    title: "Check a file",
    begin(section, on, open) {
      root = section;
      changed = on;
      openInAll = open;
      show();
    },
    settings: () => null, // a file of somebody's is not for the address
    take() {},
    show,
  };
})();
