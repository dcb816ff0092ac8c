// SPDX-License-Identifier: BSD-3-Clause
// A control for each setting, made of what the schema says that it takes.
"use strict";

const Controls = (() => {
  // What most boxes need; everything else is advanced, as is every setting that comes new.
  const BASIC = new Set([
    "tunnels[].name",
    "tunnels[].kcp",
    "tunnels[].listen_on",
    "tunnels[].listen_port",
    "tunnels[].destination_address",
    "tunnels[].destination_port",
    "tunnels[].encryption_algorithm",
    "tunnels[].encryption_password",
    "tunnels[].inbound_bandwidth",
    "tunnels[].outbound_bandwidth",
    "tunnels[].fec",
    "tunnels[].mux_tunnels",
    "tunnels[].listener",
    "tunnels[].forwarder",
    "tunnels[].mode",
    "tunnels[].protocol",
    "ports[].name",
    "ports[].device",
    "ports[].addresses",
    "ports[].gateway",
    "ports[].take_over",
    "name",
    "workers",
    "memory.hugepages",
    "memory.mb",
  ]);

  const isBasic = (scope, setting) =>
    setting.default === "**required**" || BASIC.has([scope, setting.key].filter(Boolean).join("."));
  const isBool = (rules) => rules.enum?.includes(true);
  const isTexts = (setting) => setting.value === "text, or list";
  const isObject = (setting) => setting.rules.keys !== undefined;
  const isObjects = (setting) => setting.rules.items?.keys !== undefined;
  const types = (rules) => [rules.type].flat();

  function textOf(value, setting) {
    if (value === undefined || value === null) return "";
    if (Array.isArray(value)) return value.join(isTexts(setting) ? "\n" : ", ");
    return typeof value === "object" ? JSON.stringify(value) : `${value}`;
  }

  const number = (text, rules) => (types(rules).includes("integer") && /^-?\d+$/.test(text) ? Number(text) : text);

  // Nothing written: undefined.
  function valueOf(text, setting) {
    const { rules } = setting;
    const parts = text
      .split(isTexts(setting) ? "\n" : ",")
      .map((part) => part.trim())
      .filter(Boolean);
    if (text.trim() === "") return undefined;
    if (types(rules).includes("array") && parts.length > 1) return parts.map((part) => number(part, rules.items));
    return number(text.trim(), rules);
  }

  function select(setting, value, change, attributes) {
    const words = isBool(setting.rules) ? ["true", "false"] : setting.rules.enum;
    const written = textOf(value, setting);
    const known = words.find((word) => word.toLowerCase() === written.toLowerCase()) ?? written;
    const options = [
      element("option", { value: "" }, unwritten(setting)),
      ...words.map((word) => element("option", { value: word }, word)),
    ];
    if (known && !words.includes(known)) options.push(element("option", { value: known }, known));
    const node = element(
      "select",
      {
        ...attributes,
        onchange: ({ target }) =>
          change(
            isBool(setting.rules) && words.includes(target.value) ? target.value === "true" : target.value || undefined,
          ),
      },
      options,
    );
    node.value = known;
    return node;
  }

  function unwritten({ default: fallback }) {
    if (fallback === "**required**") return say("choose");
    return fallback === "none" ? say("not written") : say("not written: {0}", fallback.replaceAll("`", ""));
  }

  function input(setting, value, change, attributes) {
    const { rules } = setting;
    const onlyNumber = setting.value.startsWith("whole number,");
    return element(isTexts(setting) ? "textarea" : "input", {
      ...attributes,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      rows: isTexts(setting) ? 2 : null,
      inputmode: onlyNumber ? "numeric" : null,
      placeholder:
        setting.default === "**required**"
          ? null
          : setting.default === "none"
            ? null
            : setting.default.replaceAll("`", ""),
      value: textOf(value, setting),
      oninput: ({ target }) => change(valueOf(target.value, setting)),
      "aria-required": setting.default === "**required**" ? "true" : null,
      "data-rules": rules.pattern,
    });
  }

  function password(setting, value, change, attributes) {
    const field = input(setting, value, change, attributes);
    const make = () => {
      field.value = Password.make();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      Elements.tell(say("A new password stands in {0}.", setting.key));
    };
    return element(
      "span",
      { class: "with-button" },
      field,
      element("button", { type: "button", onclick: make }, say("Generate")),
    );
  }

  // "whole number, 64 to 2000" is said whatever the numbers are.
  function taken(value) {
    const [, from, to] = /^whole number, (\d+) to (\d+)$/.exec(value) ?? [];
    return to ? say("whole number, {0} to {1}", from, to) : say(value);
  }

  // What it takes, unless the control says it, and how KCPTube differs.
  function more(setting) {
    const takes =
      setting.rules.enum || ["name", "text", "path"].includes(setting.value) ? [] : [prose(taken(setting.value))];
    const differs = setting.kcptube === "the same" ? [] : [["KCPTube: ", prose(say(setting.kcptube))]];
    const chapter = setting.chapter === undefined ? [] : [toChapter(setting.chapter)];
    return [...takes, ...differs, ...chapter].flatMap((part, i) => (i ? [" · ", part] : [part]));
  }

  // Opens what the reference has to say beyond one sentence.
  function toChapter(index) {
    const go = () => {
      const details = document.getElementById(`chapter-${index}`);
      details.open = true;
      details.scrollIntoView({ block: "start" });
      details.querySelector("summary").focus();
    };
    return element("button", { type: "button", class: "link", onclick: go }, SETTINGS.chapters[index].title);
  }

  // The reference's chapters, which are markup that the build has made of its text.
  function chapters() {
    return element(
      "section",
      { class: "part reference" },
      element("h2", {}, say("The reference")),
      SETTINGS.chapters.map(({ title, text }, i) => {
        const content = element("div", { class: "chapter", lang: "en" });
        content.innerHTML = text;
        for (const wide of content.querySelectorAll("pre, table")) {
          const frame = element("div", { class: "wide", tabindex: "0", role: "group", "aria-label": title });
          wide.replaceWith(frame);
          frame.append(wide);
        }
        return element("details", { id: `chapter-${i}` }, element("summary", { lang: "en" }, title), content);
      }),
    );
  }

  const idOf = (path) => `at-${path}`;

  // One setting of an object: its name, what it takes, what it means.
  function row(setting, path, value, change) {
    const id = idOf(path);
    const attributes = { id, "aria-describedby": `${id}-means ${id}-wrong` };
    const make = setting.rules.enum ? select : setting.key === "encryption_password" ? password : input;
    return element(
      "div",
      { class: "setting", "data-path": path },
      element(
        "label",
        { for: id },
        element("code", {}, setting.key),
        setting.default === "**required**" ? element("span", { class: "required" }, say("required")) : null,
      ),
      make(setting, value, change, attributes),
      element(
        "div",
        { class: "means", id: `${id}-means` },
        element("p", {}, prose(say(setting.meaning))),
        element("p", { class: "more" }, more(setting)),
      ),
      element("div", { class: "wrong", id: `${id}-wrong` }),
    );
  }

  return { row, chapters, isBasic, isObject, isObjects, idOf, valueOf, textOf };
})();
