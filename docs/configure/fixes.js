// SPDX-License-Identifier: BSD-3-Clause
// Says where a verdict stands in its text, and offers what would mend it: one change to that place.
"use strict";

const Fixes = (() => {
  // "box.json:4:1", "home.conf:3: kcp_mtu", "box.json: tunnels[0].mode", "box.json" → { line, path }
  function placeOf(name, where, text) {
    const rest = where.startsWith(name) ? where.slice(name.length) : where;
    const [, line, path] = /^(?::(\d+))?(?::\d+)?(?:: (.*))?$/.exec(rest) ?? [];
    if (line) return { line: Number(line), path: path ?? "" };
    return { line: JsonText.lineOf(text, path ?? ""), path: path ?? "" };
  }

  // How many letters have to change.
  function distance(a, b) {
    let before = [...b].map((_, j) => j + 1);
    before.unshift(0);
    for (let i = 1; i <= a.length; i++) {
      const now = [i];
      for (let j = 1; j <= b.length; j++) {
        now[j] = Math.min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] !== b[j - 1]));
      }
      before = now;
    }
    return before[b.length];
  }

  function nearest(word, words) {
    const [best] = words.map((w) => [distance(word.toLowerCase(), w.toLowerCase()), w]).sort((a, b) => a[0] - b[0]);
    return best && best[0] <= Math.max(2, word.length / 2) ? best[1] : null;
  }

  const drop = () => ({ what: "remove" });
  const put = (value) => ({ what: "set", value });

  // What a verdict says → the change.
  const TABLE = [
    [/^unknown key; did you mean "([^"]+)"/, ([, name]) => ({ what: "rename", value: name })],
    [/^unknown key|^not supported yet|without effect|has no effect|is left out, as KCPTube does/, drop],
    [/^found on a (client|server); allowed on a|^allowed on a (client|server)$/, drop],
    [/^allowed with protocol "kcptube"; UDP Hop has no such thing|^UDP Hop has no key/, drop],
    [/taken as (\d+)$/, ([, number]) => put(Number(number))],
    [/, the default (\S+) is taken/, drop],
    [/; (\d+) fits$/, ([, number]) => put(Number(number))],
    [/ is more than the (\d+) of a port$/, ([, number]) => put(Number(number))],
    [/looks like an interface of Linux; write "([^"]+)"/, ([, device]) => put(device)],
    [/^takes the place of line (\d+)/, ([, line]) => ({ what: "remove", line: Number(line) })],
    [
      /^nothing is encrypted without encryption_algorithm/,
      () => ({ what: "add", key: "encryption_algorithm", value: "AES-GCM" }),
    ],
    [
      /^missing; \S+ requires it$/,
      (_, path) => (/(^|\.)encryption_password$/.test(path) ? { what: "password" } : null),
    ],
    [
      /^found "([^"]*)"; allowed ([\w-]+(?:, [\w-]+)+)$/,
      ([, word, words]) => {
        const near = nearest(word, words.split(", "));
        return near && put(near);
      },
    ],
    [/no UTF-8|invalid token near '(\/|#)/, () => ({ what: "comment" })],
    [/unexpected token near '[}\]]'|expected near '[}\]]'/, () => ({ what: "comma" })],
  ];

  function wanted(verdict) {
    for (const [pattern, change] of TABLE) {
      const match = pattern.exec(verdict.text);
      if (match) return change(match, verdict.path);
    }
    return null;
  }

  const sibling = (path, key) => path.replace(/[^.]*$/, key);

  function json(text, { line, path }, fix) {
    switch (fix.what) {
      case "remove":
        return JsonText.remove(text, path);
      case "rename":
        return JsonText.rename(text, path, fix.value);
      case "set":
        return JsonText.set(text, path, fix.value);
      case "add":
        return JsonText.add(text, sibling(path, fix.key), fix.value);
      case "password":
        return JsonText.set(text, path, Password.make());
      case "comment":
        return text
          .split("\n")
          .map((l, i) => (i === line - 1 ? l.replace(/(\/\/|#|\/\*).*$/, "") : l))
          .join("\n");
      case "comma":
        return text.replace(/,(\s*[}\]])/g, "$1");
      default:
        return text;
    }
  }

  function conf(text, { line }, fix) {
    switch (fix.what) {
      case "remove":
        return ConfText.remove(text, fix.line ?? line);
      case "rename":
        return ConfText.rename(text, line, fix.value);
      case "set":
        return ConfText.set(text, line, fix.value);
      case "add":
        return `${text.replace(/\n?$/, "\n")}${fix.key}=${fix.value}\n`;
      case "password":
        return `${text.replace(/\n?$/, "\n")}encryption_password=${Password.make()}\n`;
      default:
        return text;
    }
  }

  // The text with the change made to it.
  const apply = (text, verdict, fix, isConf) => (isConf ? conf : json)(text, verdict, fix);

  // { what, value } or null: nothing is known that would change the text for the better. Long paths are cut off, and
  // lead nowhere.
  function of(verdict, text, isConf) {
    const fix = wanted(verdict);
    return fix && apply(text, verdict, fix, isConf) !== text ? fix : null;
  }

  return { placeOf, of, apply };
})();
