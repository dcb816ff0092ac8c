// SPDX-License-Identifier: BSD-3-Clause
// Puts the page together: the ways in, the language, and what stands in the address.
"use strict";

const Page = (() => {
  const WAYS = { steps: StepsWay, all: AllWay, check: CheckWay };
  let now = "steps";

  function keep() {
    const settings = WAYS[now].settings();
    history.replaceState(null, "", settings ? Link.write(now, settings) : `#${now}`);
  }

  function go(way) {
    now = way;
    for (const name of Object.keys(WAYS)) {
      document.getElementById(name).hidden = name !== way;
      document.getElementById(`to-${name}`).toggleAttribute("aria-current", name === way);
      if (name === way) document.getElementById(`to-${name}`).setAttribute("aria-current", "page");
    }
    keep();
  }

  function openInAll(settings) {
    AllWay.take(settings);
    AllWay.show();
    go("all");
    document.getElementById("main").focus();
    scrollTo(0, 0);
  }

  function copyLink({ target }) {
    keep();
    Elements.copy(location.href, target);
  }

  function showFrame() {
    document.documentElement.lang = Words.language;
    for (const node of document.querySelectorAll("[data-text]")) {
      node.dataset.english ??= node.dataset.text;
      node.textContent = say(node.dataset.english);
    }
    document
      .getElementById("ways")
      .replaceChildren(
        ...Object.entries(WAYS).map(([name, { title }]) =>
          element("button", { type: "button", id: `to-${name}`, onclick: () => go(name) }, say(title)),
        ),
        element(
          "button",
          { type: "button", class: "quiet", id: "link", onclick: copyLink },
          say("Copy a link to these settings"),
        ),
      );
    document.getElementById("ways").setAttribute("aria-label", say("Ways in"));
    document.getElementById("link").title = say("The link holds the settings, never a password.");
  }

  function speak({ target }) {
    Words.use(target.value);
    showFrame();
    Object.values(WAYS).forEach((way) => way.show());
    go(now);
  }

  async function begin() {
    const { way, settings } = Link.read(location.hash);
    const language = document.getElementById("language");
    Words.use(Words.guess());
    language.value = Words.language;
    language.addEventListener("change", speak);
    if (way in WAYS) now = way;
    if (settings) WAYS[now].take(settings);
    showFrame();
    await Rules.start();
    for (const [name, one] of Object.entries(WAYS))
      one.begin(document.getElementById(name), () => name === now && keep(), openInAll);
    go(now);
    document.documentElement.dataset.ready = "true";
  }

  return { begin };
})();

Page.begin();
