// SPDX-License-Identifier: BSD-3-Clause
// Makes the page's elements: text is always text, never markup, but for the reference's own.
"use strict";

const Elements = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "value") node.value = value;
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
  }

  const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const shape = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // The reference's sentences have `code` in them.
  function prose(text) {
    return text.split(/`([^`]*)`/).map((part, i) => (i % 2 ? element("code", {}, part) : part));
  }

  function tell(text) {
    document.getElementById("said").textContent = text;
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", { value: text, class: "unseen", "aria-hidden": "true" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    tell(say("Copied."));
  }

  function download(name, text) {
    const link = element("a", { href: URL.createObjectURL(new Blob([text])), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    tell(say("{0} was written.", name));
  }

  // A file that can be looked at, copied and kept.
  function file(name, text, ...notes) {
    return element(
      "figure",
      { class: "file", "data-file": name },
      element(
        "figcaption",
        {},
        element("span", { class: "name" }, name),
        element(
          "button",
          { type: "button", onclick: (event) => copy(text, event.target), "aria-label": say("Copy {0}", name) },
          say("Copy"),
        ),
        element(
          "button",
          { type: "button", onclick: () => download(name, text), "aria-label": say("Download {0}", name) },
          say("Download"),
        ),
      ),
      element("pre", { tabindex: "0", role: "region", "aria-label": name }, text),
      ...notes,
    );
  }

  // { name, verdicts }: what the rules say, each with what `beside` adds to it.
  function verdicts(errors, warnings, beside = () => []) {
    if (errors.length + warnings.length === 0) return element("p", { class: "good" }, say("Nothing is wrong with it."));
    const item = (kind) => (verdict) =>
      element(
        "li",
        { class: kind },
        element("span", { class: "kind" }, kind === "error" ? say("error") : say("warning")),
        " ",
        element("code", { class: "where" }, verdict.where),
        " ",
        element("span", { class: "text" }, verdict.text),
        ...beside(verdict),
      );
    return element("ol", { class: "verdicts" }, errors.map(item("error")), warnings.map(item("warning")));
  }

  return { element, shape, prose, tell, copy, download, file, verdicts };
})();
const { element, shape, prose } = Elements;
