// SPDX-License-Identifier: BSD-3-Clause
// Keeps the settings in the address, behind the "#", which browsers send to nobody; passwords never.
"use strict";

const Link = (() => {
  function encode(value) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
  }

  function decode(text) {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
      letter.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  // "#all=…": the way in, and what stands there.
  const write = (way, settings) => `#${way}=${encode(Password.without(settings))}`;

  // { way, settings }; settings null: none, or none that can be read.
  function read(fragment) {
    const [, way, text] = /^#?([a-z]+)(?:=(.*))?$/.exec(fragment) ?? [];
    try {
      return { way, settings: text ? Password.without(decode(text)) : null };
    } catch {
      return { way, settings: null };
    }
  }

  return { write, read };
})();
