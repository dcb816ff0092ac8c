// SPDX-License-Identifier: BSD-3-Clause
// Finds the keys and values of a JSON text by their paths, as "tunnels[0].listen_port", and changes one of them without
// touching the rest of the text, as its author has written it.
"use strict";

const JsonText = (() => {
  const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}[\],:"]+))/y;

  // Path → { key, value }: each the range [from, to] of the text; no key in a list. Reads as far as it is JSON.
  function places(text) {
    const found = new Map();
    let next;

    function step() {
      TOKEN.lastIndex = next ? next.to : 0;
      const match = TOKEN.exec(text);
      if (!match) throw new SyntaxError("no JSON");
      const to = TOKEN.lastIndex;
      const word = match[1] ?? match[2] ?? match[3];
      next = { word, from: to - word.length, to };
      return next;
    }

    function members(path) {
      while (step().word !== "}") {
        if (next.word === ",") continue;
        const key = [next.from, next.to];
        const name = JSON.parse(next.word);
        step();
        step();
        value(path ? `${path}.${name}` : name, key);
      }
    }

    function items(path) {
      for (let i = 0; step().word !== "]"; ) {
        if (next.word !== ",") value(`${path}[${i++}]`, null);
      }
    }

    function value(path, key) {
      const from = next.from;
      if (next.word === "{") members(path);
      else if (next.word === "[") items(path);
      if (!found.has(path)) found.set(path, { key, value: [from, next.to] });
    }

    try {
      step();
      value("", null);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return found;
  }

  const cut = (text, [from, to], by) => text.slice(0, from) + by + text.slice(to);
  const line = (text, at) => text.slice(0, at).split("\n").length;

  // The object or list that a path is in.
  const outer = (path) => path.slice(0, Math.max(0, path.lastIndexOf("."), path.lastIndexOf("[")));

  // Of a place that is not there, the nearest one around it.
  function around(found, path) {
    return path && !found.has(path) ? around(found, outer(path)) : path;
  }

  function lineOf(text, path) {
    const found = places(text);
    const at = found.get(around(found, path));
    return at ? line(text, (at.key ?? at.value)[0]) : 1;
  }

  function rename(text, path, name) {
    const at = places(text).get(path);
    return at?.key ? cut(text, at.key, JSON.stringify(name)) : text;
  }

  function set(text, path, value) {
    const at = places(text).get(path);
    return at ? cut(text, at.value, JSON.stringify(value)) : add(text, path, value);
  }

  // The comma goes, too: the one behind it, or, of the last, the one before it.
  function remove(text, path) {
    const at = places(text).get(path);
    if (!at) return text;
    const from = (at.key ?? at.value)[0];
    const behind = /^\s*,[ \t]*/.exec(text.slice(at.value[1]));
    if (behind) return cut(text, [from, at.value[1] + behind[0].length], "").replace(/^[ \t]+\n/m, "");
    const before = /,?\s*$/.exec(text.slice(0, from));
    return cut(text, [before.index, at.value[1]], "");
  }

  // A new member, first in its object, indented as the one that is first now.
  function add(text, path, value) {
    const found = places(text);
    const [, parent, name] = /^(?:(.*)\.)?([^.]*)$/.exec(path);
    const at = found.get(parent ?? "");
    if (!at || text[at.value[0]] !== "{") return text;
    const behind = at.value[0] + 1;
    const indent = /^\s*/.exec(text.slice(behind))[0] || " ";
    const empty = text[behind + indent.length] === "}" || text[behind] === "}";
    return cut(text, [behind, behind], `${indent}${JSON.stringify(name)}: ${JSON.stringify(value)}${empty ? "" : ","}`);
  }

  return { places, outer, lineOf, rename, set, remove, add };
})();
