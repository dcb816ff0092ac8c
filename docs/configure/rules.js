// SPDX-License-Identifier: BSD-3-Clause
// Asks kcpgate's own rules, lib/config and lib/import as WebAssembly, what they say of a text. RULES_CODE is made by
// the build.
"use strict";

const Rules = (() => {
  let instance;

  // The rules touch nothing outside of their memory: whatever the C library asks for is not there.
  function nothing(module) {
    const NOT_THERE = 52; // ENOSYS
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = () => NOT_THERE;
    }
    return imports;
  }

  async function start(code = RULES_CODE) {
    const bytes = Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0));
    const module = await WebAssembly.compile(bytes);
    instance = await WebAssembly.instantiate(module, nothing(module));
    instance.exports._initialize?.();
  }

  function put(bytes) {
    const { allocate, memory } = instance.exports;
    const at = allocate(bytes.length + 1);
    new Uint8Array(memory.buffer).set(bytes, at);
    return at;
  }

  function take(at) {
    const { memory, release } = instance.exports;
    const bytes = new Uint8Array(memory.buffer);
    const text = new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
    release(at);
    return JSON.parse(text);
  }

  function ask(what, name, text) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const places = [put(new TextEncoder().encode(name)), put(bytes)];
    const answer = take(instance.exports[what](...places, bytes.length));
    places.forEach(instance.exports.release);
    return answer;
  }

  return {
    start,
    // { errors, warnings, costs }: each error and warning is { where, text }. Text or bytes.
    check: (name, text) => ask("check", name, text),
    // { errors, warnings, document }
    import: (name, text) => ask("import", name, text),
    confKeys: () => take(instance.exports.conf_keys()),
  };
})();
